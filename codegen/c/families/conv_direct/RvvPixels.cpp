//===- RvvPixels.cpp - Convolution, pixels in lanes -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layers of few output channels and wide rows: lanes are the pixels of a row,
/// the weight is a scalar, and three output channels share the load of the
/// activations. Rows are kept in a ring as planes of 16-bit values, one for
/// each input channel and each column modulo the stride, so that a tap of all
/// pixels is one load without stride.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/rvv/ChannelLanes.h"
#include "codegen/c/families/rvv/Requantize.h"
#include "codegen/c/families/rvv/RowRing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace adze::families {

namespace {

using rvv::Assembly;
using rvv::CountedText;

constexpr int64_t mostOutputs = 32; // beyond them channels fill the lanes
constexpr int together = 3;         // output channels of a group
/// Taps whose products are spelled out; with more, channels are a loop.
constexpr int64_t longestBody = 36;

/// Pointwise layers see their image as rows of whole vectors.
ConvolutionProblem reshaped(const ConvolutionProblem &problem) {
  ConvolutionProblem p = problem;
  bool pointwise = p.kernelHeight == 1 && p.kernelWidth == 1 &&
                   p.strideHeight == 1 && p.strideWidth == 1 && p.padTop == 0 &&
                   p.padLeft == 0 && p.inputHeight == p.outputHeight &&
                   p.inputWidth == p.outputWidth;
  if (!pointwise)
    return p;
  int64_t pixels = p.batch * p.outputHeight * p.outputWidth;
  for (int64_t width : {128, 96, 64, 32})
    if (pixels % width == 0) {
      p.batch = 1;
      p.inputHeight = p.outputHeight = pixels / width;
      p.inputWidth = p.outputWidth = width;
      break;
    }
  return p;
}

class Generator {
public:
  explicit Generator(const ConvolutionProblem &problem) : p(reshaped(problem)) {
    int64_t columns = (p.outputWidth - 1) * p.strideWidth +
                      (p.kernelWidth - 1) * p.dilationWidth + 1;
    plane = (columns + p.strideWidth - 1) / p.strideWidth;
    lineColumns = plane * p.strideWidth;
    usedColumns = columns;
    phases = std::min(p.strideWidth, (p.kernelWidth - 1) * p.dilationWidth + 1);
    rowElements = phases * p.inputChannels * plane;
    ringRows = (p.kernelHeight - 1) * p.dilationHeight + 1;
    looped = p.kernelWidth * p.inputChannels > longestBody;
  }

  bool generate(bool pack, KernelCode &code, KernelFeatures &features);

private:
  KernelConstant weights() const;
  int64_t groupStart(int64_t channel) const {
    return channel / together * together * p.kernelHeight * p.kernelWidth *
           p.inputChannels;
  }
  int64_t groupSize(int64_t channel) const {
    return std::min<int64_t>(together,
                             p.outputChannels - channel / together * together);
  }
  int64_t weightIndex(int64_t o, int64_t ky, int64_t kx, int64_t i) const {
    return groupStart(o) +
           ((ky * p.inputChannels + i) * p.kernelWidth + kx) * groupSize(o) +
           o % together;
  }
  /// Elements from a row's begin to a tap of the first pixel.
  int64_t tapOffset(int64_t kx, int64_t i) const {
    int64_t column = kx * p.dilationWidth;
    return (column % p.strideWidth * p.inputChannels + i) * plane +
           column / p.strideWidth;
  }
  CountedText groupText(int count, const std::string &indent) const;
  void vectorBody(KernelCode &code);
  void plainBody(KernelCode &code);
  void append(const CountedText &text, int64_t weight) {
    body += text.text;
    instructions += text.instructions * weight;
    loads += text.loads * weight;
  }

  ConvolutionProblem p;
  int64_t plane, lineColumns, usedColumns, phases, rowElements, ringRows;
  bool looped;
  rvv::Requantizer requantizer;
  std::string body;
  int64_t instructions = 0, loads = 0;
};

} // namespace

KernelConstant Generator::weights() const {
  KernelConstant constant;
  constant.type = QuantizedType::int16;
  constant.bytes.resize(p.weights.size() * 2);
  for (int64_t o = 0; o < p.outputChannels; ++o)
    for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
      for (int64_t kx = 0; kx < p.kernelWidth; ++kx)
        for (int64_t i = 0; i < p.inputChannels; ++i) {
          int16_t value = p.weight(o, ky, kx, i);
          std::memcpy(constant.bytes.data() + 2 * weightIndex(o, ky, kx, i),
                      &value, 2);
        }
  return constant;
}

/// `count` channels from `o` on of `vl` pixels from `offset` bytes on.
CountedText Generator::groupText(int count, const std::string &indent) const {
  static constexpr const char *scalars[] = {"t3", "t4", "t5"};
  Assembly assembly;
  for (int i = 0; i < 32; ++i)
    assembly.clobber(fmt::format("v{}", i));
  for (const char *name : scalars)
    assembly.clobber(name);
  assembly.input("vl", "vl");
  assembly.local("words", "const int32_t *", "c1 + o");
  assembly.advance("weights");
  assembly.local("r", "const int16_t *const *", "rows");
  assembly.local("p", "const int16_t *");
  assembly.input("re", fmt::format("rows + {}", p.kernelHeight));
  assembly.input("x", "offset");
  auto sum = [](int i) { return rvv::sumRegister(8, i); };
  auto line = [&](const std::string &text, bool load = false) {
    assembly.line(text, load);
  };
  line("vsetvli zero, %[vl], e32, m8, ta, ma");
  for (int i = 0; i < count; ++i)
    line(fmt::format("lw {}, {}(%[words])", scalars[i], 4 * i), true);
  for (int i = 0; i < count; ++i)
    line(fmt::format("vmv.v.x {}, {}", sum(i), scalars[i]));
  line("vsetvli zero, zero, e16, m4, ta, ma");

  assembly.label(1);
  assembly.weight = p.kernelHeight;
  line("ld %[p], 0(%[r])", true);
  line("addi %[r], %[r], 8");
  line("add %[p], %[p], %[x]");
  int64_t at = 0, used = 0; // elements from the pointers of taps and weights
  auto advance = [&](int64_t to) {
    int64_t bytes = 2 * (to - at);
    if (bytes < -2048 || bytes > 2047) {
      line(fmt::format("li t3, {}", bytes));
      line("add %[p], %[p], t3");
    } else if (bytes) {
      line(fmt::format("addi %[p], %[p], {}", bytes));
    }
    at = to;
  };
  auto channel = [&](int64_t i) {
    for (int64_t kx = 0; kx < p.kernelWidth; ++kx) {
      advance(tapOffset(kx, i));
      line("vle16.v v0, (%[p])", true);
      for (int k = 0; k < count; ++k)
        line(fmt::format("lh {}, {}(%[weights])", scalars[k], 2 * (used + k)),
             true);
      used += count;
      for (int k = 0; k < count; ++k)
        line(fmt::format("vwmacc.vx {}, {}, v0", sum(k), scalars[k]));
    }
  };
  if (looped) {
    assembly.local("channels", "int32_t");
    line(fmt::format("li %[channels], {}", p.inputChannels));
    assembly.label(2);
    assembly.weight = p.kernelHeight * p.inputChannels;
    channel(0);
    advance(plane);
    line(fmt::format("addi %[weights], %[weights], {}", 2 * used));
    line("addi %[channels], %[channels], -1");
    line("bnez %[channels], 2b");
    assembly.weight = p.kernelHeight;
  } else {
    for (int64_t i = 0; i < p.inputChannels; ++i)
      channel(i);
    line(fmt::format("addi %[weights], %[weights], {}", 2 * used));
  }
  line("bne %[r], %[re], 1b");
  assembly.weight = 1;

  bool once = p.requantization.rounding == Rounding::once;
  line("vsetvli zero, zero, e32, m8, ta, ma");
  line(fmt::format("csrwi vxrm, {}", once ? 2 : 0));
  int64_t parts = 1;
  auto scalarsAt = [&](int64_t part) {
    int64_t bytes = 4 * part * p.outputChannels;
    for (int i = 0; i < count; ++i)
      line(fmt::format("lw {}, {}(%[words])", scalars[i], bytes + 4 * i), true);
  };
  if (requantizer.hasLeft) {
    scalarsAt(2);
    for (int i = 0; i < count; ++i)
      line(fmt::format("vsll.vx {0}, {0}, {1}", sum(i), scalars[i]));
    ++parts;
  }
  scalarsAt(1);
  for (int i = 0; i < count; ++i)
    line(fmt::format("vsmul.vx {0}, {0}, {1}", sum(i), scalars[i]));
  if (requantizer.fixesNegatives) {
    if (requantizer.hasMask)
      scalarsAt(1 + parts);
    for (int i = 0; i < count; ++i) {
      line(fmt::format("vsra.vi v0, {}, 31", sum(i)));
      if (requantizer.hasMask)
        line(fmt::format("vand.vx v0, v0, {}", scalars[i]));
      line(fmt::format("vadd.vv {0}, {0}, v0", sum(i)));
    }
  }
  assembly.input("shifts", "c2 + o");
  line("vsetvli zero, zero, e16, m4, ta, ma");
  if (once)
    line("csrwi vxrm, 0");
  for (int i = 0; i < count; ++i)
    line(fmt::format("lh {}, {}(%[shifts])", scalars[i], 2 * i), true);
  for (int i = 0; i < count; ++i)
    line(fmt::format("vnclip.wx {0}, {0}, {1}", sum(i), scalars[i]));
  auto each = [&](const char *text, int32_t value) {
    line(fmt::format("li t3, {}", value));
    for (int i = 0; i < count; ++i)
      line(fmt::format("{0} {1}, {1}, t3", text, sum(i)));
  };
  const Requantization &how = p.requantization;
  if (how.zeroPoint)
    each("vsadd.vx", how.zeroPoint);
  if (how.low > -128)
    each("vmax.vx", how.low);
  if (how.high < 127)
    each("vmin.vx", how.high);
  line("vsetvli zero, zero, e8, m2, ta, ma");
  for (int i = 0; i < count; ++i)
    line(fmt::format("vnclip.wi {0}, {0}, 0", sum(i)));
  assembly.local("to", "int8_t *", "pixels + o");
  line(fmt::format("li t3, {}", p.outputChannels));
  for (int i = 0; i < count; ++i) {
    line(fmt::format("vsse8.v {}, (%[to]), t3", sum(i)));
    if (i + 1 < count)
      line("addi %[to], %[to], 1");
  }
  return assembly.finish(indent);
}

static const char planeText[] =
    R"(/* Every stride-th byte, widened. */
static void adze_rvv_plane(int16_t *to, const int8_t *from, ptrdiff_t stride, size_t n)
{
  while (n > 0) {
    const size_t vl = __riscv_vsetvl_e16m8(n);
    __riscv_vse16_v_i16m8(to, __riscv_vsext_vf2_i16m8(__riscv_vlse8_v_i8m4(from, stride, vl), vl), vl);
    to += vl;
    from += (ptrdiff_t)vl * stride;
    n -= vl;
  }
}
)";

void Generator::vectorBody(KernelCode &code) {
  rvv::addRowFunctions(code);
  addFunction(code, "adze_rvv_plane",
              fmt::format("#if {}\n{}#endif\n", rvv::vectorGuard, planeText));
  int64_t channels = p.inputChannels;
  int64_t border = p.padLeft * channels;
  int64_t inputPitch = p.inputWidth * channels;
  int64_t copied =
      std::max<int64_t>(0, std::min(p.inputWidth, usedColumns - p.padLeft)) *
      channels;
  body += fmt::format(
      R"(  int16_t *const ring = (int16_t *)scratch0;
  int8_t *const line = (int8_t *)scratch0 + {0};
  const int16_t *rows[{1}];
  adze_rvv_fill(line, {2}, {3});
  for (int32_t n = 0; n < {4}; ++n) {{
    const int8_t *const image = in0 + n * {5};
    int32_t seen = 0; /* rows of the padded image so far */
#pragma clang loop unroll(disable)
    for (int32_t y = 0; y < {6}; ++y) {{
      if (seen < y * {7}) {{
        seen = y * {7};
      }}
      for (; seen < y * {7} + {8}; ++seen) {{
        int16_t *slot = ring + seen % {8} * {9};
        if (seen >= {10} && seen < {11}) {{
          adze_rvv_copy(line + {12}, image + (seen - {10}) * {13}, {14});
        }} else {{
          adze_rvv_fill(line + {12}, {2}, {14});
        }}
#pragma clang loop unroll(disable)
        for (int32_t i = 0; i < {15}; ++i) {{
          adze_rvv_plane(slot + i * {16}, line + i, {17}, {16});
        }}
      }}
)",
      ringRows * rowElements * 2, p.kernelHeight, p.inputZeroPoint,
      lineColumns * channels, p.batch, p.inputHeight * inputPitch,
      p.outputHeight, p.strideHeight, ringRows, rowElements, p.padTop,
      p.padTop + p.inputHeight, border, inputPitch, copied, phases * channels,
      plane, p.strideWidth * channels);
  int64_t rowsCopied =
      p.batch *
      ((p.outputHeight - 1) * std::min(p.strideHeight, ringRows) + ringRows);
  instructions +=
      40 + rowsCopied * (18 + rvv::loopCost(copied, 128, 7) +
                         phases * channels * (rvv::loopCost(plane, 64, 9) + 5));
  for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
    body += fmt::format("      rows[{}] = ring + (y * {} + {}) % {} * {};\n",
                        ky, p.strideHeight, ky * p.dilationHeight, ringRows,
                        rowElements);
  int64_t outputRows = p.batch * p.outputHeight;
  int64_t strips = outputRows * ((p.outputWidth + 31) / 32);
  body += fmt::format(
      R"(      size_t vl;
#pragma clang loop unroll(disable)
      for (size_t x = 0; x < {0}; x += vl) {{
        int8_t *const pixels = out0 + ((size_t)(n * {1} + y) * {0} + x) * {2};
        const ptrdiff_t offset = (ptrdiff_t)(2 * x);
        const int16_t *weights = c0;
        size_t o = 0;
        vl = __riscv_vsetvl_e32m8({0} - x);
)",
      p.outputWidth, p.outputHeight, p.outputChannels);
  instructions += outputRows * (10 + 7 * p.kernelHeight) + strips * 12;
  int64_t groups = p.outputChannels / together;
  int rest = int(p.outputChannels % together);
  if (groups) {
    body += fmt::format("#pragma clang loop unroll(disable)\n"
                        "        for (; o < {}; o += {}) {{\n",
                        groups * together, together);
    append(groupText(together, "          "), strips * groups);
    body += "        }\n";
    instructions += strips * groups * 6;
  }
  if (rest)
    append(groupText(rest, "        "), strips);
  body += "      }\n    }\n  }\n";
}

/// Plain C of the same function from the same constants.
void Generator::plainBody(KernelCode &code) {
  std::string element =
      fmt::format("((n * {} + y) * {} + x) * {} + o", p.outputHeight,
                  p.outputWidth, p.outputChannels);
  body += fmt::format(
      R"(  (void)scratch0;
  for (int32_t n = 0; n < {0}; ++n) {{
    for (int32_t y = 0; y < {1}; ++y) {{
      for (int32_t x = 0; x < {2}; ++x) {{
        for (int32_t o = 0; o < {3}; ++o) {{
          const int32_t first = o / {4} * {4};
          const int32_t count = {3} - first < {4} ? {3} - first : {4};
          const int16_t *weights = c0 + first * {5} + o % {4};
          uint32_t sum = (uint32_t)c1[o];
          int32_t value;
          for (int32_t ky = 0; ky < {6}; ++ky) {{
            for (int32_t i = 0; i < {7}; ++i) {{
              for (int32_t kx = 0; kx < {8}; ++kx) {{
                const int32_t iy = y * {9} + ky * {10} - {11};
                const int32_t ix = x * {12} + kx * {13} - {14};
                const int inside = iy >= 0 && iy < {15} && ix >= 0 && ix < {16};
                const int32_t activation = inside ? in0[((n * {15} + iy) * {16} + ix) * {7} + i] : {17};
                sum += (uint32_t)(activation * *weights);
                weights += count;
              }}
            }}
          }}
          value = (int32_t)sum;
{18}          out0[{19}] = (int8_t)value;
        }}
      }}
    }}
  }}
)",
      p.batch, p.outputHeight, p.outputWidth, p.outputChannels, together,
      p.kernelHeight * p.kernelWidth * p.inputChannels, p.kernelHeight,
      p.inputChannels, p.kernelWidth, p.strideHeight, p.dilationHeight,
      p.padTop, p.strideWidth, p.dilationWidth, p.padLeft, p.inputHeight,
      p.inputWidth, p.inputZeroPoint,
      requantizer.scalar("o", element, "          ", code), element);
}

bool Generator::generate(bool pack, KernelCode &code,
                         KernelFeatures &features) {
  if (!requantizer.build(p))
    return false;
  body = rvv::vectorBegin();
  vectorBody(code);
  body += rvv::vectorEnd();
  plainBody(code);
  body += "#endif\n";
  code.body = body;
  code.headers.insert("riscv_vector.h");
  if (pack) {
    code.constants.push_back(weights());
    code.constants.push_back(wordConstant(requantizer.words()));
    code.constants.push_back(rvv::shiftConstant(requantizer.shifts()));
  }
  int64_t scratch =
      (ringRows * rowElements * 2 + lineColumns * p.inputChannels + 15) / 16 *
      16;
  code.scratchBytes.push_back(scratch);
  features.instructions = double(instructions);
  features.loads = double(loads);
  features.constantBytes = int64_t(p.weights.size()) * 2 + requantizer.bytes();
  features.codeBytes = rvv::estimateCodeBytes(body);
  features.scratchBytes = scratch;
  features.stackBytes = 220;
  return true;
}

namespace {

class PixelsRvv final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.pixels.rvv"; }
  std::string_view summary() const override {
    return "convolution to few channels, pixels of a row in lanes";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && rvv::isVectorConvolution(*p, machine) && p->groups == 1 &&
           !p->residual && p->outputChannels <= mostOutputs &&
           p->outputWidth >= 8 && p->kernelWidth <= longestBody;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    KernelCode code;
    KernelFeatures features;
    Generator(std::get<ConvolutionProblem>(problem))
        .generate(false, code, features);
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    KernelFeatures features;
    return Generator(std::get<ConvolutionProblem>(problem))
        .generate(true, code, features);
  }
};

} // namespace

const KernelFamily &convPixelsRvv() {
  static const PixelsRvv family;
  return family;
}

} // namespace adze::families
