//===- SharedAddend.cpp - One addend for all channels -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/depthwise/SharedAddend.h"

#include <algorithm>
#include <cmath>

namespace adze::families::depthwise {

namespace {

/// Accumulators of at least `first` give at least `value`.
struct Step {
  int64_t value, first;
};

class Channel {
public:
  Channel(const ConvolutionProblem &p, int64_t channel, AccumulatorRange range,
          int64_t scale)
      : scale(scale), range(range) {
    const Requantization &r = p.requantization;
    factor = std::ldexp(double(r.factor(channel).multiplier),
                        r.factor(channel).shift - 31);
    for (int64_t value = r.low + 1; value <= r.high; ++value) {
      int64_t below = range.low - 1, at = range.high + 1;
      while (at - below > 1) {
        int64_t middle = below + (at - below) / 2;
        (r.apply(int32_t(middle), channel) >= value ? at : below) = middle;
      }
      steps.push_back({value, at});
    }
  }

  /// `offset` is added to the output before saturation.
  bool find(int shift, int64_t addend, int64_t offset,
            FastRequantization::Channel &channel) const {
    double ideal = std::ldexp(factor, 32 + shift) / double(scale);
    if (!(ideal < 0x1p31 - 600) || ideal < 600)
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
               FastRequantization::Channel &channel) const {
    // Corrections for which every step agrees.
    int64_t least = -(int64_t(1) << 40), most = int64_t(1) << 40;
    for (const Step &step : steps) {
      int64_t target = (step.value + offset) * (int64_t(1) << shift) - addend;
      int64_t product = target * (int64_t(1) << 32) - (int64_t(1) << 31);
      int64_t needed =
          product / multiplier + (product % multiplier > 0 ? 1 : 0);
      if (step.first <= range.high)
        least = std::max(least, needed - scale * step.first);
      if (step.first > range.low)
        most = std::min(most, needed - scale * (step.first - 1) - 1);
      if (least > most)
        return false;
    }
    int64_t correction = std::clamp<int64_t>(least + (most - least) / 2,
                                             INT32_MIN / 2, INT32_MAX / 2);
    if (correction < least || correction > most)
      return false;
    // No overflow at the ends; what lies between is between.
    for (int64_t end : {range.low, range.high}) {
      int64_t x = scale * end + correction;
      int64_t raw = ((x * multiplier + (int64_t(1) << 31)) >> 32) + addend;
      if (std::abs(x) > INT32_MAX || std::abs(raw) > INT32_MAX)
        return false;
    }
    channel = {int32_t(multiplier), int32_t(addend), 0, int32_t(correction)};
    return true;
  }

  int64_t scale;
  AccumulatorRange range;
  double factor = 0;
  std::vector<Step> steps;
};

} // namespace

std::optional<FastRequantization> findSharedAddend(const ConvolutionProblem &p,
                                                   int64_t scale) {
  const Requantization &r = p.requantization;
  if (r.low < -128 || r.high > 127 || r.low > r.high)
    return std::nullopt;
  FastRequantization form;
  int64_t offset = 127 - r.high;
  form.clamps = offset != 0 || r.low != -128;
  form.clampAdd = r.low + 128;
  form.clampSubtract = int32_t(offset) + form.clampAdd;
  std::vector<AccumulatorRange> ranges = accumulatorRanges(p);
  std::vector<Channel> channels;
  for (size_t o = 0; o < ranges.size(); ++o) {
    if (ranges[o].low * scale < INT32_MIN || ranges[o].high * scale > INT32_MAX)
      return std::nullopt;
    channels.emplace_back(p, int64_t(o), ranges[o], scale);
  }
  // The same first choice for all layers lets them share a function.
  for (int shift : {12, 13, 11, 14, 15, 10, 9}) {
    int64_t addend = (r.zeroPoint + offset) * (int64_t(1) << shift) +
                     (int64_t(1) << (shift - 1));
    form.channels.assign(channels.size(), {});
    form.shift = shift;
    bool exact = true;
    for (size_t o = 0; o < channels.size() && exact; ++o)
      exact = channels[o].find(shift, addend, offset, form.channels[o]);
    if (exact)
      return form;
  }
  return std::nullopt;
}

} // namespace adze::families::depthwise
