//===- Rvv.cpp - Winograd convolution, RISC-V vectors -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// F(4x4, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural
/// Networks" (2015), on integers. The rows of G are scaled by 24 (the last one
/// by 12, and the output transform doubles it), so that transformed weights are
/// integers of at most 144 * 128 and results are 576 times the sums. Sums may
/// wrap: 576 = 64 * 9 and 9 has an inverse modulo 2^32, so
///
///   sum = (result * inverse(9) mod 2^32) >> 6,
///
/// exact for sums of 26 bits, and the requantization is that of every other
/// layer. Tiles at the lower and right edges overlap their neighbours and
/// compute the same values again.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/rvv/ChannelLanes.h"
#include "codegen/c/families/rvv/Requantize.h"
#include "codegen/c/families/rvv/RowRing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace adze::families {

namespace {

using rvv::Assembly;
using rvv::CountedText;

constexpr int64_t points = 36;
constexpr int64_t mostLanes = 32; // of a block of channels; bounds the scratch
constexpr uint32_t inverseOfNine = 0x38E38E39;

class Generator {
public:
  explicit Generator(const ConvolutionProblem &problem);
  bool generate(bool pack, KernelCode &code, KernelFeatures &features);

private:
  KernelConstant weights() const;
  CountedText inputColumns() const;
  CountedText inputRows() const;
  CountedText products() const;
  CountedText outputColumns() const;
  CountedText outputRows() const;
  void vectorBody(KernelCode &code);
  void plainBody(KernelCode &code);
  void append(const CountedText &text, int64_t weight) {
    body += text.text;
    instructions += text.instructions * weight;
    loads += text.loads * weight;
  }

  const ConvolutionProblem &p;
  rvv::ChannelTile tile;
  rvv::Requantizer requantizer;
  int64_t rows, columns, tiles; // tiles of an image
  int64_t together;             // tiles whose products share weights
  int64_t chunks;
  int64_t sumLanes; // channels of a block of products
  int half;         // registers of a group of 16-bit lanes
  int64_t inputBytes, sumBytes, middleBytes;
  std::string body;
  int64_t instructions = 0, loads = 0;
};

} // namespace

Generator::Generator(const ConvolutionProblem &problem)
    : p(problem), rows((p.outputHeight + 3) / 4),
      columns((p.outputWidth + 3) / 4), tiles(rows * columns) {
  tile.channels = p.inputChannels;
  tile.inputBytes = 2;
  tile.pixelStride = p.inputChannels;
  tile.choose(p.outputChannels, 2);
  // As many tiles as leave the least work in the last chunk.
  int64_t least = INT64_MAX;
  for (int count = tile.pixels; count > 0; --count) {
    int64_t cost = (tiles + count - 1) / count * (2 * count * tile.segment + 2);
    if (count <= tiles && cost < least) {
      least = cost;
      together = count;
    }
  }
  tile.pixels = int(together);
  chunks = (tiles + together - 1) / together;
  sumLanes = std::min<int64_t>(4 * tile.sumRegisters, mostLanes);
  half = p.inputChannels > 16 ? 4 : 2;
  inputBytes = points * together * p.inputChannels * 2;
  sumBytes = points * together * sumLanes * 4;
  middleBytes =
      std::max<int64_t>(points * p.inputChannels * 2, 24 * mostLanes * 4);
}

KernelConstant Generator::weights() const {
  static constexpr int32_t g[6][3] = {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4},
                                      {1, 2, 4}, {1, -2, 4},   {0, 0, 12}};
  KernelConstant constant;
  constant.type = QuantizedType::int16;
  constant.bytes.assign(size_t(points * tile.weightElements() * 2), 0);
  for (int64_t o = 0; o < p.outputChannels; ++o)
    for (int64_t i = 0; i < p.inputChannels; ++i)
      for (int64_t point = 0; point < points; ++point) {
        int32_t sum = 0;
        for (int64_t ky = 0; ky < 3; ++ky)
          for (int64_t kx = 0; kx < 3; ++kx)
            sum += g[point / 6][ky] * g[point % 6][kx] * p.weight(o, ky, kx, i);
        auto value = int16_t(sum);
        std::memcpy(constant.bytes.data() +
                        2 * tile.weightIndex(point, i, 0, o),
                    &value, 2);
      }
  return constant;
}

/// The six values in v0, v4, ..., v20 to those of F(4, 3)'s points.
static void transformInput(Assembly &assembly) {
  for (const char *line :
       {"vsub.vv v24, v12, v4", "vadd.vv v24, v24, v24",
        "vsub.vv v20, v20, v12", "vadd.vv v28, v24, v24",
        "vsub.vv v20, v20, v28", "vsub.vv v28, v16, v8", "vsub.vv v0, v0, v8",
        "vsll.vi v0, v0, 2", "vadd.vv v0, v0, v28", "vsll.vi v8, v8, 2",
        "vsub.vv v16, v16, v8", "vsll.vi v4, v4, 2", "vsub.vv v12, v12, v4",
        "vadd.vv v4, v16, v12", "vsub.vv v8, v16, v12", "vadd.vv v12, v28, v24",
        "vsub.vv v16, v28, v24"})
    assembly.line(line);
}

/// The six values in v8, v12, v24, v20, v28, v4 to the four outputs in v8, v12,
/// v16, v20.
static void transformOutput(Assembly &assembly) {
  for (const char *line :
       {"vadd.vv v16, v12, v24", "vsub.vv v12, v12, v24",
        "vadd.vv v0, v20, v28", "vsub.vv v20, v20, v28", "vadd.vv v8, v8, v16",
        "vadd.vv v8, v8, v0", "vsll.vi v0, v0, 2", "vadd.vv v16, v16, v0",
        "vsll.vi v24, v20, 3", "vadd.vv v24, v24, v12", "vadd.vv v4, v4, v4",
        "vadd.vv v20, v20, v20", "vadd.vv v12, v12, v20",
        "vadd.vv v20, v24, v4"})
    assembly.line(line);
}

static void clobberVectors(Assembly &assembly) {
  for (int i = 0; i < 32; ++i)
    assembly.clobber(fmt::format("v{}", i));
}

static void stepBy(const char *pointer, int64_t bytes, const char *operand,
                   Assembly &assembly) {
  if (bytes <= 2047)
    return assembly.line(fmt::format("addi {0}, {0}, {1}", pointer, bytes));
  assembly.input(operand, fmt::format("(ptrdiff_t){}", bytes));
  assembly.line(fmt::format("add {0}, {0}, %[{1}]", pointer, operand));
}

/// 6x6 bytes at `source`, rows `pitch` apart, transformed along columns into
/// `middle`, [y][x][channel]. Lanes run over the columns and their channels.
CountedText Generator::inputColumns() const {
  Assembly assembly;
  clobberVectors(assembly);
  for (const char *name : {"t3", "t4"})
    assembly.clobber(name);
  int64_t row = 6 * p.inputChannels;
  assembly.input("pitch", "pitch");
  assembly.local("from", "const int8_t *", "source");
  assembly.local("cell", "int16_t *", "(int16_t *)middle");
  assembly.local("left", "size_t", std::to_string(row));
  assembly.label(1);
  assembly.weight = (row + 31) / 32;
  assembly.line("vsetvli t4, %[left], e16, m4, ta, ma");
  assembly.line("mv t3, %[from]");
  for (int y = 0; y < 6; ++y) {
    // The source of a widening may be the highest part of its result.
    assembly.line(fmt::format("vle8.v v{}, (t3)", 4 * y + 2), true);
    assembly.line(fmt::format("vsext.vf2 v{}, v{}", 4 * y, 4 * y + 2));
    if (y < 5)
      assembly.line("add t3, t3, %[pitch]");
  }
  transformInput(assembly);
  assembly.line("mv t3, %[cell]");
  for (int y = 0; y < 6; ++y) {
    assembly.line(fmt::format("vse16.v v{}, (t3)", 4 * y));
    if (y < 5)
      stepBy("t3", 2 * row, "row", assembly);
  }
  assembly.line("add %[from], %[from], t4");
  assembly.line("sub %[left], %[left], t4");
  assembly.line("slli t4, t4, 1");
  assembly.line("add %[cell], %[cell], t4");
  assembly.line("bnez %[left], 1b");
  assembly.weight = 1;
  return assembly.finish("        ");
}

/// `middle` transformed along rows into `data`, points apart.
CountedText Generator::inputRows() const {
  Assembly assembly;
  clobberVectors(assembly);
  assembly.input("vl", "vl");
  assembly.local("from", "const int16_t *", "(const int16_t *)middle + c");
  assembly.local("to", "int16_t *", "data");
  assembly.input("end", fmt::format("(const int16_t *)middle + c + {}",
                                    points * p.inputChannels));
  assembly.line(fmt::format("vsetvli zero, %[vl], e16, m{}, ta, ma", half));
  assembly.label(1);
  assembly.weight = 6;
  for (int x = 0; x < 6; ++x) {
    assembly.line(fmt::format("vle16.v v{}, (%[from])", 4 * x), true);
    stepBy("%[from]", 2 * p.inputChannels, "column", assembly);
  }
  transformInput(assembly);
  for (int x = 0; x < 6; ++x) {
    assembly.line(fmt::format("vse16.v v{}, (%[to])", 4 * x));
    stepBy("%[to]", 2 * together * p.inputChannels, "point", assembly);
  }
  assembly.line("bne %[from], %[end], 1b");
  assembly.weight = 1;
  return assembly.finish("          ");
}

/// The sums of one point of all tiles of the chunk, stored at `sums`.
CountedText Generator::products() const {
  Assembly assembly;
  clobberVectors(assembly);
  assembly.input("vl", "vl");
  int registers = tile.sumRegisters;
  assembly.line(
      fmt::format("vsetvli zero, %[vl], e32, m{}, ta, ma", registers));
  for (int i = 0; i < tile.pixels; ++i)
    assembly.line(fmt::format("vmv.v.i {}, 0", rvv::sumRegister(registers, i)));
  rvv::accumulate(tile, assembly);
  assembly.line(
      fmt::format("vsetvli zero, %[vl], e32, m{}, ta, ma", registers));
  assembly.advance("sums");
  for (int i = 0; i < tile.pixels; ++i) {
    assembly.line(
        fmt::format("vse32.v {}, (%[sums])", rvv::sumRegister(registers, i)));
    assembly.line(fmt::format("addi %[sums], %[sums], {}", 4 * sumLanes));
  }
  return assembly.finish("          ");
}

/// The sums of one tile transformed along columns into `middle`, [y][x][lane].
CountedText Generator::outputColumns() const {
  Assembly assembly;
  clobberVectors(assembly);
  assembly.clobber("t3");
  assembly.input("vl", "vl");
  int64_t point = 4 * together * sumLanes;
  assembly.local("from", "const int32_t *", "result");
  assembly.local("cell", "int32_t *", "(int32_t *)middle");
  assembly.input("end", fmt::format("(int32_t *)middle + {}", 6 * mostLanes));
  assembly.line("vsetvli zero, %[vl], e32, m4, ta, ma");
  assembly.label(1);
  assembly.weight = 6;
  assembly.line("mv t3, %[from]");
  for (int y = 0; y < 6; ++y) {
    static constexpr int home[] = {8, 12, 24, 20, 28, 4};
    assembly.line(fmt::format("vle32.v v{}, (t3)", home[y]), true);
    if (y < 5)
      stepBy("t3", 6 * point, "row", assembly);
  }
  transformOutput(assembly);
  assembly.line("mv t3, %[cell]");
  for (int y = 0; y < 4; ++y) {
    assembly.line(fmt::format("vse32.v v{}, (t3)", 8 + 4 * y));
    if (y < 3)
      assembly.line(fmt::format("addi t3, t3, {}", 6 * 4 * mostLanes));
  }
  stepBy("%[from]", point, "point", assembly);
  assembly.line(fmt::format("addi %[cell], %[cell], {}", 4 * mostLanes));
  assembly.line("bne %[cell], %[end], 1b");
  assembly.weight = 1;
  return assembly.finish("            ");
}

/// `middle` transformed along rows, requantized and stored at `to`.
CountedText Generator::outputRows() const {
  Assembly assembly;
  clobberVectors(assembly);
  assembly.input("vl", "vl");
  assembly.input("bias", "c1 + o");
  assembly.input("inverse", fmt::format("(int32_t)0x{:X}", inverseOfNine));
  assembly.local("from", "const int32_t *", "(const int32_t *)middle");
  assembly.input("end",
                 fmt::format("(const int32_t *)middle + {}", 24 * mostLanes));
  assembly.label(1);
  assembly.weight = 4;
  assembly.line("vsetvli zero, %[vl], e32, m4, ta, ma");
  for (int home : {8, 12, 24, 20, 28, 4}) {
    assembly.line(fmt::format("vle32.v v{}, (%[from])", home), true);
    assembly.line(fmt::format("addi %[from], %[from], {}", 4 * mostLanes));
  }
  transformOutput(assembly);
  assembly.line("vle32.v v0, (%[bias])", true);
  for (int x = 0; x < 4; ++x)
    assembly.line(fmt::format("vmadd.vx v{}, %[inverse], v0", 8 + 4 * x));
  for (int x = 0; x < 4; ++x)
    assembly.line(fmt::format("vsra.vi v{0}, v{0}, 6", 8 + 4 * x));
  requantizer.store(4, 4, false, p.outputChannels, assembly);
  if (int64_t rest = (p.outputWidth - 4) * p.outputChannels) {
    stepBy("%[to]", rest, "rest", assembly);
    if (requantizer.addition)
      stepBy("%[second]", rest, "rest", assembly);
  }
  assembly.line("bne %[from], %[end], 1b");
  assembly.weight = 1;
  return assembly.finish("            ");
}

void Generator::vectorBody(KernelCode &code) {
  rvv::addRowFunctions(code);
  int64_t channels = p.inputChannels;
  body += fmt::format(
      R"(  int16_t *const transformed = (int16_t *)scratch0;
  int32_t *const products = scratch0 + {0};
  int32_t *const middle = products + {1};
  int8_t *const patch = (int8_t *)(middle + {2});
  for (int32_t n = 0; n < {3}; ++n) {{
    const int8_t *const image = in0 + n * {4};
#pragma clang loop unroll(disable)
    for (int32_t chunk = 0; chunk < {5}; ++chunk) {{
      const int32_t first = chunk * {6} < {7} ? chunk * {6} : {7};
#pragma clang loop unroll(disable)
      for (int32_t t = 0; t < {6}; ++t) {{
        const int32_t row = (first + t) / {8} * 4;
        const int32_t column = (first + t) % {8} * 4;
        const int32_t top = (row < {9} ? row : {9}) - {10};
        const int32_t left = (column < {11} ? column : {11}) - {12};
        const int8_t *source = patch;
        ptrdiff_t pitch = {19};
        size_t vl;
        if (top < 0 || left < 0 || top > {13} - 6 || left > {14} - 6) {{
          const int32_t begin = left < 0 ? 0 : left;
          const int32_t end = left > {14} - 6 ? {14} : left + 6;
          adze_rvv_fill(patch, {17}, {18});
          for (int32_t y = top < 0 ? 0 : top; y < top + 6 && y < {13}; ++y) {{
            adze_rvv_copy(patch + ((y - top) * 6 + begin - left) * {15}, image + (y * {14} + begin) * {15}, (size_t)((end - begin) * {15}));
          }}
        }} else {{
          source = image + (top * {14} + left) * {15};
          pitch = {16};
        }}
)",
      inputBytes / 4, sumBytes / 4, middleBytes / 4, p.batch,
      p.inputHeight * p.inputWidth * channels, chunks, together,
      tiles - together, columns, p.outputHeight - 4, p.padTop,
      p.outputWidth - 4, p.padLeft, p.inputHeight, p.inputWidth, channels,
      p.inputWidth * channels, p.inputZeroPoint, points * channels,
      6 * channels);
  int64_t done = p.batch * chunks * together;
  int64_t blocks = (channels + 8 * half - 1) / (8 * half);
  append(inputColumns(), done);
  body += fmt::format(
      R"(#pragma clang loop unroll(disable)
        for (size_t c = 0; c < {0}; c += vl) {{
          int16_t *const data = transformed + (size_t)t * {0} + c;
          vl = __riscv_vsetvl_e16m{1}({0} - c);
)",
      channels, half);
  append(inputRows(), done * blocks);
  // Of the tiles, those at the border are copied first.
  int64_t inner =
      std::max<int64_t>(rows - 2, 0) * std::max<int64_t>(columns - 2, 0);
  instructions += 40 + done * (25 + 12 * blocks) +
                  (done - p.batch * inner) *
                      (5 * (rvv::loopCost(6 * channels, 128, 7) + 12) +
                       rvv::loopCost(points * channels, 128, 6));
  body += fmt::format(
      R"(        }}
      }}
      size_t lanes;
#pragma clang loop unroll(disable)
      for (size_t block = 0; block < {0}; block += lanes) {{
        const int16_t *weights = c0 + {1} * block;
        const int16_t *at = transformed;
        int32_t *sums = products;
        lanes = __riscv_vsetvl_e32m{2}({0} - block < {3} ? {0} - block : {3});
#pragma clang loop unroll(disable)
        for (int32_t point = 0; point < {4}; ++point) {{
          const size_t vl = lanes;
)",
      p.outputChannels, tile.segment, tile.sumRegisters, sumLanes, points);
  int64_t outputBlocks = (p.outputChannels + sumLanes - 1) / sumLanes;
  int64_t turns = p.batch * chunks * outputBlocks;
  append(products(), turns * points);
  instructions += turns * (points * 5 + 12);
  body += fmt::format(
      R"(          weights += {0};
          at += {1};
        }}
#pragma clang loop unroll(disable)
        for (int32_t t = 0; t < {2}; ++t) {{
          const int32_t row = (first + t) / {3} * 4;
          const int32_t column = (first + t) % {3} * 4;
          const int32_t y = row < {4} ? row : {4};
          const int32_t x = column < {5} ? column : {5};
          size_t vl;
#pragma clang loop unroll(disable)
          for (size_t part = 0; part < lanes; part += vl) {{
            const size_t o = block + part;
            const int32_t *const result = products + (size_t)t * {6} + part;
            int8_t *to = out0 + ((n * {7} + y) * {8} + x) * {9} + o;
{10}            vl = __riscv_vsetvl_e32m4(lanes - part);
)",
      tile.segments() * tile.segment * tile.outputs, together * channels,
      together, columns, p.outputHeight - 4, p.outputWidth - 4, sumLanes,
      p.outputHeight, p.outputWidth, p.outputChannels,
      p.residual ? "            const int8_t *second = in1 + (to - out0);\n"
                 : "");
  int64_t parts =
      turns * together * ((std::min(sumLanes, p.outputChannels) + 15) / 16);
  append(outputColumns(), parts);
  append(outputRows(), parts);
  instructions += turns * together * 16 + parts * 8;
  body += "          }\n        }\n      }\n    }\n  }\n";
}

static const char inputText[] =
    R"(/* The six inputs of a row or column, `stride` apart, to the points of F(4, 3). */
static void adze_winograd_points(int32_t *d, int32_t stride)
{
  const int32_t d0 = d[0], d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride], d4 = d[4 * stride], d5 = d[5 * stride];
  d[0] = 4 * d0 - 5 * d2 + d4;
  d[stride] = d3 + d4 - 4 * (d1 + d2);
  d[2 * stride] = d4 - d3 + 4 * (d1 - d2);
  d[3 * stride] = 2 * (d3 - d1) + d4 - d2;
  d[4 * stride] = 2 * (d1 - d3) + d4 - d2;
  d[5 * stride] = 4 * d1 - 5 * d3 + d5;
}
/* And back to the four outputs, modulo 2^32. */
static void adze_winograd_outputs(uint32_t *m, int32_t stride)
{
  const uint32_t m0 = m[0], m1 = m[stride], m2 = m[2 * stride], m3 = m[3 * stride], m4 = m[4 * stride], m5 = m[5 * stride];
  m[0] = m0 + m1 + m2 + m3 + m4;
  m[stride] = m1 - m2 + 2u * (m3 - m4);
  m[2 * stride] = m1 + m2 + 4u * (m3 + m4);
  m[3 * stride] = m1 - m2 + 8u * (m3 - m4) + 2u * m5;
}
)";

/// Plain C of the same function from the same constants, tile by tile.
void Generator::plainBody(KernelCode &code) {
  addFunction(
      code, "adze_winograd_points",
      fmt::format("#if !({})\n{}#endif\n", rvv::vectorGuard, inputText));
  std::string element =
      fmt::format("((n * {} + top + y) * {} + left + x) * {} + o",
                  p.outputHeight, p.outputWidth, p.outputChannels);
  body += fmt::format(
      R"(  int16_t *const transformed = (int16_t *)scratch0;
  for (int32_t n = 0; n < {0}; ++n) {{
    for (int32_t tile = 0; tile < {1}; ++tile) {{
      const int32_t row = tile / {2} * 4;
      const int32_t column = tile % {2} * 4;
      const int32_t top = row < {3} ? row : {3};
      const int32_t left = column < {4} ? column : {4};
      for (int32_t i = 0; i < {5}; ++i) {{
        int32_t d[36];
        for (int32_t k = 0; k < 36; ++k) {{
          const int32_t iy = top + k / 6 - {6};
          const int32_t ix = left + k % 6 - {7};
          d[k] = iy >= 0 && iy < {8} && ix >= 0 && ix < {9} ? in0[((n * {8} + iy) * {9} + ix) * {5} + i] : {10};
        }}
        for (int32_t k = 0; k < 6; ++k) {{
          adze_winograd_points(d + k, 6);
        }}
        for (int32_t k = 0; k < 6; ++k) {{
          adze_winograd_points(d + 6 * k, 1);
        }}
        for (int32_t k = 0; k < 36; ++k) {{
          transformed[k * {5} + i] = (int16_t)d[k];
        }}
      }}
      for (int32_t o = 0; o < {11}; ++o) {{
        uint32_t m[36];
        for (int32_t k = 0; k < 36; ++k) {{
          m[k] = 0;
          for (int32_t i = 0; i < {5}; ++i) {{
            m[k] += (uint32_t)(transformed[k * {5} + i] * c0[((k * {12} + i / {13}) * {11} + o) * {13} + i % {13}]);
          }}
        }}
        for (int32_t k = 0; k < 6; ++k) {{
          adze_winograd_outputs(m + k, 6);
        }}
        for (int32_t y = 0; y < 4; ++y) {{
          adze_winograd_outputs(m + 6 * y, 1);
          for (int32_t x = 0; x < 4; ++x) {{
            int32_t value = (int32_t)(m[6 * y + x] * {14}u + (uint32_t)c1[o]) >> 6;
{15}            out0[{16}] = (int8_t)value;
          }}
        }}
      }}
    }}
  }}
)",
      p.batch, tiles, columns, p.outputHeight - 4, p.outputWidth - 4,
      p.inputChannels, p.padTop, p.padLeft, p.inputHeight, p.inputWidth,
      p.inputZeroPoint, p.outputChannels, tile.segments(), tile.segment,
      inverseOfNine, requantizer.scalar("o", element, "            ", code),
      element);
}

bool Generator::generate(bool pack, KernelCode &code,
                         KernelFeatures &features) {
  if (!requantizer.build(p))
    return false;
  // Sums have to fit 26 bits; biases come 64 times as large.
  for (int64_t o = 0; o < p.outputChannels; ++o) {
    int64_t bound = std::abs(p.bias[size_t(o)]);
    for (int64_t i = 0; i < 9 * p.inputChannels; ++i)
      bound +=
          128 *
          std::abs(int64_t(p.weights[size_t(o * 9 * p.inputChannels + i)]));
    if (bound >= int64_t(1) << 25)
      return false;
    requantizer.bias[size_t(o)] =
        int32_t(uint32_t(requantizer.bias[size_t(o)]) << 6);
  }
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
      (inputBytes + sumBytes + middleBytes + points * p.inputChannels + 15) /
      16 * 16;
  code.scratchBytes.push_back(scratch);
  features.instructions = double(instructions);
  features.loads = double(loads);
  features.constantBytes =
      points * tile.weightElements() * 2 + requantizer.bytes();
  features.codeBytes = rvv::estimateCodeBytes(body);
  features.scratchBytes = scratch;
  features.stackBytes = 250;
  return true;
}

namespace {

class WinogradRvv final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.winograd.rvv"; }
  std::string_view summary() const override {
    return "3x3 convolution as exact integer Winograd F(4x4), channels in "
           "lanes";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && rvv::isVectorConvolution(*p, machine) && p->groups == 1 &&
           p->kernelHeight == 3 && p->kernelWidth == 3 &&
           p->strideHeight == 1 && p->strideWidth == 1 &&
           p->dilationHeight == 1 && p->dilationWidth == 1 &&
           p->outputHeight >= 4 && p->outputWidth >= 4 && p->inputChannels >= 4;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {{"tile", 4}}}};
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

const KernelFamily &convWinogradRvv() {
  static const WinogradRvv family;
  return family;
}

} // namespace adze::families
