//===- WideTile.cpp - Two pixels in one 64-bit multiply ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/scalar/WideTile.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/scalar/NarrowWeights.h"
#include "codegen/c/families/scalar/Text.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

bool hasWideMultiply(const Machine &machine) {
  return machine.wordBits == 64 && machine.triple.rfind("riscv64", 0) == 0;
}

std::string addWideTile(KernelCode &code, TileSize tile, int bits,
                        const LineForm &form, const Requantization &q) {
  addKeepMacro(code);
  std::string line = addLineFunction(code, form, q);
  std::string name = fmt::format("adze_wide{}_{}x{}_{}",
                                 bits == 8 ? "" : fmt::format("{}", bits),
                                 2 * tile.pairs, tile.channels, line.substr(5));
  std::string sums, steps, outputs;
  for (int p = 0; p < tile.pairs; ++p)
    for (int c = 0; c < tile.channels; ++c)
      sums += fmt::format("{}s{}_{} = 0", p + c ? ", " : "", p, c);
  for (int t = 0; t < 2; ++t) {
    for (int c = 0; c < tile.channels; ++c)
      steps += fmt::format(
          "      w{0} = (uint64_t)(int64_t){1};\n      ADZE_KEEP(w{0});\n", c,
          weightText("w", t * tile.channels + c, bits));
    for (int p = 0; p < tile.pairs; ++p) {
      steps += fmt::format("      x = x0[{}];\n      ADZE_KEEP(x);\n",
                           t * tile.pairs + p);
      for (int c = 0; c < tile.channels; ++c)
        steps += fmt::format(
            "      s{0}_{1} += x * w{1};\n      ADZE_KEEP(s{0}_{1});\n", p, c);
    }
  }
  int stride = form.twoSided ? 3 : 2;
  for (int p = 0; p < tile.pairs; ++p)
    for (int high = 0; high < 2; ++high) {
      for (int c = 0; c < tile.channels; ++c) {
        std::string sum = high ? fmt::format("((s{}_{} + half) >> 32)", p, c)
                               : fmt::format("s{}_{}", p, c);
        outputs += fmt::format(
            "    y[{}] = (int8_t){}((uint32_t){}, q[{}], q[{}]{});\n", c, line,
            sum, stride * c, stride * c + 1,
            form.twoSided ? fmt::format(", q[{}], offset", stride * c + 2)
                          : "");
      }
      if (p + 1 < tile.pairs || !high)
        outputs += "    y += pitch;\n";
    }
  std::string weights;
  for (int c = 0; c < tile.channels; ++c)
    weights += fmt::format("w{}, ", c);
  addSharedFunction(
      code, name,
      fmt::format(
          R"(/* {0} pixels times all output channels, {1} at a time. A word of `columns` is
   the input of two pixels, one in each half, so that one multiply serves both. */
ADZE_SHARED static void {2}(const uint64_t *columns, const int8_t *w, const int32_t *q, int8_t *out, int32_t pitch, int32_t channels, int32_t words{3})
{{
  const uint64_t half = 2147483648u;
  const uint64_t *end = columns + words;
  int32_t c = 0;
  do {{
    const uint64_t *x0 = columns;
    uint64_t {4};
    do {{
      uint64_t {5}x;
{6}      x0 += {7};
      w += {8};
    }} while (x0 != end);
    int8_t *y = out + (c + {1} > channels ? channels - {1} : c);
{9}    q += {10};
    c += {1};
  }} while (c < channels);
}}
)",
          2 * tile.pairs, tile.channels, name,
          form.twoSided ? ", int32_t offset" : "", sums, weights, steps,
          2 * tile.pairs, 2 * tile.channels * bits / 8, outputs,
          stride * tile.channels));
  return name;
}

double wideTileInstructions(const ConvolutionProblem &problem, TileSize tile,
                            bool twoSided) {
  double words = tile.pairs * tile.channels;
  double blocks = double(channelBlocks(problem, tile.channels).size());
  double pairs = double(packedTaps(problem) / 2) * blocks;
  double missing = words + tile.channels + 6 - 27;
  return pairs * (2 * (tile.channels + tile.pairs + 2 * words) + 3 +
                  (problem.weightBits < 8 ? 2 * tile.channels : 0) +
                  4 * std::max(0.0, missing)) +
         blocks * (2 * words * (twoSided ? 15 : 12) + 2 * words + 20);
}

} // namespace adze::families
