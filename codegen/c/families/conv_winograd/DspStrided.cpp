//===- DspStrided.cpp - Winograd of a stride of 2 on DSP --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// 3x3 convolutions with a stride of 2 as F(4x4, 2x2) over the four phases of
/// their input (DspPhases.h), exact on integers: 5.1 products an output and
/// input channel instead of 9, for 18 times the bytes of the weights.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/conv_winograd/DspPhases.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

using winograd::Shape;

/// What weights are multiplied with beside the scale of G: 6 * 6 * 7 times 128
/// still fits int16, and fine sums make requantization exact.
constexpr int64_t extraScale = 7;
/// What outputs come out multiplied with.
constexpr int64_t outputScale = 36 * extraScale;
constexpr int64_t tile = 4;
/// Input rows of a row of tiles, the even ones first.
constexpr int64_t stripRows = 9;

struct Plan {
  Shape shape;
  int64_t tileRows = 0, tileColumns = 0, pairs = 0;
  bool partial = false; // some pair of tiles reaches over the image

  int64_t stripWords() const {
    return shape.inputChannels / 4 * shape.stripWidth * stripRows;
  }
  int64_t transformedWords() const { return 81 * shape.inputChannels; }
  int64_t bufferBytes() const {
    return partial ? 2 * tile * tile * shape.outputChannels : 0;
  }
  /// Words of constants for two output channels.
  int64_t constantWords() const {
    return 25 * 2 + 81 * shape.inputChannels +
           16 / winograd::pointsPerTurn(shape, 4) +
           8 / winograd::pointsPerTurn(shape, 2) + (shape.stepped ? 6 : 4);
  }
};

Plan planFor(const ConvolutionProblem &p) {
  Plan plan;
  plan.tileRows = (p.outputHeight + tile - 1) / tile;
  plan.tileColumns = (p.outputWidth + tile - 1) / tile;
  plan.pairs = (plan.tileColumns + 1) / 2;
  plan.partial = p.outputHeight % tile || p.outputWidth % (2 * tile);
  plan.shape.tile = tile;
  plan.shape.inputChannels = p.inputChannels;
  plan.shape.outputChannels = p.outputChannels;
  plan.shape.stripWidth = plan.tileColumns * 2 * tile + 1;
  return plan;
}

class DspStridedWinograd final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.winograd_strided.dsp"; }
  std::string_view summary() const override {
    return "exact integer Winograd of 3x3 convolutions with a stride of 2 with "
           "SMLAD";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && machine.hasDsp && p->type == QuantizedType::int8 &&
           p->groups == 1 && p->kernelHeight == 3 && p->kernelWidth == 3 &&
           p->strideHeight == 2 && p->strideWidth == 2 &&
           p->dilationHeight == 1 && p->dilationWidth == 1 && !p->residual &&
           p->inputChannels % 4 == 0 && p->inputChannels <= 60 &&
           p->outputChannels % 2 == 0 && p->outputChannels <= 1365 &&
           p->inputElements() <= INT32_MAX && p->outputElements() <= INT32_MAX;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    Plan plan = planFor(p);
    Shape &s = plan.shape;
    const Requantization &r = p.requantization;
    s.shift = 12;
    s.stepped = r.rounding == Rounding::twice && r.low < r.zeroPoint;
    s.clamps = r.low != -128 || r.high != 127;
    winograd::Function input = winograd::phaseTransformFunction(s);
    winograd::Function product = winograd::phaseProduct(s);
    double images = double(p.batch), rows = images * double(plan.tileRows);
    double inputs = rows * double(plan.tileColumns);
    double products = rows * double(plan.pairs) * double(p.outputChannels) / 2;
    double words = rows * double(plan.stripWords());
    KernelFeatures features;
    features.instructions = inputs * (input.perCall + 5) +
                            products * (product.perCall + 9) + words * 3.6 +
                            rows * 60 + 60;
    features.loads = inputs * input.loads + products * product.loads + words;
    features.stores = double(p.outputElements()) + words +
                      inputs * double(plan.transformedWords()) / 2;
    features.constantBytes = 4 * plan.constantWords() * p.outputChannels / 2;
    features.codeBytes = input.codeBytes + product.codeBytes + 500;
    features.scratchBytes =
        4 * (plan.stripWords() + plan.transformedWords()) + plan.bufferBytes();
    features.stackBytes = std::max(input.stackBytes, product.stackBytes) + 80;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    Plan plan = planFor(p);
    FastSearch search;
    search.scale = outputScale;
    std::optional<FastRequantization> form =
        findFastRequantization(p.requantization, accumulatorRanges(p), search);
    if (!form)
      return false;
    Shape &s = plan.shape;
    s.shift = form->shift;
    s.stepped = form->stepped;
    s.clamps = form->clamps;
    s.clampSubtract = form->clampSubtract;
    s.clampAdd = form->clampAdd;
    code = {};
    std::vector<int32_t> words;
    for (int64_t o = 0; o < p.outputChannels; o += 2)
      pack(p, plan, *form, o, words);
    code.constants.push_back(wordConstant(words));
    code.scratchBytes = {4 * plan.stripWords(), 4 * plan.transformedWords()};
    if (plan.partial)
      code.scratchBytes.push_back((plan.bufferBytes() + 3) / 4 * 4);
    winograd::Function input = winograd::phaseTransformFunction(s);
    winograd::Function product = winograd::phaseProduct(s);
    addFunction(code, input.name, input.text);
    addFunction(code, product.name, product.text);
    std::string row;
    std::string rowText = stripRow(p, plan, row);
    addSharedFunction(code, row, rowText);
    code.body = body(p, plan, row, input.name, product.name);
    return true;
  }

private:
  /// The constants of channels o and o + 1.
  static void pack(const ConvolutionProblem &p, const Plan &plan,
                   const FastRequantization &form, int64_t o,
                   std::vector<int32_t> &words) {
    const Shape &s = plan.shape;
    int64_t inputs = p.inputChannels;
    // Taps of a phase: 0 and 2, or 1 alone.
    auto tap = [](int64_t phase, int64_t i) {
      return phase ? (i ? -1 : 1) : 2 * i;
    };
    auto pair = [](int64_t low, int64_t high) {
      return int32_t((uint32_t(low) & 0xFFFF) | uint32_t(high) << 16);
    };
    const auto &points = winograd::phasePoints();
    for (size_t n = 0; n < points.size(); ++n) {
      const winograd::PhasePoint &point = points[n];
      auto weight = [&](int64_t k, int64_t a, int64_t b, int64_t c) {
        int64_t value = 0;
        for (int64_t i = 0; i < 2; ++i)
          for (int64_t j = 0; j < 2; ++j)
            if (tap(a, i) >= 0 && tap(b, j) >= 0)
              value += winograd::phaseTransform(point.row, i) *
                       winograd::phaseTransform(point.column, j) *
                       p.weight(o + k, tap(a, i), tap(b, j), c);
        return value * extraScale; // 36 * 7 * 128 fits int16
      };
      for (int64_t k = 0; k < 2; ++k) {
        // Point (1, 1) reaches every output once.
        int64_t start = 0;
        if (point.row == 1 && point.column == 1) {
          int64_t sum = 0;
          for (int64_t ky = 0; ky < 3; ++ky)
            for (int64_t kx = 0; kx < 3; ++kx)
              for (int64_t c = 0; c < inputs; ++c)
                sum += p.weight(o + k, ky, kx, c);
          start = (p.bias[size_t(o + k)] - 128 * sum) * outputScale +
                  form.channels[size_t(o + k)].correction;
        }
        for (auto [a, b] : point.phases)
          for (int64_t c = 0; c < inputs; ++c)
            if (c % 4 < 2)
              start -= winograd::phaseOffset * weight(k, a, b, c);
        words.push_back(int32_t(uint32_t(uint64_t(start))));
      }
      for (auto [a, b] : point.phases)
        for (int64_t c = 0; c < inputs; c += 4)
          for (int64_t k = 0; k < 2; ++k) {
            words.push_back(pair(weight(k, a, b, c), weight(k, a, b, c + 2)));
            words.push_back(
                pair(weight(k, a, b, c + 1), weight(k, a, b, c + 3)));
          }
      if (n < 24 &&
          (n + 1) % size_t(winograd::pointsPerTurn(s, point.phases.size())) ==
              0)
        words.push_back(n != 15 && n != 23);
    }
    for (int64_t k = 0; k < 2; ++k) {
      const FastRequantization::Channel &c = form.channels[size_t(o + k)];
      words.push_back(c.multiplier);
      words.push_back(c.addend);
      if (s.stepped)
        words.push_back(c.step);
    }
  }

  /// Brings one row of the image, or none, into the strip.
  static std::string stripRow(const ConvolutionProblem &p, const Plan &plan,
                              std::string &name) {
    const Shape &s = plan.shape;
    int64_t groups = p.inputChannels / 4;
    uint32_t border = uint8_t(p.inputZeroPoint + 128) * 0x01010101u;
    name = fmt::format("adze_winograd_phases_row_{0}x{1}_pad{2}_{3:02x}_{4}",
                       p.inputWidth, p.inputChannels, p.padLeft, border & 0xFF,
                       s.stripWidth);
    auto outside = [&](int64_t count) {
      if (count <= 0)
        return std::string();
      return fmt::format("  for (int32_t x = 0; x < {}; ++x) {{\n"
                         "    for (int32_t group = 0; group < {}; ++group) {{\n"
                         "      strip[group * {}] = 0x{:08X}u;\n    }}\n"
                         "    strip += {};\n  }}\n",
                         count, groups, s.stripWidth * stripRows, border,
                         stripRows);
    };
    std::string text = fmt::format(
        "/* Winograd of a stride of 2: one row of the image as words of bytes\n"
        "   x + 128, even columns and then odd ones, or one of zero points. "
        "*/\n"
        "ADZE_SHARED static void {0}(const int8_t *image, int32_t exists, "
        "uint32_t *strip)\n{{\n"
        "  const int8_t *from;\n"
        "  if (!exists) {{\n"
        "    for (int32_t i = 0; i < {1}; ++i) {{\n"
        "      strip[i * {2}] = 0x{3:08X}u;\n    }}\n    return;\n  }}\n",
        name, groups * s.stripWidth, stripRows, border);
    for (int64_t phase = 0; phase < 2; ++phase) {
      int64_t count = (s.stripWidth + 1 - phase) / 2;
      // Columns 2 i + phase - padLeft inside of the image.
      int64_t first = std::max<int64_t>(0, (p.padLeft - phase + 1) / 2);
      first = std::min(first, count);
      int64_t last = std::clamp<int64_t>(
          (p.inputWidth - 1 + p.padLeft - phase) / 2 + 1, first, count);
      text += outside(first);
      if (last > first)
        text += fmt::format(
            "  from = image + {};\n"
            "  for (int32_t x = 0; x < {}; ++x) {{\n"
            "    for (int32_t group = 0; group < {}; ++group) {{\n"
            "      uint32_t word;\n"
            "      memcpy(&word, from + 4 * group, sizeof word);\n"
            "      strip[group * {}] = word ^ 0x80808080u;\n    }}\n"
            "    from += {};\n    strip += {};\n  }}\n",
            (2 * first + phase - p.padLeft) * p.inputChannels, last - first,
            groups, s.stripWidth * stripRows, 2 * p.inputChannels, stripRows);
      text += outside(count - last);
    }
    return text + "}\n";
  }

  static std::string body(const ConvolutionProblem &p, const Plan &plan,
                          const std::string &row, const std::string &input,
                          const std::string &product) {
    int64_t m = tile, outputs = p.outputChannels;
    std::string text;
    auto line = [&](int depth, const std::string &content) {
      text += std::string(size_t(2 * depth), ' ') + content + '\n';
    };
    line(1, "uint32_t *strip = (uint32_t *)scratch0;");
    line(1, "uint32_t *v = (uint32_t *)scratch1;");
    if (plan.partial)
      line(1, "int8_t *buffer = (int8_t *)scratch2;");
    line(1, fmt::format("for (int32_t image = 0; image < {}; ++image) {{",
                        p.batch));
    line(2, fmt::format("const int8_t *from = in0 + image * {};",
                        p.inputElements() / p.batch));
    line(2, fmt::format("for (int32_t row = 0; row < {}; row += {}) {{",
                        p.outputHeight, m));
    line(3, fmt::format("for (int32_t i = 0; i < {}; ++i) {{", stripRows));
    line(4, fmt::format("const int32_t y = 2 * row + i - {};", p.padTop));
    line(4, fmt::format("const int32_t exists = y >= 0 && y < {};",
                        p.inputHeight));
    line(4, fmt::format(
                "{}(from + (exists ? y : 0) * {}, exists, strip + (i % 2 * 5 + "
                "i / 2));",
                row, p.inputWidth * p.inputChannels));
    line(3, "}");
    line(3,
         fmt::format("for (int32_t column = 0; column < {}; column += {}) {{",
                     p.outputWidth, 2 * m));
    line(4,
         fmt::format("int8_t *to = out0 + ((image * {} + row) * {} + column) "
                     "* {};",
                     p.outputHeight, p.outputWidth, outputs));
    line(4,
         fmt::format("const uint32_t *tile = strip + column * {};", stripRows));
    line(4, fmt::format("{}(tile, v);", input));
    std::string second =
        fmt::format("{}(tile + {}, v + 2);", input, m * stripRows);
    if (plan.tileColumns % 2) {
      line(4, fmt::format("if (column + {} < {}) {{", m, p.outputWidth));
      line(5, second);
      line(4, "}");
    } else {
      line(4, second);
    }
    auto products = [&](int depth, const std::string &target,
                        const std::string &pitch) {
      line(depth,
           fmt::format("for (int32_t channel = 0; channel < {}; channel += 2) "
                       "{{",
                       outputs));
      line(depth + 1,
           fmt::format("{}(v, c0 + channel / 2 * {}, {} + channel, {});",
                       product, plan.constantWords(), target, pitch));
      line(depth, "}");
    };
    std::string pitch = fmt::format("{}", p.outputWidth * outputs);
    if (!plan.partial) {
      products(4, "to", pitch);
    } else {
      line(4, fmt::format("const int32_t rows = {0} - row < {1} ? {0} - row : "
                          "{1};",
                          p.outputHeight, m));
      line(4, fmt::format("const int32_t columns = {0} - column < {1} ? {0} - "
                          "column : {1};",
                          p.outputWidth, 2 * m));
      line(4, fmt::format("const int32_t whole = rows == {} && columns == {};",
                          m, 2 * m));
      line(4, "int8_t *target = whole ? to : buffer;");
      line(4, fmt::format("const int32_t pitch = whole ? {} : {};", pitch,
                          2 * m * outputs));
      products(4, "target", "pitch");
      line(4, "for (int32_t y = 0; !whole && y < rows; ++y) {");
      line(5, fmt::format("memcpy(to + y * {}, buffer + y * {}, "
                          "(size_t)(columns * {}));",
                          pitch, 2 * m * outputs, outputs));
      line(4, "}");
    }
    line(3, "}");
    line(2, "}");
    line(1, "}");
    return text;
  }
};

} // namespace

const KernelFamily &convWinogradStridedDsp() {
  static const DspStridedWinograd family;
  return family;
}

} // namespace adze::families
