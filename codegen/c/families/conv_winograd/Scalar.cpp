//===- Scalar.cpp - Exact integer Winograd without SIMD ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// F(4x4, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural
/// Networks" (2015), on integers: 36 products instead of 144 for 16 outputs.
/// The rows of G are scaled by 24 (the last one by 12, and the output transform
/// doubles it), so that transformed weights are integers of at most 144 * 128
/// and the results are 576 times the sums. Transformed inputs stay within
/// 100 * 128. Sums of products may wrap: everything after them is addition
/// modulo 2^32, and 576 times the result fits, which the search for the
/// requantization checks.
///
/// Inputs of two channels are transformed in one word, a + (b << 16), by plain
/// additions; (word + 0x8000) ^ 0x8000 takes the borrow out of the upper half.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/scalar/LineForm.h"
#include "codegen/c/families/scalar/PackedTile.h"
#include "codegen/c/families/scalar/Text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace adze::families {

namespace {

constexpr int64_t tileOutputs = 4, tileInputs = 6, points = 36;
/// Output channels of a block of products.
constexpr int blockChannels = 4;
/// The factor of the results.
constexpr int64_t unit = 576;

/// The tiles of an image, and how many are computed together.
struct Tiling {
  explicit Tiling(const ConvolutionProblem &p)
      : rows((p.outputHeight + tileOutputs - 1) / tileOutputs),
        columns((p.outputWidth + tileOutputs - 1) / tileOutputs),
        together(std::min<int64_t>(4, rows * columns)),
        groups((rows * columns + together - 1) / together) {}
  int64_t rows, columns, together, groups;
};

std::array<int32_t, points> transformWeights(const ConvolutionProblem &p,
                                             int64_t o, int64_t i) {
  static constexpr int32_t g[tileInputs][3] = {
      {6, 0, 0}, {-4, -4, -4}, {-4, 4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 12}};
  std::array<int32_t, points> u{};
  for (int64_t y = 0; y < tileInputs; ++y)
    for (int64_t x = 0; x < tileInputs; ++x)
      for (int64_t ky = 0; ky < 3; ++ky)
        for (int64_t kx = 0; kx < 3; ++kx)
          u[size_t(y * tileInputs + x)] +=
              g[y][ky] * g[x][kx] * p.weight(o, ky, kx, i);
  return u;
}

class WinogradScalar final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.winograd.scalar"; }
  std::string_view summary() const override {
    return "3x3 convolution as exact integer Winograd F(4x4)";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && p->type == QuantizedType::int8 && p->weightBits == 8 &&
           !p->residual && p->groups == 1 && p->kernelHeight == 3 &&
           p->kernelWidth == 3 && p->strideHeight == 1 && p->strideWidth == 1 &&
           p->dilationHeight == 1 && p->dilationWidth == 1 &&
           p->inputChannels % 2 == 0 && p->outputChannels >= blockChannels &&
           p->outputHeight >= tileOutputs && p->outputWidth >= tileOutputs;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    Schedule s;
    s.family = name();
    s.parameters["tile"] = tileOutputs;
    return {s};
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &machine) const override;
  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &machine, KernelCode &code) const override;
};

} // namespace

static int64_t scratchWords(const ConvolutionProblem &p, const Tiling &t) {
  return points * t.together * (p.inputChannels / 2 + blockChannels) +
         (points * p.inputChannels + 3) / 4;
}

KernelFeatures WinogradScalar::features(const Problem &problem,
                                        const Schedule &,
                                        const Machine &) const {
  const auto &p = std::get<ConvolutionProblem>(problem);
  Tiling t(p);
  const Requantization &q = p.requantization;
  bool twice = q.rounding == Rounding::twice && q.zeroPoint != q.low;
  auto blocks = int64_t(channelBlocks(p, blockChannels).size());
  double tiles = double(t.groups * t.together * p.batch);
  double words = double(t.together);
  double products =
      points * (double(p.inputChannels) *
                    (words * (1 + 2 * blockChannels) + blockChannels + 1) +
                words * blockChannels * 2 + 8);
  KernelFeatures f;
  f.instructions =
      tiles * (double(p.inputChannels) * 290 + 260 +
               double(blocks * blockChannels) * (twice ? 500 : 440)) +
      double(t.groups * p.batch * blocks) * products;
  f.constantBytes = blocks * blockChannels *
                    (points * 2 * p.inputChannels + (twice ? 12 : 8));
  f.codeBytes = 3600;
  f.scratchBytes = scratchWords(p, t) * 4;
  f.stackBytes = 320;
  f.loads = f.instructions * 0.2;
  f.stores = f.instructions * 0.05;
  return f;
}

/// y[6] of the input transform from d[6].
static const char inputTransform[] =
    R"(/* The six inputs of a row or column to the points of Winograd's F(4, 3). */
#define ADZE_WINOGRAD4_INPUT(d0, d1, d2, d3, d4, d5)                          \
  do {                                                                        \
    uint32_t even_ = (d4) - ((d2) << 2);                                      \
    uint32_t odd_ = (d3) - ((d1) << 2);                                       \
    uint32_t half_ = (d4) - (d2);                                             \
    uint32_t step_ = ((d3) - (d1)) << 1;                                      \
    (d0) = half_ + (((d0) - (d2)) << 2);                                      \
    (d5) = (d5) - (d3) - (step_ << 1);                                        \
    (d1) = even_ + odd_;                                                      \
    (d2) = even_ - odd_;                                                      \
    (d3) = half_ + step_;                                                     \
    (d4) = half_ - step_;                                                     \
  } while (0)
)";

static std::string inputText() {
  std::string text =
      R"(/* Transforms one 6x6 tile, two channels in a word. */
ADZE_SHARED static void adze_winograd4_input(const int8_t *s, int32_t pitch, int32_t channels, uint32_t *v, int32_t tiles)
{
  const int32_t step = (channels >> 1) * tiles;
  const uint32_t half = 32768u;
  for (int32_t c = 0; c < channels; c += 2) {
    uint32_t t[36];
    const int8_t *column = s;
    for (int32_t x = 0; x < 6; ++x) {
      const int8_t *a = column;
)";
  for (int i = 0; i < 6; ++i)
    text += fmt::format("      uint32_t d{} = (uint32_t)a[0] + "
                        "((uint32_t)a[1] << 16);\n{}",
                        i, i < 5 ? "      a += pitch;\n" : "");
  text += "      ADZE_WINOGRAD4_INPUT(d0, d1, d2, d3, d4, d5);\n";
  for (int i = 0; i < 6; ++i)
    text += fmt::format("      t[x + {}] = d{};\n", 6 * i, i);
  text += R"(      column += channels;
    }
    uint32_t *to = v;
    for (int32_t y = 0; y < 36; y += 6) {
)";
  for (int i = 0; i < 6; ++i)
    text += fmt::format("      uint32_t d{0} = t[y + {0}];\n", i);
  text += "      ADZE_WINOGRAD4_INPUT(d0, d1, d2, d3, d4, d5);\n";
  for (int i = 0; i < 6; ++i)
    text +=
        fmt::format("      *to = (d{} + half) ^ half;\n      to += step;\n", i);
  return text + R"(    }
    s += 2;
    v += tiles;
  }
}
)";
}

static std::string productsText(const std::string &name, int64_t tiles) {
  std::string sums, body, stores;
  for (int64_t i = 0; i < tiles * blockChannels; ++i)
    sums += fmt::format("{}s{}_{} = 0", i ? ", " : "", i / blockChannels,
                        i % blockChannels);
  for (int c = 0; c < 2; ++c) {
    for (int o = 0; o < blockChannels; ++o)
      body += fmt::format("      w{0} = u[{1}];\n      ADZE_KEEP(w{0});\n", o,
                          c * blockChannels + o);
    for (int64_t t = 0; t < tiles; ++t) {
      body += fmt::format("      x = v[{}];\n      ADZE_KEEP(x);\n", 2 * t + c);
      for (int o = 0; o < blockChannels; ++o)
        body += fmt::format("      ADZE_MAC(s{}_{}, x, w{});\n", t, o, o);
    }
  }
  for (int64_t i = 0; i < tiles * blockChannels; ++i)
    stores += fmt::format("    m[{}] = (uint32_t)s{}_{};\n", i,
                          i / blockChannels, i % blockChannels);
  return fmt::format(
      R"(/* Sums over the channels at every point, {0} tiles times {1} outputs. */
ADZE_SHARED static void {2}(const adze_half *v, const int16_t *u, uint32_t *m, int32_t channels)
{{
  const adze_half *last = v + {3} * channels;
  do {{
    int32_t {4};
    int32_t w0, w1, w2, w3, x;
    const adze_half *end = v + {0} * channels;
    do {{
{5}      v += {6};
      u += {7};
    }} while (v != end);
{8}    m += {9};
  }} while (v != last);
}}
)",
      tiles, blockChannels, name, points * tiles, sums, body, 2 * tiles,
      2 * blockChannels, stores, tiles * blockChannels);
}

static std::string outputText(const std::string &name, int64_t tiles,
                              const LineForm &form, const std::string &line) {
  int64_t stride = tiles * blockChannels;
  std::string text = fmt::format(
      R"(/* The points of one tile back to 4x4 outputs, for a block of channels. */
ADZE_SHARED static void {}(const uint32_t *m, const int32_t *q, int8_t *out, int32_t pitch, int32_t channels{})
{{
  for (int32_t o = 0; o < {}; ++o) {{
    uint32_t t[24];
    for (int32_t x = 0; x < 6; ++x) {{
      const uint32_t *a = m + x * {};
)",
      name, form.twoSided ? ", int32_t offset" : "", blockChannels, stride);
  auto transform = [](const std::string &in) {
    return fmt::format("{0}uint32_t a12 = a1 + a2, b12 = a1 - a2;\n"
                       "{0}uint32_t a34 = a3 + a4, b34 = a3 - a4;\n",
                       in);
  };
  for (int i = 0; i < 6; ++i)
    text += fmt::format("      uint32_t a{} = a[{}];\n", i, i * 6 * stride);
  text += transform("      ");
  text += R"(      t[x] = a0 + a12 + a34;
      t[x + 6] = b12 + (b34 << 1);
      t[x + 12] = a12 + (a34 << 2);
      t[x + 18] = b12 + (b34 << 3) + (a5 << 1);
    }
    int8_t *row = out;
    for (int32_t y = 0; y < 24; y += 6) {
      int8_t *to = row;
)";
  for (int i = 0; i < 6; ++i)
    text += fmt::format("      uint32_t a{0} = t[y + {0}];\n", i);
  text += transform("      ");
  const char *results[] = {"a0 + a12 + a34", "b12 + (b34 << 1)",
                           "a12 + (a34 << 2)", "b12 + (b34 << 3) + (a5 << 1)"};
  for (int i = 0; i < 4; ++i)
    text += fmt::format("      *to = (int8_t){}({}, q[0], q[1]{});\n{}", line,
                        results[i], form.twoSided ? ", q[2], offset" : "",
                        i < 3 ? "      to += channels;\n" : "");
  text += fmt::format(R"(      row += pitch;
    }}
    ++m;
    ++out;
    q += {};
  }}
}}
)",
                      form.twoSided ? 3 : 2);
  return text;
}

static const char halfText[] =
    R"(/* The halves of words: v[2 * i] is the lower one of word i. */
#if defined(__GNUC__)
typedef int16_t adze_half __attribute__((may_alias));
#else
typedef int16_t adze_half;
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "kernels of this file are for little-endian machines"
#endif
)";

static const char borderText[] =
    R"(/* A 6x6 tile that reaches over the border of the image, filled up. */
ADZE_SHARED static void adze_winograd4_border(const int8_t *in, int32_t y0, int32_t x0, int32_t height, int32_t width, int32_t channels, int32_t fill, int8_t *to)
{
  for (int32_t y = y0; y < y0 + 6; ++y) {
    for (int32_t x = x0; x < x0 + 6; ++x) {
      if (y >= 0 && y < height && x >= 0 && x < width) {
        const int8_t *from = in + (y * width + x) * channels;
        for (int32_t c = 0; c < channels; c += 2) {
          to[c] = from[c];
          to[c + 1] = from[c + 1];
        }
      } else {
        for (int32_t c = 0; c < channels; ++c) {
          to[c] = (int8_t)fill;
        }
      }
      to += channels;
    }
  }
}
)";

bool WinogradScalar::generate(const Problem &problem, const Schedule &,
                              const Machine &, KernelCode &code) const {
  const auto &p = std::get<ConvolutionProblem>(problem);
  Tiling t(p);
  std::optional<LineForm> form = findLineForm(p, unit);
  if (!form)
    return false;
  std::vector<int16_t> weights;
  std::vector<int32_t> lines;
  std::vector<int64_t> blocks = channelBlocks(p, blockChannels);
  for (int64_t first : blocks) {
    size_t at = weights.size();
    weights.resize(at + size_t(points * p.inputChannels * blockChannels));
    for (int64_t o = 0; o < blockChannels; ++o) {
      const LineForm::Channel &line = form->channels[size_t(first + o)];
      for (int64_t i = 0; i < p.inputChannels && !line.constant; ++i) {
        std::array<int32_t, points> u = transformWeights(p, first + o, i);
        for (int64_t point = 0; point < points; ++point)
          weights[at + size_t((point * p.inputChannels + i) * blockChannels +
                              o)] = int16_t(u[size_t(point)]);
      }
      lines.push_back(line.bias);
      lines.push_back(line.multiplier);
      if (form->twoSided)
        lines.push_back(line.negative);
    }
  }
  KernelConstant constant;
  constant.type = QuantizedType::int16;
  constant.bytes.resize(weights.size() * 2);
  std::memcpy(constant.bytes.data(), weights.data(), constant.bytes.size());
  code.constants = {constant, wordConstant(lines)};
  code.scratchBytes = {scratchWords(p, t) * 4};

  addKeepMacro(code);
  std::string line = addLineFunction(code, *form, p.requantization);
  addFunction(code, "adze_half", halfText);
  addFunction(code, "ADZE_WINOGRAD4_INPUT", inputTransform);
  addSharedFunction(code, "adze_winograd4_input", inputText());
  std::string products = fmt::format("adze_winograd4_products_{}", t.together);
  addSharedFunction(code, products, productsText(products, t.together));
  std::string output =
      fmt::format("adze_winograd4_output_{}{}", t.together, line.substr(4));
  addSharedFunction(code, output, outputText(output, t.together, *form, line));
  addSharedFunction(code, "adze_winograd4_border", borderText);

  int64_t pairs = p.inputChannels / 2;
  int64_t imageOut = p.outputHeight * p.outputWidth * p.outputChannels;
  std::string last = fmt::format("{}", t.rows * t.columns - t.together);
  std::string image =
      p.batch > 1 ? "in0 + n * " + std::to_string(p.inputElements() / p.batch)
                  : "in0";
  std::string result =
      p.batch > 1 ? "out0 + n * " + std::to_string(imageOut) : "out0";
  std::string text = fmt::format(
      R"(uint32_t *v = (uint32_t *)scratch0;
uint32_t *m = v + {vWords};
int8_t *patch = (int8_t *)(m + {mWords});
const int8_t *in = {image};
int8_t *out = {result};
for (int32_t g = 0; g < {groups}; ++g) {{
  int32_t first = g * {together} > {last} ? {last} : g * {together};
  int32_t at[{together}];
  for (int32_t t = 0; t < {together}; ++t) {{
    int32_t y = (first + t) / {columns} * 4;
    int32_t x = (first + t) % {columns} * 4;
    y = y > {lastY} ? {lastY} : y;
    x = x > {lastX} ? {lastX} : x;
    at[t] = (y * {outputWidth} + x) * {outputChannels};
    y -= {padTop};
    x -= {padLeft};
    if (y >= 0 && y <= {insideY} && x >= 0 && x <= {insideX}) {{
      adze_winograd4_input(in + (y * {inputWidth} + x) * {inputChannels}, {inputRow}, {inputChannels}, v + t, {together});
    }} else {{
      adze_winograd4_border(in, y, x, {inputHeight}, {inputWidth}, {inputChannels}, {fill}, patch);
      adze_winograd4_input(patch, {patchRow}, {inputChannels}, v + t, {together});
    }}
  }}
  for (int32_t b = 0; b < {blocks}; ++b) {{
    int32_t o = b * 4 > {lastBlock} ? {lastBlock} : b * 4;
    {products}((const adze_half *)v, c0 + b * {blockWeights}, m, {inputChannels});
    for (int32_t t = 0; t < {together}; ++t) {{
      {output}(m + t * 4, c1 + b * {blockLines}, out + at[t] + o, {outputRow}, {outputChannels}{offset});
    }}
  }}
}}
)",
      fmt::arg("vWords", points * pairs * t.together),
      fmt::arg("mWords", points * t.together * blockChannels),
      fmt::arg("image", image), fmt::arg("result", result),
      fmt::arg("groups", t.groups), fmt::arg("together", t.together),
      fmt::arg("last", last), fmt::arg("columns", t.columns),
      fmt::arg("lastY", p.outputHeight - tileOutputs),
      fmt::arg("lastX", p.outputWidth - tileOutputs),
      fmt::arg("outputWidth", p.outputWidth),
      fmt::arg("outputChannels", p.outputChannels),
      fmt::arg("padTop", p.padTop), fmt::arg("padLeft", p.padLeft),
      fmt::arg("insideY", p.inputHeight - tileInputs),
      fmt::arg("insideX", p.inputWidth - tileInputs),
      fmt::arg("inputWidth", p.inputWidth),
      fmt::arg("inputHeight", p.inputHeight),
      fmt::arg("inputChannels", p.inputChannels),
      fmt::arg("inputRow", p.inputWidth * p.inputChannels),
      fmt::arg("fill", p.inputZeroPoint),
      fmt::arg("patchRow", tileInputs * p.inputChannels),
      fmt::arg("blocks", blocks.size()),
      fmt::arg("lastBlock", p.outputChannels - blockChannels),
      fmt::arg("products", products), fmt::arg("output", output),
      fmt::arg("blockWeights", points * p.inputChannels * blockChannels),
      fmt::arg("offset", form->twoSided
                             ? fmt::format(", {}", lineOffset(p.requantization))
                             : ""),
      fmt::arg("blockLines", blockChannels * (form->twoSided ? 3 : 2)),
      fmt::arg("outputRow", p.outputWidth * p.outputChannels));
  std::string indent = "  ";
  if (p.batch > 1) {
    code.body = fmt::format("  for (int32_t n = 0; n < {}; ++n) {{\n", p.batch);
    indent = "    ";
  }
  for (size_t from = 0; from < text.size();) {
    size_t end = text.find('\n', from) + 1;
    code.body += indent + text.substr(from, end - from);
    from = end;
  }
  if (p.batch > 1)
    code.body += "  }\n";
  return true;
}

const KernelFamily &convWinogradScalar() {
  static const WinogradScalar family;
  return family;
}

} // namespace adze::families
