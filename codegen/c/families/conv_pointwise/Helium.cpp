//===- Helium.cpp - Pointwise convolution on Helium -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// 1x1 convolution straight from the input tensor: a window is a pixel, and
/// without stride the whole image is one row of pixels. Where the pixels of a
/// row are no multiple of the tile, the last tile overlaps the one before.
/// `line`: requantization along a searched line (RequantizationForm.h).
/// `pruned`: constant channels are copied instead of computed, and the input
/// channels that are read are collected first.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/helium/Columns.h"
#include "codegen/c/families/helium/ConvolutionEpilogue.h"
#include "codegen/c/families/helium/DotTile.h"
#include "codegen/c/families/requantize/Search.h"

namespace adze::families {

namespace {

using helium::DotTile;

const char gather[] =
    R"(/* The bytes at `lanes` of one pixel, 16 a chunk. */
ADZE_SHARED static void adze_mve_gather(int8_t *to, const int8_t *from, const int8_t *lanes, int32_t chunks)
{
#if defined(__ARM_FEATURE_MVE)
#if defined(__clang__)
#pragma clang loop unroll(disable)
#endif
  do {
    vst1q_s8(to, vldrbq_gather_offset_s8(from, vreinterpretq_u8_s8(vld1q_s8(lanes))));
    to += 16;
    lanes += 16;
  } while (--chunks > 0);
#else
  int32_t i;
  for (i = 0; i < 16 * chunks; ++i) {
    to[i] = from[(uint8_t)lanes[i]];
  }
#endif
}
)";

/// Rows of pixels that lie at equal distances in input and output.
struct Rows {
  int64_t count, pixels, inputPitch, outputPitch;
  bool flat; // one row: everything
};

Rows rowsOf(const ConvolutionProblem &p) {
  bool flat = p.strideHeight == 1 && p.strideWidth == 1;
  if (flat)
    return {1, p.batch * p.outputHeight * p.outputWidth, 0, 0, true};
  return {p.batch * p.outputHeight, p.outputWidth,
          p.strideHeight * p.inputWidth * p.inputChannels,
          p.outputWidth * p.outputChannels, false};
}

/// Pruned layers: channels that are constant whatever the input, and input
/// channels that none of the others reads.
struct Pruning {
  std::vector<int64_t> outputs; // to compute: an even number, none empty
  std::vector<int64_t> inputs;  // to read
  std::vector<char> constants;  // of all output channels

  explicit Pruning(const ConvolutionProblem &p) {
    std::vector<AccumulatorRange> ranges = accumulatorRanges(p);
    std::vector<bool> read(size_t(p.inputChannels));
    for (int64_t o = 0; o < p.outputChannels; ++o) {
      auto [low, high] = ranges[size_t(o)];
      bool wraps = low < INT32_MIN || high > INT32_MAX;
      int32_t value = p.requantization.apply(int32_t(low), o);
      constants.push_back(char(value));
      if (!wraps && value == p.requantization.apply(int32_t(high), o))
        continue;
      outputs.push_back(o);
      for (int64_t i = 0; i < p.inputChannels; ++i)
        if (p.weight(o, 0, 0, i) != 0)
          read[size_t(i)] = true;
    }
    for (int64_t i = 0; i < p.inputChannels; ++i)
      if (read[size_t(i)])
        inputs.push_back(i);
    if (outputs.size() % 2)
      outputs.push_back(outputs.back());
  }
  /// Whether it is worth another schedule.
  bool isWorthIt(const ConvolutionProblem &p) const {
    return !outputs.empty() && !inputs.empty() &&
           (int64_t(outputs.size()) + 2 < p.outputChannels || gathers(p));
  }
  /// Fewer vectors of inputs, collected by byte gathers.
  bool gathers(const ConvolutionProblem &p) const {
    return p.inputChannels <= 256 &&
           (int64_t(inputs.size()) + 15) / 16 < (p.inputChannels + 15) / 16;
  }
};

DotTile tileOf(const ConvolutionProblem &p, const Schedule &schedule) {
  DotTile tile;
  tile.pixels = schedule.get("pixels", 4);
  tile.depth = p.inputChannels;
  tile.pitch = p.strideWidth * p.inputChannels;
  tile.outputs = tile.outputPitch = p.outputChannels;
  tile.words = p.inputChannels % 4 == 0;
  tile.exact = true;
  tile.form = schedule.get("line", 0)
                  ? helium::RequantizationForm::unsolvedLine(p.requantization)
                  : helium::RequantizationForm(p.requantization);
  if (schedule.get("pruned", 0)) {
    Pruning pruning(p);
    tile.live = pruning.outputs;
    tile.outputs = int64_t(tile.live.size());
    if (pruning.gathers(p)) {
      tile.depth = tile.pitch = (int64_t(pruning.inputs.size()) + 15) / 16 * 16;
      tile.words = true;
      tile.exact = false;
    }
  }
  return tile;
}

class PointwiseHelium final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.pointwise.helium"; }
  std::string_view summary() const override {
    return "1x1 convolution on Helium, tiles of pixels times two channels";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    if (!machine.hasHelium || !p || !helium::isConvolution(*p) ||
        p->groups != 1 || p->kernelHeight != 1 || p->kernelWidth != 1 ||
        p->padTop != 0 || p->padLeft != 0)
      return false;
    if ((p->outputHeight - 1) * p->strideHeight >= p->inputHeight ||
        (p->outputWidth - 1) * p->strideWidth >= p->inputWidth)
      return false; // padding below or on the right
    if (p->strideHeight == 1 && p->strideWidth == 1 &&
        (p->inputHeight != p->outputHeight || p->inputWidth != p->outputWidth))
      return false;
    return !schedules(problem, machine).empty();
  }

  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<Schedule> all;
    const bool prunable = Pruning(p).isWorthIt(p);
    for (bool pruned : {true, false})
      for (bool line : {true, false})
        for (int64_t pixels : {4, 3}) {
          if ((pruned && !prunable) ||
              (line &&
               !helium::RequantizationForm::mayBeLine(p.requantization)) ||
              rowsOf(p).pixels < pixels)
            continue;
          Schedule schedule = {
              std::string(name()),
              {{"pixels", pixels}, {"line", line}, {"pruned", pruned}}};
          if (tileOf(p, schedule).fits())
            all.push_back(schedule);
        }
    return all;
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DotTile tile = tileOf(p, schedule);
    Rows rows = rowsOf(p);
    KernelFeatures f;
    int64_t whole = rows.pixels / tile.pixels,
            rest = rows.pixels % tile.pixels != 0;
    f.instructions =
        double(rows.count) * (double(1 + rest) * (tile.perCall() + 7) +
                              double(whole + rest) * tile.perTile() + 6) +
        10;
    f.constantBytes = tile.constantBytes();
    f.codeBytes = tile.codeBytes() + 80;
    f.stackBytes = 150;
    if (schedule.get("pruned", 0)) {
      Pruning pruning(p);
      double all = double(rows.count * rows.pixels);
      double tiles = double(rows.count * (whole + rest));
      // Constants into each output pixel.
      f.instructions += all * (double((p.outputChannels + 15) / 16) * 2.2 + 4);
      f.constantBytes += p.outputChannels;
      if (pruning.gathers(p)) {
        f.instructions +=
            tiles * (tile.perCall() + 12 +
                     double(tile.pixels) * (double(tile.depth / 16) * 3.5 + 5));
        f.constantBytes += tile.depth;
        f.scratchBytes = tile.pixels * tile.pitch;
      }
    }
    helium::addResidualFeatures(p, f);
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DotTile tile = tileOf(p, schedule);
    Rows rows = rowsOf(p);
    if (tile.form.line && !tile.form.solveLine(p, tile.live))
      return false;
    tile.addFunction(code);
    KernelConstant constant;
    constant.type = QuantizedType::int8;
    constant.bytes = tile.pack(
        p.requantization, [&](int64_t o) { return p.bias[size_t(o)]; },
        [&](int64_t o, int64_t k) { return p.weight(o, 0, 0, k); });
    if (schedule.get("pruned", 0))
      return prunedKernel(p, tile, std::move(constant), code);
    code.constants.push_back(constant);
    int64_t whole = rows.pixels / tile.pixels;
    int64_t overlapped = rows.pixels - tile.pixels;
    std::string indent = rows.flat ? "  " : "    ";
    std::string calls =
        fmt::format("{}{}(in, c0, out, {});\n", indent, tile.name(), whole);
    if (rows.pixels % tile.pixels)
      calls +=
          fmt::format("{}{}(in + {}, c0, out + {}, 1);\n", indent, tile.name(),
                      overlapped * tile.pitch, overlapped * tile.outputPitch);
    code.body = "  const int8_t *in = in0;\n  int8_t *out = out0;\n";
    if (rows.flat)
      code.body += calls;
    else
      code.body += helium::rowLoop(p, rows.inputPitch, rows.outputPitch, calls);
    code.overlap.push_back({0, overlapDistance(rows, tile)});
    return helium::addResidual(p, code);
  }

private:
  /// How far below the input the output has to begin, where they overlap: a
  /// tile of pixels is read until its last channel is written, and those at
  /// the end of a row are computed once more.
  static int64_t overlapDistance(const Rows &rows, const DotTile &tile) {
    int64_t distance = 0, whole = rows.pixels / tile.pixels * tile.pixels;
    for (int64_t row = 0; row < rows.count; ++row) {
      auto note = [&](int64_t read, int64_t written) {
        distance = std::max(
            distance, row * rows.outputPitch + written * tile.outputPitch -
                          row * rows.inputPitch - read * tile.pitch);
      };
      for (int64_t pixel = 0; pixel < whole; pixel += tile.pixels)
        note(pixel, pixel + tile.pixels);
      if (whole < rows.pixels)
        note(rows.pixels - tile.pixels, rows.pixels);
    }
    return distance;
  }

  static bool prunedKernel(const ConvolutionProblem &p, DotTile tile,
                           KernelConstant constant, KernelCode &code) {
    Pruning pruning(p);
    Rows rows = rowsOf(p);
    std::string copy = helium::copyFunction(code);
    if (pruning.gathers(p))
      constant.bytes = tile.pack(
          p.requantization, [&](int64_t o) { return p.bias[size_t(o)]; },
          [&](int64_t o, int64_t k) {
            return k < int64_t(pruning.inputs.size())
                       ? p.weight(o, 0, 0, pruning.inputs[size_t(k)])
                       : int8_t(0);
          });
    auto constantsAt = constant.bytes.size();
    constant.bytes.insert(constant.bytes.end(), pruning.constants.begin(),
                          pruning.constants.end());
    auto lanesAt = constant.bytes.size();
    std::string calls =
        fmt::format("    for (i = 0; i < {0}; ++i) {{\n"
                    "      {1}(out + i * {2}, c0 + {3}, {2});\n    }}\n",
                    rows.pixels, copy, p.outputChannels, constantsAt);
    int64_t whole = rows.pixels / tile.pixels;
    int64_t last = rows.pixels - tile.pixels;
    int64_t inputPitch = p.strideWidth * p.inputChannels;
    std::string declarations = "  int32_t i;\n";
    if (pruning.gathers(p)) {
      for (int64_t k = 0; k < tile.depth; ++k)
        constant.bytes.push_back(char(k < int64_t(pruning.inputs.size())
                                          ? pruning.inputs[size_t(k)]
                                          : pruning.inputs[0]));
      addSharedFunction(code, "adze_mve_gather", gather);
      code.scratchBytes.push_back(tile.pixels * tile.pitch);
      declarations = "  int32_t i, k, at;\n"
                     "  int8_t *windows = (int8_t *)scratch0;\n";
      calls +=
          fmt::format("    for (i = 0; i < {0}; i += {1}) {{\n"
                      "      at = i < {2} ? i : {2};\n"
                      "      for (k = 0; k < {1}; ++k) {{\n"
                      "        adze_mve_gather(windows + k * {3}, in + (at + "
                      "k) * {4}, c0 + "
                      "{5}, {6});\n      }}\n"
                      "      {7}(windows, c0, out + at * {8}, 1);\n    }}\n",
                      rows.pixels, tile.pixels, last, tile.pitch, inputPitch,
                      lanesAt, tile.depth / 16, tile.name(), p.outputChannels);
    } else {
      calls += fmt::format("    {}(in, c0, out, {});\n", tile.name(), whole);
      if (rows.pixels % tile.pixels)
        calls += fmt::format("    {}(in + {}, c0, out + {}, 1);\n", tile.name(),
                             last * inputPitch, last * p.outputChannels);
    }
    code.constants.push_back(std::move(constant));
    code.body =
        "  const int8_t *in = in0;\n  int8_t *out = out0;\n" + declarations +
        (rows.flat
             ? calls
             : helium::rowLoop(p, rows.inputPitch, rows.outputPitch, calls));
    return helium::addResidual(p, code);
  }
};

} // namespace

const KernelFamily &convPointwiseHelium() {
  static const PointwiseHelium family;
  return family;
}

} // namespace adze::families
