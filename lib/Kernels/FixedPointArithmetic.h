//===- FixedPointArithmetic.h - gemmlowp's two roundings --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_LIB_KERNELS_FIXEDPOINTARITHMETIC_H
#define ADZE_LIB_KERNELS_FIXEDPOINTARITHMETIC_H

#include <cstdint>

namespace adze {

/// SaturatingRoundingDoublingHighMul: round(a * b / 2^31). The nudge is
/// negative for a negative product, and the division truncates.
inline int32_t highMul(int32_t a, int32_t b) {
  if (a == b && a == INT32_MIN)
    return INT32_MAX;
  int64_t product = int64_t(a) * b;
  int64_t nudge = product >= 0 ? int64_t(1) << 30 : 1 - (int64_t(1) << 30);
  return int32_t((product + nudge) / (int64_t(1) << 31));
}

/// RoundingDivideByPOT: x / 2^exponent, ties away from zero; exponent 0 to 31.
inline int32_t divideByPowerOfTwo(int32_t x, int exponent) {
  auto mask = int32_t((int64_t(1) << exponent) - 1);
  int32_t remainder = x & mask;
  int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

} // namespace adze

#endif
