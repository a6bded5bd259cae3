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
/// Channels whose output is a constant are copied from a pixel of constants.
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

/// The image as rows of pixels at equal distances.
struct Rows {
  int64_t count, pixels, inputPitch; // bytes between rows
  int64_t block;                     // pairs that are in scratch together
};

Rows rowsOf(const ConvolutionProblem &p) {
  Rows rows{1, p.batch * p.outputHeight * p.outputWidth, 0, 0};
  if (p.strideHeight != 1 || p.strideWidth != 1)
    rows = {p.batch * p.outputHeight, p.outputWidth,
            p.strideHeight * p.inputWidth * p.inputChannels, 0};
  // Half a kilobyte, or a pair.
  int64_t pairs = rows.pixels / 2;
  rows.block = std::clamp<int64_t>(512 / (4 * p.inputChannels), 1, pairs);
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

Product productOf(const ConvolutionProblem &p, const Channels &channels,
                  bool wide) {
  Product product(wide, 1, p.inputChannels / 4,
                  int64_t(channels.computed.size()));
  product.sparse = channels.areSome();
  return product;
}

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
    return rowsOf(*p).pixels >= 2;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return weightSchedules(name());
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    bool wide = isWide(schedule);
    Channels selected(p);
    Product product = productOf(p, selected, wide);
    Rows rows = rowsOf(p);
    int64_t pairs = rows.pixels / 2, blocks = pairs / rows.block;
    auto block = [&](int64_t count) {
      WidenPlan plan{count, p.inputChannels / 4, 0};
      return plan.instructions(wide) + product.instructions(double(count), p) +
             20;
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
    f.constantBytes = 4 * (3 * WidenPlan::words + product.constantWords(p)) +
                      int64_t(selected.constants.size());
    f.codeBytes = product.codeBytes() + 300;
    f.scratchBytes = scratchBytes(p, product, rows);
    f.stackBytes = 160;
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    bool wide = isWide(schedule);
    Channels selected(p);
    Product product = productOf(p, selected, wide);
    Rows rows = rowsOf(p);
    Epilogue epilogue;
    if (!findEpilogue(p, wide, epilogue))
      return false;
    int64_t channels = p.inputChannels, outputs = p.outputChannels;
    int64_t distance = p.strideWidth * channels;
    int64_t pairs = rows.pixels / 2, rest = pairs % rows.block;
    std::vector<int32_t> words;
    for (int64_t count : {rows.block, rest, int64_t(1)})
      WidenPlan{count, channels / 4, 2 * distance - channels}.append(words);
    selected.append(words);
    auto header = int64_t(words.size());
    std::vector<int64_t> taps = contiguousTaps(1, product.chunks, channels);
    if (!packProduct(product, {outputs, 2 * outputs, 4 * channels},
                     {p, epilogue, taps}, selected.computed, words))
      return false;
    code.constants.push_back(wordConstant(words));
    code.scratchBytes.push_back(scratchBytes(p, product, rows));
    std::string widen = addWiden(code, wide);
    std::string multiply = addProduct(code, product, epilogue);

    bool several = rows.count > 1, loop = pairs / rows.block > 1;
    std::string indent = several ? "    " : "  ";
    std::string start =
        selected.computed[0] ? fmt::format(" + {}", selected.computed[0]) : "";
    auto block = [&](const std::string &in, const std::string &out,
                     int64_t count, int64_t plan) {
      return fmt::format("{0}{1}(scratch0, {2}, {2} + {3}, c0 + {4});\n"
                         "{0}{5}(segments, {6}{10}, {7}, c0 + {8}{9});\n",
                         indent, widen, in, distance, plan, multiply, out,
                         count, header, residualArgument(p, out), start);
    };
    // In place of the residual input if every output is computed once.
    if (p.residual && rows.pixels % 2 == 0 && outputs % 2 == 0)
      code.overlap = {{1, 0}};
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
          rows.count * rows.pixels, outputs, 3 * WidenPlan::words, outputs);
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

private:
  static int64_t scratchBytes(const ConvolutionProblem &p,
                              const Product &product, const Rows &rows) {
    // Chunks of padding are read behind the last window.
    return rows.block * p.inputChannels * 4 +
           16 * (product.chunks - p.inputChannels / 4);
  }
};

} // namespace

const KernelFamily &convPointwiseDsp() {
  static const PointwiseDsp family;
  return family;
}

} // namespace adze::families
