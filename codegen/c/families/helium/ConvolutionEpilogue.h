//===- ConvolutionEpilogue.h - Around a convolution on Helium ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What the convolutions on Helium have in common besides the product: which
/// problems are theirs, loops over batch and rows, and the residual addition,
/// a pass over the output in place.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_HELIUM_CONVOLUTIONEPILOGUE_H
#define ADZE_CODEGEN_C_FAMILIES_HELIUM_CONVOLUTIONEPILOGUE_H

#include "adze/KernelFamily.h"

namespace adze::families::helium {

/// int8 tensors.
bool isConvolution(const ConvolutionProblem &p);

/// Loops over batch and output rows around `calls`, which see `const int8_t
/// *in`, the first input row of the output row (without padding), and `int8_t
/// *out`, its begin. Pitches are in bytes.
std::string rowLoop(const ConvolutionProblem &p, int64_t inputPitch,
                    int64_t outputPitch, const std::string &calls);

/// False where the addition has no linear form.
bool addResidual(const ConvolutionProblem &p, KernelCode &code);
void addResidualFeatures(const ConvolutionProblem &p, KernelFeatures &features);

} // namespace adze::families::helium

#endif
