//===- Search.cpp - Requantization in two instructions ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/requantize/Search.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace adze::families {

std::vector<AccumulatorRange> accumulatorRanges(const ConvolutionProblem &p) {
  int64_t least = p.type == QuantizedType::int16 ? -32768 : -128;
  int64_t most = -least - 1;
  int64_t depth = p.kernelHeight * p.kernelWidth * p.groupInputs();
  std::vector<AccumulatorRange> ranges;
  for (int64_t o = 0; o < p.outputChannels; ++o) {
    AccumulatorRange range{p.bias[size_t(o)], p.bias[size_t(o)]};
    for (int64_t i = 0; i < depth; ++i) {
      int64_t w = p.weights[size_t(o * depth + i)];
      range.low += w * (w > 0 ? least : most);
      range.high += w * (w > 0 ? most : least);
    }
    ranges.push_back(range);
  }
  return ranges;
}

namespace {

/// floor(x / 2^32) for the form's high multiply.
int64_t highMultiply(int64_t x, int64_t multiplier, int64_t rounding) {
  return (x * multiplier + rounding) >> 32;
}

int64_t ceilDivide(int64_t a, int64_t b) { // b > 0
  int64_t q = a / b;
  return q + (a % b > 0 ? 1 : 0);
}

double realFactor(FixedPoint factor) {
  return std::ldexp(double(factor.multiplier), factor.shift - 31);
}

/// A step of the exact staircase: accumulators of at least `first` give at
/// least `value`.
struct Threshold {
  int64_t value, first;
};

/// The thresholds of a channel: `first` is ranges.high + 1 where no accumulator
/// reaches the value, ranges.low where all do.
class Staircase {
public:
  Staircase(const Requantization &r, int64_t channel, AccumulatorRange range)
      : r(r), channel(channel), range(range) {
    double factor = realFactor(r.factor(channel));
    for (int64_t value = r.low + 1; value <= r.high; ++value)
      steps.push_back({value, firstOf(value, factor)});
  }
  std::vector<Threshold> steps;

private:
  bool reaches(int64_t accumulator, int64_t value) const {
    return r.apply(int32_t(accumulator), channel) >= value;
  }

  int64_t firstOf(int64_t value, double factor) const {
    // Between `below`, which does not reach the value, and `at`, which does;
    // around the real quotient if possible.
    int64_t below = range.low - 1, at = range.high + 1;
    double quotient = (double(value - r.zeroPoint) - 0.5) / factor;
    if (factor > 0 && quotient > double(range.low) + 8 &&
        quotient < double(range.high) - 8) {
      auto middle = int64_t(quotient);
      if (!reaches(middle - 4, value) && reaches(middle + 4, value)) {
        below = middle - 4;
        at = middle + 4;
      }
    }
    while (at - below > 1) {
      int64_t middle = below + (at - below) / 2;
      (reaches(middle, value) ? at : below) = middle;
    }
    return at;
  }

  const Requantization &r;
  int64_t channel;
  AccumulatorRange range;
};

/// Whether all accumulators have the same output.
bool isFlat(const Requantization &r, int64_t channel, AccumulatorRange range) {
  return r.apply(int32_t(range.low), channel) ==
         r.apply(int32_t(range.high), channel);
}

/// The accumulator that scaled sums are measured from: 0 unless the range lies
/// too far from it.
int64_t originOf(AccumulatorRange range, int64_t scale) {
  int64_t reach = std::max(std::abs(range.low), std::abs(range.high)) + 2;
  return reach * scale <= INT32_MAX ? 0 : (range.low + range.high) / 2;
}

int32_t wrapped(int64_t x) { return int32_t(uint32_t(uint64_t(x))); }

class ChannelSearch {
public:
  ChannelSearch(const Requantization &r, int64_t channel,
                AccumulatorRange range, const FastSearch &search)
      : range(range), search(search), real(realFactor(r.factor(channel))),
        leftmost(std::min(r.factor(channel).shift, 0)),
        rounding(search.rounds ? int64_t(1) << 31 : 0), zero(r.zeroPoint),
        flat(isFlat(r, channel, range)),
        constant(r.apply(int32_t(range.low), channel)),
        origin(originOf(range, search.scale)) {
    if (!flat)
      steps = Staircase(r, channel, range).steps;
  }

  /// `offset` is added to the output before saturation.
  std::optional<FastRequantization::Channel> find(int shift, int64_t offset,
                                                  bool stepped) {
    int64_t half = int64_t(1) << (shift - 1);
    if (flat)
      return FastRequantization::Channel{
          0, int32_t((constant + offset) * 2 * half + half), 0, 0};
    auto scale = double(search.scale);
    double ideal = std::ldexp(real, 32 + shift) / scale;
    if (!(ideal < 0x1p31))
      return std::nullopt;
    auto center = int64_t(std::nearbyint(ideal));
    int64_t addend = (zero + offset) * 2 * half + half;
    if (origin) { // most likely on one side of the zero point
      stepped = false;
      addend += std::llround(double(origin) * std::ldexp(real, shift));
    }
    if (ideal < 4096) {
      // Too flat a slope to be exact: one step may have any, if it is all.
      const Threshold *only = nullptr;
      for (const Threshold &t : steps)
        if (t.first > range.low && t.first <= range.high) {
          if (only)
            return std::nullopt;
          only = &t;
        }
      double width = scale * double(range.high - range.low + 2);
      center =
          int64_t(std::min(0x1p31 - 128, std::ldexp(1 / width, shift + 31)));
      addend = (only->value + offset) * 2 * half -
               ((search.scale * (only->first - origin) * center) >> 32);
      stepped = false;
    }
    if (std::abs(addend) > INT32_MAX / 2)
      return std::nullopt;
    int64_t jump = 0;
    if (stepped) {
      int right = shift + leftmost;
      jump = right >= 0 ? -(int64_t(1) << right) : 0;
    }
    // The slope first: all other integers only move the staircase.
    for (int64_t distance = 0; distance <= 60; distance += 2)
      for (int64_t dc : {0, 1, -1, 2, -2, 3, -3, 5, -5, 8, -8})
        for (int sign : {1, -1})
          for (int64_t dj : {0, -1, 1}) {
            if ((!stepped && dj) || jump + dj > 0 || (sign < 0 && !distance))
              continue;
            if (auto found = attempt(shift, offset, center + sign * distance,
                                     addend + dc, jump + dj))
              return found;
          }
    int64_t reach = stepped ? 12 : 40;
    for (int64_t dc = -reach; dc <= reach; ++dc)
      for (int64_t dm = -100; dm <= 100; ++dm)
        for (int64_t dj = stepped ? -2 : 0; dj <= (stepped ? 2 : 0); ++dj)
          if (jump + dj <= 0)
            if (auto found =
                    attempt(shift, offset, center + dm, addend + dc, jump + dj))
              return found;
    return std::nullopt;
  }

private:
  std::optional<FastRequantization::Channel> attempt(int shift, int64_t offset,
                                                     int64_t multiplier,
                                                     int64_t addend,
                                                     int64_t step) const {
    if (multiplier < 1 || multiplier > INT32_MAX)
      return std::nullopt;
    // Corrections under which every threshold agrees: an interval.
    int64_t least = -(int64_t(1) << 40), most = int64_t(1) << 40;
    for (const Threshold &t : steps) {
      int64_t own = step && t.value <= zero ? addend + step : addend;
      int64_t target = ((t.value + offset) * (int64_t(1) << shift)) - own;
      int64_t needed =
          ceilDivide(target * (int64_t(1) << 32) - rounding, multiplier);
      if (t.first <= range.high)
        least = std::max(least, needed - search.scale * (t.first - origin));
      if (t.first > range.low)
        most =
            std::min(most, needed - search.scale * (t.first - 1 - origin) - 1);
      if (least > most)
        return std::nullopt;
    }
    int64_t correction = least <= -(int64_t(1) << 40) || most >= int64_t(1)
                                                                     << 40
                             ? std::clamp<int64_t>(0, least, most)
                             : least + (most - least) / 2;
    FastRequantization::Channel channel{int32_t(multiplier), int32_t(addend),
                                        int32_t(step), 0};
    if (std::abs(correction) > INT32_MAX / 2 ||
        !isExact(channel, shift, offset, correction))
      return std::nullopt;
    channel.correction = wrapped(correction - search.scale * origin);
    return channel;
  }

  /// The form itself at both sides of every threshold, with its overflows.
  bool isExact(const FastRequantization::Channel &channel, int shift,
               int64_t offset, int64_t correction) const {
    auto raw = [&](int64_t accumulator) {
      int64_t x = search.scale * (accumulator - origin) + correction;
      return highMultiply(x, channel.multiplier, rounding) + channel.addend +
             (x < 0 ? channel.step : 0);
    };
    auto fits = [](int64_t x) { return x >= INT32_MIN && x <= INT32_MAX; };
    for (int64_t end : {range.low, range.high})
      if (!fits(search.scale * (end - origin) + correction) ||
          !fits(raw(end)) || !fits(raw(end) - channel.step))
        return false;
    for (const Threshold &t : steps) {
      if (t.first <= range.high && raw(t.first) >> shift < t.value + offset)
        return false;
      if (t.first > range.low && raw(t.first - 1) >> shift >= t.value + offset)
        return false;
    }
    return true;
  }

  AccumulatorRange range;
  const FastSearch &search;
  double real;
  int leftmost; // of the factor's shift and 0
  int64_t rounding, zero;
  bool flat;
  int64_t constant, origin;
  std::vector<Threshold> steps;
};

} // namespace

int32_t FastRequantization::apply(int64_t scaled, int64_t channel) const {
  const Channel &c = channels[size_t(channel)];
  scaled = wrapped(scaled);
  if (exact) {
    int64_t x = scaled >> shift;
    int64_t t = highMultiply(x, c.multiplier, twice ? int64_t(1) << 31 : 0) +
                c.addend - (twice && x < 0 ? 1 : 0);
    return clamped(t >> c.step);
  }
  int64_t t = highMultiply(scaled, c.multiplier, int64_t(1) << 31) + c.addend +
              (scaled < 0 ? c.step : 0);
  return clamped(t >> shift);
}

int32_t FastRequantization::clamped(int64_t y) const {
  y = std::clamp<int64_t>(y, -128, 127);
  if (clamps)
    y = std::clamp<int64_t>(y - clampSubtract, -128, 127) + clampAdd;
  return int32_t(y);
}

/// The upper clamp becomes the saturation of the shifted value, the lower one
/// that of a second saturation. Returns by how much the value is shifted.
static int64_t setClamp(FastRequantization &form, const Requantization &r) {
  int64_t offset = 127 - r.high;
  form.clamps = offset != 0 || r.low != -128;
  form.clampAdd = r.low + 128;
  form.clampSubtract = int32_t(offset) + form.clampAdd;
  return offset;
}

/// Whether the reference's own arithmetic stays within 32 bits.
static bool isRepresentable(const Requantization &r,
                            const std::vector<AccumulatorRange> &ranges,
                            size_t o) {
  int64_t reach =
      std::max(std::abs(ranges[o].low), std::abs(ranges[o].high)) + 2;
  int left = std::max(r.factor(int64_t(o)).shift, 0);
  return left <= 30 && reach << left <= INT32_MAX;
}

std::vector<int32_t>
constantOutputs(const Requantization &r,
                const std::vector<AccumulatorRange> &ranges) {
  std::vector<int32_t> outputs;
  for (size_t o = 0; o < ranges.size(); ++o)
    outputs.push_back(isRepresentable(r, ranges, o) &&
                              isFlat(r, int64_t(o), ranges[o])
                          ? r.apply(int32_t(ranges[o].low), int64_t(o))
                          : INT32_MIN);
  return outputs;
}

std::optional<FastRequantization>
exactRequantization(const Requantization &r,
                    const std::vector<AccumulatorRange> &ranges,
                    int64_t scale) {
  if (r.low < -128 || r.high > 127 || r.low > r.high)
    return std::nullopt;
  FastRequantization form;
  form.exact = true;
  form.twice = r.rounding == Rounding::twice;
  while (scale > int64_t(2) << form.shift)
    ++form.shift;
  int64_t offset = setClamp(form, r);
  for (size_t o = 0; o < ranges.size(); ++o) {
    if (!isRepresentable(r, ranges, o))
      return std::nullopt;
    FixedPoint factor = r.factor(int64_t(o));
    int right = -factor.shift;
    if (isFlat(r, int64_t(o), ranges[o])) {
      int64_t value = r.apply(int32_t(ranges[o].low), int64_t(o)) + offset;
      form.channels.push_back({0, int32_t(value * 256 + 128), 8, 0});
      continue;
    }
    int64_t reach =
        std::max(std::abs(ranges[o].low), std::abs(ranges[o].high)) + 2;
    if (right < 1 || right > 21 || reach * scale > INT32_MAX)
      return std::nullopt;
    int64_t addend = ((int64_t(r.zeroPoint) + offset) << right) +
                     (int64_t(1) << (right - 1));
    if (std::abs(addend) + reach > INT32_MAX)
      return std::nullopt;
    form.channels.push_back({factor.multiplier, int32_t(addend), right, 0});
  }
  return form;
}

std::optional<FastRequantization>
findFastRequantization(const Requantization &r,
                       const std::vector<AccumulatorRange> &ranges,
                       const FastSearch &search) {
  if (r.low < -128 || r.high > 127 || r.low > r.high)
    return std::nullopt;
  FastRequantization result;
  int64_t offset = setClamp(result, r);
  int largest = std::min(search.largestShift, 30);
  for (size_t o = 0; o < ranges.size(); ++o) {
    if (!isRepresentable(r, ranges, o))
      return std::nullopt;
    if (isFlat(r, int64_t(o), ranges[o]))
      continue;
    // Behind the origin, both the scaled sum and the value before saturation
    // have to fit.
    int64_t origin = originOf(ranges[o], search.scale);
    int64_t reach = std::max(std::abs(ranges[o].low - origin),
                             std::abs(ranges[o].high - origin)) +
                    2;
    if (reach * search.scale > INT32_MAX)
      return std::nullopt;
    double real = realFactor(r.factor(int64_t(o)));
    double value = double(reach + std::abs(origin)) * real + 600;
    while (largest > 0 &&
           (std::ldexp(real, 32 + largest) / double(search.scale) >=
                0x1p31 - 256 ||
            std::ldexp(value, largest) >= 0x1p31))
      --largest;
  }
  if (largest < 1)
    return std::nullopt;
  std::vector<int> shifts;
  for (int shift : search.preferredShifts)
    if (shift <= largest)
      shifts.push_back(shift);
  for (int shift = largest; shift >= std::max(1, largest - 5); --shift)
    if (std::find(shifts.begin(), shifts.end(), shift) == shifts.end())
      shifts.push_back(shift);

  std::vector<ChannelSearch> channels;
  for (size_t o = 0; o < ranges.size(); ++o)
    channels.emplace_back(r, int64_t(o), ranges[o], search);
  // Values below the zero point are what makes TFLite's staircase bent.
  bool bent = r.rounding == Rounding::twice && r.low < r.zeroPoint;
  for (bool stepped : {false, true}) {
    if (stepped && (!search.stepped || !bent))
      break;
    for (int shift : shifts) {
      result.channels.clear();
      for (ChannelSearch &channel : channels) {
        auto found = channel.find(shift, offset, stepped);
        if (!found)
          break;
        result.channels.push_back(*found);
      }
      if (result.channels.size() != ranges.size())
        continue;
      result.shift = shift;
      result.stepped = stepped;
      result.unitSteps = stepped;
      for (const FastRequantization::Channel &channel : result.channels)
        result.unitSteps &= channel.step == -1;
      return result;
    }
  }
  return std::nullopt;
}

} // namespace adze::families
