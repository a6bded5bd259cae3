//===- LineForm.cpp - Requantization as one high multiply -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/scalar/LineForm.h"
#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace adze::families {

SumRange sumRange(const ConvolutionProblem &problem, int64_t channel) {
  int64_t low = problem.type == QuantizedType::int16 ? -32768 : -128;
  int64_t high = -low - 1;
  SumRange range;
  int64_t taps =
      problem.kernelHeight * problem.kernelWidth * problem.groupInputs();
  for (int64_t i = 0; i < taps; ++i) {
    int64_t w = problem.weights[size_t(channel * taps + i)];
    range.low += w * (w > 0 ? low : high);
    range.high += w * (w > 0 ? high : low);
  }
  return range;
}

namespace {

/// The least accumulator whose output is at least `output`.
struct Step {
  int64_t output = 0, accumulator = 0;
  bool fromBelow = true; // the accumulator before it occurs: it yields less
  bool reached = true;   // the accumulator itself occurs
};

double slope(const FixedPoint &factor) {
  return std::ldexp(double(factor.multiplier), factor.shift - 31);
}

/// The steps of a channel with accumulators of the range, and its two ends
/// where the clamp does not hold them.
std::vector<Step> steps(const Requantization &q, int64_t channel,
                        SumRange accumulators) {
  auto output = [&](int64_t a) { return q.apply(int32_t(a), channel); };
  std::vector<Step> result;
  int64_t last = output(accumulators.high);
  int64_t from = accumulators.low;
  int64_t first = output(from);
  if (first == last)
    return result;
  if (first > q.low)
    result.push_back({first, from, false, true});
  for (int64_t k = first + 1; k <= last; ++k) {
    int64_t below = from, at = accumulators.high;
    // The next step is about one over the slope away.
    double distance = result.empty() ? 0 : 1 / slope(q.factor(channel));
    if (distance > 4 && distance < 1e9)
      for (int64_t near :
           {from + int64_t(distance) + 3, from + int64_t(distance) - 1})
        if (near > below && near < at)
          (output(near) >= k ? at : below) = near;
    while (at - below > 1) {
      int64_t middle = below + (at - below) / 2;
      (output(middle) >= k ? at : below) = middle;
    }
    result.push_back({k, at, true, true});
    from = at - 1;
  }
  if (last < q.high)
    result.push_back({last + 1, accumulators.high + 1, true, false});
  return result;
}

/// [low, high] of an integer; empty if low > high.
struct Interval {
  int64_t low = INT64_MIN / 4, high = INT64_MAX / 4;
  void atLeast(int64_t x) { low = std::max(low, x); }
  void atMost(int64_t x) { high = std::min(high, x); }
  bool empty() const { return low > high; }
  int64_t middle() const { return low + (high - low) / 2; }
};

/// The search for one channel under given shifts.
class ChannelSearch {
public:
  ChannelSearch(std::vector<Step> steps, int64_t scale, int resultShift,
                int64_t origin, bool twoSided)
      : all(std::move(steps)), scale(scale), resultShift(resultShift),
        origin(origin), twoSided(twoSided) {}

  /// Biases that are exact with the multiplier: those of t >= 0 and of t < 0.
  bool biases(int64_t multiplier, Interval &upper, Interval &lower) const {
    for (const Step &step : all) {
      int64_t least = leastFactor(step, multiplier);
      int64_t at = least - scale * step.accumulator;
      int64_t before = at + scale - 1;
      bool negative = twoSided && step.output <= origin;
      bool centre = negative && step.output == origin;
      if (step.reached)
        (negative && !centre ? lower : upper).atLeast(at);
      if (!step.fromBelow)
        continue;
      if (centre)
        upper.atMost(before);
      (negative ? lower : upper).atMost(before);
    }
    return !upper.empty() && !lower.empty();
  }

  /// Room of the biases for real x = 2^32 / multiplier; concave in x.
  double room(double x) const {
    double least[2] = {1e15, 1e15}, most[2] = {-1e15, -1e15};
    for (const Step &step : all) {
      int side = twoSided && step.output < origin;
      double at = double((step.output - origin) << resultShift) * x -
                  double(scale) * double(step.accumulator);
      if (step.fromBelow)
        least[side] = std::min(least[side], at);
      if (step.reached)
        most[side] = std::max(most[side], at);
    }
    return std::min(least[0] - most[0], least[1] - most[1]);
  }

  /// Searches slopes near `start`, then steeper ones: where a channel has few
  /// steps they are as exact, and need smaller numbers. Sums are of `range`.
  bool find(double start, SumRange range, int64_t sumBias,
            LineForm::Channel &channel) const {
    for (int steeper = 0; steeper < 16; ++steeper) {
      double x = std::ldexp(4294967296.0 / start, -steeper);
      double width = steeper ? 0.5 : 1e-4;
      if (findNear(x * (1 - width), x * (1 + width), range, sumBias, channel))
        return true;
    }
    return false;
  }

private:
  bool findNear(double low, double high, SumRange range, int64_t sumBias,
                LineForm::Channel &channel) const {
    // Ternary search: 40 steps leave 1e-7 of the interval.
    for (int i = 0; i < 40; ++i) {
      double a = low + (high - low) / 3, b = high - (high - low) / 3;
      bool right = room(a) < room(b);
      low = right ? a : low;
      high = right ? high : b;
    }
    if (room((low + high) / 2) < -1e6)
      return false;
    int64_t centre = std::llround(4294967296.0 / ((low + high) / 2));
    for (int64_t d = 0; d <= 8; ++d)
      for (int64_t m : {centre + d, centre - d}) {
        Interval upper, lower;
        if (m <= 0 || m > INT32_MAX || !biases(m, upper, lower))
          continue;
        Interval both = upper;
        both.atLeast(lower.low);
        both.atMost(lower.high);
        int64_t bias = both.empty() ? upper.middle() : both.middle();
        int64_t negative = both.empty() ? bias - lower.middle() : 0;
        // The steps are those of accumulators, the kernel adds to sums. Only
        // the final value has to fit: what comes before may wrap around.
        bias += sumBias * scale;
        int64_t slack = std::abs(negative);
        if (range.low * scale + bias - slack < -INT32_MAX ||
            range.high * scale + bias + slack > INT32_MAX || slack > INT32_MAX)
          continue;
        channel.multiplier = int32_t(m);
        channel.bias = int32_t(uint32_t(uint64_t(bias)));
        channel.negative = int32_t(negative);
        return true;
      }
    return false;
  }

  /// The least t with t * multiplier >= (output - origin) << (32 + shift).
  int64_t leastFactor(const Step &step, int64_t multiplier) const {
    __extension__ typedef __int128 Wide;
    Wide bound = Wide(step.output - origin) << (32 + resultShift);
    Wide quotient = bound / multiplier;
    return int64_t(quotient * multiplier < bound ? quotient + 1 : quotient);
  }

  std::vector<Step> all;
  int64_t scale;
  int resultShift;
  int64_t origin;
  bool twoSided;
};

/// Everything that stays the same while shifts are tried.
struct Layer {
  const ConvolutionProblem &problem;
  int64_t unit;
  std::vector<SumRange> ranges; // of sums
  std::vector<std::vector<Step>> steps;
};

/// Searches all channels; a negative resultShift asks for the greatest one.
bool tryShifts(const Layer &layer, LineForm &form) {
  const Requantization &q = layer.problem.requantization;
  int64_t scale = layer.unit << form.scaleShift;
  int64_t origin = form.twoSided ? q.zeroPoint + 1 : q.low;
  double greatest = 0, reach = 0;
  for (size_t o = 0; o < layer.steps.size(); ++o) {
    double s = slope(q.factor(int64_t(o)));
    double sum = std::max(std::abs(double(layer.ranges[o].low)),
                          std::abs(double(layer.ranges[o].high))) +
                 std::abs(double(layer.problem.bias[o]));
    if (layer.steps[o].empty())
      continue;
    greatest = std::max(greatest, s);
    reach = std::max(reach, s * sum);
  }
  if (greatest == 0)
    greatest = 1e-3;
  int e = form.resultShift;
  if (e >= 0 &&
      (greatest * std::ldexp(1.0, 32 + e) / double(scale) > 2147400000.0 ||
       (reach + 600) * std::ldexp(1.0, e) > 2147400000.0))
    return false;
  e = e >= 0 ? e : 20;
  while (e >= 0 &&
         (greatest * std::ldexp(1.0, 32 + e) / double(scale) > 2147400000.0 ||
          (reach + 600) * std::ldexp(1.0, e) > 2147400000.0))
    --e;
  if (e < 0)
    return false;
  form.resultShift = e;
  form.channels.assign(layer.steps.size(), {});
  for (size_t o = 0; o < layer.steps.size(); ++o) {
    LineForm::Channel &channel = form.channels[o];
    int64_t bias = layer.problem.bias[o];
    if (layer.steps[o].empty()) {
      int64_t y = q.apply(int32_t(layer.ranges[o].low + bias), int64_t(o));
      int64_t b = ((y - origin) << (e + 2)) + (int64_t(1) << (e + 1));
      if (std::abs(b) > INT32_MAX)
        return false;
      channel = {1 << 30, int32_t(b), 0, true};
      continue;
    }
    double start =
        slope(q.factor(int64_t(o))) * std::ldexp(1.0, 32 + e) / double(scale);
    ChannelSearch search(layer.steps[o], scale, e, origin, form.twoSided);
    if (!search.find(start, layer.ranges[o], bias, channel))
      return false;
  }
  return true;
}

} // namespace

std::optional<LineForm> findLineForm(const ConvolutionProblem &problem,
                                     int64_t unit) {
  Layer layer{problem, unit, {}, {}};
  for (int64_t o = 0; o < problem.outputChannels; ++o) {
    SumRange range = sumRange(problem, o);
    int64_t bias = problem.bias[size_t(o)];
    if (range.low + bias < INT32_MIN || range.high + bias > INT32_MAX)
      return std::nullopt;
    layer.ranges.push_back(range);
    layer.steps.push_back(steps(problem.requantization, o,
                                {range.low + bias, range.high + bias}));
  }
  // The biases that are exact lie within about 1/128 of an accumulator, which
  // asks for a scale. Few pairs of shifts let layers share their functions.
  for (bool twoSided : {false, true}) {
    for (int resultShift : {14, 11, 8, 16})
      for (int scaleShift : {9, 0}) {
        LineForm form;
        form.scaleShift = scaleShift;
        form.resultShift = resultShift;
        form.twoSided = twoSided;
        if ((scaleShift == 0) == (unit > 1) && tryShifts(layer, form))
          return form;
      }
    for (int scaleShift : {9, 10, 11, 8, 12, 7, 13, 6, 5, 4, 3, 2, 1, 0}) {
      LineForm form;
      form.scaleShift = scaleShift;
      form.resultShift = -1;
      form.twoSided = twoSided;
      if (tryShifts(layer, form))
        return form;
    }
  }
  return std::nullopt;
}

int32_t lineOffset(const Requantization &q) { return q.zeroPoint + 1 - q.low; }

static const char highProduct[] =
    R"(/* The upper half of a product; b is not negative. */
static inline int32_t adze_high_product(int32_t a, int32_t b)
{
#if defined(__ARM_ARCH_6M__)
  /* No long multiply: from products of halves. */
  uint32_t low = (uint32_t)a & 65535u;
  int32_t high = a >> 16;
  uint32_t lowB = (uint32_t)b & 65535u;
  int32_t highB = b >> 16;
  int32_t upper = high * (int32_t)lowB + (int32_t)((low * lowB) >> 16);
  uint32_t middle = low * (uint32_t)highB + ((uint32_t)upper & 65535u);
  return high * highB + (upper >> 16) + (int32_t)(middle >> 16);
#else
  return (int32_t)(((int64_t)a * b) >> 32);
#endif
}
)";

std::string addLineFunction(KernelCode &code, const LineForm &form,
                            const Requantization &q) {
  addFunction(code, "adze_high_product", highProduct);
  auto word = [](int64_t x) {
    return x < 0 ? fmt::format("m{}", -x) : fmt::format("{}", x);
  };
  std::string name =
      fmt::format("adze_line_{}_{}_{}to{}{}", form.scaleShift, form.resultShift,
                  word(q.low), word(q.high), form.twoSided ? "_both" : "");
  std::string text = fmt::format(
      R"(/* clamp(round(sum * factor) + zero point): one high multiply per output,
   equal to TFLite's two roundings for every sum the layer can have. */
static inline int32_t {}(uint32_t sum, int32_t bias, int32_t multiplier{})
{{
  int32_t t = (int32_t)({} + (uint32_t)bias);
)",
      name, form.twoSided ? ", int32_t negative, int32_t offset" : "",
      form.scaleShift ? fmt::format("(sum << {})", form.scaleShift) : "sum");
  if (form.twoSided)
    text += "  t -= (t >> 31) & negative;\n";
  text += "  t = adze_high_product(t, multiplier);\n";
  int64_t reach = int64_t(q.high) - q.low;
  std::string shift =
      form.resultShift ? fmt::format("  t >>= {};\n", form.resultShift) : "";
  if (form.twoSided)
    shift += "  t += offset;\n";
  std::string saturate;
  if (reach == 255 && form.twoSided)
    saturate =
        shift + "  __asm__(\"usat %0, #8, %1\" : \"=r\"(t) : \"r\"(t));\n";
  else if (reach == 255 && form.resultShift > 0)
    saturate = fmt::format("  __asm__(\"usat %0, #8, %1, asr #{}\" : "
                           "\"=r\"(t) : \"r\"(t));\n",
                           form.resultShift);
  if (!saturate.empty())
    text += "#if defined(__ARM_FEATURE_SAT)\n" + saturate + "#else\n";
  // After ReLU the lower bound is common: a branch over one instruction is
  // cheaper than one out of line.
  text += shift +
          fmt::format(
              R"(#if defined(__GNUC__) && defined(__riscv) && __riscv_xlen == 32
  __asm__("bgez %0, 1f\n\tli %0, 0\n1:" : "+r"(t));
  __asm__("bge %1, %0, 1f\n\tmv %0, %1\n1:" : "+r"(t) : "r"({0}));
#else
  if ((uint32_t)t > {0}u) {{
    t = t < 0 ? 0 : {0};
  }}
#endif
)",
              reach);
  if (!saturate.empty())
    text += "#endif\n";
  text += fmt::format("  return t {} {};\n}}\n", q.low < 0 ? "-" : "+",
                      std::abs(q.low));
  addFunction(code, name, text);
  return name;
}

} // namespace adze::families
