//===- LineForm.h - Requantization as one high multiply ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The output of a channel is a staircase in its accumulator of at most 255
/// steps. Any other arithmetic that agrees on both sides of every step is
/// exact, whatever the reference rounds in between. Searched per channel,
/// proven at every step:
///   t = (sum << scaleShift) + bias            (32 bits, no overflow)
///   if (twoSided && t < 0) t -= negative
///   y = origin + clamp(mulh(t, multiplier) >> resultShift, 0, high - low)
/// where the origin is `low`, or in the two-sided form zeroPoint is added
/// before the clamp.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_SCALAR_LINEFORM_H
#define ADZE_CODEGEN_C_FAMILIES_SCALAR_LINEFORM_H

#include "adze/KernelFamily.h"

#include <optional>

namespace adze::families {

/// Least and greatest sum of a channel, its bias not included.
struct SumRange {
  int64_t low = 0, high = 0;
};
/// Of channel o of a convolution, from its weights and the range of its type.
SumRange sumRange(const ConvolutionProblem &problem, int64_t channel);

struct LineForm {
  int scaleShift = 0;  // the same for all channels
  int resultShift = 0; // the same for all channels
  bool twoSided = false;
  struct Channel {
    int32_t multiplier = 0, bias = 0, negative = 0;
    /// The output is the same for every sum in range: the weights must count
    /// as zero.
    bool constant = false;
  };
  std::vector<Channel> channels;
};

/// The form for sums that the kernel has multiplied by `unit`; none if a
/// channel has no exact one.
std::optional<LineForm> findLineForm(const ConvolutionProblem &problem,
                                     int64_t unit = 1);

/// Adds a C function `int32_t NAME(uint32_t sum, int32_t bias, int32_t
/// multiplier[, int32_t negative, int32_t offset])` that computes y of such a
/// form from the constants of a channel, and returns its name, which begins
/// with "adze_line". The shifts are in its text and name.
std::string addLineFunction(KernelCode &code, const LineForm &form,
                            const Requantization &q);

/// The argument `offset` of the two-sided form.
int32_t lineOffset(const Requantization &q);

} // namespace adze::families

#endif
