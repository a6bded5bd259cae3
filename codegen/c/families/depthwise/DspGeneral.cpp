//===- DspGeneral.cpp - Depthwise of any size on paired planes --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Larger kernels than 3x3: a tile is up to four outputs of a row. The weights
/// of the channel are widened onto the stack once, and read again for each
/// tile; every product is an SMLAD, because what a pair has beyond the kernel's
/// ends is a weight of zero.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/depthwise/DspAssembly.h"

#include <algorithm>

namespace adze::families::depthwise {

namespace {

// The frame.
constexpr int64_t start = 0, multiplier = 4, addend = 8, step = 12, rows = 16,
                  output = 20, rowEnd = 24, weights = 28;

/// Words of a widened row of weights.
int64_t widenedWords(const Shape &s) { return 2 * s.weightWords(); }

class GeneralTile {
public:
  GeneralTile(const Shape &s, ArmAssembly &a) : s(s), a(a) {}

  /// `columns` outputs; r0 points to the first pair of the first row and stays.
  void emit(int64_t columns) {
    a.op("add r1, sp, #{}", weights);
    a.op("ldr r{}, [sp, #{}]", 1 + columns, start);
    started.assign(size_t(columns), false);
    int64_t last = base(columns - 1) + pairsOfColumn(columns - 1);
    for (int64_t ky = 0; ky < s.kernelHeight; ++ky) {
      row(columns, last);
      bool lastRow = ky + 1 == s.kernelHeight;
      a.add("r0",
            lastRow ? -(ky * s.dilationHeight * s.rowBytes() + 4 * last)
                    : s.dilationHeight * s.rowBytes() - 4 * last,
            "r10");
    }
    store(columns);
  }

private:
  /// The first pair of a column, and how many there are.
  int64_t base(int64_t column) const {
    return s.strideWidth == 1 ? column / 2 : column;
  }
  bool odd(int64_t column) const {
    return s.strideWidth == 1 && column % 2 != 0;
  }
  int64_t pairsOfColumn(int64_t column) const {
    return odd(column) ? s.kernelWidth / 2 + 1 : (s.kernelWidth + 1) / 2;
  }

  /// Weights of pair `i` of even and odd columns lie in registers r10 to r12
  /// and lr by turns: two pairs at a time without a stride, four with one.
  std::string weight(int64_t i, bool oddColumn) const {
    static const char *const names[] = {"r10", "r11", "r12", "lr"};
    return s.strideWidth == 1 ? names[2 * (i % 2) + (oddColumn ? 1 : 0)]
                              : names[i % 4];
  }

  void loadWeights(int64_t pair) {
    int64_t words = widenedWords(s);
    if (s.strideWidth == 1) {
      int64_t left = s.weightWords() - pair;
      if (pair == 0 && left >= 2)
        a.op("ldmia r1!, {{r10-r12, lr}}");
      else if ((pair == 0 || pair >= 2) && left >= 1)
        a.op("ldmia r1!, {}", pair % 2 ? "{r12, lr}" : "{r10, r11}");
      return;
    }
    if (pair == 0 && words >= 4)
      a.op("ldmia r1!, {{r10-r12, lr}}");
    else if (pair == 0)
      a.op("ldmia r1!, {{r10, r11}}");
    else if (pair >= 4 && pair < words)
      a.op("ldr {}, [r1], #4", weight(pair, false));
  }

  void row(int64_t columns, int64_t last) {
    for (int64_t d = 0; d < last; ++d) {
      if (d % 4 == 0) {
        int64_t count = std::min<int64_t>(4, last - d);
        if (count == 1)
          a.op("ldr r6, [r0], #4");
        else
          a.op("ldmia r0!, {{r6-r{}}}", 5 + count);
      }
      loadWeights(d);
      for (int64_t c = 0; c < columns; ++c) {
        int64_t i = d - base(c);
        if (i < 0 || i >= pairsOfColumn(c))
          continue;
        bool first = !started[size_t(c)];
        started[size_t(c)] = true;
        a.op("smlad r{0}, r{1}, {2}, r{3}", 2 + c, 6 + d % 4, weight(i, odd(c)),
             first ? 1 + columns : 2 + c);
      }
    }
    // Weights behind the last pair that the tile reads.
    int64_t read = consumed(last);
    a.add("r1", 4 * (widenedWords(s) - read), "r10");
  }

  /// Words that `row` has loaded through r1.
  int64_t consumed(int64_t last) const {
    int64_t words = widenedWords(s);
    if (s.strideWidth == 1)
      return std::min(words, 2 * std::max<int64_t>(2, last));
    if (words < 4)
      return 2;
    return std::min(words, std::max<int64_t>(4, last));
  }

  void store(int64_t columns) {
    a.op("ldrd r6, r7, [sp, #{}]", multiplier);
    if (s.hasStep())
      a.op("ldr r8, [sp, #{}]", step);
    a.op("ldr r10, [sp, #{}]", output);
    std::vector<std::string> sums;
    for (int64_t c = 0; c < columns; ++c)
      sums.push_back(fmt::format("r{}", 2 + c));
    requantize(a, s, sums, "r6", "r7", "r8", "r9");
    for (int64_t c = 0; c < columns; ++c)
      a.op("strb r{}, [r10, #{}]", 2 + c, c * s.outputChannels);
    a.add("r10", columns * s.outputChannels, "r11");
    a.op("str r10, [sp, #{}]", output);
  }

  const Shape &s;
  ArmAssembly &a;
  std::vector<bool> started;
};

std::string plainGeneral(const Shape &s) {
  int64_t first = channelWords(s) - s.kernelHeight * s.weightWords();
  // The word of a tap, and its byte in it.
  std::string word = s.strideWidth == 1 ? "kx / 2" : "kx / 4";
  std::string shift = s.strideWidth == 1
                          ? "kx % 2 ? 24 : 8"
                          : "(kx % 2 ? 16 : 0) + (kx % 4 < 2 ? 8 : 0)";
  return fmt::format(
             R"(  for (int32_t row = 0; row < rows; ++row) {{
    for (int32_t column = 0; column < {0}; ++column) {{
      uint32_t sum = (uint32_t)constants[1];
      for (int32_t ky = 0; ky < {1}; ++ky) {{
        for (int32_t kx = 0; kx < {2}; ++kx) {{
          const uint32_t weights = (uint32_t)constants[{3} + ky * {4} + {5}];
          const int32_t weight = (int8_t)(uint8_t)(weights >> ({6}));
          const int32_t at = column * {7} + kx;
          const uint32_t pair = plane[(row * {8} + ky * {9}) * {10} + at / 2];
          const int32_t value = (int16_t)(uint16_t)(at % 2 ? pair >> 16 : pair);
          sum += (uint32_t)(value * weight * 256);
        }}
      }}
)",
             s.outputWidth, s.kernelHeight, s.kernelWidth, first,
             s.weightWords(), word, shift, s.strideWidth, s.strideHeight,
             s.dilationHeight, s.pairs) +
         plainRequantize(s) + "    }\n  }\n";
}

} // namespace

Function generalStripFunction(const Shape &s) {
  Function f;
  f.name = fmt::format("adze_depthwise_{}x{}{}_stride{}x{}_{}_to{}{}",
                       s.kernelHeight, s.kernelWidth,
                       s.dilationHeight > 1
                           ? fmt::format("_dilated{}", s.dilationHeight)
                           : std::string(),
                       s.strideHeight, s.strideWidth, shapeName(s),
                       s.outputWidth, requantizationName(s));
  int64_t words = s.kernelHeight * s.weightWords();
  int64_t frame = weights + 8 * words;
  ArmAssembly a;
  a.op("push {{r4-r11, lr}}");
  a.op("sub sp, sp, #{}", frame);
  a.op("str r3, [sp, #{}]", rows);
  a.op("str r2, [sp, #{}]", output);
  a.op("ldmia r1!, {{r4, r5}}");
  a.op("str r4, [sp, #{}]", multiplier);
  a.op("str r5, [sp, #{}]", start);
  if (s.sharedAddend)
    a.move("r6", uint32_t(s.addend));
  else
    a.op("ldr r6, [r1], #4");
  a.op("str r6, [sp, #{}]", addend);
  if (s.hasStep()) {
    a.op("ldr r6, [r1], #4");
    a.op("str r6, [sp, #{}]", step);
  }
  a.op("mov r12, #0xFF00FF00");
  a.op("add r7, sp, #{}", weights);
  a.move("r8", uint32_t(words));
  a.label(1);
  a.times = double(words);
  a.op("ldr r4, [r1], #4");
  a.op("and r5, r12, r4");
  a.op("and r6, r12, r4, lsl #8");
  a.op("strd r5, r6, [r7], #8");
  a.op("subs r8, r8, #1");
  a.op("bne 1b");
  a.times = 1;
  f.perCall = a.executed + 2;
  double before = a.executed, loads = a.loads;
  a.label(2);
  GeneralTile tile(s, a);
  int64_t tiles = s.outputWidth / 4, rest = s.outputWidth % 4;
  int64_t step4 =
      s.strideWidth == 1 ? 8 : 16; // bytes of plane that a tile advances
  if (tiles > 1) {
    a.op("ldr r10, [sp, #{}]", output);
    a.add("r10", tiles * 4 * s.outputChannels, "r11");
    a.op("str r10, [sp, #{}]", rowEnd);
    a.label(3);
    a.times = double(tiles);
  }
  if (tiles) {
    tile.emit(4);
    a.op("add r0, r0, #{}", step4);
  }
  if (tiles > 1) {
    a.op("ldr r11, [sp, #{}]", rowEnd);
    a.op("cmp r10, r11");
    a.op("bne 3b");
    a.times = 1;
  }
  if (rest)
    tile.emit(rest);
  a.add("r0", s.strideHeight * s.rowBytes() - tiles * step4, "r11");
  a.op("ldr r10, [sp, #{}]", rows);
  a.op("subs r10, r10, #1");
  a.op("str r10, [sp, #{}]", rows);
  a.op("bne 2b");
  f.perRow = a.executed - before;
  f.loadsPerRow = a.loads - loads;
  a.op("add sp, sp, #{}", frame);
  a.op("pop {{r4-r11, pc}}");
  f.codeBytes = 4 * a.instructions;
  f.text = a.function("Output rows of one channel from its plane, up to four "
                      "outputs at a time.",
                      f.name,
                      {"const uint32_t *plane", "const int32_t *constants",
                       "int8_t *to", "int32_t rows"},
                      "defined(__ARM_FEATURE_DSP)", plainGeneral(s));
  return f;
}

} // namespace adze::families::depthwise
