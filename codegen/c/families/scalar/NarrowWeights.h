//===- NarrowWeights.h - Weights of fewer than eight bits -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Weights of 4 and 2 bits stay packed in flash and are unpacked in registers,
/// the first one in the low bits of a byte. Weights of one bit are -1 and 1,
/// which take two bits here.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_SCALAR_NARROWWEIGHTS_H
#define ADZE_CODEGEN_C_FAMILIES_SCALAR_NARROWWEIGHTS_H

#include "adze/KernelFamily.h"

namespace adze::families {

/// Bits of a weight in the stream: 8, 4 or 2.
int storedBits(const ConvolutionProblem &problem);

/// Appends the weights, whole bytes of them.
void appendPacked(const std::vector<int8_t> &weights, int bits,
                  std::vector<int8_t> &stream);

/// The C expression of weight i of a stream, an int32_t or narrower.
std::string weightText(const std::string &stream, int64_t i, int bits);

} // namespace adze::families

#endif
