//===- KernelText.h - A generated kernel as C functions ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_LIB_KERNELS_KERNELTEXT_H
#define ADZE_LIB_KERNELS_KERNELTEXT_H

#include "adze/KernelFamily.h"

namespace adze {

/// The element type of a problem's inputs and output.
QuantizedType tensorType(const Problem &problem);

/// "const int8_t *restrict in0, const int32_t *restrict c0, int8_t *restrict
/// out0, int32_t *restrict scratch0"; without `restrict` where tensors may
/// overlap.
std::string kernelParameters(QuantizedType type, size_t inputs,
                             const KernelCode &code);

/// The function `name` with `qualifiers` ("static ") in front.
std::string kernelFunction(const std::string &qualifiers,
                           const std::string &name, QuantizedType type,
                           size_t inputs, const KernelCode &code);

} // namespace adze

#endif
