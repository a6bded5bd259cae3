//===- Portable.cpp - Average and maximum over windows ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Four channels of int8 are one word: with the DSP extension SXTAB16 widens
/// and adds two of them (sums of up to 255 pixels fit 16 bits), and SSUB8 with
/// SEL is the maximum of all four.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

const char sum4[] =
    R"(/* Four sums of int8, two to a word: 0 and 2, 1 and 3. */
#if defined(__ARM_FEATURE_DSP)
static inline void adze_sum4(const int8_t *x, uint32_t *even, uint32_t *odd)
{
  uint32_t word;
  memcpy(&word, x, sizeof word);
  __asm__("sxtab16 %0, %1, %2" : "=r"(*even) : "r"(*even), "r"(word));
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(*odd) : "r"(*odd), "r"(word));
}
#else
static inline uint32_t adze_sum2(uint32_t sums, uint16_t low, uint16_t high)
{
  return ((sums + low) & 0xFFFFu) | ((sums & 0xFFFF0000u) + ((uint32_t)high << 16));
}
static inline void adze_sum4(const int8_t *x, uint32_t *even, uint32_t *odd)
{
  *even = adze_sum2(*even, (uint16_t)x[0], (uint16_t)x[2]);
  *odd = adze_sum2(*odd, (uint16_t)x[1], (uint16_t)x[3]);
}
#endif
)";

const char maximum4[] =
    R"(/* The greater ones of four pairs of int8. */
static inline uint32_t adze_maximum4(uint32_t largest, const int8_t *x)
{
#if defined(__ARM_FEATURE_DSP)
  uint32_t word;
  uint32_t difference;
  memcpy(&word, x, sizeof word);
  __asm__("ssub8 %1, %0, %2\n\tsel %0, %0, %2" : "+r"(largest), "=&r"(difference) : "r"(word));
  return largest;
#else
  uint32_t result = 0;
  for (int32_t i = 0; i < 4; ++i) {
    const int8_t old = (int8_t)(uint8_t)(largest >> (8 * i));
    result |= (uint32_t)(uint8_t)(x[i] > old ? x[i] : old) << (8 * i);
  }
  return result;
#endif
}
)";

bool wholeRows(const PoolProblem &p) {
  return p.windowWidth == p.inputWidth && p.outputWidth == 1 && p.padLeft == 0;
}

/// Whether some window reaches over the border.
bool padded(const PoolProblem &p) {
  return p.padTop || p.padLeft ||
         (p.outputHeight - 1) * p.strideHeight + p.windowHeight >
             p.inputHeight ||
         (p.outputWidth - 1) * p.strideWidth + p.windowWidth > p.inputWidth;
}

/// Four channels at a time: int8, and sums that fit 16 bits.
int64_t channelsByFour(const PoolProblem &p) {
  bool fits = p.kind == PoolProblem::Kind::maximum
                  ? p.high == 127
                  : p.windowHeight * p.windowWidth <= 255;
  return p.type == QuantizedType::int8 && fits ? p.channels / 4 * 4 : 0;
}

/// The C text of one problem.
class PoolText {
public:
  explicit PoolText(const PoolProblem &p)
      : p(p), average(p.kind == PoolProblem::Kind::average), border(padded(p)),
        type(cTypeOf(p.type)) {}

  std::string body() {
    std::string text;
    line(text, 1, "for (int32_t image = 0; image < {}; ++image) {{", p.batch);
    line(text, 2, "for (int32_t row = 0; row < {}; ++row) {{", p.outputHeight);
    range(text, 3, "row", p.padTop, p.strideHeight, p.windowHeight,
          p.inputHeight);
    line(text, 3, "for (int32_t column = 0; column < {}; ++column) {{",
         p.outputWidth);
    range(text, 4, "column", p.padLeft, p.strideWidth, p.windowWidth,
          p.inputWidth);
    line(text, 4,
         "const {} *window = in0 + ((image * {} + row_first) * {} + "
         "column_first) * {};",
         type, p.inputHeight, p.inputWidth, p.channels);
    line(text, 4, "{} *to = out0 + ((image * {} + row) * {} + column) * {};",
         type, p.outputHeight, p.outputWidth, p.channels);
    if (average && border)
      line(text, 4, "const int32_t count = row_count * column_count;");
    int64_t four = channelsByFour(p);
    if (four)
      average ? averageOfFour(text, four) : maximumOfFour(text, four);
    if (four < p.channels)
      channel(text, four);
    text += "      }\n    }\n  }\n";
    return text;
  }

private:
  template <typename... Values>
  static void line(std::string &text, int depth,
                   fmt::format_string<Values...> format, Values &&...values) {
    text += std::string(size_t(2 * depth), ' ') +
            fmt::format(format, std::forward<Values>(values)...) + '\n';
  }

  /// First element of a window and, with a border, the number inside.
  void range(std::string &text, int depth, const char *name, int64_t pad,
             int64_t stride, int64_t window, int64_t size) {
    if (!border) {
      line(text, depth, "const int32_t {0}_first = {0} * {1};", name, stride);
      return;
    }
    line(text, depth, "const int32_t {0}_begin = {0} * {1} - {2};", name,
         stride, pad);
    line(text, depth,
         "const int32_t {0}_end = {0}_begin + {1} > {2} ? {2} : {0}_begin + "
         "{1};",
         name, window, size);
    line(text, depth,
         "const int32_t {0}_first = {0}_begin < 0 ? 0 : {0}_begin;", name);
    line(text, depth, "const int32_t {0}_count = {0}_end - {0}_first;", name);
  }

  /// The loop over a window; `step` is what is done with the pixel at `from`.
  void window(std::string &text, int depth, int64_t channels,
              const std::string &step) {
    bool flat = !border && wholeRows(p);
    int64_t rows = flat ? 1 : p.windowHeight;
    int64_t columns = flat ? p.windowHeight * p.windowWidth : p.windowWidth;
    std::string bound = border ? "column_count" : fmt::format("{}", columns);
    if (border || rows > 1) {
      std::string rowBound = border ? "row_count" : fmt::format("{}", rows);
      line(text, depth, "for (int32_t y = 0; y < {}; ++y) {{", rowBound);
      line(text, depth + 1, "const {} *from = window + y * {} + channel;", type,
           p.inputWidth * p.channels);
      ++depth;
    } else {
      line(text, depth, "const {} *from = window + channel;", type);
    }
    int64_t unroll = 1;
    if (!border && channels == 4)
      for (int64_t candidate : {8, 7, 6, 5, 4, 3, 2})
        if (columns % candidate == 0) {
          unroll = candidate;
          break;
        }
    if (!border && unroll == columns) {
      for (int64_t i = 0; i < columns; ++i)
        line(text, depth, "{}", at(step, i));
    } else {
      line(text, depth, "for (int32_t x = 0; x < {}; x += {}) {{", bound,
           unroll);
      for (int64_t i = 0; i < unroll; ++i)
        line(text, depth + 1, "{}", at(step, i));
      line(text, depth + 1, "from += {};", unroll * p.channels);
      line(text, depth, "}}");
    }
    if (border || rows > 1)
      line(text, depth - 1, "}}");
  }

  /// `step` with $ replaced by the address of pixel i behind `from`.
  std::string at(std::string step, int64_t i) const {
    std::string pixel =
        i ? fmt::format("from + {}", i * p.channels) : std::string("from");
    for (size_t place; (place = step.find('$')) != std::string::npos;)
      step.replace(place, 1, pixel);
    return step;
  }

  /// The quotient of `sum`, ties away from zero, into `to[...]`.
  void divide(std::string &text, int depth, const std::string &index) {
    std::string count =
        border ? "count" : fmt::format("{}", p.windowHeight * p.windowWidth);
    std::string half =
        border ? "count / 2"
               : fmt::format("{}", p.windowHeight * p.windowWidth / 2);
    line(text, depth,
         "int32_t value = (sum > 0 ? sum + {0} : sum - {0}) / {1};", half,
         count);
    text += clamp(depth);
    line(text, depth, "to[{}] = ({})value;", index, type);
  }

  /// An average is within the range of its elements, so is a maximum.
  std::string clamp(int depth) const {
    bool narrow = p.type == QuantizedType::int8
                      ? p.low > -128 || p.high < 127
                      : p.low > -32768 || p.high < 32767;
    return narrow ? clampText("value", p.low, p.high,
                              std::string(size_t(2 * depth), ' '))
                  : "";
  }

  void averageOfFour(std::string &text, int64_t channels) {
    line(text, 4, "for (int32_t channel = 0; channel < {}; channel += 4) {{",
         channels);
    line(text, 5, "uint32_t even = 0;");
    line(text, 5, "uint32_t odd = 0;");
    window(text, 5, 4, "adze_sum4($, &even, &odd);");
    line(text, 5, "for (int32_t i = 0; i < 4; ++i) {{");
    line(text, 6,
         "const int32_t sum = (int32_t)((i % 2 == 0 ? even : odd) << (i < 2 ? "
         "16 : 0)) >> 16;");
    divide(text, 6, "channel + i");
    line(text, 5, "}}");
    line(text, 4, "}}");
  }

  void maximumOfFour(std::string &text, int64_t channels) {
    line(text, 4, "for (int32_t channel = 0; channel < {}; channel += 4) {{",
         channels);
    line(text, 5, "uint32_t largest = 0x{:02X}u * 0x01010101u;",
         uint8_t(p.low));
    window(text, 5, 4, "largest = adze_maximum4(largest, $);");
    line(text, 5, "memcpy(to + channel, &largest, sizeof largest);");
    line(text, 4, "}}");
  }

  void channel(std::string &text, int64_t first) {
    line(text, 4, "for (int32_t channel = {}; channel < {}; ++channel) {{",
         first, p.channels);
    if (average) {
      line(text, 5, "int32_t sum = 0;");
      window(text, 5, 1, "sum += *($);");
      divide(text, 5, "channel");
    } else {
      line(text, 5, "int32_t value = {};", literal(p.low));
      window(text, 5, 1, "value = *($) > value ? *($) : value;");
      text += clamp(5);
      line(text, 5, "to[channel] = ({})value;", type);
    }
    line(text, 4, "}}");
  }

  const PoolProblem &p;
  bool average, border;
  std::string_view type;
};

class PortablePool final : public KernelFamily {
public:
  std::string_view name() const override { return "pool.window"; }
  std::string_view summary() const override {
    return "average or maximum over windows, four channels of int8 at a time";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<PoolProblem>(&problem);
    if (!p || p->type == QuantizedType::int32)
      return false;
    // A window outside of the image has no elements to average.
    auto touches = [](int64_t pad, int64_t output, int64_t stride,
                      int64_t window, int64_t input) {
      return pad < window && (output - 1) * stride - pad < input;
    };
    return touches(p->padTop, p->outputHeight, p->strideHeight, p->windowHeight,
                   p->inputHeight) &&
           touches(p->padLeft, p->outputWidth, p->strideWidth, p->windowWidth,
                   p->inputWidth) &&
           p->batch * p->inputHeight * p->inputWidth * p->channels < INT32_MAX;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &machine) const override {
    const auto &p = std::get<PoolProblem>(problem);
    KernelFeatures features;
    double outputs =
        double(p.batch * p.outputHeight * p.outputWidth * p.channels);
    double four = double(channelsByFour(p)) / double(p.channels);
    double taps = double(p.windowHeight * p.windowWidth);
    bool average = p.kind == PoolProblem::Kind::average;
    // Per element: of four, load and two widening sums, or load, difference and
    // selection; of one, load, sum or comparison, and the loop.
    double tap = four * (machine.hasDsp ? 0.9 : 3.5) + (1 - four) * 4.5;
    double result = average ? (padded(p) ? 12 : 6.5) : 4 - 3 * four;
    features.instructions = outputs * (taps * tap + result) + 60;
    features.loads = outputs * taps * (1 - 0.75 * four);
    features.stores = outputs;
    features.codeBytes = 250;
    features.stackBytes = 60;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<PoolProblem>(problem);
    code = {};
    if (channelsByFour(p)) {
      if (p.kind == PoolProblem::Kind::average)
        addFunction(code, "adze_sum4", sum4);
      else
        addFunction(code, "adze_maximum4", maximum4);
    }
    code.body = PoolText(p).body();
    return true;
  }
};

} // namespace

const KernelFamily &poolPortable() {
  static const PortablePool family;
  return family;
}

} // namespace adze::families
