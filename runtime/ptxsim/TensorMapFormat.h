//===- TensorMapFormat.h - cuTensorMapEncodeTiled's arguments ----*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_TENSORMAPFORMAT_H
#define ADZE_RUNTIME_PTXSIM_TENSORMAPFORMAT_H

#include <cstdint>
#include <string>

namespace adze::ptxsim {

/// Checks the arguments as the CUDA driver does and fills the 128 bytes at
/// `map` (driver API, cuTensorMapEncodeTiled; enum values are CUDA's).
/// Returns "" or what is wrong.
std::string encodeTiled(void *map, int dataType, uint32_t rank,
                        uint64_t globalAddress, const uint64_t *globalDim,
                        const uint64_t *globalStrides, const uint32_t *boxDim,
                        const uint32_t *elementStrides, int interleave,
                        int swizzle, int l2Promotion, int oobFill);

} // namespace adze::ptxsim

#endif // ADZE_RUNTIME_PTXSIM_TENSORMAPFORMAT_H
