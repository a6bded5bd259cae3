//===- Scalar.cpp - Depthwise convolution without SIMD ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One channel after the other is copied into a padded plane; there a tile of
/// output pixels keeps its sums in registers, reads each input once and, for
/// small windows, has the weights in registers too. Layers of one shape share
/// the function.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/scalar/LineForm.h"
#include "codegen/c/families/scalar/Text.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

struct Tile {
  int64_t rows = 1, columns = 1;
  int64_t size() const { return rows * columns; }
};

/// The padded plane of one channel.
struct Plane {
  explicit Plane(const ConvolutionProblem &p) {
    height = (p.outputHeight - 1) * p.strideHeight +
             (p.kernelHeight - 1) * p.dilationHeight + 1;
    width = (p.outputWidth - 1) * p.strideWidth +
            (p.kernelWidth - 1) * p.dilationWidth + 1;
    // Rows and columns of the image that no window reaches stay away.
    copiedRows = std::clamp<int64_t>(height - p.padTop, 0, p.inputHeight);
    copiedColumns = std::clamp<int64_t>(width - p.padLeft, 0, p.inputWidth);
  }
  int64_t height, width, copiedRows, copiedColumns;
};

/// Weights stay in registers beside the sums of a tile.
bool keepsWeights(const ConvolutionProblem &p) {
  return p.kernelHeight * p.kernelWidth <= 9;
}

int64_t tiles(int64_t outputs, int64_t tile) {
  return (outputs + tile - 1) / tile;
}

bool roundsTwice(const ConvolutionProblem &p) {
  const Requantization &q = p.requantization;
  return q.rounding == Rounding::twice && q.zeroPoint != q.low;
}

/// Inputs that a tile reads.
int64_t tileLoads(const ConvolutionProblem &p, Tile t) {
  int64_t columns = (t.columns - 1) * p.strideWidth +
                    (p.kernelWidth - 1) * p.dilationWidth + 1;
  if (!keepsWeights(p))
    return p.kernelHeight * (t.rows * columns + p.kernelWidth);
  int64_t rows = (t.rows - 1) * p.strideHeight +
                 (p.kernelHeight - 1) * p.dilationHeight + 1;
  return rows * columns;
}

/// The C text of the shared function.
class FunctionText {
public:
  FunctionText(const ConvolutionProblem &p, Tile tile, const LineForm &form,
               const std::string &line)
      : p(p), tile(tile), form(form), line(line) {}

  std::string name() const {
    std::string name =
        fmt::format("adze_depthwise_{}x{}_by{}x{}", p.kernelHeight,
                    p.kernelWidth, tile.rows, tile.columns);
    if (p.strideHeight > 1 || p.strideWidth > 1)
      name += fmt::format("_stride{}x{}", p.strideHeight, p.strideWidth);
    if (p.dilationHeight > 1 || p.dilationWidth > 1)
      name += fmt::format("_dilation{}x{}", p.dilationHeight, p.dilationWidth);
    // Sizes are in the text: as data they cost a fifth more.
    return name +
           fmt::format("_{}x{}x{}_pad{}x{}_to{}x{}", p.inputHeight,
                       p.inputWidth, p.inputChannels, p.padTop, p.padLeft,
                       p.outputHeight, p.outputWidth) +
           line.substr(4);
  }
  std::string text() const;

private:
  std::string sum(int64_t i, int64_t j) const {
    return fmt::format("s{}_{}", i, j);
  }
  std::string sumsInRegisters() const;
  std::string sumsByRows() const;
  std::string outputs() const;

  const ConvolutionProblem &p;
  Tile tile;
  const LineForm &form;
  const std::string &line;
};

} // namespace

/// Every input of the window is loaded once and multiplied into all sums that
/// it belongs to.
std::string FunctionText::sumsInRegisters() const {
  std::string text;
  std::vector<bool> started(size_t(tile.size()), false);
  int64_t rows = (tile.rows - 1) * p.strideHeight +
                 (p.kernelHeight - 1) * p.dilationHeight + 1;
  int64_t columns = (tile.columns - 1) * p.strideWidth +
                    (p.kernelWidth - 1) * p.dilationWidth + 1;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      std::string products;
      for (int64_t i = 0; i < tile.rows; ++i)
        for (int64_t j = 0; j < tile.columns; ++j) {
          int64_t y = r - i * p.strideHeight, x = c - j * p.strideWidth;
          if (y < 0 || x < 0 || y % p.dilationHeight || x % p.dilationWidth)
            continue;
          int64_t ky = y / p.dilationHeight, kx = x / p.dilationWidth;
          if (ky >= p.kernelHeight || kx >= p.kernelWidth)
            continue;
          auto begun = started.begin() + (i * tile.columns + j);
          products += fmt::format(
              fmt::runtime(
                  *begun
                      ? "        ADZE_MAC({0}, x, w{1});\n"
                      : "        {0} = x * w{1};\n        ADZE_KEEP({0});\n"),
              sum(i, j), ky * p.kernelWidth + kx);
          *begun = true;
        }
      if (!products.empty())
        text += fmt::format("        x = s[{}];\n        ADZE_KEEP(x);\n", c) +
                products;
    }
    if (r + 1 < rows)
      text += "        s += pitch;\n";
  }
  return text;
}

/// A row of weights at a time.
std::string FunctionText::sumsByRows() const {
  std::string text;
  for (int64_t i = 0; i < tile.size(); ++i)
    text += fmt::format("        {} = 0;\n",
                        sum(i / tile.columns, i % tile.columns));
  text += fmt::format("        const int8_t *v = w;\n"
                      "        for (int32_t ky = 0; ky < {}; ++ky) {{\n"
                      "          const int8_t *a = s;\n",
                      p.kernelHeight);
  for (int64_t i = 0; i < tile.rows; ++i) {
    for (int64_t kx = 0; kx < p.kernelWidth; ++kx) {
      text +=
          fmt::format("          wx = v[{}];\n          ADZE_KEEP(wx);\n", kx);
      for (int64_t j = 0; j < tile.columns; ++j)
        text +=
            fmt::format("          x = a[{}];\n"
                        "          ADZE_MAC({}, x, wx);\n",
                        j * p.strideWidth + kx * p.dilationWidth, sum(i, j));
    }
    if (i + 1 < tile.rows)
      text += p.strideHeight == 1
                  ? "          a += pitch;\n"
                  : fmt::format("          a += {} * pitch;\n", p.strideHeight);
  }
  text += fmt::format(
      "          v += {};\n          s += {}pitch;\n        }}\n",
      p.kernelWidth,
      p.dilationHeight == 1 ? "" : fmt::format("{} * ", p.dilationHeight));
  return text;
}

std::string FunctionText::outputs() const {
  std::string text;
  for (int64_t i = 0; i < tile.rows; ++i)
    for (int64_t j = 0; j < tile.columns; ++j) {
      text += fmt::format(
          "        *o = (int8_t){}((uint32_t){}, bias, multiplier{});\n", line,
          sum(i, j), form.twoSided ? ", negative, offset" : "");
      if (j + 1 < tile.columns)
        text += "        o += channels;\n";
      else if (i + 1 < tile.rows)
        text += "        o += rowStep;\n";
    }
  return text;
}

std::string FunctionText::text() const {
  int64_t taps = p.kernelHeight * p.kernelWidth;
  bool registers = keepsWeights(p);
  Plane plane(p);
  int64_t outputRow = p.outputWidth * p.inputChannels;
  std::string sums, weights;
  for (int64_t i = 0; i < tile.size(); ++i)
    sums += (i ? ", " : "") + sum(i / tile.columns, i % tile.columns);
  for (int64_t i = 0; registers && i < taps; ++i)
    weights += fmt::format("    int32_t w{0} = w[{0}];\n", i);
  return fmt::format(
      R"(/* Depthwise convolution: each channel is copied into a padded plane, where
   {rows}x{columns} outputs at a time are summed up in registers. */
ADZE_SHARED static void {name}(const int8_t *in, const int8_t *w, const int32_t *q, int8_t *out, int8_t *plane, int32_t zero{offset})
{{
  const int32_t channels = {channels};
  const int32_t inputRow = {inputRow};
  const int32_t pitch = {pitch};
  for (int32_t i = 0; i < {planeSize}; ++i) {{
    plane[i] = (int8_t)zero;
  }}
  for (int32_t c = 0; c < channels; ++c) {{
    int8_t *to = plane + {first};
    const int8_t *from = in;
    for (int32_t y = {copiedRows}; y > 0; --y) {{
      const int8_t *a = from;
      int8_t *d = to;
      int32_t x = {copiedColumns};
      for (; x >= 4; x -= 4) {{
        d[0] = *a;
        a += channels;
        d[1] = *a;
        a += channels;
        d[2] = *a;
        a += channels;
        d[3] = *a;
        a += channels;
        d += 4;
      }}
      for (; x > 0; --x) {{
        *d++ = *a;
        a += channels;
      }}
      from += inputRow;
      to += pitch;
    }}
    const int32_t bias = q[0];
    const int32_t multiplier = q[1];
{negative}{weights}{rowStep}    int32_t y0 = 0;
    for (;;) {{
      const int8_t *row = plane + y0 * ({strideHeight} * pitch);
      int8_t *outRow = out + y0 * {outputRow};
      int32_t x0 = 0;
      for (;;) {{
        int32_t {sums};
        int32_t {scalar};
        const int8_t *s = row + x0 * {strideWidth};
        int8_t *o = outRow + x0 * channels;
{body}{outputs}        if (x0 == {lastColumn}) {{
          break;
        }}
        x0 += {columns};
        if (x0 > {lastColumn}) {{
          x0 = {lastColumn};
        }}
      }}
      if (y0 == {lastRow}) {{
        break;
      }}
      y0 += {rows};
      if (y0 > {lastRow}) {{
        y0 = {lastRow};
      }}
    }}
    ++in;
    ++out;
    w += {taps};
    q += {lineWords};
  }}
}}
)",
      fmt::arg("rows", tile.rows), fmt::arg("columns", tile.columns),
      fmt::arg("name", name()),
      fmt::arg("negative",
               form.twoSided ? "    const int32_t negative = q[2];\n" : ""),
      fmt::arg("weights", weights), fmt::arg("channels", p.inputChannels),
      fmt::arg("inputRow", p.inputWidth * p.inputChannels),
      fmt::arg("pitch", plane.width),
      fmt::arg("planeSize", plane.height * plane.width),
      fmt::arg("first", p.padTop * plane.width + p.padLeft),
      fmt::arg("copiedRows", plane.copiedRows),
      fmt::arg("copiedColumns", plane.copiedColumns),
      fmt::arg("lastRow", p.outputHeight - tile.rows),
      fmt::arg("lastColumn", p.outputWidth - tile.columns),
      fmt::arg("outputRow", outputRow),
      fmt::arg("offset", form.twoSided ? ", int32_t offset" : ""),

      fmt::arg("rowStep", tile.rows > 1
                              ? fmt::format("    const int32_t rowStep = {};\n",
                                            outputRow - (tile.columns - 1) *
                                                            p.inputChannels)
                              : ""),
      fmt::arg("strideHeight", p.strideHeight),
      fmt::arg("strideWidth", p.strideWidth), fmt::arg("sums", sums),
      fmt::arg("scalar", registers ? "x" : "x, wx"),
      fmt::arg("body", registers ? sumsInRegisters() : sumsByRows()),
      fmt::arg("outputs", outputs()), fmt::arg("taps", taps),
      fmt::arg("lineWords", form.twoSided ? 3 : 2));
}

namespace {

class DepthwiseScalar final : public KernelFamily {
public:
  std::string_view name() const override { return "depthwise.scalar"; }
  std::string_view summary() const override {
    return "depthwise convolution by tiles of outputs in registers";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && p->type == QuantizedType::int8 && p->weightBits == 8 &&
           !p->residual && p->groupInputs() == 1 && p->groupOutputs() == 1 &&
           p->outputElements() > 0 && p->inputElements() > 0;
  }

  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &machine) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<Schedule> result;
    for (int64_t rows = 1; rows <= std::min<int64_t>(5, p.outputHeight); ++rows)
      for (int64_t columns = 1; columns <= std::min<int64_t>(6, p.outputWidth);
           ++columns) {
        if (rows * columns > 12)
          continue;
        Schedule s;
        s.family = name();
        s.parameters = {{"rows", rows}, {"columns", columns}};
        result.push_back(s);
      }
    keepCheapest(*this, problem, machine, 4, result);
    return result;
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &machine) const override;
  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &machine, KernelCode &code) const override;
};

} // namespace

KernelFeatures DepthwiseScalar::features(const Problem &problem,
                                         const Schedule &schedule,
                                         const Machine &) const {
  const auto &p = std::get<ConvolutionProblem>(problem);
  Tile tile{schedule.get("rows", 1), schedule.get("columns", 1)};
  Plane plane(p);
  bool twice = roundsTwice(p);
  auto taps = double(p.kernelHeight * p.kernelWidth);
  auto channels = double(p.batch * p.inputChannels);
  double count = double(tiles(p.outputHeight, tile.rows) *
                        tiles(p.outputWidth, tile.columns));
  auto outputs = double(tile.size());
  // What does not fit beside the sums is reloaded once a tile.
  double spilled = std::max(0.0, outputs + (keepsWeights(p) ? taps : 2) - 12);
  double sums =
      keepsWeights(p)
          ? double(tileLoads(p, tile)) + outputs * (2 * taps - 1)
          : double(tileLoads(p, tile)) + outputs * 2 * taps + 6 * taps;
  double one = sums + outputs * (twice ? 11 : 8) + 16 + spilled +
               double(tile.rows * p.strideHeight + p.kernelHeight);
  KernelFeatures f;
  f.instructions = channels * (count * one + 20 +
                               double(plane.copiedRows) *
                                   (double(plane.copiedColumns) * 1.75 + 5)) +
                   double(plane.height * plane.width) * 5;
  f.constantBytes = p.inputChannels * (int64_t(taps) + (twice ? 12 : 8));
  f.codeBytes = 400 + int64_t(outputs) * (int64_t(taps) * 6 + 30);
  f.scratchBytes = plane.height * plane.width;
  f.stackBytes = 160;
  f.loads = f.instructions * 0.2;
  f.stores = f.instructions * 0.06;
  return f;
}

bool DepthwiseScalar::generate(const Problem &problem, const Schedule &schedule,
                               const Machine &, KernelCode &code) const {
  const auto &p = std::get<ConvolutionProblem>(problem);
  Tile tile{schedule.get("rows", 1), schedule.get("columns", 1)};
  Plane plane(p);
  std::optional<LineForm> form = findLineForm(p);
  if (!form)
    return false;
  std::vector<int8_t> weights = p.weights;
  std::vector<int32_t> lines;
  int64_t taps = p.kernelHeight * p.kernelWidth;
  for (int64_t c = 0; c < p.inputChannels; ++c) {
    const LineForm::Channel &channel = form->channels[size_t(c)];
    if (channel.constant)
      std::fill_n(weights.begin() + c * taps, taps, int8_t(0));
    lines.push_back(channel.bias);
    lines.push_back(channel.multiplier);
    if (form->twoSided)
      lines.push_back(channel.negative);
  }
  code.constants = {byteConstant(weights), wordConstant(lines)};
  code.scratchBytes = {(plane.height * plane.width + 3) / 4 * 4};
  addKeepMacro(code);
  std::string line = addLineFunction(code, *form, p.requantization);
  FunctionText function(p, tile, *form, line);
  addSharedFunction(code, function.name(), function.text());
  std::string arguments = fmt::format(
      "(int8_t *)scratch0, {}{}", p.inputZeroPoint,
      form->twoSided ? fmt::format(", {}", lineOffset(p.requantization)) : "");
  auto call = [&](const std::string &indent, const std::string &in,
                  const std::string &out) {
    return fmt::format("{}{}(in0{}, c0, c1, out0{}, {});\n", indent,
                       function.name(), in, out, arguments);
  };
  if (p.batch == 1)
    code.body = call("  ", "", "");
  else
    code.body =
        fmt::format("  for (int32_t n = 0; n < {}; ++n) {{\n", p.batch) +
        call("    ", fmt::format(" + n * {}", p.inputElements() / p.batch),
             fmt::format(" + n * {}", p.outputElements() / p.batch)) +
        "  }\n";
  return true;
}

const KernelFamily &depthwiseScalar() {
  static const DepthwiseScalar family;
  return family;
}

} // namespace adze::families
