//===- FoldedForm.cpp - The bias folded into a straight form ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/depthwise/FoldedForm.h"

#include <algorithm>
#include <cmath>

namespace adze::families::depthwise {

namespace {

/// Sums of at least `first` give at least `value`.
struct Step {
  int64_t value, first;
};

class ChannelSearch {
public:
  ChannelSearch(const ConvolutionProblem &p, int64_t channel,
                AccumulatorRange range, int64_t scale)
      : scale(scale), bias(p.bias[size_t(channel)]), low(range.low - bias),
        high(range.high - bias), zeroPoint(p.requantization.zeroPoint) {
    const Requantization &r = p.requantization;
    factor = std::ldexp(double(r.factor(channel).multiplier),
                        r.factor(channel).shift - 31);
    clampLow = r.low;
    clampHigh = r.high;
    least = r.apply(int32_t(range.low), channel);
    most = r.apply(int32_t(range.high), channel);
    for (int64_t value = least + 1; value <= most; ++value) {
      int64_t below = range.low, at = range.high;
      while (at - below > 1) {
        int64_t middle = below + (at - below) / 2;
        (r.apply(int32_t(middle), channel) >= value ? at : below) = middle;
      }
      steps.push_back({value, at - bias});
    }
  }

  /// `offset` is added to the output before saturation.
  bool find(int shift, int64_t offset, bool sharedAddend,
            FoldedForm::Channel &channel) const {
    int64_t unit = int64_t(1) << shift;
    int64_t addend = (zeroPoint + offset) * unit + unit / 2;
    if (steps.empty()) {
      // 2^30 as multiplier divides the start by four.
      int64_t start = (least - zeroPoint) * unit * 4;
      if (std::abs(start) > INT32_MAX)
        return false;
      channel = {1 << 30, int32_t(start), int32_t(addend), 0, true};
      return true;
    }
    if (!sharedAddend)
      addend += std::llround(
          std::clamp(std::ldexp(double(bias) * factor, shift), -1e15, 1e15));
    double ideal = std::ldexp(factor, 32 + shift) / double(scale);
    if (!(ideal < 0x1p31) || std::abs(addend) > INT32_MAX)
      return false;
    auto center = int64_t(std::nearbyint(ideal));
    for (int64_t distance = 0; distance <= 200; ++distance)
      for (int64_t sign : {1, -1})
        if (attempt(center + sign * distance, addend, shift, offset, channel))
          return true;
    return false;
  }

private:
  bool attempt(int64_t multiplier, int64_t addend, int shift, int64_t offset,
               FoldedForm::Channel &channel) const {
    if (multiplier < 1 || multiplier > INT32_MAX)
      return false;
    // Starts for which every step agrees.
    int64_t first = INT32_MIN, last = INT32_MAX;
    auto needed = [&](int64_t value) { // the least x that reaches the value
      int64_t target = (value + offset) * (int64_t(1) << shift) - addend;
      if (std::abs(target) > int64_t(1) << 30)
        return target < 0 ? INT64_MIN / 4 : INT64_MAX / 4;
      int64_t product = target * (int64_t(1) << 32) - (int64_t(1) << 31);
      return product / multiplier + (product % multiplier > 0 ? 1 : 0);
    };
    for (const Step &step : steps) {
      int64_t x = needed(step.value);
      first = std::max(first, x - scale * step.first);
      last = std::min(last, x - scale * (step.first - 1) - 1);
      if (first > last)
        return false;
    }
    // The outputs at the ends of the range, unless a clamp sees to them.
    if (least > clampLow)
      first = std::max(first, needed(least) - scale * low);
    if (most < clampHigh)
      last = std::min(last, needed(most + 1) - scale * high - 1);
    if (first > last)
      return false;
    int64_t start = first + (last - first) / 2;
    // No overflow at the ends; what lies between is between.
    for (int64_t end : {low, high}) {
      int64_t x = scale * end + start;
      int64_t raw = ((x * multiplier + (int64_t(1) << 31)) >> 32) + addend;
      if (std::abs(x) > INT32_MAX || std::abs(raw) > INT32_MAX)
        return false;
    }
    channel = {int32_t(multiplier), int32_t(start), int32_t(addend), 0, false};
    return true;
  }

  int64_t scale, bias, low, high, zeroPoint;
  int64_t least = 0, most = 0; // outputs
  int64_t clampLow = 0, clampHigh = 0;
  double factor = 0;
  std::vector<Step> steps;
};

} // namespace

std::optional<FoldedForm> findFoldedForm(const ConvolutionProblem &p,
                                         int64_t scale) {
  const Requantization &r = p.requantization;
  if (r.low < -128 || r.high > 127 || r.low > r.high)
    return std::nullopt;
  FoldedForm form;
  int64_t offset = 127 - r.high;
  form.clamps = offset != 0 || r.low != -128;
  form.clampAdd = r.low + 128;
  form.clampSubtract = int32_t(offset) + form.clampAdd;
  std::vector<AccumulatorRange> ranges = accumulatorRanges(p);
  std::vector<ChannelSearch> channels;
  for (size_t o = 0; o < ranges.size(); ++o) {
    int64_t low = ranges[o].low, high = ranges[o].high;
    FixedPoint factor = r.factor(int64_t(o));
    // The reference is monotone where nothing wraps around.
    int64_t most = int64_t(INT32_MAX) >> std::max(factor.shift, 0);
    if (factor.shift > 30 || factor.shift < -31 || low < -most || high > most ||
        (high - low) * scale > INT32_MAX)
      return std::nullopt;
    channels.emplace_back(p, int64_t(o), ranges[o], scale);
  }
  for (bool sharedAddend : {true, false})
    // The same first choice for all layers lets them share a function.
    for (int shift : {12, 13, 11, 14, 15, 10, 9, 8}) {
      form.channels.assign(channels.size(), {});
      form.shift = shift;
      form.sharedAddend = sharedAddend;
      bool exact = true;
      for (size_t o = 0; o < channels.size() && exact; ++o)
        exact = channels[o].find(shift, offset, sharedAddend, form.channels[o]);
      if (exact)
        return form;
    }
  return std::nullopt;
}

} // namespace adze::families::depthwise
