//===- Requantization.cpp - TFLite's fixed-point arithmetic -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/Requantization.h"
#include "lib/Kernels/FixedPointArithmetic.h"

#include <algorithm>
#include <cmath>

namespace adze {

FixedPoint fixedPoint(double factor) {
  if (factor == 0)
    return {};
  FixedPoint result;
  int exponent;
  double fraction = std::frexp(factor, &exponent);
  auto multiplier = std::llround(fraction * 2147483648.0);
  if (multiplier == int64_t(1) << 31) {
    multiplier /= 2;
    ++exponent;
  }
  // TFLite: factors below 2^-32 are zero.
  if (exponent < -31) {
    exponent = 0;
    multiplier = 0;
  }
  result.multiplier = int32_t(multiplier);
  result.shift = exponent;
  return result;
}

int32_t multiplyByFixedPoint(int32_t x, FixedPoint factor, Rounding rounding) {
  if (rounding == Rounding::once) {
    int64_t total = 31 - int64_t(factor.shift);
    int64_t product = int64_t(x) * factor.multiplier;
    if (total > 62) // the product is below half
      return 0;
    int64_t result = total > 0
                         ? (product + (int64_t(1) << (total - 1))) >> total
                         : int64_t(uint64_t(product) << -total);
    return int32_t(std::clamp<int64_t>(result, INT32_MIN, INT32_MAX));
  }
  int left = std::max(factor.shift, 0), right = std::max(-factor.shift, 0);
  auto shifted = int32_t(uint32_t(x) << left);
  return divideByPowerOfTwo(highMul(shifted, factor.multiplier), right);
}

int32_t Requantization::apply(int32_t accumulator, int64_t channel) const {
  int64_t y =
      int64_t(multiplyByFixedPoint(accumulator, factor(channel), rounding)) +
      zeroPoint;
  return int32_t(std::clamp<int64_t>(y, low, high));
}

int32_t Addition::apply(int32_t a, int32_t b) const {
  int32_t left = int32_t(uint32_t(a - zeroPointA) << leftShift);
  int32_t right = int32_t(uint32_t(b - zeroPointB) << leftShift);
  uint32_t scaledA = uint32_t(multiplyByFixedPoint(left, factorA, rounding));
  uint32_t scaledB = uint32_t(multiplyByFixedPoint(right, factorB, rounding));
  auto sum = int32_t(subtract ? scaledA - scaledB : scaledA + scaledB);
  int64_t y = int64_t(multiplyByFixedPoint(sum, factor, rounding)) + zeroPoint;
  return int32_t(std::clamp<int64_t>(y, low, high));
}

} // namespace adze
