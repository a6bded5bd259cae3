//===- RowRing.cpp - Rows of an image with their borders --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/rvv/RowRing.h"

#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/rvv/ChannelLanes.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families::rvv {

RowRing::RowRing(const ConvolutionProblem &problem) : problem(problem) {
  const ConvolutionProblem &p = problem;
  int64_t lastRow = (p.outputHeight - 1) * p.strideHeight +
                    (p.kernelHeight - 1) * p.dilationHeight;
  int64_t lastColumn = (p.outputWidth - 1) * p.strideWidth +
                       (p.kernelWidth - 1) * p.dilationWidth;
  inPlace = p.padTop == 0 && p.padLeft == 0 && lastRow < p.inputHeight &&
            lastColumn < p.inputWidth;
  rows = (p.kernelHeight - 1) * p.dilationHeight + 1;
  capacity = rows;
  pointers = p.kernelHeight;
  // In place it is that of the image.
  pitch = (inPlace ? p.inputWidth : lastColumn + 1) * p.inputChannels;
}

void RowRing::keepImage() {
  capacity = (problem.outputHeight - 1) * problem.strideHeight + rows;
  pointers = 1;
}

static const char fillText[] =
    R"(static void adze_rvv_fill(int8_t *to, int32_t value, size_t n)
{
  while (n > 0) {
    const size_t vl = __riscv_vsetvl_e8m8(n);
    __riscv_vse8_v_i8m8(to, __riscv_vmv_v_x_i8m8((int8_t)value, vl), vl);
    to += vl;
    n -= vl;
  }
}
)";

static const char copyText[] =
    R"(static void adze_rvv_copy(int8_t *to, const int8_t *from, size_t n)
{
  while (n > 0) {
    const size_t vl = __riscv_vsetvl_e8m8(n);
    __riscv_vse8_v_i8m8(to, __riscv_vle8_v_i8m8(from, vl), vl);
    to += vl;
    from += vl;
    n -= vl;
  }
}
)";

int64_t loopCost(int64_t elements, int64_t lanes, int64_t each) {
  return 5 + (elements + lanes - 1) / lanes * each;
}

void addRowFunctions(KernelCode &code) {
  std::string guard = fmt::format("#if {}\n", vectorGuard);
  addFunction(code, "adze_rvv_fill", guard + fillText + "#endif\n");
  addFunction(code, "adze_rvv_copy", guard + copyText + "#endif\n");
}

CountedText RowRing::prepare(const std::string &indent,
                             KernelCode &code) const {
  if (inPlace)
    return {};
  addRowFunctions(code);
  CountedText out;
  out.text = fmt::format(
      "{0}int32_t seen = 0; /* rows of the padded image that were copied */\n"
      "{0}adze_rvv_fill(ring, {1}, {2});\n",
      indent, problem.inputZeroPoint, capacity * pitch);
  out.instructions = loopCost(capacity * pitch, 128, 6);
  return out;
}

CountedText RowRing::advance(int64_t taps, const std::string &indent) const {
  const ConvolutionProblem &p = problem;
  CountedText out;
  int64_t tapBytes = p.dilationWidth * p.inputChannels;
  auto place = [&](auto rowOf, int64_t cost) {
    for (int64_t ky = 0; ky < pointers; ++ky) {
      std::string row = rowOf(ky);
      for (int64_t kx = 0; kx < taps; ++kx)
        out.text += fmt::format(
            "{}rows[{}] = {}{};\n", indent, ky * taps + kx, row,
            kx ? fmt::format(" + {}", kx * tapBytes) : std::string());
      out.instructions += cost + 2 * taps;
    }
  };
  int64_t inputPitch = p.inputWidth * p.inputChannels;
  if (inPlace) {
    place(
        [&](int64_t ky) {
          return fmt::format("image + (y * {} + {}) * {}", p.strideHeight,
                             ky * p.dilationHeight, inputPitch);
        },
        1);
    return out;
  }
  int64_t copied = std::min(inputPitch, pitch - p.padLeft * p.inputChannels);
  // New rows of all steps, divided among them.
  int64_t needed = ((p.outputHeight - 1) * std::min(p.strideHeight, rows) +
                    rows + p.outputHeight - 1) /
                   p.outputHeight;
  // The first rows of the padded image lie above the image and are full of
  // zero points already.
  out.text = fmt::format(
      R"({0}if (seen < y * {1}) {{
{0}  seen = y * {1};
{0}}}
{0}for (; seen < y * {1} + {2}; ++seen) {{
{0}  int8_t *slot = ring + seen % {10} * {3};
{0}  if (seen >= {4} && seen < {5}) {{
{0}    adze_rvv_copy(slot + {6}, image + (seen - {4}) * {7}, {8});
{0}  }} else if (seen >= {5}) {{
{0}    adze_rvv_fill(slot + {6}, {9}, {8});
{0}  }}
{0}}}
)",
      indent, p.strideHeight, rows, pitch, p.padTop, p.padTop + p.inputHeight,
      p.padLeft * p.inputChannels, inputPitch, copied, p.inputZeroPoint,
      capacity);
  out.instructions += needed * (loopCost(copied, 128, 7) + 14) + 6;
  place(
      [&](int64_t ky) {
        return fmt::format("ring + (y * {} + {}) % {} * {}", p.strideHeight,
                           ky * p.dilationHeight, capacity, pitch);
      },
      5);
  return out;
}

} // namespace adze::families::rvv
