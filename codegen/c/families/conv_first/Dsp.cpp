//===- Dsp.cpp - Convolution of any bytes on Arm's DSP extension -*- C++ -*-==//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The first convolution of a network, whose pixels are one to four bytes, and
/// every other one that has no faster family: odd channel counts, dilation,
/// groups. A band of rows is copied with its borders; from there the windows of
/// pixel pairs are gathered by words at any alignment.
///
/// The two pixels of a pair are neighbours in a row or in a column, whichever
/// leaves fewer of them without a partner.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/dsp/Convolution.h"
#include "codegen/c/families/dsp/Widen.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

using namespace dsp;

/// Everything that follows from the problem's shape.
struct Plan {
  bool vertical = false;           // pairs are columns
  bool single = false;             // one pixel is its own partner
  int64_t columns = 0, inside = 0; // of the copy; of the image in it
  int64_t pitch = 0;               // bytes of a row of the copy
  int64_t band = 0, bandRows = 0;  // output rows; input rows for them
  int64_t pairs = 0, block = 0;    // of a step; in scratch together
  GatherPlan gather;
  Product product;

  Plan(const ConvolutionProblem &p, bool wide)
      : gather(planFor(p)),
        product(wide, 1, gather.chunks(), p.groupOutputs()) {
    gather.pad(product.chunks);
    int64_t width = p.outputWidth, height = p.outputHeight;
    single = width == 1 && height == 1;
    vertical = height > 1 && (width == 1 || width * ((height + 1) / 2) <
                                                height * ((width + 1) / 2));
    columns = columnsOf(p);
    inside = std::clamp<int64_t>(columns - p.padLeft, 0, p.inputWidth);
    pitch = columns * p.inputChannels;
    band =
        std::max<int64_t>(1, (4096 / pitch - spanOf(p)) / p.strideHeight + 1);
    if (vertical)
      band = std::max<int64_t>(2, band / 2 * 2);
    band = std::min(band, height);
    bandRows = (band - 1) * p.strideHeight + spanOf(p);
    pairs = vertical ? width : single ? 1 : width / 2;
    block = std::clamp<int64_t>(512 / (16 * gather.chunks()), 1, pairs);
    int64_t pixel = p.strideWidth * p.inputChannels;
    gather.secondPixel = single ? 0 : vertical ? p.strideHeight * pitch : pixel;
    gather.nextPair = vertical ? pixel : 2 * pixel;
  }

  ProductSteps steps(const ConvolutionProblem &p) const {
    int64_t outputs = p.outputChannels;
    return {single     ? 0
            : vertical ? p.outputWidth * outputs
                       : outputs,
            vertical ? outputs : 2 * outputs, 16 * gather.chunks()};
  }
  int64_t windowWords() const { return block * gather.chunks() * 4; }
  int64_t scratchBytes() const {
    // The last word of a window may reach three bytes behind it.
    return windowWords() * 4 + (bandRows * pitch + 7) / 4 * 4;
  }
  /// Pixels of a row that have no partner in it.
  bool overlaps(const ConvolutionProblem &p) const {
    return !vertical && !single && p.outputWidth % 2;
  }

private:
  static int64_t spanOf(const ConvolutionProblem &p) {
    return (p.kernelHeight - 1) * p.dilationHeight + 1;
  }
  static int64_t columnsOf(const ConvolutionProblem &p) {
    return (p.outputWidth - 1) * p.strideWidth +
           (p.kernelWidth - 1) * p.dilationWidth + 1;
  }
  static GatherPlan planFor(const ConvolutionProblem &p) {
    return planGather(p, columnsOf(p) * p.inputChannels);
  }
};

class GatherDsp final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.gather.dsp"; }
  std::string_view summary() const override {
    return "convolution with SMLAD over windows gathered from a padded copy";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    const ConvolutionProblem *p = findConvolution(problem, machine, true);
    return p && !(p->isDepthwise() && p->groupOutputs() == 1) &&
           p->padLeft >= 0 && p->padTop >= 0 &&
           p->kernelHeight * p->kernelWidth * p->groupInputs() <= 8192 &&
           Plan(*p, false).scratchBytes() <= 32768;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return weightSchedules(name());
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    bool wide = isWide(schedule);
    Plan plan(p, wide);
    auto block = [&](int64_t count) {
      return plan.gather.instructions(double(count), wide) +
             plan.product.instructions(double(count), p) + 18;
    };
    double step = double(plan.pairs / plan.block) * block(plan.block) + 15;
    if (plan.pairs % plan.block)
      step += block(plan.pairs % plan.block);
    if (plan.overlaps(p))
      step += block(1);
    int64_t bands = (p.outputHeight + plan.band - 1) / plan.band;
    double copied = double(plan.bandRows) * (45 + 0.55 * double(plan.pitch));
    int64_t steps = plan.vertical ? (p.outputHeight + 1) / 2 : p.outputHeight;
    KernelFeatures f;
    f.instructions = 20 + double(p.batch) * (double(bands) * (copied + 12) +
                                             double(steps * p.groups) * step);
    f.constantBytes =
        4 * (plan.gather.words() + p.groups * plan.product.constantWords(p));
    f.codeBytes = plan.product.codeBytes() + 600;
    f.scratchBytes = plan.scratchBytes();
    f.stackBytes = 220;
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    bool wide = isWide(schedule);
    Plan plan(p, wide);
    Epilogue epilogue;
    if (!findEpilogue(p, wide, epilogue))
      return false;
    std::vector<int32_t> words;
    plan.gather.append(words);
    auto header = int64_t(words.size());
    for (int64_t group = 0; group < p.groups; ++group)
      if (!packProduct(
              plan.product, plan.steps(p), {p, epilogue, plan.gather.taps},
              channelRange(group * p.groupOutputs(), p.groupOutputs()), words))
        return false;
    int64_t groupWords = (int64_t(words.size()) - header) / p.groups;
    code.constants.push_back(wordConstant(words));
    code.scratchBytes.push_back(plan.scratchBytes());
    code.headers.insert("string.h");
    std::string gather = addGather(code, wide);
    std::string multiply = addProduct(code, plan.product, epilogue);
    // In place of the residual input if every output is computed once.
    bool once = plan.vertical ? p.outputHeight % 2 == 0 : !plan.overlaps(p);
    if (p.residual && once && p.groupOutputs() % 2 == 0)
      code.overlap = {{1, 0}};
    code.body = bodyText(p, plan, gather, multiply, header, groupWords);
    return true;
  }

private:
  static std::string bodyText(const ConvolutionProblem &p, const Plan &plan,
                              const std::string &gather,
                              const std::string &multiply, int64_t header,
                              int64_t groupWords);
};

/// Statements that fill `row` of the copy from the input row `at`.
std::string copyText(const ConvolutionProblem &p, const Plan &plan) {
  int64_t channels = p.inputChannels;
  int64_t left = std::min(p.padLeft * channels, plan.pitch);
  int64_t bytes = plan.inside * channels, right = plan.pitch - left - bytes;
  std::string text = fmt::format(
      "        if (at < 0 || at >= {}) {{\n"
      "          memset(row, {}, {});\n          continue;\n        }}\n",
      p.inputHeight, p.inputZeroPoint, plan.pitch);
  if (left)
    text +=
        fmt::format("        memset(row, {}, {});\n", p.inputZeroPoint, left);
  if (bytes)
    text += fmt::format("        memcpy(row + {}, in + at * {}, {});\n", left,
                        p.inputWidth * channels, bytes);
  if (right)
    text += fmt::format("        memset(row + {}, {}, {});\n", left + bytes,
                        p.inputZeroPoint, right);
  return text;
}

std::string GatherDsp::bodyText(const ConvolutionProblem &p, const Plan &plan,
                                const std::string &gather,
                                const std::string &multiply, int64_t header,
                                int64_t groupWords) {
  int64_t outputs = p.outputChannels;
  int64_t nextOutput = plan.vertical ? outputs : 2 * outputs;
  bool grouped = p.groups > 1;
  std::string indent = grouped ? "          " : "        ";
  std::string weights =
      grouped ? fmt::format("c0 + {} + group * {}", header, groupWords)
              : fmt::format("c0 + {}", header);
  auto block = [&](const std::string &in, const std::string &out,
                   int64_t count) {
    return fmt::format("{0}{1}(scratch0, {2}, {3}, c0);\n"
                       "{0}{4}(segments, {5}, {3}, {6}{7});\n",
                       indent, gather, in, count, multiply, out, weights,
                       residualArgument(p, out));
  };
  std::string steps;
  int64_t blocks = plan.pairs / plan.block, rest = plan.pairs % plan.block;
  std::string outer = indent;
  steps += fmt::format("{}for (x = 0; x < {}; ++x) {{\n", outer, blocks);
  indent += "  ";
  steps += block("from", "to", plan.block);
  steps +=
      fmt::format("{0}from += {1};\n{0}to += {2};\n", indent,
                  plan.block * plan.gather.nextPair, plan.block * nextOutput);
  indent = outer;
  steps += indent + "}\n";
  if (rest)
    steps += block("from", "to", rest);
  if (plan.overlaps(p))
    steps += block(
        fmt::format("from {} {}", rest ? '+' : '-',
                    std::abs((2 * rest - 1) * p.strideWidth * p.inputChannels)),
        fmt::format("to {} {}", rest ? '+' : '-',
                    std::abs((2 * rest - 1) * outputs)),
        1);
  std::string position = fmt::format(
      "{}const int8_t *from = copy + {} * {}{};\n"
      "{}int8_t *to = out + (start + {}) * {}{};\n",
      outer, plan.vertical ? "j" : "y", p.strideHeight * plan.pitch,
      grouped ? fmt::format(" + group * {}", p.groupInputs()) : "", outer,
      plan.vertical ? "j" : "y", p.outputWidth * outputs,
      grouped ? fmt::format(" + group * {}", p.groupOutputs()) : "");
  std::string inner = position + steps;
  if (grouped)
    inner = fmt::format("        for (group = 0; group < {}; ++group) {{\n{}"
                        "        }}\n",
                        p.groups, inner);
  // The last two rows once more where their number is odd.
  if (plan.vertical)
    inner =
        fmt::format("        int32_t j = y < {0} ? y : {0};\n", plan.band - 2) +
        inner;
  return fmt::format(
      R"(  int8_t *copy = (int8_t *)(scratch0 + {windowWords});
  const int32_t *segments[1];
  int32_t image, first, y, x{group};
  segments[0] = scratch0;
  for (image = 0; image < {batch}; ++image) {{
    const int8_t *in = in0 + image * {inputBytes};
    int8_t *out = out0 + image * {outputBytes};
    for (first = 0; first < {height}; first += {band}) {{
      int32_t start = first < {lastBand} ? first : {lastBand};
      for (y = 0; y < {bandRows}; ++y) {{
        int8_t *row = copy + y * {pitch};
        int32_t at = start * {stride} - {padTop} + y;
{copyRow}      }}
      for (y = first - start; y < {band}; y += {rows}) {{
{inner}      }}
    }}
  }}
)",
      fmt::arg("windowWords", plan.windowWords()),
      fmt::arg("group", grouped ? ", group" : ""), fmt::arg("batch", p.batch),
      fmt::arg("inputBytes", p.inputElements() / p.batch),
      fmt::arg("outputBytes", p.outputElements() / p.batch),
      fmt::arg("height", p.outputHeight), fmt::arg("band", plan.band),
      fmt::arg("lastBand", p.outputHeight - plan.band),
      fmt::arg("bandRows", plan.bandRows), fmt::arg("pitch", plan.pitch),
      fmt::arg("stride", p.strideHeight), fmt::arg("padTop", p.padTop),
      fmt::arg("copyRow", copyText(p, plan)),
      fmt::arg("rows", plan.vertical ? 2 : 1), fmt::arg("inner", inner));
}

} // namespace

const KernelFamily &convFirstDsp() {
  static const GatherDsp family;
  return family;
}

} // namespace adze::families
