//===- Dsp.cpp - Direct convolution on Arm's DSP extension ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Convolution whose pixels are whole words. Each input row is widened once,
/// into a ring that holds as many rows as a window is high. A widened row is a
/// sequence of column pairs (j, j + stride): a window of two pixels is then a
/// contiguous stretch of each of its rows, and no window is ever copied.
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

Product productOf(const ConvolutionProblem &p, bool wide) {
  return {wide, p.kernelHeight, p.kernelWidth * p.inputChannels / 4,
          p.outputChannels};
}

/// Sizes of the ring and of its rows.
struct Ring {
  int64_t rows;       // that a window spans
  int64_t entries;    // column pairs of a row
  int64_t begin, end; // the entries both of whose columns are in the image
  int64_t rowWords;

  explicit Ring(const ConvolutionProblem &p) {
    rows = (p.kernelHeight - 1) * p.dilationHeight + 1;
    entries = (p.outputWidth - 2) * p.strideWidth + p.kernelWidth;
    begin = std::min(p.padLeft, entries);
    end = std::clamp(p.inputWidth - p.strideWidth + p.padLeft, begin, entries);
    rowWords = entries * p.inputChannels;
  }
  int64_t borderEntries() const { return entries - (end - begin); }
  int64_t scratchBytes(const ConvolutionProblem &p,
                       const Product &product) const {
    // Chunks of padding are read behind the last row.
    int64_t padding = product.chunks - p.kernelWidth * p.inputChannels / 4;
    return rows * rowWords * 4 + 16 * padding;
  }
};

/// How far below the input the output has to begin, where they overlap: all
/// rows that a row of the output needs are in the ring before it is written.
int64_t overlapDistance(const ConvolutionProblem &p, int64_t rows) {
  int64_t inputPitch = p.inputWidth * p.inputChannels;
  int64_t outputPitch = p.outputWidth * p.outputChannels, distance = 0;
  for (int64_t image = 0; image < p.batch; ++image)
    for (int64_t y = 0; y < p.outputHeight; ++y) {
      int64_t unread = std::clamp<int64_t>(y * p.strideHeight + rows - p.padTop,
                                           0, p.inputHeight);
      if (unread == p.inputHeight && image + 1 == p.batch)
        break; // nothing is read any more
      distance =
          std::max(distance, (image * p.outputHeight + y + 1) * outputPitch -
                                 (image * p.inputHeight + unread) * inputPitch);
    }
  return distance;
}

class DirectDsp final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.direct.dsp"; }
  std::string_view summary() const override {
    return "convolution with SMLAD over a ring of widened rows";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    const ConvolutionProblem *p = findConvolution(problem, machine, true);
    return p && p->groups == 1 && p->inputChannels % 4 == 0 &&
           p->kernelHeight * p->kernelWidth > 1 && p->kernelHeight <= 8 &&
           p->dilationWidth == 1 && p->outputWidth >= 2 &&
           Ring(*p).borderEntries() <= 16;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return weightSchedules(name());
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    bool wide = isWide(schedule);
    Product product = productOf(p, wide);
    Ring ring(p);
    KernelFeatures f;
    double pairs = double(p.outputWidth / 2);
    double row =
        30 + 5 * double(p.kernelHeight) + product.instructions(pairs, p);
    if (p.outputWidth % 2)
      row += 10 + product.instructions(1, p);
    double widened =
        20 +
        double(ring.borderEntries()) *
            (8 + WidenPlan{1, p.inputChannels / 4, 0}.instructions(wide)) +
        WidenPlan{1, (ring.end - ring.begin) * p.inputChannels / 4, 0}
            .instructions(wide);
    double inputRows = double(
        (p.outputHeight - 1) * std::min(p.strideHeight, ring.rows) + ring.rows);
    f.instructions = double(p.batch) *
                     (20 + double(p.outputHeight) * row + inputRows * widened);
    f.constantBytes =
        4 * product.constantWords(p) + 12 * WidenPlan::words + p.inputChannels;
    f.codeBytes = product.codeBytes() + 500;
    f.scratchBytes = ring.scratchBytes(p, product);
    f.stackBytes = 200;
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    bool wide = isWide(schedule);
    Product product = productOf(p, wide);
    Ring ring(p);
    Epilogue epilogue;
    if (!findEpilogue(p, wide, epilogue))
      return false;
    int64_t channels = p.inputChannels, outputs = p.outputChannels;
    std::vector<int32_t> words;
    WidenPlan{ring.entries, channels / 4, -channels}.append(words);
    WidenPlan{1, channels / 4, 0}.append(words);
    WidenPlan{1, (ring.end - ring.begin) * channels / 4, 0}.append(words);
    auto zero = int64_t(words.size());
    words.resize(words.size() + size_t(channels / 4),
                 int32_t(0x01010101u * uint32_t(uint8_t(p.inputZeroPoint))));
    auto header = int64_t(words.size());
    std::vector<int64_t> taps = contiguousTaps(p.kernelHeight, product.chunks,
                                               p.kernelWidth * channels);
    if (!packProduct(product,
                     {outputs, 2 * outputs, 8 * p.strideWidth * channels},
                     {p, epilogue, taps}, channelRange(0, outputs), words))
      return false;
    code.constants.push_back(wordConstant(words));
    code.scratchBytes.push_back(ring.scratchBytes(p, product));
    std::string widen = addWiden(code, wide);
    std::string multiply = addProduct(code, product, epilogue);
    // In place of the residual input if every output is computed once.
    if (p.residual && p.outputWidth % 2 == 0 && outputs % 2 == 0)
      code.overlap.push_back({1, 0});
    code.overlap.push_back({0, overlapDistance(p, ring.rows)});
    code.body = bodyText(p, ring, widen, multiply, zero, header);
    return true;
  }

private:
  static std::string bodyText(const ConvolutionProblem &p, const Ring &ring,
                              const std::string &widen,
                              const std::string &multiply, int64_t zero,
                              int64_t header);
};

std::string DirectDsp::bodyText(const ConvolutionProblem &p, const Ring &ring,
                                const std::string &widen,
                                const std::string &multiply, int64_t zero,
                                int64_t header) {
  int64_t channels = p.inputChannels, outputs = p.outputChannels;
  // The source of a column: the image, or a pixel of zero points.
  auto column = [&](int64_t at) {
    if (at < 0 || at >= p.inputWidth)
      return std::string("zero");
    return at ? fmt::format("line + {}", at * channels) : std::string("line");
  };
  auto entry = [&](int64_t j, int64_t plan) {
    return fmt::format(
        "      {}({}, {}, {}, c0 + {});\n", widen,
        j ? fmt::format("row + {}", j * channels) : std::string("row"),
        column(j - p.padLeft), column(j - p.padLeft + p.strideWidth), plan);
  };
  std::string columns;
  for (int64_t j = 0; j < ring.begin; ++j)
    columns += entry(j, WidenPlan::words);
  if (ring.begin < ring.end)
    columns += entry(ring.begin, 2 * WidenPlan::words);
  for (int64_t j = ring.end; j < ring.entries; ++j)
    columns += entry(j, WidenPlan::words);

  std::string skip;
  if (p.strideHeight > ring.rows)
    skip = fmt::format("    if (next < y * {0})\n      next = y * {0};\n",
                       p.strideHeight);
  std::string segments;
  for (int64_t k = 0; k < p.kernelHeight; ++k)
    segments += fmt::format(
        "    segments[{0}] = scratch0 + (y * {1} + {2}) % {3} * {4};\n", k,
        p.strideHeight, k * p.dilationHeight, ring.rows, ring.rowWords);
  std::string last;
  if (p.outputWidth % 2) {
    int64_t words = (p.outputWidth - 2) * p.strideWidth * channels;
    for (int64_t k = 0; k < p.kernelHeight; ++k)
      last += fmt::format("    segments[{}] += {};\n", k, words);
    std::string out = fmt::format("out + {}", (p.outputWidth - 2) * outputs);
    last += fmt::format("    {}(segments, {}, 1, c0 + {}{});\n", multiply, out,
                        header, residualArgument(p, out));
  }
  bool batched = p.batch > 1;
  return fmt::format(
      R"(  const int32_t *segments[{kernel}];
  const int8_t *zero = (const int8_t *)(c0 + {zero});
{declarations}  int8_t *out = out0;
  int32_t y, next{first};
{images}  for (y = 0; y < {height}; ++y) {{
{skip}    for (; next < y * {stride} + {rows}; ++next) {{
      int32_t *row = scratch0 + next % {rows} * {rowWords};
      const int8_t *line;
      if (next < {top} || next >= {bottom}) {{
        {widen}(row, zero, zero, c0);
        continue;
      }}
      line = {in} + (next - {top}) * {pitch};
{columns}    }}
{segments}    {multiply}(segments, out, {pairs}, c0 + {header}{residual});
{last}    out += {outPitch};
  }}
{imagesEnd})",
      fmt::arg("kernel", p.kernelHeight), fmt::arg("zero", zero),
      fmt::arg("declarations",
               batched ? "  const int8_t *in = in0;\n  int32_t image;\n" : ""),
      fmt::arg("first", batched ? "" : " = 0"),
      fmt::arg("images", batched ? fmt::format("  for (image = 0; image < {}; "
                                               "++image) {{\n  next = 0;\n",
                                               p.batch)
                                 : ""),
      fmt::arg("height", p.outputHeight), fmt::arg("skip", skip),
      fmt::arg("stride", p.strideHeight), fmt::arg("rows", ring.rows),
      fmt::arg("rowWords", ring.rowWords), fmt::arg("top", p.padTop),
      fmt::arg("bottom", p.padTop + p.inputHeight), fmt::arg("widen", widen),
      fmt::arg("in", batched ? "in" : "in0"),
      fmt::arg("pitch", p.inputWidth * channels), fmt::arg("columns", columns),
      fmt::arg("segments", segments), fmt::arg("multiply", multiply),
      fmt::arg("pairs", p.outputWidth / 2), fmt::arg("header", header),
      fmt::arg("last", last), fmt::arg("residual", residualArgument(p, "out")),
      fmt::arg("outPitch", p.outputWidth * outputs),
      fmt::arg("imagesEnd",
               batched ? fmt::format("  in += {};\n  }}\n",
                                     p.inputHeight * p.inputWidth * channels)
                       : ""));
}

} // namespace

const KernelFamily &convDirectDsp() {
  static const DirectDsp family;
  return family;
}

} // namespace adze::families
