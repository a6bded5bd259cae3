//===- Dsp.cpp - Pointwise convolution on Arm's DSP extension ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// 1x1 convolution and matrix products: some pairs of pixels are widened into
/// scratch, then multiplied by all weights. Without stride the image is one row
/// of pixels; an odd pixel at the end is computed with its neighbour once more.
/// Channels whose output is a constant are copied from a pixel of constants,
/// and where most weights of the others vanish too, only the input channels
/// that count are gathered.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/dsp/Convolution.h"
#include "codegen/c/families/dsp/Widen.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace adze::families {

namespace {

using namespace dsp;

/// The image as rows of pixels at equal distances.
struct Rows {
  int64_t count, pixels, inputPitch; // bytes between rows
  int64_t block;                     // pairs that are in scratch together
};

Rows rowsOf(const ConvolutionProblem &p, int64_t windowBytes) {
  Rows rows{1, p.batch * p.outputHeight * p.outputWidth, 0, 0};
  if (p.strideHeight != 1 || p.strideWidth != 1)
    rows = {p.batch * p.outputHeight, p.outputWidth,
            p.strideHeight * p.inputWidth * p.inputChannels, 0};
  // Half a kilobyte, or a pair.
  int64_t pairs = rows.pixels / 2;
  rows.block = std::clamp<int64_t>(512 / windowBytes, 1, pairs);
  return rows;
}

/// The output channels by what has to be done for them.
struct Channels {
  std::vector<int64_t> computed;
  std::vector<int8_t> constants; // of all channels; empty: all are computed

  explicit Channels(const ConvolutionProblem &p)
      : computed(channelRange(0, p.outputChannels)) {
    if (p.residual)
      return;
    std::vector<int32_t> outputs =
        constantOutputs(p.requantization, accumulatorRanges(p));
    std::vector<int64_t> live;
    for (int64_t o : computed)
      if (outputs[size_t(o)] == INT32_MIN)
        live.push_back(o);
    if (live.empty())
      live.push_back(0);
    // Instructions of a pixel: what a channel takes, and copying.
    double saved = double(p.outputChannels - int64_t(live.size())) *
                   (5 + 2.9 * double(p.inputChannels) / 4);
    if (saved <= copyInstructions(p))
      return;
    computed = std::move(live);
    for (int32_t output : outputs)
      constants.push_back(output == INT32_MIN ? int8_t(0) : int8_t(output));
  }
  bool areSome() const { return !constants.empty(); }
  static double copyInstructions(const ConvolutionProblem &p) {
    return 25 + 0.5 * double(p.outputChannels);
  }
  /// The constants in whole words.
  void append(std::vector<int32_t> &words) const {
    for (size_t at = 0; at < constants.size(); at += 4) {
      uint32_t word = 0;
      for (size_t i = at; i < std::min(at + 4, constants.size()); ++i)
        word |= uint32_t(uint8_t(constants[i])) << (8 * (i - at));
      words.push_back(int32_t(word));
    }
  }
};

/// Windows of the input channels of which a computed output channel has a
/// weight: words of four channels where enough of them count, single bytes for
/// the others. Nothing where whole pixels take no more instructions.
std::optional<GatherPlan> gatherChannels(const ConvolutionProblem &p,
                                         const Channels &selected) {
  GatherPlan plan;
  std::vector<int64_t> singles;
  double product = 11.5 * double(selected.computed.size() + 1) / 2;
  for (int64_t word = 0; word < p.inputChannels; word += 4) {
    std::vector<int64_t> used;
    for (int64_t i = word; i < word + 4; ++i)
      if (std::any_of(selected.computed.begin(), selected.computed.end(),
                      [&](int64_t o) { return p.weight(o, 0, 0, i) != 0; }))
        used.push_back(i);
    if (double(used.size()) * (24 + product) / 4 < 12 + product) {
      singles.insert(singles.end(), used.begin(), used.end());
      continue;
    }
    plan.wordOffsets.push_back(word);
    for (int64_t i = word; i < word + 4; ++i)
      plan.taps.push_back(i);
  }
  while (singles.size() % 4 || (singles.empty() && plan.taps.empty()))
    singles.push_back(-1);
  for (int64_t i : singles) {
    plan.byteOffsets.push_back(std::max<int64_t>(i, 0));
    plan.taps.push_back(i);
  }
  double gathered = double(plan.wordOffsets.size()) * (12 + product) +
                    double(plan.byteOffsets.size() / 4) * (24 + product);
  if (gathered > 0.95 * double(p.inputChannels / 4) * (9 + product))
    return std::nullopt;
  plan.secondPixel = p.strideWidth * p.inputChannels;
  plan.nextPair = 2 * plan.secondPixel;
  return plan;
}

/// How far below the input the output has to begin, where they overlap: a block
/// is widened into scratch as a whole, and then its outputs are written, which
/// must not reach the pixels that are still to be read.
int64_t overlapDistance(const ConvolutionProblem &p, const Rows &rows) {
  int64_t pitch = p.strideWidth * p.inputChannels, distance = 0;
  // The next pixel to be read, and the end of what is written before.
  auto note = [&](int64_t row, int64_t pixel, int64_t written) {
    distance =
        std::max(distance, (row * rows.pixels + written) * p.outputChannels -
                               row * rows.inputPitch - pixel * pitch);
  };
  int64_t even = rows.pixels & ~int64_t(1);
  for (int64_t row = 0; row < rows.count; ++row) {
    note(row, 0, 0);
    for (int64_t pixel = 2 * rows.block; pixel < even; pixel += 2 * rows.block)
      note(row, pixel, pixel);
    if (even < rows.pixels)
      note(row, rows.pixels - 2, even);
  }
  return distance;
}

/// Everything that follows from the problem.
struct Plan {
  Channels selected;
  std::optional<GatherPlan> gather;
  Product product;
  Rows rows;

  Plan(const ConvolutionProblem &p, bool wide)
      : selected(p), gather(gatherChannels(p, selected)),
        product(wide, 1, gather ? gather->chunks() : p.inputChannels / 4,
                int64_t(selected.computed.size())),
        rows(rowsOf(p, 4 * p.inputChannels)) {
    product.sparse = selected.areSome();
    if (gather) {
      gather->pad(product.chunks);
      rows = rowsOf(p, 16 * product.chunks);
    }
  }
  int64_t windowBytes(const ConvolutionProblem &p) const {
    return gather ? 16 * product.chunks : 4 * p.inputChannels;
  }
  /// Words before those of the product and the constant pixel.
  int64_t planWords() const {
    return gather ? gather->words() : 3 * WidenPlan::words;
  }
  int64_t scratchBytes(const ConvolutionProblem &p) const {
    // Chunks of padding are read behind the last window.
    return rows.block * windowBytes(p) + 16 * product.chunks - windowBytes(p);
  }
};

class PointwiseDsp final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.pointwise.dsp"; }
  std::string_view summary() const override {
    return "1x1 convolution with SMLAD, tiles of two pixels times two channels";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    const ConvolutionProblem *p = findConvolution(problem, machine, true);
    if (!p || p->groups != 1 || p->kernelHeight != 1 || p->kernelWidth != 1 ||
        p->padTop != 0 || p->padLeft != 0 || p->inputChannels % 4)
      return false;
    if ((p->outputHeight - 1) * p->strideHeight >= p->inputHeight ||
        (p->outputWidth - 1) * p->strideWidth >= p->inputWidth)
      return false; // padding below or on the right
    bool strided = p->strideHeight != 1 || p->strideWidth != 1;
    if (!strided &&
        (p->inputHeight != p->outputHeight || p->inputWidth != p->outputWidth))
      return false;
    if (strided && p->batch > 1 &&
        p->inputHeight != p->outputHeight * p->strideHeight)
      return false; // rows of two images are not at equal distances
    return p->batch * p->outputHeight * p->outputWidth >= 2 &&
           (!strided || p->outputWidth >= 2);
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
    const Product &product = plan.product;
    const Channels &selected = plan.selected;
    const Rows &rows = plan.rows;
    int64_t pairs = rows.pixels / 2, blocks = pairs / rows.block;
    auto block = [&](int64_t count) {
      WidenPlan widen{count, p.inputChannels / 4, 0};
      return (plan.gather ? plan.gather->instructions(double(count), wide)
                          : widen.instructions(wide)) +
             product.instructions(double(count), p) + 20;
    };
    KernelFeatures f;
    double row = double(blocks) * block(rows.block);
    if (pairs % rows.block)
      row += block(pairs % rows.block);
    if (rows.pixels % 2)
      row += block(1);
    f.instructions = 20 + double(rows.count) * (row + 8);
    if (selected.areSome())
      f.instructions +=
          double(rows.count * rows.pixels) * Channels::copyInstructions(p);
    f.constantBytes = 4 * (plan.planWords() + product.constantWords(p)) +
                      int64_t(selected.constants.size());
    f.codeBytes = product.codeBytes() + 300;
    f.scratchBytes = plan.scratchBytes(p);
    f.stackBytes = 160;
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    bool wide = isWide(schedule);
    Plan plan(p, wide);
    const Product &product = plan.product;
    const Channels &selected = plan.selected;
    const Rows &rows = plan.rows;
    Epilogue epilogue;
    if (!findEpilogue(p, wide, epilogue))
      return false;
    int64_t channels = p.inputChannels, outputs = p.outputChannels;
    int64_t distance = p.strideWidth * channels;
    int64_t pairs = rows.pixels / 2, rest = pairs % rows.block;
    std::vector<int32_t> words;
    if (plan.gather)
      plan.gather->append(words);
    else
      for (int64_t count : {rows.block, rest, int64_t(1)})
        WidenPlan{count, channels / 4, 2 * distance - channels}.append(words);
    selected.append(words);
    auto header = int64_t(words.size());
    std::vector<int64_t> taps =
        plan.gather ? plan.gather->taps
                    : contiguousTaps(1, product.chunks, channels);
    if (!packProduct(product, {outputs, 2 * outputs, plan.windowBytes(p)},
                     {p, epilogue, taps}, selected.computed, words))
      return false;
    code.constants.push_back(wordConstant(words));
    code.scratchBytes.push_back(plan.scratchBytes(p));
    std::string widen =
        plan.gather ? addGather(code, wide) : addWiden(code, wide);
    std::string multiply = addProduct(code, product, epilogue);

    bool several = rows.count > 1, loop = pairs / rows.block > 1;
    std::string indent = several ? "    " : "  ";
    std::string start =
        selected.computed[0] ? fmt::format(" + {}", selected.computed[0]) : "";
    auto block = [&](const std::string &in, const std::string &out,
                     int64_t count, int64_t at) {
      std::string windows =
          plan.gather
              ? fmt::format("{}{}(scratch0, {}, {}, c0);\n", indent, widen, in,
                            count)
              : fmt::format("{0}{1}(scratch0, {2}, {2} + {3}, c0 + {4});\n",
                            indent, widen, in, distance, at);
      return windows + fmt::format("{}{}(segments, {}{}, {}, c0 + {}{});\n",
                                   indent, multiply, out, start, count, header,
                                   residualArgument(p, out));
    };
    // In place of the residual input if every output is computed once.
    if (p.residual && rows.pixels % 2 == 0 && outputs % 2 == 0)
      code.overlap.push_back({1, 0});
    // Constant channels are written before anything is read.
    if (!selected.areSome())
      code.overlap.push_back({0, overlapDistance(p, rows)});
    code.body = "  const int32_t *segments[1];\n  const int8_t *in = in0;\n"
                "  int8_t *out = out0;\n";
    if (several)
      code.body += "  int32_t y;\n";
    if (loop || selected.areSome())
      code.body += "  int32_t i;\n";
    code.body += "  segments[0] = scratch0;\n";
    if (selected.areSome()) {
      code.headers.insert("string.h");
      code.body += fmt::format(
          "  for (i = 0; i < {}; ++i)\n    memcpy(out0 + i * {}, c0 + {}, "
          "{});\n",
          rows.count * rows.pixels, outputs, plan.planWords(), outputs);
    }
    if (several)
      code.body += fmt::format("  for (y = 0; y < {}; ++y) {{\n", rows.count);
    std::string outer = indent;
    int64_t blocks = pairs / rows.block;
    if (loop) {
      code.body +=
          fmt::format("{}for (i = 0; i < {}; ++i) {{\n", outer, blocks);
      indent += "  ";
      code.body += block("in", "out", rows.block, 0);
      code.body +=
          fmt::format("{0}in += {1};\n{0}out += {2};\n", indent,
                      2 * rows.block * distance, 2 * rows.block * outputs);
      indent = outer;
      code.body += indent + "}\n";
    } else {
      code.body += block("in", "out", rows.block, 0);
    }
    // Where `in` and `out` are now, counted in pixels of the row.
    int64_t now = loop ? 2 * rows.block * blocks : 0;
    auto at = [&](const char *name, int64_t pixel, int64_t bytes) {
      return pixel == now
                 ? std::string(name)
                 : fmt::format("{} {} {}", name, pixel > now ? '+' : '-',
                               std::abs(pixel - now) * bytes);
    };
    if (rest) {
      int64_t pixel = 2 * rows.block * blocks;
      code.body += block(at("in", pixel, distance), at("out", pixel, outputs),
                         rest, WidenPlan::words);
    }
    if (rows.pixels % 2) {
      int64_t pixel = rows.pixels - 2;
      code.body += block(at("in", pixel, distance), at("out", pixel, outputs),
                         1, 2 * WidenPlan::words);
    }
    if (several)
      code.body += fmt::format("    in += {};\n    out += {};\n  }}\n",
                               rows.inputPitch - now * distance,
                               (rows.pixels - now) * outputs);
    return true;
  }
};

} // namespace

const KernelFamily &convPointwiseDsp() {
  static const PointwiseDsp family;
  return family;
}

} // namespace adze::families
