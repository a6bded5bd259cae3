//===- FixedPointBuilder.h - Fixed-point arithmetic in loops ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_FIXEDPOINTBUILDER_H
#define ADZE_PASSES_LOWER_FIXEDPOINTBUILDER_H

#include "dialects/nn/nn.h"
#include "passes/lower/ElementEmitter.h"

namespace adze::lower {

/// Emits what include/adze/Requantization.h computes, on i32 (or vectors of
/// `lanes`) unless said otherwise.
class FixedPointBuilder {
public:
  FixedPointBuilder(ElementEmitter &emitter, int64_t lanes,
                    nn::Rounding rounding)
      : e(emitter), lanes(lanes), rounding(rounding) {}

  mlir::Value i32(int64_t value) { return constant(32, value); }
  /// A small integer, sign extended, less its zero point.
  mlir::Value centred(mlir::Value x, int64_t zeroPoint);
  /// multiplyByFixedPoint. The result is i32, or i64 where it may not fit.
  mlir::Value multiply(mlir::Value x, mlir::Value multiplier,
                       mlir::Value shift);
  /// The same of an i64, with 16 bits of the multiplier, rounded once: what
  /// TFLite does for activations of int16. The result is i64.
  mlir::Value multiplyWide(mlir::Value x, mlir::Value multiplier,
                           mlir::Value shift);
  /// clamp(x + zeroPoint, low, high) as `type`; x is i32 or i64.
  mlir::Value narrow(mlir::Value x, int64_t zeroPoint, int64_t low,
                     int64_t high, mlir::Type type);

  /// gemmlowp's SaturatingRoundingDoublingHighMul for operands that are not
  /// both the smallest number.
  mlir::Value highMul(mlir::Value a, mlir::Value b);
  /// gemmlowp's RoundingDivideByPOT; the exponent is between 0 and 31.
  mlir::Value divideByPowerOfTwo(mlir::Value x, mlir::Value exponent);

private:
  mlir::Value constant(unsigned bits, int64_t value);
  mlir::Value extend(mlir::Value x, unsigned bits);

  ElementEmitter &e;
  int64_t lanes;
  nn::Rounding rounding;
};

} // namespace adze::lower

#endif
