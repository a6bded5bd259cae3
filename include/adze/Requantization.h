//===- Requantization.h - From accumulators back to small integers -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_REQUANTIZATION_H
#define ADZE_REQUANTIZATION_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace adze {

/// How the product of an accumulator and a multiplier is rounded.
enum class Rounding {
  /// TFLite's reference: a rounding doubling high multiply, then a rounding
  /// right shift whose ties go away from zero (gemmlowp, fixedpoint.h:
  /// SaturatingRoundingDoublingHighMul, RoundingDivideByPOT).
  twice,
  /// One rounding of the 64-bit product, ties upward (TFLite built with
  /// TFLITE_SINGLE_ROUNDING).
  once,
};

/// A real factor in [0, 2^31) as a 31-bit multiplier and a power of two:
/// factor = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31) or 0.
/// TFLite's QuantizeMultiplier, std::frexp and std::round included.
struct FixedPoint {
  int32_t multiplier = 0;
  int32_t shift = 0; // positive: to the left
};
FixedPoint fixedPoint(double factor);

/// round(x * multiplier * 2^(shift - 31)) as TFLite computes it.
int32_t multiplyByFixedPoint(int32_t x, FixedPoint factor, Rounding rounding);

/// y = clamp(round(accumulator * factor[channel]) + zeroPoint, low, high).
struct Requantization {
  std::vector<FixedPoint> factors; // one for each output channel, or one
  int32_t zeroPoint = 0;
  int32_t low = -128, high = 127; // the activation's clamp and the type's range
  Rounding rounding = Rounding::twice;

  const FixedPoint &factor(int64_t channel) const {
    return factors[factors.size() == 1 ? 0 : size_t(channel)];
  }
  int32_t apply(int32_t accumulator, int64_t channel) const;
};

/// TFLite's int8/int16 addition: y = clamp(round((fa * ((a - za) << leftShift)
/// + fb * ((b - zb) << leftShift)) * factor) + zeroPoint, low, high), each
/// product rounded by itself. leftShift is 20 for int8 and 15 for int16.
struct Addition {
  int32_t zeroPointA = 0, zeroPointB = 0;
  FixedPoint factorA, factorB, factor;
  int32_t leftShift = 20;
  int32_t zeroPoint = 0, low = -128, high = 127;
  bool subtract = false; // fa * a - fb * b
  Rounding rounding = Rounding::twice;

  int32_t apply(int32_t a, int32_t b) const;
};

} // namespace adze

#endif
