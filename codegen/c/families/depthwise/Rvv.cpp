//===- Rvv.cpp - Depthwise convolution, RISC-V vectors ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Lanes are channels (or pixels and channels where there are few of them);
/// vwmacc.vv multiplies a column of the image with a tap. The rows that a row
/// of outputs reads are kept widened in a ring, with two columns interleaved
/// element by element, and the taps are interleaved the same way, so that one
/// segment load fetches two columns or two taps. Two pixels at a time share the
/// loads of both.
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
#include <tuple>

namespace adze::families {

namespace {

using rvv::Assembly;
using rvv::CountedText;

/// Rows of a kernel whose pointers stay in registers.
constexpr int64_t mostPointers = 4;
/// Taps whose products are spelled out; of larger kernels, those of one row.
constexpr int64_t longestKernel = 30;
constexpr int registers = 8; // of a group of sums: 32 lanes at VLEN 128

class Generator {
public:
  explicit Generator(const ConvolutionProblem &problem)
      : p(problem), multiple(p.outputChannels / p.inputChannels) {
    channels = p.outputChannels;
    unrolled = p.kernelHeight * p.kernelWidth <= longestKernel;
    bool few = p.dilationWidth == 1 && 2 * channels <= 32 && p.outputWidth > 1;
    adjacent = few && p.strideWidth == 1;
    // Halves of pairs are moved as words of 64 bits.
    if (adjacent || (few && p.strideWidth == 2 && channels % 8 == 0))
      group = std::min(32 / channels, p.outputWidth);
    pointed = unrolled && p.kernelHeight <= mostPointers;
    columns = (p.outputWidth - 1) * p.strideWidth +
              (p.kernelWidth - 1) * p.dilationWidth + 1;
    // Cells hold two columns: every column with its right neighbour where
    // pixels lie in lanes, else columns in pairs.
    cells = adjacent ? columns : (columns + 1) / 2;
    lineBytes = (columns + 2) / 2 * 2 * channels;
    ringRows = (p.kernelHeight - 1) * p.dilationHeight + 1;
    cellElements = 2 * channels;
    rowElements = cells * cellElements;
  }

  bool generate(bool pack, KernelCode &code, KernelFeatures &features);

private:
  int64_t lanes() const { return group * channels; }
  /// Pairs of taps: of the whole kernel, or of each of its rows.
  int64_t pairs() const {
    return unrolled ? (p.kernelHeight * p.kernelWidth + 1) / 2
                    : (p.kernelWidth + 1) / 2;
  }
  int64_t pairOf(int64_t ky, int64_t kx) const {
    return unrolled ? (ky * p.kernelWidth + kx) / 2 : ky * pairs() + kx / 2;
  }
  int64_t halfOf(int64_t ky, int64_t kx) const {
    return unrolled ? (ky * p.kernelWidth + kx) % 2 : kx % 2;
  }
  int64_t weightElements() const {
    return (unrolled ? 1 : p.kernelHeight) * pairs() * 2 * lanes();
  }
  /// Cells from a tile to the next one; the last single pixel has no next.
  int64_t tileCells(int64_t pixels) const {
    int64_t columnsOfTile = pixels * group * p.strideWidth;
    return adjacent ? columnsOfTile : columnsOfTile / 2;
  }
  KernelConstant weights() const;
  CountedText tileText(int pixels, const std::string &indent) const;
  void products(int pixels, int64_t firstRow, int64_t endRow,
                Assembly &assembly) const;
  void line(const std::string &indent, const std::string &text,
            int64_t cost = 0) {
    body += indent + text + "\n";
    instructions += cost * weight;
  }
  void append(const CountedText &text) {
    body += text.text;
    instructions += text.instructions * weight;
    loads += text.loads * weight;
  }
  void rows(const std::string &indent, KernelCode &code);
  void position(const std::string &bytes, const std::string &indent);
  void groupTiles(const std::string &indent);
  void channelTiles(const std::string &indent);
  void plainBody(KernelCode &code);

  const ConvolutionProblem &p;
  int64_t multiple;      // outputs of an input channel
  bool adjacent = false; // cells hold every column with its right neighbour
  int64_t channels, group = 1, columns, cells, lineBytes, ringRows;
  int64_t cellElements, rowElements;
  bool unrolled;
  bool pointed = false; // row0, row1, ... point to the pixels, else `rows`
  rvv::Requantizer requantizer;
  std::string body;
  int64_t weight = 1, instructions = 0, loads = 0;
};

} // namespace

KernelConstant Generator::weights() const {
  KernelConstant constant;
  constant.type = QuantizedType::int16;
  constant.bytes.assign(size_t(weightElements()) * 2, 0);
  for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
    for (int64_t kx = 0; kx < p.kernelWidth; ++kx)
      for (int64_t lane = 0; lane < lanes(); ++lane) {
        int16_t value = p.weight(lane % channels, ky, kx, 0);
        int64_t at = (pairOf(ky, kx) * lanes() + lane) * 2 + halfOf(ky, kx);
        std::memcpy(constant.bytes.data() + at * 2, &value, 2);
      }
  return constant;
}

/// The products of kernel rows [firstRow, endRow); %[p], or %[row0] and so on,
/// point to the cell of the first pixel; the latter are left at the next
/// tile's. Columns lie in v24 to v31, taps in v0 to v7.
void Generator::products(int pixels, int64_t firstRow, int64_t endRow,
                         Assembly &assembly) const {
  int64_t heldTaps = -1;
  int64_t tapStep = 4 * lanes(); // bytes
  for (int64_t ky = firstRow; ky < endRow; ++ky) {
    std::string pointer = pointed ? fmt::format("%[row{}]", ky) : "%[p]";
    if (!pointed && endRow > 1) {
      assembly.line(fmt::format("ld %[p], {}(%[rows])", 8 * ky), true);
      assembly.line("add %[p], %[p], %[x]");
    }
    struct Product {
      int64_t cell, half, pixel, kx;
    };
    std::vector<Product> list;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int64_t kx = 0; kx < p.kernelWidth; ++kx) {
        int64_t column = pixel * group * p.strideWidth + kx * p.dilationWidth;
        // With every column in a cell of its own: the even tap's cell.
        int64_t cell = adjacent ? column - kx % 2 : column / 2;
        list.push_back({cell, adjacent ? kx % 2 : column % 2, pixel, kx});
      }
    // Neighbouring pixels share columns, groups of pixels only taps.
    auto order = [&](const Product &a) {
      return std::tuple(adjacent ? pairOf(ky, a.kx) : 0, a.cell, a.kx, a.pixel);
    };
    std::sort(list.begin(), list.end(),
              [&](const Product &a, const Product &b) {
                return order(a) < order(b);
              });
    int64_t at = 0, heldCell = -1;
    auto move = [&](int64_t cell) {
      int64_t distance = 2 * cellElements * (cell - at);
      if (distance > 2047 || distance < -2048) {
        assembly.clobber("t3");
        assembly.line(fmt::format("li t3, {}", distance));
        assembly.line(fmt::format("add {0}, {0}, t3", pointer));
      } else if (distance) {
        assembly.line(fmt::format("addi {0}, {0}, {1}", pointer, distance));
      }
      at = cell;
    };
    for (const Product &product : list) {
      if (product.cell != heldCell) {
        move(product.cell);
        heldCell = product.cell;
        assembly.line(fmt::format("vlseg2e16.v v24, ({})", pointer), true);
      }
      int64_t pair = pairOf(ky, product.kx);
      if (pair != heldTaps) {
        int64_t step = tapStep * (pair - std::max<int64_t>(heldTaps, 0));
        if (step > 2047 || step < -2048) {
          assembly.clobber("t3");
          assembly.line(fmt::format("li t3, {}", step));
          assembly.line("add %[w], %[w], t3");
        } else if (step) {
          assembly.line(fmt::format("addi %[w], %[w], {}", step));
        }
        heldTaps = pair;
        assembly.line("vlseg2e16.v v0, (%[w])", true);
      }
      assembly.line(fmt::format("vwmacc.vv {}, v{}, v{}",
                                rvv::sumRegister(registers, int(product.pixel)),
                                24 + 4 * product.half,
                                4 * halfOf(ky, product.kx)));
    }
    if (pointed && (pixels > 1 || group > 1))
      move(tileCells(pixels));
  }
  if (!unrolled) { // on to the taps of the next row
    assembly.clobber("t3");
    assembly.line(fmt::format(
        "li t3, {}", tapStep * (pairs() - std::max<int64_t>(heldTaps, 0))));
    assembly.line("add %[w], %[w], t3");
  }
}

CountedText Generator::tileText(int pixels, const std::string &indent) const {
  Assembly assembly;
  requantizer.begin(registers, pixels, false, assembly);
  assembly.local("w", "const int16_t *", "weights");
  if (!pointed) {
    assembly.local("p", "const int16_t *");
    assembly.input("x", "offset");
  }
  for (int i = 0; i < 8; ++i)
    assembly.clobber(fmt::format("v{}", i));
  assembly.line("vsetvli zero, %[vl], e16, m4, ta, ma");
  if (pointed) {
    for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
      assembly.advance(fmt::format("row{}", ky));
    products(pixels, 0, p.kernelHeight, assembly);
  } else if (unrolled && p.kernelHeight > 1) {
    assembly.input("rows", "rows");
    products(pixels, 0, p.kernelHeight, assembly);
  } else {
    assembly.local("r", "const int16_t *const *", "rows");
    assembly.input("re", fmt::format("rows + {}", p.kernelHeight));
    assembly.weight = p.kernelHeight;
    assembly.label(1);
    assembly.line("ld %[p], 0(%[r])", true);
    assembly.line("add %[p], %[p], %[x]");
    assembly.line("addi %[r], %[r], 8");
    products(pixels, 0, 1, assembly);
    assembly.line("bne %[r], %[re], 1b");
    assembly.weight = 1;
  }
  requantizer.store(registers, pixels, false, lanes(), assembly);
  return assembly.finish(indent);
}

/// The variables that point to the pixels, `bytes` behind the begin of rows.
void Generator::position(const std::string &bytes, const std::string &indent) {
  if (!pointed)
    return line(indent,
                fmt::format("ptrdiff_t offset = (ptrdiff_t)({});", bytes), 1);
  for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
    line(
        indent,
        fmt::format("const int16_t *row{0} = start{0} + ({1}) / 2;", ky, bytes),
        1);
}

/// Pixels and channels in lanes: two groups of pixels at a time.
void Generator::groupTiles(const std::string &indent) {
  int64_t before = weight;
  int64_t elements = p.outputWidth * channels;
  int64_t full = elements / (2 * lanes()), rest = elements % (2 * lanes());
  line(indent, "const size_t o = 0;");
  line(indent, "const int16_t *weights = c0;");
  position("0", indent);
  line(indent, fmt::format("size_t vl = {};", lanes()), 1);
  if (full) {
    line("", "#pragma clang loop unroll(disable)");
    line(indent, fmt::format("for (int32_t x = 0; x < {}; ++x) {{", full));
    weight = before * full;
    append(tileText(2, indent + "  "));
    if (!pointed)
      line(indent + "  ", fmt::format("offset += {};", 8 * lanes()), 1);
    instructions += 3 * weight; // the loop
    line(indent, "}");
    weight = before;
  }
  if (rest) {
    line("", "#pragma clang loop unroll(disable)");
    line(indent,
         fmt::format("for (size_t left = {}; left > 0; left -= vl) {{", rest));
    weight = before * (rest > lanes() ? 2 : 1);
    line(indent + "  ", fmt::format("vl = left < {0} ? left : {0};", lanes()),
         3);
    append(tileText(1, indent + "  "));
    for (const char *pointer : {"to", "second"})
      if (p.residual || *pointer == 't')
        line(indent + "  ",
             fmt::format("{} -= {} - (ptrdiff_t)vl;", pointer, lanes()), 2);
    if (!pointed)
      line(indent + "  ", fmt::format("offset += {};", 4 * lanes()), 1);
    instructions += 2 * weight; // the loop
    line(indent, "}");
    weight = before;
  }
}

/// Blocks of channels in lanes, two pixels at a time.
void Generator::channelTiles(const std::string &indent) {
  int64_t before = weight;
  int64_t full = p.outputWidth / 2;
  std::string in = indent + "  ";
  line(indent, "int8_t *const row = to;");
  if (p.residual)
    line(indent, "const int8_t *const secondRow = second;");
  line(indent, "size_t o = 0;");
  line("", "#pragma clang loop unroll(disable)");
  line(indent, fmt::format("while (o < {}) {{", channels));
  weight = before * ((channels + 31) / 32);
  line(in,
       fmt::format("const size_t vl = __riscv_vsetvl_e32m8({} - o);", channels),
       2);
  line(in, "const int16_t *weights = c0 + 2 * o;", 2);
  position("4 * o", in);
  line(in, "to = row + o;", 6);
  if (p.residual)
    line(in, "second = secondRow + o;", 2);
  if (full > 1) {
    line("", "#pragma clang loop unroll(disable)");
    line(in, fmt::format("for (int32_t x = 0; x < {}; ++x) {{", full));
  } else if (full) {
    line(in, "{");
  }
  if (full) {
    int64_t block = weight;
    weight *= full;
    append(tileText(2, in + "  "));
    if (!pointed)
      line(in + "  ",
           fmt::format("offset += {};", 2 * cellElements * p.strideWidth), 1);
    instructions += (full > 1 ? 3 : 0) * weight; // the loop
    line(in, "}");
    weight = block;
  }
  if (p.outputWidth % 2) {
    line(in, "{");
    append(tileText(1, in + "  "));
    line(in, "}");
  }
  line(in, "o += vl;", 2);
  line(indent, "}");
  line(indent, fmt::format("to = row + {};", p.outputWidth * channels), 1);
  if (p.residual)
    line(indent,
         fmt::format("second = secondRow + {};", p.outputWidth * channels), 1);
  weight = before;
}

static const char pairsText[] =
    R"(/* Cells of two columns, widened: to[2 * i] = even[i], to[2 * i + 1] = odd[i]. */
static void adze_rvv_pairs(int16_t *to, const int8_t *even, const int8_t *odd, size_t n)
{
  while (n > 0) {
    const size_t vl = __riscv_vsetvl_e16m4(n);
    const vint16m4_t a = __riscv_vsext_vf2_i16m4(__riscv_vle8_v_i8m2(even, vl), vl);
    const vint16m4_t b = __riscv_vsext_vf2_i16m4(__riscv_vle8_v_i8m2(odd, vl), vl);
    __riscv_vsseg2e16_v_i16m4x2(to, __riscv_vcreate_v_i16m4x2(a, b), vl);
    to += 2 * vl;
    even += vl;
    odd += vl;
    n -= vl;
  }
}
)";

static const char halvesText[] =
    R"(/* Even and odd pixels apart, in words: channels / 8 words a pixel. */
static void adze_rvv_halves(int8_t *to, const int8_t *from, size_t channels, size_t pairs)
{
  for (size_t half = 0; half < 2; ++half) {
    for (size_t word = 0; word < channels; word += 8) {
      int64_t *out = (int64_t *)(void *)(to + half * pairs * channels + word);
      const int64_t *in = (const int64_t *)(const void *)(from + half * channels + word);
      for (size_t n = pairs; n > 0;) {
        const size_t vl = __riscv_vsetvl_e64m8(n);
        __riscv_vsse64_v_i64m8(out, (ptrdiff_t)channels, __riscv_vlse64_v_i64m8(in, (ptrdiff_t)(2 * channels), vl), vl);
        out += vl * channels / 8;
        in += 2 * vl * channels / 8;
        n -= vl;
      }
    }
  }
}
)";

/// Copies the rows that output row `y` needs first, and points `rows` to those
/// of its kernel.
void Generator::rows(const std::string &indent, KernelCode &code) {
  rvv::addRowFunctions(code);
  addFunction(code, "adze_rvv_pairs",
              fmt::format("#if {}\n{}#endif\n", rvv::vectorGuard, pairsText));
  if (group > 1 && !adjacent)
    addFunction(
        code, "adze_rvv_halves",
        fmt::format("#if {}\n{}#endif\n", rvv::vectorGuard, halvesText));
  int64_t before = weight;
  int64_t inputPitch = p.inputWidth * p.inputChannels;
  int64_t border = p.padLeft * channels;
  int64_t copied = std::min(p.inputWidth, columns - p.padLeft) * channels;
  std::string in = indent + "    ";
  body += fmt::format(
      R"({0}if (seen < y * {1}) {{
{0}  seen = y * {1};
{0}}}
{0}for (; seen < y * {1} + {2}; ++seen) {{
{0}  int16_t *slot = ring + seen % {2} * {3};
)",
      indent, p.strideHeight, ringRows, rowElements);
  weight =
      p.batch *
      ((p.outputHeight - 1) * std::min(p.strideHeight, ringRows) + ringRows);
  instructions += weight * 20;
  if (copied > 0) {
    body += fmt::format("{0}  if (seen >= {1} && seen < {2}) {{\n", indent,
                        p.padTop, p.padTop + p.inputHeight);
    std::string source =
        fmt::format("image + (seen - {}) * {}", p.padTop, inputPitch);
    if (multiple == 1) {
      body += fmt::format("{}    adze_rvv_copy(line + {}, {}, {});\n", indent,
                          border, source, copied);
      instructions += weight * rvv::loopCost(copied, 128, 7);
    } else {
      body += fmt::format(
          "{0}    const int8_t *from = {1};\n"
          "{0}    for (int32_t i = 0; i < {2}; ++i) {{\n"
          "{0}      adze_rvv_fill(line + {3} + i * {4}, from[i], {4});\n"
          "{0}    }}\n",
          indent, source, copied / multiple, border, multiple);
      instructions += weight * (copied / multiple) * 14;
    }
    body += fmt::format("{0}  }} else {{\n"
                        "{0}    adze_rvv_fill(line + {1}, {2}, {3});\n"
                        "{0}  }}\n",
                        indent, border, p.inputZeroPoint, copied);
  }
  if (adjacent) {
    body += fmt::format("{}  adze_rvv_pairs(slot, line, line + {}, {});\n",
                        indent, channels, cells * channels);
    instructions += weight * rvv::loopCost(cells * channels, 32, 11);
  } else if (group > 1) {
    body +=
        fmt::format("{0}  adze_rvv_halves(halves, line, {1}, {2});\n"
                    "{0}  adze_rvv_pairs(slot, halves, halves + {3}, {3});\n",
                    indent, channels, cells, cells * channels);
    instructions += weight * (rvv::loopCost(cells * channels, 32, 11) + 8 +
                              channels / 4 * (rvv::loopCost(cells, 16, 7) + 3));
  } else {
    body += fmt::format(
        "{0}  for (int32_t i = 0; i < {1}; ++i) {{\n"
        "{0}    adze_rvv_pairs(slot + i * {2}, line + i * {2}, line + i * {2} "
        "+ {3}, {3});\n{0}  }}\n",
        indent, cells, cellElements, channels);
    instructions += weight * cells * (rvv::loopCost(channels, 32, 10) + 4);
  }
  line(indent, "}");
  weight = before;
  for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
    line(indent,
         fmt::format(
             "{} = ring + (y * {} + {}) % {} * {};",
             fmt::format(fmt::runtime(pointed ? "const int16_t *const start{}"
                                              : "rows[{}]"),
                         ky),
             p.strideHeight, ky * p.dilationHeight, ringRows, rowElements),
         7);
}

/// Plain C of the same function from the same constants.
void Generator::plainBody(KernelCode &code) {
  std::string tap = fmt::format("ky * {} + kx", p.kernelWidth);
  std::string index =
      unrolled
          ? fmt::format("(({0}) / 2 * {1} + o) * 2 + ({0}) % 2", tap, lanes())
          : fmt::format("((ky * {} + kx / 2) * {} + o) * 2 + kx % 2", pairs(),
                        lanes());
  std::string element = fmt::format("((n * {} + y) * {} + x) * {} + o",
                                    p.outputHeight, p.outputWidth, channels);
  body += fmt::format(
      R"(  (void)scratch0;
  for (int32_t n = 0; n < {0}; ++n) {{
    for (int32_t y = 0; y < {1}; ++y) {{
      for (int32_t x = 0; x < {2}; ++x) {{
        for (int32_t o = 0; o < {3}; ++o) {{
          uint32_t sum = (uint32_t)c1[o];
          int32_t value;
          for (int32_t ky = 0; ky < {4}; ++ky) {{
            for (int32_t kx = 0; kx < {5}; ++kx) {{
              const int32_t iy = y * {6} + ky * {7} - {8};
              const int32_t ix = x * {9} + kx * {10} - {11};
              const int inside = iy >= 0 && iy < {12} && ix >= 0 && ix < {13};
              const int32_t activation = inside ? in0[((n * {12} + iy) * {13} + ix) * {14} + o / {15}] : {16};
              sum += (uint32_t)(activation * c0[{17}]);
            }}
          }}
          value = (int32_t)sum;
{18}          out0[{19}] = (int8_t)value;
        }}
      }}
    }}
  }}
)",
      p.batch, p.outputHeight, p.outputWidth, channels, p.kernelHeight,
      p.kernelWidth, p.strideHeight, p.dilationHeight, p.padTop, p.strideWidth,
      p.dilationWidth, p.padLeft, p.inputHeight, p.inputWidth, p.inputChannels,
      multiple, p.inputZeroPoint, index,
      requantizer.scalar("o", element, "          ", code), element);
}

bool Generator::generate(bool pack, KernelCode &code,
                         KernelFeatures &features) {
  if (!requantizer.build(p))
    return false;
  requantizer.repeat(group);
  int64_t ringBytes = (ringRows * rowElements * 2 + 15) / 16 * 16;
  body = rvv::vectorBegin();
  line("  ", "int16_t *ring = (int16_t *)scratch0;");
  line("  ", fmt::format("int8_t *line = (int8_t *)scratch0 + {};", ringBytes));
  bool halves = group > 1 && !adjacent;
  if (halves)
    line("  ", fmt::format("int8_t *halves = line + {};", lineBytes));
  if (!pointed)
    line("  ", fmt::format("const int16_t *rows[{}];", p.kernelHeight));
  line("  ", "const int8_t *image = in0;");
  line("  ", "int8_t *to = out0;");
  if (p.residual)
    line("  ", "const int8_t *second = in1;");
  line("  ",
       fmt::format("adze_rvv_fill(line, {}, {});", p.inputZeroPoint, lineBytes),
       24 + rvv::loopCost(lineBytes, 128, 6));
  std::string indent = "  ";
  if (p.batch > 1) {
    line(indent, fmt::format("for (int32_t n = 0; n < {}; ++n) {{", p.batch));
    indent += "  ";
    weight *= p.batch;
  }
  line(indent, "int32_t seen = 0; /* rows of the padded image so far */");
  line("", "#pragma clang loop unroll(disable)");
  line(indent,
       fmt::format("for (int32_t y = 0; y < {}; ++y) {{", p.outputHeight));
  weight *= p.outputHeight;
  rows(indent + "  ", code);
  line(indent + "  ", "{");
  if (group > 1)
    groupTiles(indent + "    ");
  else
    channelTiles(indent + "    ");
  line(indent + "  ", "}");
  line(indent, "}");
  if (p.batch > 1) {
    line(indent, fmt::format("image += {};",
                             p.inputHeight * p.inputWidth * p.inputChannels));
    line("  ", "}");
  }
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
      (ringBytes + lineBytes + (halves ? 2 * cells * channels : 0) + 15) / 16 *
      16;
  code.scratchBytes.push_back(scratch);
  features.instructions = double(instructions);
  features.loads = double(loads);
  features.constantBytes = weightElements() * 2 + requantizer.bytes();
  features.codeBytes = rvv::estimateCodeBytes(body);
  features.scratchBytes = scratch;
  features.stackBytes = 160 + 8 * p.kernelHeight;
  return true;
}

namespace {

class DepthwiseRvv final : public KernelFamily {
public:
  std::string_view name() const override { return "depthwise.rvv"; }
  std::string_view summary() const override {
    return "depthwise convolution, channels in lanes, columns and taps in "
           "pairs";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && p->isDepthwise() && rvv::isVectorConvolution(*p, machine) &&
           p->kernelWidth <= longestKernel;
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

const KernelFamily &depthwiseRvv() {
  static const DepthwiseRvv family;
  return family;
}

} // namespace adze::families
