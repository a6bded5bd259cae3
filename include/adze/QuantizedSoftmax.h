//===- QuantizedSoftmax.h - Softmax in TFLite's fixed point -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// TFLite's int8 softmax (reference_ops/softmax.h over gemmlowp's fixedpoint.h)
/// takes the exponential of an integer difference 0..255 to the row's maximum:
/// a table computed ahead of time. What is left at run time is a sum and, for
/// each row, one reciprocal.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZEDSOFTMAX_H
#define ADZE_QUANTIZEDSOFTMAX_H

#include "adze/Requantization.h"

namespace adze {

/// How differences of int8 inputs of this scale are brought to Q5.26.
struct SoftmaxInput {
  FixedPoint factor;
  int32_t smallestDifference = 0; // differences below it count as zero
};
/// PreprocessSoftmaxScaling and CalculateInputRadius; `beta` scales the input.
SoftmaxInput softmaxInput(double inputScale, double beta = 1);

/// exp of each difference maximum - x = 0..255 as Q0.31; 0 where the difference
/// is below `smallestDifference`.
std::vector<int32_t> softmaxExponentials(FixedPoint factor,
                                         int32_t smallestDifference);

/// What an exponential adds to the sum of its row, in Q12.19.
int32_t softmaxTerm(int32_t exponential);

/// 1 / sum: `multiplier` in Q0.31, and the shift that it is short of.
struct SoftmaxScale {
  int32_t multiplier = 0;
  int32_t bitsOverUnit = 0;
};
SoftmaxScale softmaxScale(int32_t sum);

/// The int8 result (scale 1/256, zero point -128).
int32_t softmaxOutput(int32_t exponential, SoftmaxScale scale);

} // namespace adze

#endif
