//===- Dsp.cpp - Winograd convolution with Arm's DSP extension --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Exact integer F(4x4, 3x3) and F(2x2, 3x3) with weights transformed ahead of
/// time (DspAssembly.h): 2.25 and 4 products an output and input channel
/// instead of 9, for 8 and 3.6 times the bytes of the weights. Transformed
/// weights and inputs fit int16 whatever their values; that the scaled outputs
/// fit 32 bits is part of the search for the requantization.
///
/// A row of tiles at a time: its input rows are brought into a strip of words
/// with borders, then two tiles are transformed and multiplied with all output
/// channels. Tiles that reach over the right or lower end of the image are
/// computed into a buffer.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/conv_winograd/DspAssembly.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

using winograd::Shape;

/// What weights are multiplied with beside the scale of G: (2 * 3)^2 / 4 * 28
/// times 128 still fits int16, and fine sums make requantization exact.
int64_t extraScale(int64_t tile) { return tile == 4 ? 1 : 28; }
/// What outputs come out multiplied with.
int64_t outputScale(int64_t tile) { return tile == 4 ? 576 : 4 * 28; }

struct Plan {
  Shape shape;
  int64_t tileRows = 0, tileColumns = 0, pairs = 0;
  bool partial = false; // some pair of tiles reaches over the image

  int64_t stripWords() const {
    return shape.inputChannels / 4 * shape.stripWidth * (shape.tile + 2);
  }
  int64_t transformedWords() const {
    return shape.points() * shape.inputChannels;
  }
  int64_t bufferBytes() const {
    return partial ? 2 * shape.tile * shape.tile * shape.outputChannels : 0;
  }
  /// Words of constants for two output channels.
  int64_t constantWords() const {
    return shape.points() * (2 + shape.inputChannels) +
           shape.points() / shape.pointsPerTurn() + (shape.stepped ? 6 : 4);
  }
};

Plan planFor(const ConvolutionProblem &p, int64_t tile) {
  Plan plan;
  plan.tileRows = (p.outputHeight + tile - 1) / tile;
  plan.tileColumns = (p.outputWidth + tile - 1) / tile;
  plan.pairs = (plan.tileColumns + 1) / 2;
  plan.partial = p.outputHeight % tile || p.outputWidth % (2 * tile);
  plan.shape.tile = tile;
  plan.shape.inputChannels = p.inputChannels;
  plan.shape.outputChannels = p.outputChannels;
  plan.shape.stripWidth = plan.tileColumns * tile + 2;
  return plan;
}

class DspWinograd final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.winograd.dsp"; }
  std::string_view summary() const override {
    return "exact integer Winograd of 3x3 convolutions with SMLAD, weights "
           "transformed ahead of time";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && machine.hasDsp && p->type == QuantizedType::int8 &&
           p->groups == 1 && p->kernelHeight == 3 && p->kernelWidth == 3 &&
           p->strideHeight == 1 && p->strideWidth == 1 &&
           p->dilationHeight == 1 && p->dilationWidth == 1 && !p->residual &&
           p->inputChannels % 4 == 0 && p->inputChannels <= 200 &&
           p->outputChannels % 2 == 0 && p->outputChannels <= 1365 &&
           p->inputElements() <= INT32_MAX && p->outputElements() <= INT32_MAX;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {{"tile", 4}}},
            {std::string(name()), {{"tile", 2}}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    Plan plan = planFor(p, schedule.get("tile", 4));
    Shape &s = plan.shape;
    const Requantization &r = p.requantization;
    s.shift = 12;
    s.stepped = r.rounding == Rounding::twice && r.low < r.zeroPoint;
    s.clamps = r.low != -128 || r.high != 127;
    winograd::Function input = winograd::inputTransform(s);
    winograd::Function product = winograd::product(s);
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
                      inputs * double(s.points() * p.inputChannels) / 2;
    features.constantBytes = 4 * plan.constantWords() * p.outputChannels / 2;
    features.codeBytes = input.codeBytes + product.codeBytes + 500;
    features.scratchBytes =
        4 * (plan.stripWords() + plan.transformedWords()) + plan.bufferBytes();
    features.stackBytes = std::max(input.stackBytes, product.stackBytes) + 80;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    Plan plan = planFor(p, schedule.get("tile", 4));
    FastSearch search;
    search.scale = outputScale(plan.shape.tile);
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
      if (!pack(p, plan, *form, o, words))
        return false;
    code.constants.push_back(wordConstant(words));
    code.scratchBytes = {4 * plan.stripWords(), 4 * plan.transformedWords()};
    if (plan.partial)
      code.scratchBytes.push_back((plan.bufferBytes() + 3) / 4 * 4);
    winograd::Function input = winograd::inputTransform(s);
    winograd::Function product = winograd::product(s);
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
  static bool pack(const ConvolutionProblem &p, const Plan &plan,
                   const FastRequantization &form, int64_t o,
                   std::vector<int32_t> &words) {
    const Shape &s = plan.shape;
    int64_t t = s.tile + 2, points = s.points(), inputs = p.inputChannels;
    std::vector<int32_t> weights[2];
    int64_t sum[2] = {0, 0};
    for (int64_t k = 0; k < 2; ++k) {
      weights[k].resize(size_t(points * inputs));
      for (int64_t c = 0; c < inputs; ++c)
        for (int64_t point = 0; point < points; ++point) {
          int64_t value = 0;
          for (int64_t ky = 0; ky < 3; ++ky)
            for (int64_t kx = 0; kx < 3; ++kx)
              value += winograd::weightTransform(s.tile, point / t, ky) *
                       winograd::weightTransform(s.tile, point % t, kx) *
                       p.weight(o + k, ky, kx, c);
          value *= extraScale(s.tile);
          if (value < INT16_MIN || value > INT16_MAX)
            return false;
          weights[k][size_t(point * inputs + c)] = int32_t(value);
        }
      for (int64_t ky = 0; ky < 3; ++ky)
        for (int64_t kx = 0; kx < 3; ++kx)
          for (int64_t c = 0; c < inputs; ++c)
            sum[k] += p.weight(o + k, ky, kx, c);
    }
    auto pair = [](int32_t low, int32_t high) {
      return int32_t((uint32_t(low) & 0xFFFF) | uint32_t(high) << 16);
    };
    for (int64_t point = 0; point < points; ++point) {
      for (int64_t k = 0; k < 2; ++k) {
        // Point (1, 1) reaches every output once.
        int64_t start = 0;
        if (point == t + 1)
          start = (p.bias[size_t(o + k)] - 128 * sum[k]) * outputScale(s.tile) +
                  form.channels[size_t(o + k)].correction;
        if (s.tile == 4)
          for (int64_t c = 0; c < inputs; ++c)
            if (c % 4 < 2)
              start -= int64_t(winograd::lowHalfOffset) *
                       weights[k][size_t(point * inputs + c)];
        words.push_back(int32_t(uint32_t(uint64_t(start))));
      }
      for (int64_t c = 0; c < inputs; c += 4)
        for (int64_t k = 0; k < 2; ++k) {
          const int32_t *w = weights[k].data() + point * inputs + c;
          words.push_back(pair(w[0], w[2]));
          words.push_back(pair(w[1], w[3]));
        }
      if ((point + 1) % s.pointsPerTurn() == 0)
        words.push_back(point + 1 < points);
    }
    for (int64_t k = 0; k < 2; ++k) {
      const FastRequantization::Channel &c = form.channels[size_t(o + k)];
      words.push_back(c.multiplier);
      words.push_back(c.addend);
      if (s.stepped)
        words.push_back(c.step);
    }
    return true;
  }

  /// Brings one row of the image, or none, into the strip.
  static std::string stripRow(const ConvolutionProblem &p, const Plan &plan,
                              std::string &name) {
    const Shape &s = plan.shape;
    int64_t t = s.tile + 2, groups = p.inputChannels / 4;
    int64_t inside = std::min(p.inputWidth, s.stripWidth - p.padLeft);
    uint32_t border = uint8_t(p.inputZeroPoint + 128) * 0x01010101u;
    name = fmt::format("adze_winograd_{0}x{0}_row_{1}x{2}_pad{3}_{4:02x}_{5}",
                       s.tile, p.inputWidth, p.inputChannels, p.padLeft,
                       border & 0xFF, s.stripWidth);
    auto outside = [&](int64_t count) {
      if (count <= 0)
        return std::string();
      return fmt::format("  for (int32_t x = 0; x < {}; ++x) {{\n"
                         "    for (int32_t group = 0; group < {}; ++group) {{\n"
                         "      strip[group * {}] = 0x{:08X}u;\n    }}\n"
                         "    strip += {};\n  }}\n",
                         count, groups, s.stripWidth * t, border, t);
    };
    std::string text = fmt::format(
        "/* Winograd: one row of the image as words of bytes x + 128, or one "
        "of\n"
        "   zero points. */\n"
        "ADZE_SHARED static void {0}(const int8_t *from, int32_t exists, "
        "uint32_t *strip)\n{{\n"
        "  if (!exists) {{\n"
        "    for (int32_t i = 0; i < {1}; ++i) {{\n"
        "      strip[i * {2}] = 0x{3:08X}u;\n    }}\n    return;\n  }}\n",
        name, groups * s.stripWidth, t, border);
    text += outside(p.padLeft);
    text +=
        fmt::format("  for (int32_t x = 0; x < {}; ++x) {{\n"
                    "    for (int32_t group = 0; group < {}; ++group) {{\n"
                    "      uint32_t word;\n"
                    "      memcpy(&word, from + 4 * group, sizeof word);\n"
                    "      strip[group * {}] = word ^ 0x80808080u;\n    }}\n"
                    "    from += {};\n    strip += {};\n  }}\n",
                    inside, groups, s.stripWidth * t, p.inputChannels, t);
    text += outside(s.stripWidth - p.padLeft - inside);
    return text + "}\n";
  }

  static std::string body(const ConvolutionProblem &p, const Plan &plan,
                          const std::string &row, const std::string &input,
                          const std::string &product) {
    const Shape &s = plan.shape;
    int64_t t = s.tile + 2, m = s.tile, outputs = p.outputChannels;
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
    line(3, fmt::format("for (int32_t i = 0; i < {}; ++i) {{", t));
    line(4, fmt::format("const int32_t y = row + i - {};", p.padTop));
    line(4, fmt::format("const int32_t exists = y >= 0 && y < {};",
                        p.inputHeight));
    line(4, fmt::format("{}(from + (exists ? y : 0) * {}, exists, strip + i);",
                        row, p.inputWidth * p.inputChannels));
    line(3, "}");
    line(3,
         fmt::format("for (int32_t column = 0; column < {}; column += {}) {{",
                     p.outputWidth, 2 * m));
    line(4,
         fmt::format("int8_t *to = out0 + ((image * {} + row) * {} + column) "
                     "* {};",
                     p.outputHeight, p.outputWidth, outputs));
    line(4, fmt::format("const uint32_t *tile = strip + column * {};", t));
    line(4, fmt::format("{}(tile, v);", input));
    std::string second = fmt::format("{}(tile + {}, v + 2);", input, m * t);
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

const KernelFamily &convWinogradDsp() {
  static const DspWinograd family;
  return family;
}

} // namespace adze::families
