//===- DspPhases.cpp - Winograd of a stride of 2 with SMLAD -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/conv_winograd/DspPhases.h"

#include <algorithm>

namespace adze::families::winograd {

const std::vector<PhasePoint> &phasePoints() {
  static const std::vector<PhasePoint> points = [] {
    std::vector<PhasePoint> all;
    for (int64_t phases : {4, 2, 1})
      for (int64_t row = 0; row < 5; ++row)
        for (int64_t column = 0; column < 5; ++column) {
          PhasePoint point{row, column, {}};
          for (int64_t a = 0; a < (row == 4 ? 1 : 2); ++a)
            for (int64_t b = 0; b < (column == 4 ? 1 : 2); ++b)
              point.phases.emplace_back(a, b);
          if (int64_t(point.phases.size()) == phases)
            all.push_back(point);
        }
    return all;
  }();
  return points;
}

int64_t phaseTransform(int64_t point, int64_t tap) {
  static constexpr int64_t rows[5][2] = {
      {3, 0}, {-3, -3}, {-1, 1}, {1, 2}, {0, 6}};
  return rows[point][tap];
}

int64_t pointsPerTurn(const Shape &s, size_t phases) {
  if (phases == 4)
    return s.inputChannels <= 16 ? 2 : 1;
  if (phases == 2)
    return s.inputChannels <= 16 ? 4 : 2;
  return 1;
}

namespace {

/// Where a point's and a phase's words begin in v.
int64_t wordsBefore(const Shape &s, int64_t row, int64_t column, int64_t a,
                    int64_t b) {
  int64_t words = 0;
  for (const PhasePoint &point : phasePoints())
    for (auto [pa, pb] : point.phases) {
      if (point.row == row && point.column == column && pa == a && pb == b)
        return words;
      words += s.inputChannels;
    }
  return words;
}

/// B' times r4 to r8 in place, without the last row for an odd phase.
void transformInput(ArmAssembly &a, bool even) {
  a.op("sub r7, r7, r5");
  a.op("sub r4, r4, r6");
  a.op("add r4, r7, r4, lsl #1");
  a.op("add r11, r5, r6");
  a.op("sub r12, r5, r6");
  if (even) {
    a.op("sub r8, r8, r6");
    a.op("sub r8, r8, r7, lsl #1");
  }
  a.op("sub r5, r7, r11");
  a.op("add r12, r12, r12, lsl #1");
  a.op("add r6, r7, r12");
}

/// A' times r4 to r8: results in r4 to r7.
void transformOutput(ArmAssembly &a) {
  a.op("add r10, r5, r6");
  a.op("sub r11, r5, r6");
  a.op("add r4, r4, r10");
  a.op("add r4, r4, r7");
  a.op("add r5, r11, r7, lsl #1");
  a.op("add r6, r10, r7, lsl #2");
  a.op("add r12, r11, r7, lsl #3");
  a.op("add r7, r12, r8");
}

const char plainTransform[] =
    R"(          t[0] = 2u * d[0] - d[1] - 2u * d[2] + d[3];
          t[1] = d[3] - d[2] - 2u * d[1];
          t[2] = 2u * d[1] - 3u * d[2] + d[3];
          t[3] = d[3] - d[1];
          t[4] = d[4] - 2u * d[3] - d[2] + 2u * d[1];
)";

std::string plainInput(const Shape &s) {
  int64_t tiles = (s.stripWidth - 1) / 8;
  std::string starts;
  for (int64_t a = 0; a < 2; ++a)
    for (int64_t b = 0; b < 2; ++b)
      for (int64_t row = 0; row < 5; ++row)
        for (int64_t column = 0; column < 5; ++column)
          starts += fmt::format("{}{}", starts.empty() ? "" : ", ",
                                (a && row == 4) || (b && column == 4)
                                    ? -1
                                    : wordsBefore(s, row, column, a, b));
  return fmt::format(
      R"(  static const int16_t start[100] = {{{0}}};
  for (int32_t group = 0; group < {1}; ++group) {{
    for (int32_t i = 0; i < 16; ++i) {{
      const int32_t channel = i % 4, a = i / 8, b = i / 4 % 2;
      uint32_t rows[5][5] = {{{{0}}}};
      for (int32_t x = 0; x < 5 - b; ++x) {{
        uint32_t d[5] = {{0}}, t[5];
        for (int32_t y = 0; y < 5 - a; ++y) {{
          const uint32_t word = strip[(group * {2} + b * {3} + x) * 9 + 5 * a + y];
          d[y] = (word >> (8 * channel)) & 0xFFu;
          if (channel < 2 && x >= 3 && y >= 3) {{
            d[y] += {4}u * (x == 4 ? 3u : 1u) * (y == 4 ? 3u : 1u);
          }}
        }}
        {{
{5}        }}
        for (int32_t y = 0; y < 5; ++y) {{
          rows[y][x] = t[y];
        }}
      }}
      for (int32_t y = 0; y < 5 - a; ++y) {{
        const uint32_t *d = rows[y];
        uint32_t t[5];
        {{
{5}        }}
        for (int32_t x = 0; x < 5 - b; ++x) {{
          uint32_t *word = v + start[(2 * a + b) * 25 + y * 5 + x] + 4 * group + channel % 2;
          *word = channel < 2 ? t[x] & 0xFFFFu : (*word & 0xFFFFu) | (t[x] << 16);
        }}
      }}
    }}
  }}
)",
      starts, s.inputChannels / 4, s.stripWidth, 4 * tiles + 1, phaseOffset,
      plainTransform);
}

std::string plainProduct(const Shape &s) {
  static const char pass[] =
      R"(        y[0] = p[0] + p[1] + p[2] + p[3];
        y[1] = p[1] - p[2] + 2u * p[3];
        y[2] = p[1] + p[2] + 4u * p[3];
        y[3] = p[1] - p[2] + 8u * p[3] + p[4];
)";
  std::string places;
  for (const PhasePoint &point : phasePoints())
    places += fmt::format("{}{}", places.empty() ? "" : ", ",
                          5 * point.row + point.column);
  std::string text = fmt::format(
      R"(  static const uint8_t place[25] = {{{0}}};
  uint32_t sums[25][4];
  for (int32_t point = 0; point < 25; ++point) {{
    uint32_t *sum = sums[place[point]];
    const int32_t phases = point < 16 ? 4 : point < 24 ? 2 : 1;
    const int32_t turn = point < 16 ? {1} : point < 24 ? {2} : 1;
    sum[0] = sum[2] = (uint32_t)u[0];
    sum[1] = sum[3] = (uint32_t)u[1];
    u += 2;
    for (int32_t i = 0; i < phases * {3}; ++i) {{
      for (int32_t k = 0; k < 4; ++k) {{
        for (int32_t half = 0; half < 2; ++half) {{
          const uint32_t x = v[2 * (k / 2) + half];
          const uint32_t w = (uint32_t)u[2 * (k % 2) + half];
          sum[k] += (uint32_t)((int16_t)(uint16_t)x * (int16_t)(uint16_t)w);
          sum[k] += (uint32_t)((int16_t)(uint16_t)(x >> 16) * (int16_t)(uint16_t)(w >> 16));
        }}
      }}
      v += 4;
      u += 4;
    }}
    u += point < 24 && point % turn == turn - 1;
  }}
  for (int32_t k = 0; k < 4; ++k) {{
    const int32_t *factors = u + {4} * (k % 2);
    uint32_t columns[4][5];
    for (int32_t x = 0; x < 5; ++x) {{
      uint32_t p[5], y[4];
      for (int32_t i = 0; i < 5; ++i) {{
        p[i] = sums[i * 5 + x][k];
      }}
      {{
{5}      }}
      for (int32_t i = 0; i < 4; ++i) {{
        columns[i][x] = y[i];
      }}
    }}
    for (int32_t row = 0; row < 4; ++row) {{
      const uint32_t *p = columns[row];
      uint32_t y[4];
      {{
{5}      }}
      for (int32_t x = 0; x < 4; ++x) {{
)",
      places, pointsPerTurn(s, 4), pointsPerTurn(s, 2), s.inputChannels / 4,
      s.stepped ? 3 : 2, pass);
  return text + plainStore(s) + "      }\n    }\n  }\n";
}

/// One phase of half of the channels of a group: r0 points to the group in the
/// strip, r1 in v.
void transformPhase(ArmAssembly &asmText, const Shape &s, int64_t a, int64_t b,
                    int half) {
  int64_t tiles = (s.stripWidth - 1) / 8, rows = 5 - a, columns = 5 - b;
  int64_t first = (b * (4 * tiles + 1) * 9 + 5 * a) * 4;
  asmText.op("mov r2, r0");
  asmText.add("r2", first, "r3");
  asmText.op("mov r3, sp");
  std::string loaded = fmt::format("{{r4-r{}}}", 3 + rows);
  for (int64_t x = 0; x < columns; ++x) {
    asmText.op("ldmia r2!, {}", loaded);
    if (x + 1 < columns)
      asmText.op("add r2, r2, #{}", 4 * (9 - rows));
    for (int64_t y = 0; y < rows; ++y)
      asmText.op("uxtb16 r{0}, r{0}{1}", 4 + y, half ? ", ror #8" : "");
    // Multiples of 1024: constants that an instruction can hold.
    for (int64_t y = 3; y < rows && x >= 3; ++y)
      asmText.op("add r{0}, r{0}, #{1}", 4 + y,
                 phaseOffset * (x == 4 ? 3 : 1) * (y == 4 ? 3 : 1));
    transformInput(asmText, rows == 5);
    asmText.op("stmia r3!, {}", loaded);
  }
  auto place = [&](int64_t row, int64_t column) {
    return 4 * (wordsBefore(s, row, column, a, b) + half);
  };
  // r2 points to the point of four phases in this row, r3 to those of two.
  int64_t twoPhases = 4 * 64 * s.inputChannels;
  asmText.op("mov r2, r1");
  asmText.op("mov r3, r1");
  asmText.add("r3", twoPhases, "r10");
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t x = 0; x < columns; ++x)
      asmText.op("ldr r{}, [sp, #{}]", 4 + x, 4 * (x * rows + row));
    transformInput(asmText, columns == 5);
    int64_t rowStart = 4 * row * 4 * 4 * s.inputChannels;
    for (int64_t x = 0; x < columns; ++x) {
      bool four = row < 4 && x < 4;
      asmText.op("str r{}, [{}, #{}]", 4 + x, four ? "r2" : "r3",
                 place(row, x) - (four ? rowStart : twoPhases));
    }
    if (row + 1 < std::min<int64_t>(rows, 4))
      asmText.add("r2", 4 * 4 * 4 * s.inputChannels, "r10");
  }
}

} // namespace

Function phaseTransformFunction(const Shape &s) {
  Function f;
  f.name = fmt::format("adze_winograd_phases_input_{}_strip{}", s.inputChannels,
                       s.stripWidth);
  ArmAssembly a;
  constexpr int64_t values = 25 * 4;
  a.op("push {{r4-r11, lr}}");
  a.op("sub sp, sp, #{}", values + 8);
  a.op("mov r4, #{}", s.inputChannels / 4);
  a.op("str r4, [sp, #{}]", values);
  a.label(1);
  a.times = double(s.inputChannels / 4);
  for (int half = 0; half < 2; ++half)
    for (int64_t rows = 0; rows < 2; ++rows)
      for (int64_t columns = 0; columns < 2; ++columns)
        transformPhase(a, s, rows, columns, half);
  a.op("add r1, r1, #16");
  a.add("r0", 4 * 9 * s.stripWidth, "r3");
  a.op("ldr r4, [sp, #{}]", values);
  a.op("subs r4, r4, #1");
  a.op("str r4, [sp, #{}]", values);
  a.op("bne 1b");
  a.times = 1;
  a.op("add sp, sp, #{}", values + 8);
  a.op("pop {{r4-r11, pc}}");
  f.codeBytes = 4 * a.instructions;
  f.perCall = a.executed;
  f.loads = a.loads;
  f.stackBytes = values + 44;
  f.text = a.function(
      "Winograd: the transformed input of one tile of a stride of 2.", f.name,
      {"const uint32_t *strip", "uint32_t *v"}, "defined(__ARM_FEATURE_DSP)",
      plainInput(s));
  return f;
}

Function phaseProduct(const Shape &s) {
  Function f;
  f.name = fmt::format("adze_winograd_phases_product_{}to{}_shift{}",
                       s.inputChannels, s.outputChannels, s.shift);
  if (s.stepped)
    f.name += "_stepped";
  if (s.clamps)
    f.name += fmt::format("_clamp{}_{}", s.clampSubtract, s.clampAdd);
  ArmAssembly a;
  a.op("push {{r2-r11, lr}}");
  // No register is left for a pointer to the sums, so the loop pushes them. A
  // reader of the code (stack bounds) sees here how much that is.
  a.op("sub sp, sp, #{}", 16 * 25);
  a.op("add sp, sp, #{}", 16 * 25);
  int label = 1;
  for (auto [phases, points] :
       {std::pair<size_t, int64_t>(4, 16), {2, 8}, {1, 1}}) {
    int64_t turn = pointsPerTurn(s, phases);
    a.label(label);
    a.times = double(points / turn);
    for (int64_t i = 0; i < turn; ++i) {
      a.op("ldmia r1!, {{r2, r3}}");
      for (int64_t c = 0; c < int64_t(phases) * s.inputChannels; c += 4)
        multiplyFourChannels(a, c == 0);
      a.op("push {{r2-r5}}");
    }
    if (points > 1) {
      a.op("ldr r6, [r1], #4");
      a.op("cmp r6, #0");
      a.op("bne {}b", label);
    }
    a.times = 1;
    ++label;
  }
  // The frame is that of `product`.
  constexpr int64_t step = 4 * 5 * 4, factors = step + 4, counter = step + 8;
  constexpr int64_t sums = step + 16, arguments = sums + 16 * 25;
  a.op("sub sp, sp, #{}", sums);
  a.op("str r1, [sp, #{}]", factors);
  a.op("mov r0, #0");
  a.label(label);
  a.times = 4;
  a.op("str r0, [sp, #{}]", counter);
  a.op("add r1, sp, r0, lsl #2");
  for (int64_t x = 0; x < 5; ++x) {
    for (int64_t i = 0; i < 5; ++i) {
      int64_t n = 0;
      while (phasePoints()[size_t(n)].row != i ||
             phasePoints()[size_t(n)].column != x)
        ++n;
      a.op("ldr r{}, [r1, #{}]", 4 + i, sums + 16 * (24 - n));
    }
    transformOutput(a);
    for (int64_t i = 0; i < 4; ++i)
      a.op("str r{}, [sp, #{}]", 4 + i, 4 * (i * 5 + x));
  }
  a.op("ldr r3, [sp, #{}]", factors);
  a.op("and r4, r0, #1");
  a.op("ldr r6, [sp, #{}]", arguments);
  a.op("add r6, r6, r4");
  a.op("lsr r0, r0, #1");
  a.move("r5", uint32_t(4 * s.outputChannels));
  a.op("mla r0, r0, r5, r6");
  a.op("cmp r4, #0");
  a.op("it ne");
  a.op("addne r3, r3, #{}", s.stepped ? 12 : 8);
  if (s.stepped) {
    a.op("ldmia r3, {{r1, r2, r4}}");
    a.op("str r4, [sp, #{}]", step);
  } else {
    a.op("ldmia r3, {{r1, r2}}");
  }
  a.op("mov r3, sp");
  for (int64_t i = 0; i < 4; ++i) {
    a.op("ldmia r3!, {{r4-r8}}");
    transformOutput(a);
    storeRow(a, s, step);
    if (i < 3) {
      a.op("ldr r4, [sp, #{}]", arguments + 4);
      a.op("add r0, r0, r4");
    }
  }
  a.op("ldr r0, [sp, #{}]", counter);
  a.op("add r0, r0, #1");
  a.op("cmp r0, #4");
  a.op("bne {}b", label);
  a.times = 1;
  a.op("add sp, sp, #{}", arguments + 8);
  a.op("pop {{r4-r11, pc}}");
  f.codeBytes = 4 * a.instructions;
  f.perCall = a.executed;
  f.loads = a.loads;
  f.stackBytes = arguments + 44;
  f.text = a.function(
      "Winograd of a stride of 2: products at all points of two tiles and two\n"
      "   output channels, the output transform and the requantization.",
      f.name,
      {"const uint32_t *v", "const int32_t *u", "int8_t *to", "int32_t pitch"},
      "defined(__ARM_FEATURE_DSP)", plainProduct(s));
  return f;
}

} // namespace adze::families::winograd
