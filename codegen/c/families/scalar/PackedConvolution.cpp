//===- PackedConvolution.cpp - Convolution by packed tiles ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/scalar/PackedConvolution.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/scalar/NarrowWeights.h"
#include "codegen/c/families/scalar/PackedTile.h"
#include "codegen/c/families/scalar/Text.h"
#include "codegen/c/families/scalar/WideTile.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

/// A matrix product is a convolution over one row of pixels.
static ConvolutionProblem flattened(const ConvolutionProblem &problem) {
  ConvolutionProblem p = problem;
  bool pointwise = p.kernelHeight == 1 && p.kernelWidth == 1 &&
                   p.strideHeight == 1 && p.strideWidth == 1 && p.padTop == 0 &&
                   p.padLeft == 0 && p.inputHeight == p.outputHeight &&
                   p.inputWidth == p.outputWidth;
  if (pointwise) {
    p.inputWidth = p.outputWidth = p.batch * p.inputHeight * p.inputWidth;
    p.inputHeight = p.outputHeight = p.batch = 1;
  }
  return p;
}

namespace {

/// How the output pixels of an image are cut into tiles. The last tile ends
/// with the image and may compute pixels again.
struct Tiling {
  Tiling(const ConvolutionProblem &p, const Schedule &schedule)
      : tile{int(schedule.get("pairs", 1)), int(schedule.get("channels", 1))},
        pixels(p.outputHeight * p.outputWidth), full(pixels / (2 * tile.pairs)),
        rest(int(schedule.get("rest", 0))) {}

  TileSize tile;
  int64_t pixels, full; // of an image
  int rest;             // pairs of the last tile; 0: there is none
};

/// The gathering of inputs of one layer.
struct Gather {
  Gather(const ConvolutionProblem &p, bool wide) : p(p), wide(wide) {
    int64_t below = (p.outputHeight - 1) * p.strideHeight - p.padTop +
                    (p.kernelHeight - 1) * p.dilationHeight;
    int64_t right = (p.outputWidth - 1) * p.strideWidth - p.padLeft +
                    (p.kernelWidth - 1) * p.dilationWidth;
    rowsLeave = p.padTop > 0 || below >= p.inputHeight;
    columnsLeave = p.padLeft > 0 || right >= p.inputWidth;
    contiguous = p.groups == 1 && (p.dilationWidth == 1 || p.kernelWidth == 1);
  }
  bool bordered() const { return rowsLeave || columnsLeave; }
  int64_t run() const {
    return contiguous ? p.kernelWidth * p.groupInputs() : p.groupInputs();
  }
  /// Elements that one turn of the copying loop takes, a divisor of the run.
  int64_t unroll() const {
    // Of the channels of a pixel, where that is enough: borders copy pixels.
    int64_t length = p.groupInputs() < 4 ? run() : p.groupInputs();
    for (int64_t u = 12; u > 1; --u)
      if (length % u == 0)
        return u;
    return 1;
  }
  /// Instructions for the words of one pair of pixels.
  double instructions() const {
    double words = double(p.kernelHeight * p.kernelWidth * p.groupInputs());
    double runs = words / double(run());
    return words * (5 + 4 / double(unroll())) + runs * (bordered() ? 30 : 20) +
           20;
  }

  std::string text(int pairs, const std::string &indent) const;

  const ConvolutionProblem &p;
  bool wide, rowsLeave, columnsLeave, contiguous;
};

} // namespace

/// "x", "x * 2", "x * 2 - 1"
static std::string affine(const std::string &x, int64_t factor, int64_t minus) {
  std::string text = factor == 1 ? x : fmt::format("{} * {}", x, factor);
  return minus == 0 ? text : fmt::format("{} - {}", text, minus);
}

static std::string pairsName(int pairs, int64_t unroll, bool wide) {
  return fmt::format("adze_pairs{}_{}_by{}", wide ? "64" : "", pairs, unroll);
}

static void addPairs(KernelCode &code, int pairs, int64_t unroll, bool wide) {
  std::string name = pairsName(pairs, unroll, wide);
  std::string text = fmt::format(
      R"(/* Two pixels side by side into the halves of words, {0} * n elements. */
ADZE_SHARED static void {1}({2} *d, const int8_t *a, const int8_t *b, int32_t n)
{{
  do {{
)",
      unroll, name, wide ? "uint64_t" : "uint32_t");
  for (int64_t i = 0; i < unroll; ++i)
    text += fmt::format(fmt::runtime(wide ? "    d[{}] = (uint64_t)a[{}] + "
                                            "((uint64_t)b[{}] << 32);\n"
                                          : "    d[{}] = (uint32_t)a[{}] + "
                                            "((uint32_t)b[{}] << 16);\n"),
                        i * pairs, i, i);
  text += fmt::format("    a += {0};\n    b += {0};\n    d += {1};\n"
                      "  }} while (--n > 0);\n}}\n",
                      unroll, unroll * pairs);
  addSharedFunction(code, name, text);
}

/// Fills the words of one pair: `d` is where, (ya, xa) and (yb, xb) are the
/// upper left corners of the two windows.
std::string Gather::text(int pairs, const std::string &indent) const {
  int64_t inputs = p.groupInputs();
  auto call = [&](const std::string &a, const std::string &b, int64_t words,
                  const std::string &in) {
    return fmt::format("{0}{1}(d, {2}, {3}, {4});\n{0}d += {5};\n", in,
                       pairsName(pairs, unroll(), wide), a, b, words / unroll(),
                       words * pairs);
  };
  std::string text;
  std::string in = indent;
  bool manyRows = p.kernelHeight > 1;
  std::string step =
      manyRows
          ? fmt::format(" + ky{}", p.dilationHeight == 1
                                       ? ""
                                       : fmt::format(" * {}", p.dilationHeight))
          : "";
  if (manyRows) {
    text += fmt::format("{}for (int32_t ky = 0; ky < {}; ++ky) {{\n", in,
                        p.kernelHeight);
    in += "  ";
  }
  for (const char *v : {"a", "b"})
    text += fmt::format("{0}const int8_t *{1} = in + ((y{1}{2}) * {3} + x{1}) "
                        "* {4};\n",
                        in, v, step, p.inputWidth, p.inputChannels);
  std::string inside;
  auto all = [&](const std::string &condition) {
    inside += (inside.empty() ? "" : " && ") + condition;
  };
  if (rowsLeave)
    for (const char *v : {"a", "b"})
      all(fmt::format("(uint32_t)(y{}{}) < {}u", v, step, p.inputHeight));
  int64_t span = (p.kernelWidth - 1) * p.dilationWidth + 1;
  if (columnsLeave)
    for (const char *v : {"a", "b"})
      all(span <= p.inputWidth
              ? fmt::format("(uint32_t)x{} < {}u", v, p.inputWidth - span + 1)
              : "0");
  std::string fast = in;
  if (bordered()) {
    text += fmt::format("{}if ({}) {{\n", in, inside);
    fast += "  ";
  }
  if (contiguous) {
    text += call("a", "b", run(), fast);
  } else if (p.kernelWidth == 1) {
    text += call("a", "b", run(), fast);
  } else {
    text += fmt::format("{}for (int32_t kx = 0; kx < {}; ++kx) {{\n", fast,
                        p.kernelWidth);
    text += call(fmt::format("a + kx * {}", p.dilationWidth * p.inputChannels),
                 fmt::format("b + kx * {}", p.dilationWidth * p.inputChannels),
                 run(), fast + "  ");
    text += fast + "}\n";
  }
  if (bordered()) {
    text += in + "} else {\n";
    std::string deep = in + "  ";
    std::string kx = "";
    if (p.kernelWidth > 1) {
      text += fmt::format("{}for (int32_t kx = 0; kx < {}; ++kx) {{\n", deep,
                          p.kernelWidth);
      deep += "  ";
      kx = p.dilationWidth == 1 ? " + kx"
                                : fmt::format(" + kx * {}", p.dilationWidth);
    }
    for (const char *v : {"a", "b"})
      text += fmt::format(
          "{0}const int8_t *s{1} = (uint32_t)(y{1}{2}) < {3}u && "
          "(uint32_t)(x{1}{4}) < {5}u ? in + ((y{1}{2}) * {5} + x{1}{4}) * {6} "
          ": blank;\n",
          deep, v, step, p.inputHeight, kx, p.inputWidth, p.inputChannels);
    if (inputs % unroll() == 0) {
      text += call("sa", "sb", inputs, deep);
    } else {
      text += fmt::format("{0}for (int32_t i = 0; i < {1}; ++i) {{\n"
                          "{0}  *d = ({3})sa[i] + (({3})sb[i] << {4});\n{0}  d "
                          "+= {2};\n{0}}}\n",
                          deep, inputs, pairs, wide ? "uint64_t" : "uint32_t",
                          wide ? 32 : 16);
    }
    if (p.kernelWidth > 1)
      text += in + "  }\n";
    text += in + "}\n";
  }
  if (manyRows)
    text += indent + "}\n";
  return text;
}

bool PackedConvolution::matches(const Problem &problem, const Machine &) const {
  auto *p = std::get_if<ConvolutionProblem>(&problem);
  return p && p->type == QuantizedType::int8 && !p->residual &&
         p->outputElements() > 0 && p->inputElements() > 0 && takes(*p) &&
         !schedules(problem, Machine()).empty();
}

std::vector<Schedule>
PackedConvolution::schedules(const Problem &problem,
                             const Machine &machine) const {
  bool wide = hasWideMultiply(machine);
  ConvolutionProblem p = flattened(std::get<ConvolutionProblem>(problem));
  std::vector<Schedule> result;
  int64_t pixels = p.outputHeight * p.outputWidth;
  for (int channels : {4, 2, 1, 3})
    for (int pairs : {4, 3, 2, 1}) {
      // A sum takes three registers, a wide one takes one. Blocks that overlap
      // much store weights twice.
      if (pixels < 2 * pairs || p.groupOutputs() < channels ||
          pairs * channels > (wide ? 16 : 6) || (!wide && pairs > 3) ||
          (channels == 4 &&
           !(wide && (p.groupOutputs() % 4 == 0 || p.groupOutputs() > 40))) ||
          (channels % 2 != 0 && p.weightBits < 8) ||
          (channels == 3 && p.groupOutputs() % 3 != 0) ||
          (channels == 1 && p.groupOutputs() > 1))
        continue;
      Schedule s;
      s.family = name();
      s.parameters["pairs"] = pairs;
      s.parameters["channels"] = channels;
      int64_t rest = pixels % (2 * pairs);
      if (rest == 0) {
        result.push_back(s);
        continue;
      }
      s.parameters["rest"] = pairs;
      result.push_back(s);
      // A second function pays only where much would be computed twice.
      int64_t fewer = (rest + 1) / 2;
      if (fewer < pairs && (2 * pairs - rest) * 20 > pixels) {
        s.parameters["rest"] = fewer;
        result.push_back(s);
      }
    }
  return result;
}

KernelFeatures PackedConvolution::features(const Problem &problem,
                                           const Schedule &schedule,
                                           const Machine &machine) const {
  ConvolutionProblem p = flattened(std::get<ConvolutionProblem>(problem));
  Tiling t(p, schedule);
  bool wide = hasWideMultiply(machine);
  Gather gather(p, wide);
  const Requantization &q = p.requantization;
  bool twoSided = q.rounding == Rounding::twice && q.zeroPoint != q.low;
  int64_t flushes = wide ? 0 : countFlushes(p, t.tile.channels);
  double images = double(p.batch * p.groups);
  auto cost = [&](int pairs) {
    TileSize size{pairs, t.tile.channels};
    return (wide
                ? wideTileInstructions(p, size, twoSided)
                : packedTileInstructions(p, size, flushes, twoSided, machine)) +
           pairs * gather.instructions() + 60;
  };
  KernelFeatures f;
  f.instructions = images * (double(t.full) * cost(t.tile.pairs) +
                             (t.rest ? cost(t.rest) : 0));
  auto blocks = int64_t(channelBlocks(p, t.tile.channels).size()) * p.groups;
  int64_t taps = packedTaps(p);
  f.constantBytes =
      blocks *
      (t.tile.channels * (taps * storedBits(p) / 8 + (twoSided ? 12 : 8)) +
       (wide ? 0 : 4 * ((taps / 2 + 31) / 32)));
  f.codeBytes = 400 + 100 * t.tile.pairs * t.tile.channels *
                          (t.rest && t.rest != t.tile.pairs ? 2 : 1);
  f.scratchBytes = taps * t.tile.pairs * (wide ? 8 : 4) + p.groupInputs();
  f.stackBytes = 160;
  f.loads = f.instructions * 0.25;
  f.stores = f.instructions * 0.03;
  return f;
}

bool PackedConvolution::generate(const Problem &problem,
                                 const Schedule &schedule,
                                 const Machine &machine,
                                 KernelCode &code) const {
  bool wide = hasWideMultiply(machine);
  ConvolutionProblem p = flattened(std::get<ConvolutionProblem>(problem));
  Tiling t(p, schedule);
  std::optional<LineForm> form = findLineForm(p);
  PackedWeights packed;
  if (!form || !packWeights(p, t.tile.channels, *form, !wide, packed))
    return false;
  code.constants = {byteConstant(packed.weights), wordConstant(packed.lines)};
  if (!wide)
    code.constants.push_back(wordConstant(packed.groupEnds));
  int64_t taps = packedTaps(p), words = (taps / 2 + 31) / 32;
  auto blocks = int64_t(channelBlocks(p, t.tile.channels).size());
  int64_t columns = taps * t.tile.pairs;
  Gather gather(p, wide);
  if (wide)
    columns *= 2;
  code.scratchBytes = {columns * 4 +
                       (gather.bordered() ? (p.groupInputs() + 3) / 4 * 4 : 0)};

  std::string b;
  std::string word = wide ? "uint64_t" : "uint32_t";
  b += fmt::format("  {0} *columns = ({0} *)scratch0;\n", word);
  if (gather.bordered()) {
    b += fmt::format("  int8_t *blank = (int8_t *)(scratch0 + {});\n", columns);
    b += fmt::format("  for (int32_t i = 0; i < {}; ++i) {{\n    blank[i] = "
                     "{};\n  }}\n",
                     p.groupInputs(), p.inputZeroPoint);
  }
  std::string in = "  ", input = "in0", output = "out0";
  int64_t imageIn = p.inputHeight * p.inputWidth * p.inputChannels;
  int64_t imageOut = t.pixels * p.outputChannels;
  if (p.batch > 1) {
    b += fmt::format("  for (int32_t n = 0; n < {}; ++n) {{\n", p.batch);
    in += "  ";
    input += fmt::format(" + n * {}", imageIn);
    output += fmt::format(" + n * {}", imageOut);
  }
  std::string weights = "c0", lines = "c1", ends = "c2";
  if (p.groups > 1) {
    b += fmt::format("{}for (int32_t g = 0; g < {}; ++g) {{\n", in, p.groups);
    in += "  ";
    input += fmt::format(" + g * {}", p.groupInputs());
    output += fmt::format(" + g * {}", p.groupOutputs());
    weights += fmt::format(" + g * {}",
                           blocks * taps * t.tile.channels * storedBits(p) / 8);
    ends += fmt::format(" + g * {}", blocks * words);
    lines += fmt::format(" + g * {}",
                         blocks * t.tile.channels * (form->twoSided ? 3 : 2));
  }
  b += fmt::format("{0}const int8_t *in = {1};\n{0}int8_t *out = {2};\n", in,
                   input, output);
  // One tile of the given number of pairs from pixel `from` on.
  auto tile = [&](int pairs, const std::string &indent) {
    addPairs(code, pairs, gather.unroll(), wide);
    TileSize size{pairs, t.tile.channels};
    std::string name =
        wide
            ? addWideTile(code, size, storedBits(p), *form, p.requantization)
            : addPackedTile(code, size, storedBits(p), *form, p.requantization);
    std::string text;
    bool oneRow = p.outputHeight == 1;
    text +=
        fmt::format("{}int32_t x = {};\n", indent,
                    oneRow ? "from" : fmt::format("from % {}", p.outputWidth));
    text += fmt::format("{}int32_t y = {};\n", indent,
                        oneRow ? "0" : fmt::format("from / {}", p.outputWidth));
    text += fmt::format("{}for (int32_t pair = 0; pair < {}; ++pair) {{\n",
                        indent, pairs);
    std::string deep = indent + "  ";
    text += fmt::format("{}{} *d = columns + pair;\n", deep, word);
    for (const char *v : {"a", "b"}) {
      text += fmt::format("{0}int32_t y{1} = {2};\n{0}int32_t x{1} = {3};\n",
                          deep, v, affine("y", p.strideHeight, p.padTop),
                          affine("x", p.strideWidth, p.padLeft));
      if (oneRow)
        text += deep + "++x;\n";
      else
        text += fmt::format("{0}if (++x == {1}) {{\n{0}  x = 0;\n{0}  "
                            "++y;\n{0}}}\n",
                            deep, p.outputWidth);
    }
    text += gather.text(pairs, deep);
    text += indent + "}\n";
    std::string offset =
        form->twoSided ? fmt::format(", {}", lineOffset(p.requantization)) : "";
    text += fmt::format("{}{}(columns, {}, {}{}, out + from * {}, {}, {}, "
                        "{}{});\n",
                        indent, name, weights, wide ? "" : ends + ", ", lines,
                        p.outputChannels, p.outputChannels, p.groupOutputs(),
                        wide ? taps * pairs : words, offset);
    return text;
  };
  int64_t step = 2 * t.tile.pairs;
  bool separate = t.rest && t.rest != t.tile.pairs;
  int64_t count = separate || !t.rest ? t.full : t.full + 1;
  b += fmt::format("{}for (int32_t tile = 0; tile < {}; ++tile) {{\n", in,
                   count);
  if (separate || !t.rest)
    b += fmt::format("{}  int32_t from = tile * {};\n", in, step);
  else
    b += fmt::format("{}  int32_t from = tile < {} ? tile * {} : {};\n", in,
                     t.full, step, t.pixels - step);
  b += tile(t.tile.pairs, in + "  ");
  b += in + "}\n";
  if (separate) {
    b += fmt::format("{0}{{\n{0}  int32_t from = {1};\n", in,
                     t.pixels - 2 * t.rest);
    b += tile(t.rest, in + "  ");
    b += in + "}\n";
  }
  while (in.size() > 2) {
    in.resize(in.size() - 2);
    b += in + "}\n";
  }
  code.body = b;
  return true;
}

} // namespace adze::families
