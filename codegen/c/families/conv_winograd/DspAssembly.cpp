//===- DspAssembly.cpp - Exact integer Winograd with SMLAD ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/conv_winograd/DspAssembly.h"

#include <fmt/format.h>

namespace adze::families::winograd {

int64_t weightTransform(int64_t tile, int64_t point, int64_t tap) {
  static constexpr int64_t four[6][3] = {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4},
                                         {1, 2, 4}, {1, -2, 4},   {0, 0, 12}};
  static constexpr int64_t two[4][3] = {
      {2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  return tile == 4 ? four[point][tap] : two[point][tap];
}

int64_t Shape::pointsPerTurn() const {
  // About two kilobytes of code, and a whole number of turns.
  for (int64_t turn : {6, 4, 3, 2})
    if (points() % turn == 0 && turn * inputChannels <= 128)
      return turn;
  return 1;
}

void multiplyFourChannels(ArmAssembly &a, bool first) {
  a.op("ldmia r0!, {{r6-r9}}");
  a.op("ldmia r1!, {{r10-r12, lr}}");
  a.op("smlad r4, r8, r10, {}", first ? "r2" : "r4");
  a.op("smlad r5, r8, r12, {}", first ? "r3" : "r5");
  a.op("smlad r2, r6, r10, r2");
  a.op("smlad r3, r6, r12, r3");
  a.op("smlad r4, r9, r11, r4");
  a.op("smlad r5, r9, lr, r5");
  a.op("smlad r2, r7, r11, r2");
  a.op("smlad r3, r7, lr, r3");
}

void storeRow(ArmAssembly &a, const Shape &s, int64_t frame) {
  auto each = [&](auto &&emit) {
    for (int64_t x = 0; x < s.tile; ++x)
      emit(fmt::format("r{}", 4 + x), x);
  };
  if (s.stepped) {
    a.op("ldr r9, [sp, #{}]", frame);
    each([&](const std::string &r, int64_t) {
      a.op("smmlar r10, {}, r1, r2", r);
      a.op("and {0}, r9, {0}, asr #31", r);
      a.op("add {0}, {0}, r10", r);
    });
  } else {
    each([&](const std::string &r, int64_t) {
      a.op("smmlar {0}, {0}, r1, r2", r);
    });
  }
  each([&](const std::string &r, int64_t) {
    a.op("ssat {0}, #8, {0}, asr #{1}", r, s.shift);
  });
  if (s.clamps)
    each([&](const std::string &r, int64_t) {
      a.op("sub {0}, {0}, #{1}", r, s.clampSubtract);
      a.op("ssat {0}, #8, {0}", r);
      a.op("add {0}, {0}, #{1}", r, s.clampAdd);
    });
  each([&](const std::string &r, int64_t x) {
    a.op("strb {}, [r0, #{}]", r, x * s.outputChannels);
  });
}

std::string plainStore(const Shape &s) {
  std::string text = R"(        const int32_t sum = (int32_t)y[x];
        const int64_t high = ((int64_t)sum * factors[0] + 2147483648) >> 32;
        int32_t value = (int32_t)high + factors[1];
)";
  if (s.stepped)
    text += "        value += sum < 0 ? factors[2] : 0;\n";
  auto saturate = [&](const std::string &value) {
    text += fmt::format("        value = {};\n"
                        "        value = value < -128 ? -128 : value;\n"
                        "        value = value > 127 ? 127 : value;\n",
                        value);
  };
  saturate(fmt::format("value >> {}", s.shift));
  if (s.clamps) {
    saturate(fmt::format("value - {}", s.clampSubtract));
    text += fmt::format("        value += {};\n", s.clampAdd);
  }
  return text +
         fmt::format("        to[row * pitch + ({} * (k / 2) + x) * {} + "
                     "k % 2] = (int8_t)value;\n",
                     s.tile, s.outputChannels);
}

namespace {

const char condition[] = "defined(__ARM_FEATURE_DSP)";

/// B' times the registers r4, r5, ... in place; r10 to r12 and lr are free.
void transformInput(ArmAssembly &a, int64_t tile) {
  if (tile == 2) {
    a.op("ssub16 r4, r4, r6");
    a.op("sadd16 r10, r5, r6");
    a.op("ssub16 r6, r6, r5");
    a.op("ssub16 r7, r7, r5");
    a.op("mov r5, r10");
    return;
  }
  a.op("sub r10, r8, r6, lsl #2");
  a.op("sub r11, r7, r5, lsl #2");
  a.op("sub r12, r8, r6");
  a.op("sub lr, r7, r5");
  a.op("sub r4, r4, r6");
  a.op("sub r9, r9, r7");
  a.op("add r4, r12, r4, lsl #2");
  a.op("add r5, r10, r11");
  a.op("sub r6, r10, r11");
  a.op("add r7, r12, lr, lsl #1");
  a.op("sub r8, r12, lr, lsl #1");
  a.op("sub r9, r9, lr, lsl #2");
}

/// A' times the registers r4, r5, ...: results from r4 on.
void transformOutput(ArmAssembly &a, int64_t tile) {
  if (tile == 2) {
    a.op("add r10, r5, r6");
    a.op("add r4, r4, r10");
    a.op("sub r5, r5, r6");
    a.op("add r5, r5, r7");
    return;
  }
  a.op("add r10, r5, r6");
  a.op("sub r11, r5, r6");
  a.op("add r12, r7, r8");
  a.op("sub lr, r7, r8");
  a.op("add r4, r4, r10");
  a.op("add r4, r4, r12");
  a.op("add r5, r11, lr, lsl #1");
  a.op("add r6, r10, r12, lsl #2");
  a.op("add r7, r11, lr, lsl #3");
  a.op("add r7, r7, r9, lsl #1");
}

/// "{r4-r9}" for six registers.
std::string registers(int64_t count) {
  return fmt::format("{{r4-r{}}}", 3 + count);
}

std::string shapeName(const Shape &s) { return fmt::format("{0}x{0}", s.tile); }

std::string plainInput(const Shape &s) {
  const char *four =
      R"(    const uint32_t a = d[4] - 4u * d[2], b = d[3] - 4u * d[1], c = d[4] - d[2], e = d[3] - d[1];
    const uint32_t first = c + 4u * (d[0] - d[2]), last = d[5] - d[3] - 4u * e;
    t[0] = first, t[1] = a + b, t[2] = a - b, t[3] = c + 2u * e, t[4] = c - 2u * e, t[5] = last;
)";
  const char *two =
      R"(    t[0] = d[0] - d[2], t[1] = d[1] + d[2], t[2] = d[2] - d[1], t[3] = d[3] - d[1];
)";
  int64_t t = s.tile + 2;
  // The halves are computed apart: the words are put together at the end.
  std::string pass = s.tile == 4 ? four : two;
  return fmt::format(
      R"(  for (int32_t group = 0; group < {0}; ++group) {{
    for (int32_t channel = 0; channel < 4; ++channel) {{
      uint32_t rows[{1}][{1}];
      for (int32_t x = 0; x < {1}; ++x) {{
        uint32_t d[{1}], t[{1}];
        for (int32_t y = 0; y < {1}; ++y) {{
          d[y] = (strip[(group * {2} + x) * {1} + y] >> (8 * channel)) & 0xFFu;
{3}        }}
{4}        for (int32_t y = 0; y < {1}; ++y) {{
          rows[y][x] = t[y];
        }}
      }}
      for (int32_t y = 0; y < {1}; ++y) {{
        const uint32_t *d = rows[y];
        uint32_t t[{1}];
{4}        for (int32_t x = 0; x < {1}; ++x) {{
          uint32_t *word = v + (y * {1} + x) * {5} + 4 * group + channel % 2;
          *word = channel < 2 ? t[x] & 0xFFFFu : (*word & 0xFFFFu) | (t[x] << 16);
        }}
      }}
    }}
  }}
)",
      s.inputChannels / 4, t, s.stripWidth,
      s.tile == 4
          ? fmt::format("          d[y] += x >= 4 && y >= 4 && channel < "
                        "2 ? {}u : 0u;\n",
                        lowHalfOffset)
          : std::string(),
      pass, s.inputChannels);
}

std::string plainProduct(const Shape &s) {
  const char *four =
      R"(        const uint32_t a = p[1] + p[2], c = p[1] - p[2], b = p[3] + p[4], e = p[3] - p[4];
        y[0] = p[0] + a + b, y[1] = c + 2u * e, y[2] = a + 4u * b, y[3] = c + 8u * e + 2u * p[5];
)";
  const char *two =
      R"(        y[0] = p[0] + p[1] + p[2], y[1] = p[1] - p[2] + p[3];
)";
  int64_t t = s.tile + 2, turn = s.pointsPerTurn();
  std::string pass = s.tile == 4 ? four : two;
  std::string text = fmt::format(
      R"(  uint32_t sums[{0}][4];
  for (int32_t point = 0; point < {0}; ++point) {{
    uint32_t *sum = sums[point];
    sum[0] = sum[2] = (uint32_t)u[0];
    sum[1] = sum[3] = (uint32_t)u[1];
    u += 2;
    for (int32_t i = 0; i < {1}; ++i) {{
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
    u += point % {2} == {3};
  }}
  for (int32_t k = 0; k < 4; ++k) {{
    const int32_t *factors = u + {4} * (k % 2);
    uint32_t columns[{5}][{6}];
    for (int32_t x = 0; x < {6}; ++x) {{
      uint32_t p[{6}], y[{5}];
      for (int32_t i = 0; i < {6}; ++i) {{
        p[i] = sums[i * {6} + x][k];
      }}
      {{
{7}      }}
      for (int32_t i = 0; i < {5}; ++i) {{
        columns[i][x] = y[i];
      }}
    }}
    for (int32_t row = 0; row < {5}; ++row) {{
      const uint32_t *p = columns[row];
      uint32_t y[{5}];
      {{
{7}      }}
      for (int32_t x = 0; x < {5}; ++x) {{
)",
      s.points(), s.inputChannels / 4, turn, turn - 1, s.stepped ? 3 : 2,
      s.tile, t, pass);
  return text + plainStore(s) + "      }\n    }\n  }\n";
}

} // namespace

Function inputTransform(const Shape &s) {
  int64_t t = s.tile + 2;
  Function f;
  f.name = fmt::format("adze_winograd_{}_input_{}_strip{}", shapeName(s),
                       s.inputChannels, s.stripWidth);
  ArmAssembly a;
  int64_t values = t * t * 4; // bytes of the half-transformed tile
  a.op("push {{r4-r11, lr}}");
  a.op("sub sp, sp, #{}", values + 8);
  a.op("movw r4, #{}", s.inputChannels / 4);
  a.op("str r4, [sp, #{}]", values);
  a.label(1);
  a.times = double(s.inputChannels / 4);
  for (int half = 0; half < 2; ++half) {
    a.op("mov r3, sp");
    for (int64_t x = 0; x < t; ++x) {
      a.op("ldmia r0!, {}", registers(t));
      for (int64_t y = 0; y < t; ++y)
        a.op("uxtb16 r{0}, r{0}{1}", 4 + y, half ? ", ror #8" : "");
      if (s.tile == 4 && x >= 4) {
        a.op("add r8, r8, #{}", lowHalfOffset);
        a.op("add r9, r9, #{}", lowHalfOffset);
      }
      transformInput(a, s.tile);
      a.op("stmia r3!, {}", registers(t));
    }
    a.op("mov r2, r1");
    for (int64_t y = 0; y < t; ++y) {
      for (int64_t x = 0; x < t; ++x)
        a.op("ldr r{}, [sp, #{}]", 4 + x, 4 * (x * t + y));
      transformInput(a, s.tile);
      for (int64_t x = 0; x < t; ++x)
        a.op("str r{}, [r2, #{}]", 4 + x, 4 * (x * s.inputChannels + half));
      if (y + 1 < t)
        a.add("r2", 4 * t * s.inputChannels, "r3");
    }
    if (!half)
      a.op("sub r0, r0, #{}", 4 * t * t);
  }
  a.op("add r1, r1, #16");
  a.add("r0", 4 * (s.stripWidth * t - t * t), "r3");
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
  f.stackBytes = values + 8 + 36;
  f.text = a.function("Winograd: the transformed input of one tile.", f.name,
                      {"const uint32_t *strip", "uint32_t *v"}, condition,
                      plainInput(s));
  return f;
}

Function product(const Shape &s) {
  int64_t t = s.tile + 2, turn = s.pointsPerTurn();
  Function f;
  f.name = fmt::format("adze_winograd_{}_product_{}to{}_shift{}", shapeName(s),
                       s.inputChannels, s.outputChannels, s.shift);
  if (s.stepped)
    f.name += "_stepped";
  if (s.clamps)
    f.name += fmt::format("_clamp{}_{}", s.clampSubtract, s.clampAdd);
  ArmAssembly a;
  a.op("push {{r2-r11, lr}}");
  // No register is left for a pointer to the sums, so the loop pushes them. A
  // reader of the code (stack bounds) sees here how much that is.
  a.op("sub sp, sp, #{}", 16 * s.points());
  a.op("add sp, sp, #{}", 16 * s.points());
  a.label(1);
  a.times = double(s.points() / turn);
  for (int64_t i = 0; i < turn; ++i) {
    a.op("ldmia r1!, {{r2, r3}}");
    for (int64_t c = 0; c < s.inputChannels; c += 4)
      multiplyFourChannels(a, c == 0);
    a.op("push {{r2-r5}}");
  }
  a.op("ldr r6, [r1], #4");
  a.op("cmp r6, #0");
  a.op("bne 1b");
  a.times = 1;
  // Frame: half-transformed sums, step, factors, counter, then the points
  // (the last one first), then the arguments `to` and `pitch`.
  int64_t step = 4 * t * s.tile, factors = step + 4, counter = step + 8;
  int64_t sums = step + 16, arguments = sums + 16 * s.points();
  a.op("sub sp, sp, #{}", sums);
  a.op("str r1, [sp, #{}]", factors);
  a.op("mov r0, #0");
  a.label(2);
  a.times = 4;
  // r0: 0 to 3, the channel in bit 0, the tile in bit 1.
  a.op("str r0, [sp, #{}]", counter);
  a.op("add r1, sp, r0, lsl #2");
  for (int64_t x = 0; x < t; ++x) {
    for (int64_t i = 0; i < t; ++i)
      a.op("ldr r{}, [r1, #{}]", 4 + i,
           sums + 16 * (s.points() - 1 - (i * t + x)));
    transformOutput(a, s.tile);
    for (int64_t i = 0; i < s.tile; ++i)
      a.op("str r{}, [sp, #{}]", 4 + i, 4 * (i * t + x));
  }
  a.op("ldr r3, [sp, #{}]", factors);
  a.op("and r4, r0, #1");
  a.op("ldr r6, [sp, #{}]", arguments);
  a.op("add r6, r6, r4");
  a.op("lsr r0, r0, #1");
  a.move("r5", uint32_t(s.tile * s.outputChannels));
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
  for (int64_t i = 0; i < s.tile; ++i) {
    a.op("ldmia r3!, {}", registers(t));
    transformOutput(a, s.tile);
    storeRow(a, s, step);
    if (i + 1 < s.tile) {
      a.op("ldr r4, [sp, #{}]", arguments + 4);
      a.op("add r0, r0, r4");
    }
  }
  a.op("ldr r0, [sp, #{}]", counter);
  a.op("add r0, r0, #1");
  a.op("cmp r0, #4");
  a.op("bne 2b");
  a.times = 1;
  a.op("add sp, sp, #{}", arguments + 8);
  a.op("pop {{r4-r11, pc}}");
  f.codeBytes = 4 * a.instructions;
  f.perCall = a.executed;
  f.loads = a.loads;
  f.stackBytes = arguments + 44;
  f.text = a.function(
      "Winograd: products at all points of two tiles and two output channels,\n"
      "   the output transform and the requantization.",
      f.name,
      {"const uint32_t *v", "const int32_t *u", "int8_t *to", "int32_t pitch"},
      condition, plainProduct(s));
  return f;
}

} // namespace adze::families::winograd
