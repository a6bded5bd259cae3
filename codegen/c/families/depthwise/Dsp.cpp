//===- Dsp.cpp - Depthwise convolution with Arm's DSP extension -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Kernels of any size with strides of 1 and 2, four channels at a time: rows
/// are widened into planes of pairs (DspAssembly.h), and each channel is
/// computed from its plane. A strip of rows is in the planes at a time; the
/// rows that the next strip needs too are moved to its begin and not read
/// again, so that the output may take the place of the input.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/depthwise/DspAssembly.h"
#include "codegen/c/families/depthwise/FoldedForm.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

using depthwise::FoldedForm;
using depthwise::Shape;

/// Weights are kept times 256: a byte becomes the upper half of an int16.
constexpr int64_t weightScale = 256;
/// Offsets of the four planes must fit an immediate of 12 bits.
constexpr int64_t mostPlaneBytes = 4095 / 3;
/// Planes larger than this buy too few instructions.
constexpr int64_t usefulScratch = 4400;

/// Weights that do not stay in registers are widened on the stack.
constexpr int64_t mostWeightWords = 64;

struct Plan {
  Shape shape;
  int64_t strip = 0; // output rows in the planes at a time
  int64_t strips = 0;
};

Plan planFor(const ConvolutionProblem &p, int64_t strip) {
  Plan plan;
  Shape &s = plan.shape;
  s.inputWidth = p.inputWidth;
  s.outputWidth = p.outputWidth;
  s.channels = p.inputChannels;
  s.outputChannels = p.outputChannels;
  s.padLeft = p.padLeft;
  s.strideHeight = p.strideHeight;
  s.strideWidth = p.strideWidth;
  if (p.kernelHeight > 3 || p.kernelWidth > 3 || p.dilationHeight > 1) {
    s.kernelHeight = p.kernelHeight;
    s.kernelWidth = p.kernelWidth;
    s.dilationHeight = p.dilationHeight;
  }
  s.pairs = p.strideWidth == 1 ? (p.outputWidth + s.kernelWidth) / 2
                               : p.outputWidth + (s.kernelWidth - 1) / 2;
  s.zeroPoint = p.inputZeroPoint;
  plan.strip = std::min(strip, p.outputHeight);
  plan.strips = (p.outputHeight + plan.strip - 1) / plan.strip;
  s.planeRows = p.strideHeight * (plan.strip - 1) + s.window();
  s.oddRows = plan.strip % 2 != 0 || p.outputHeight % 2 != 0;
  return plan;
}

bool fits(const Plan &plan) {
  return plan.shape.planeRows * plan.shape.rowBytes() <= mostPlaneBytes &&
         plan.shape.tileRows() > 0;
}

/// Whether the output may begin where the input begins: no row is written
/// before the planes have it.
bool inPlace(const ConvolutionProblem &p) {
  return p.outputChannels == p.inputChannels && p.outputWidth <= p.inputWidth &&
         p.outputHeight <= p.inputHeight;
}

class DspDepthwise final : public KernelFamily {
public:
  std::string_view name() const override { return "depthwise.pairs.dsp"; }
  std::string_view summary() const override {
    return "depthwise on planes of int16 pairs, SMLAD, weights of 3x3 in "
           "registers";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    auto stride = [](int64_t s) { return s == 1 || s == 2; };
    if (!p || !machine.hasDsp || p->type != QuantizedType::int8 ||
        !p->isDepthwise() || p->residual || p->dilationWidth != 1 ||
        !stride(p->strideHeight) || !stride(p->strideWidth) ||
        p->inputChannels > 1365 || p->inputElements() > INT32_MAX ||
        p->outputElements() > INT32_MAX)
      return false;
    Plan plan = planFor(*p, 1);
    const Shape &s = plan.shape;
    return p->padTop < s.window() && p->padLeft < s.kernelWidth &&
           s.strideHeight <= s.window() &&
           (s.resident() ||
            s.kernelHeight * s.weightWords() <= mostWeightWords) &&
           fits(plan);
  }

  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<Schedule> schedules;
    int64_t largest = 0;
    for (int64_t rows = 1; rows <= p.outputHeight; ++rows) {
      Plan plan = planFor(p, rows);
      if (fits(plan) && (scratch(plan) <= usefulScratch || rows == 1))
        largest = rows;
    }
    // A remainder of odd height costs a second copy of the loops.
    if (largest > 1 && largest < p.outputHeight)
      largest = largest / 2 * 2;
    for (int64_t rows : {largest, largest / 4 * 2}) {
      bool known = !schedules.empty() && schedules[0].get("rows", 0) == rows;
      if (rows > 0 && !known)
        schedules.push_back({std::string(name()), {{"rows", rows}}});
    }
    return schedules;
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    Plan plan = planFor(p, schedule.get("rows", 1));
    plan.shape.shift = 12;
    plan.shape.stepped = p.requantization.rounding == Rounding::twice &&
                         p.requantization.low < p.requantization.zeroPoint;
    plan.shape.sharedAddend = !plan.shape.stepped;
    plan.shape.clamps =
        p.requantization.low != -128 || p.requantization.high != 127;
    const Shape &s = plan.shape;
    depthwise::Function widen = depthwise::widenFunction(s);
    depthwise::Function strip = depthwise::stripFunction(s);
    double groups = double(p.inputChannels / 4),
           rest = double(p.inputChannels % 4);
    double strips = double(plan.strips), height = double(p.outputHeight);
    double rows =
        double(std::min(p.inputHeight, p.strideHeight * (p.outputHeight - 1) +
                                           s.window() - p.padTop));
    KernelFeatures features;
    features.instructions =
        groups * (strips * (widen.perCall + 12) + rows * widen.perRow) +
        double(p.outputChannels) *
            (strips * (strip.perCall + 8) + height * strip.perRow) +
        (rest ? rows * depthwise::widenRestFunction(s).perRow : 0) +
        double(scratch(plan)) * 0.4 + 60;
    if (plan.strips > 1) {
      double kept = double(s.window() - p.strideHeight) * double(s.pairs) * 4;
      features.instructions += (groups + (rest ? 1 : 0)) *
                               ((strips - 1) * (kept * 3.3 + 60) + strips * 30 +
                                double(2 * s.pairs * 4) * 1.6 + 60);
    }
    features.instructions *= double(p.batch);
    features.loads = double(p.batch) *
                     (groups * rows * widen.loadsPerRow +
                      double(p.outputChannels) * height * strip.loadsPerRow);
    features.stores = double(p.outputElements()) +
                      double(p.batch) * rows * double(s.pairs * s.channels) / 2;
    features.constantBytes = channelWords(s) * 4 * s.outputChannels;
    features.codeBytes =
        widen.codeBytes + strip.codeBytes + (plan.strips > 1 ? 420 : 180);
    features.scratchBytes = scratch(plan);
    features.stackBytes = 130;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    Plan plan = planFor(p, schedule.get("rows", 1));
    if (!fits(plan))
      return false;
    code = {};
    std::vector<int32_t> constants;
    if (!requantize(p, plan.shape, constants) || !fits(plan))
      return false;
    code.constants.push_back(wordConstant(constants));
    code.scratchBytes = {scratch(plan)};
    depthwise::Function strip = depthwise::stripFunction(plan.shape);
    bool groups = p.inputChannels >= 4, rest = p.inputChannels % 4;
    std::string widen, widenRest;
    if (groups) {
      depthwise::Function f = depthwise::widenFunction(plan.shape);
      addFunction(code, f.name, f.text);
      widen = f.name;
    }
    if (rest) {
      depthwise::Function f = depthwise::widenRestFunction(plan.shape);
      addFunction(code, f.name, f.text);
      widenRest = f.name;
    }
    addFunction(code, strip.name, strip.text);
    code.body = body(p, plan, widen, widenRest, strip.name);
    if (plan.strips > 1)
      addSharedFunction(code, "adze_depthwise_move", move);
    addSharedFunction(code, "adze_depthwise_fill", fill);
    if (inPlace(p))
      code.overlap = {{0, 0}};
    return true;
  }

private:
  static constexpr const char *fill =
      R"(/* The same words in four planes. */
ADZE_SHARED static void adze_depthwise_fill(uint32_t *to, int32_t plane, int32_t words, uint32_t value)
{
  for (int32_t channel = 0; channel < 4; ++channel) {
    int32_t i = 0;
    for (; i + 4 <= words; i += 4) {
      to[i] = value;
      to[i + 1] = value;
      to[i + 2] = value;
      to[i + 3] = value;
    }
    for (; i < words; ++i) {
      to[i] = value;
    }
    to += plane;
  }
}
)";
  static constexpr const char *move =
      R"(/* Rows that the next strip needs to the begin of four planes. */
ADZE_SHARED static void adze_depthwise_move(uint32_t *to, int32_t distance, int32_t plane, int32_t words)
{
  for (int32_t channel = 0; channel < 4; ++channel) {
    const uint32_t *from = to + distance;
    int32_t i = 0;
    for (; i + 4 <= words; i += 4) {
      to[i] = from[i];
      to[i + 1] = from[i + 1];
      to[i + 2] = from[i + 2];
      to[i + 3] = from[i + 3];
    }
    for (; i < words; ++i) {
      to[i] = from[i];
    }
    to += plane;
  }
}
)";

  static int64_t scratch(const Plan &plan) {
    return 4 * plan.shape.planeRows * plan.shape.rowBytes();
  }

  /// Fills in the form of requantization and makes the constants.
  static bool requantize(const ConvolutionProblem &p, Shape &shape,
                         std::vector<int32_t> &constants) {
    std::optional<FoldedForm> folded =
        depthwise::findFoldedForm(p, weightScale);
    if (!folded) {
      FastSearch search;
      search.scale = weightScale;
      std::optional<FastRequantization> form = findFastRequantization(
          p.requantization, accumulatorRanges(p), search);
      if (!form)
        form = exactRequantization(p.requantization, accumulatorRanges(p),
                                   weightScale);
      if (!form)
        return false;
      shape.exact = form->exact;
      shape.twice = form->twice;
      folded = FoldedForm();
      folded->shift = form->shift;
      folded->clamps = form->clamps;
      folded->clampSubtract = form->clampSubtract;
      folded->clampAdd = form->clampAdd;
      shape.stepped = form->stepped;
      for (int64_t o = 0; o < p.outputChannels; ++o) {
        const FastRequantization::Channel &channel = form->channels[size_t(o)];
        folded->channels.push_back(
            {channel.multiplier,
             int32_t(uint32_t(uint64_t(p.bias[size_t(o)] * weightScale +
                                       channel.correction))),
             channel.addend, channel.step, false});
      }
    }
    shape.shift = folded->shift;
    shape.sharedAddend = folded->sharedAddend;
    shape.clamps = folded->clamps;
    shape.clampSubtract = folded->clampSubtract;
    shape.clampAdd = folded->clampAdd;
    shape.addend = folded->channels[0].addend;
    for (int64_t o = 0; o < p.outputChannels; ++o) {
      const FoldedForm::Channel &channel = folded->channels[size_t(o)];
      constants.push_back(channel.multiplier);
      constants.push_back(channel.start);
      if (!shape.sharedAddend)
        constants.push_back(channel.addend);
      if (shape.hasStep())
        constants.push_back(channel.step);
      auto byte = [&](int64_t ky, int64_t kx) {
        bool inside = !channel.constant && ky < p.kernelHeight && kx >= 0 &&
                      kx < p.kernelWidth;
        return uint32_t(uint8_t(inside ? p.weight(o, ky, kx, 0) : 0));
      };
      int64_t words = shape.resident() ? 1 : shape.weightWords();
      for (int64_t ky = 0; ky < shape.kernelHeight; ++ky)
        for (int64_t word = 0; word < words; ++word) {
          auto [x0, x1] = depthwise::tapsOf(shape, word, false);
          auto [y0, y1] = depthwise::tapsOf(shape, word, true);
          constants.push_back(int32_t(byte(ky, y0) | byte(ky, x0) << 8 |
                                      byte(ky, y1) << 16 | byte(ky, x1) << 24));
        }
    }
    return true;
  }

  static std::string body(const ConvolutionProblem &p, const Plan &plan,
                          const std::string &widen,
                          const std::string &widenRest,
                          const std::string &strip) {
    const Shape &s = plan.shape;
    int64_t plane = s.planeRows * s.pairs;
    uint32_t zero = uint16_t(int16_t(s.zeroPoint)) * 0x00010001u;
    std::string text = fmt::format(
        "  uint32_t *planes = (uint32_t *)scratch0;\n"
        "  /* Borders hold the zero point; only {0} writes over it. */\n"
        "  adze_depthwise_fill(planes, {1}, {1}, 0x{2:08X}u);\n",
        plan.strips > 1 ? "a strip" : "the image", plane, zero);
    std::string indent = "  ";
    std::string from = "in0", to = "out0";
    if (p.batch > 1) {
      text += fmt::format("  for (int32_t image = 0; image < {}; ++image) {{\n"
                          "    const int8_t *from = in0 + image * {};\n"
                          "    int8_t *to = out0 + image * {};\n",
                          p.batch, p.inputElements() / p.batch,
                          p.outputElements() / p.batch);
      indent = "    ";
      from = "from", to = "to";
    }
    int64_t whole = p.inputChannels / 4 * 4, rest = p.inputChannels % 4;
    int64_t outputs = p.groupOutputs();
    std::string output =
        outputs == 1 ? "channel" : fmt::format("channel * {}", outputs);
    if (whole) {
      text += fmt::format(
          "{0}for (int32_t channel = 0; channel < {1}; channel += 4) {{\n",
          indent, whole);
      text += group(p, plan, widen, strip, from + " + channel",
                    to + " + " + output, output, 4, indent + "  ");
      text += indent + "}\n";
    }
    if (rest)
      text +=
          indent + "{\n" +
          group(p, plan, widenRest, strip, fmt::format("{} + {}", from, whole),
                fmt::format("{} + {}", to, whole * outputs),
                fmt::format("{}", whole * outputs), rest, indent + "  ") +
          indent + "}\n";
    if (p.batch > 1)
      text += "  }\n";
    return text;
  }

  /// All rows of up to four channels.
  static std::string group(const ConvolutionProblem &p, const Plan &plan,
                           const std::string &widen, const std::string &strip,
                           const std::string &from, const std::string &to,
                           const std::string &channel, int64_t channels,
                           const std::string &in) {
    const Shape &s = plan.shape;
    int64_t plane = s.planeRows * s.pairs, words = channelWords(s);
    uint32_t zero = uint16_t(int16_t(s.zeroPoint)) * 0x00010001u;
    int64_t padTop = std::min(p.padTop, s.planeRows);
    auto strips = [&](const std::string &indent, const std::string &row,
                      const std::string &count) {
      std::string from = p.groupOutputs() == 1
                             ? std::string("i")
                             : fmt::format("i / {}", p.groupOutputs());
      return fmt::format(
          "{0}for (int32_t i = 0; i < {1}; ++i) {{\n"
          "{0}  {2}(planes + {9} * {3}, c0 + ({4} + i) * {5}, {6}{7} + i, "
          "{8});\n{0}}}\n",
          indent, channels * p.groupOutputs(), strip, plane, channel, words, to,
          row.empty() ? ""
                      : fmt::format(" + {} * {}", row,
                                    p.outputWidth * s.outputChannels),
          count, from);
    };
    if (plan.strips == 1) {
      int64_t rows = std::min(p.inputHeight, s.planeRows - padTop);
      return fmt::format("{}{}({}, planes + {}, {});\n", in, widen, from,
                         padTop * s.pairs, rows) +
             strips(in, "", fmt::format("{}", p.outputHeight));
    }
    std::string text;
    auto line = [&](const std::string &content) {
      text += in + content + "\n";
    };
    if (padTop)
      line(fmt::format("adze_depthwise_fill(planes, {}, {}, 0x{:08X}u);", plane,
                       padTop * s.pairs, zero));
    line(fmt::format("int32_t have = {};", padTop));
    line("int32_t next = 0;");
    line(fmt::format("for (int32_t row = 0; row < {}; row += {}) {{",
                     p.outputHeight, plan.strip));
    bool even = p.outputHeight % plan.strip == 0;
    if (even)
      line(fmt::format("  const int32_t count = {};", plan.strip));
    else
      line(fmt::format("  const int32_t count = {0} - row < {1} ? {0} - row : "
                       "{1};",
                       p.outputHeight, plan.strip));
    line(fmt::format("  const int32_t need = {} * (count - 1) + {};",
                     s.strideHeight, s.window()));
    line(fmt::format("  const int32_t left = {} - next;", p.inputHeight));
    line("  const int32_t rows = need - have < left ? need - have : left;");
    line(fmt::format("  {}({} + next * {}, planes + have * {}, rows);", widen,
                     from, p.inputWidth * s.channels, s.pairs));
    line("  next += rows;");
    line("  have += rows;");
    line("  if (have < need) {");
    line(
        fmt::format("    adze_depthwise_fill(planes + have * {0}, {1}, (need - "
                    "have) * {0}, 0x{2:08X}u);",
                    s.pairs, plane, zero));
    line("  }");
    text += strips(in + "  ", "row", "count");
    int64_t kept = s.window() - s.strideHeight;
    line(fmt::format("  adze_depthwise_move(planes, count * {}, {}, {});",
                     s.strideHeight * s.pairs, plane, kept * s.pairs));
    line(fmt::format("  have = {};", kept));
    line("}");
    return text;
  }
};

} // namespace

const KernelFamily &depthwiseDsp() {
  static const DspDepthwise family;
  return family;
}

} // namespace adze::families
