//===- DspAssembly.cpp - Depthwise 3x3 on paired 16-bit planes --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/depthwise/DspAssembly.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace adze::families::depthwise {

namespace {

/// Pairs of a row in which at least one pixel is inside of the image; the
/// others hold the zero point from the start and are never written.
void insidePairs(const Shape &s, int64_t &first, int64_t &last) {
  first = s.padLeft / 2;
  last = std::min(s.pairs, (s.inputWidth + s.padLeft + 1) / 2);
}

/// `widen` for one row, four pixels at a time where there are.
class WidenRow {
public:
  WidenRow(const Shape &s, ArmAssembly &a) : s(s), a(a) {
    insidePairs(s, first, last);
  }

  void emit() {
    int64_t pair = first;
    // Up to the first pair of two inside pixels.
    if (s.padLeft % 2) {
      int64_t quad = last - pair >= 2 ? 2 : 1;
      emitPairs(pair, quad);
      pair += quad;
    }
    int64_t inside =
        (s.inputWidth + s.padLeft) / 2; // pairs before it are whole
    int64_t quads = std::max<int64_t>(0, (std::min(inside, last) - pair) / 2);
    constexpr int64_t unroll = 2;
    if (quads > 2 * unroll) {
      int64_t turns = quads / unroll;
      // The step to the next row is part of the row's last store.
      if (pair + turns * unroll * 2 == last && first + s.pairs > last)
        --turns;
      bringTo(2 * pair - s.padLeft);
      int64_t bytes = turns * unroll * 4 * s.channels;
      a.move("r5", uint32_t(bytes));
      a.op("add r5, r5, r0");
      a.op("str r5, [sp, #4]");
      a.label(2);
      double outer = a.times;
      a.times *= double(turns);
      int64_t start = pair;
      for (int64_t i = 0; i < unroll; ++i, pair += 2)
        emitPairs(pair, 2);
      bringTo(2 * pair - s.padLeft);
      a.op("ldr r5, [sp, #4]");
      a.op("cmp r0, r5");
      a.op("bne 2b");
      a.times = outer;
      pair = start + turns * unroll * 2;
      at = 2 * pair - s.padLeft;
    }
    while (pair < last) {
      int64_t count = last - pair >= 2 ? 2 : 1;
      emitPairs(pair, count);
      pair += count;
    }
    a.add("r0", (s.inputWidth - at) * s.channels, "lr");
    at = 0;
  }

private:
  void bringTo(int64_t pixel) {
    a.add("r0", (pixel - at) * s.channels, "lr");
    at = pixel;
  }

  void load(const char *reg, int64_t pixel) {
    if (pixel < 0 || pixel >= s.inputWidth) {
      a.op("mov {}, #0x{:08X}", reg,
           uint32_t(uint8_t(s.zeroPoint)) * 0x01010101u);
      return;
    }
    if ((pixel - at) * s.channels > 4095)
      bringTo(pixel);
    a.op("ldr {}, [r0, #{}]", reg, (pixel - at) * s.channels);
  }

  /// One or two pairs into all four planes.
  void emitPairs(int64_t pair, int64_t count) {
    static const char *const pixels[] = {"r5", "r6", "r7", "r8"};
    static const char *const wide[] = {"r9", "r10", "r11", "r12"};
    for (int64_t i = 0; i < 2 * count; ++i)
      load(pixels[i], 2 * pair + i - s.padLeft);
    int64_t step = 4 * count;
    if (pair + count == last)
      step += 4 * (s.pairs - last + first);
    for (int odd = 0; odd < 2; ++odd) {
      for (int64_t i = 0; i < 2 * count; ++i)
        a.op("sxtb16 {}, {}{}", wide[i], pixels[i], odd ? ", ror #8" : "");
      const char *low = odd ? "r2" : "r1", *high = odd ? "r4" : "r3";
      a.op("pkhbt lr, r9, r10, lsl #16");
      a.op("pkhtb r10, r10, r9, asr #16");
      if (count == 1) {
        a.op("str lr, [{}], #{}", low, step);
        a.op("str r10, [{}], #{}", high, step);
        continue;
      }
      a.op("pkhbt r9, r11, r12, lsl #16");
      a.op("pkhtb r12, r12, r11, asr #16");
      a.op("strd lr, r9, [{}], #{}", low, step);
      a.op("strd r10, r12, [{}], #{}", high, step);
    }
  }

  const Shape &s;
  ArmAssembly &a;
  int64_t first = 0, last = 0;
  int64_t at = 0; // the pixel that r0 points to
};

std::string plainWiden(const Shape &s, const std::string &channels) {
  int64_t first, last;
  insidePairs(s, first, last);
  return fmt::format(
      R"(  for (int32_t row = 0; row < rows; ++row) {{
    for (int32_t pair = {0}; pair < {1}; ++pair) {{
      const int32_t x = 2 * pair - {2};
      for (int32_t channel = 0; channel < {3}; ++channel) {{
        const int32_t low = x >= 0 ? from[x * {4} + channel] : {5};
        const int32_t high = x + 1 < {6} ? from[(x + 1) * {4} + channel] : {5};
        to[channel * {7} + row * {8} + pair] = ((uint32_t)low & 0xFFFFu) | ((uint32_t)high << 16);
      }}
    }}
    from += {9};
  }}
)",
      first, last, s.padLeft, channels, s.channels, s.zeroPoint, s.inputWidth,
      s.planeRows * s.pairs, s.pairs, s.inputWidth * s.channels);
}

/// One tile of `strip` and what surrounds it.
class StripTile {
public:
  StripTile(const Shape &s, ArmAssembly &a) : s(s), a(a) {}

  /// `rows` x `columns` outputs; columns is 2 only without a stride.
  void emit(int64_t rows, int64_t columns) {
    std::vector<std::string> sums;
    for (int64_t i = 0; i < rows * columns; ++i)
      sums.push_back(accumulator(i / columns, i % columns));
    bool residentFactors = !s.hasStep() && widestTile() <= 2;
    std::vector<bool> started(size_t(rows), false);
    // The sum that begins last lends its register to what all begin with.
    const std::string start = sums.back();
    a.op("ldr {}, [sp]", start);
    for (int64_t row = 0; row < (rows - 1) * s.strideHeight + 3; ++row) {
      if (row == 0)
        a.op("ldrd r12, lr, [r0], #4");
      else
        a.op("ldrd r12, lr, [r0, #{}]", row * s.rowBytes() - 4);
      for (int64_t q = 0; q < rows; ++q) {
        int64_t ky = row - q * s.strideHeight;
        if (ky < 0 || ky > 2)
          continue;
        std::string pair = fmt::format("r{}", 4 + ky);
        std::string next = fmt::format("r{}", 7 + ky);
        const std::string left = accumulator(q, 0);
        const std::string right = columns == 2 ? accumulator(q, 1) : "";
        bool first = !started[size_t(q)];
        started[size_t(q)] = true;
        if (first)
          a.op("smlad {}, r12, {}, {}", left, pair, start);
        else
          a.op("smlad {0}, r12, {1}, {0}", left, pair);
        a.op("smlabt {0}, lr, {1}, {0}", left, next);
        if (columns == 2) {
          a.op("smlatb {0}, r12, {1}, {2}", right, pair, first ? start : right);
          a.op("smlad {0}, lr, {1}, {0}", right, next);
        }
      }
    }
    if (!residentFactors)
      a.op("ldrd r12, lr, [sp, #4]");
    depthwise::requantize(a, s, sums, residentFactors ? "r10" : "r12",
                          residentFactors ? "r11" : "lr", "r11", "r10");
    for (int64_t q = rows; q-- > 0;)
      for (int64_t k = columns; k-- > 0;) {
        int64_t offset = (q * s.outputWidth + k) * s.outputChannels;
        int64_t step = columns * s.outputChannels;
        if (offset)
          a.op("strb {}, [r1, #{}]", accumulator(q, k), offset);
        else if (step < 256)
          a.op("strb {}, [r1], #{}", accumulator(q, k), step);
        else
          a.op("strb {}, [r1]", accumulator(q, k));
      }
    if (columns * s.outputChannels >= 256)
      a.add("r1", columns * s.outputChannels, "r12");
  }

  /// Accumulators of the largest tile: r10 and r11 are free if they are two.
  int64_t widestTile() const {
    return s.tileRows() * (s.strideWidth == 1 ? 2 : 1);
  }

private:
  /// A tile of two rows and one column uses r2 and r3 where there are no more.
  std::string accumulator(int64_t q, int64_t k) const {
    static const char *const square[2][2] = {{"r2", "r3"}, {"r10", "r11"}};
    static const char *const column[2] = {"r2", "r3"};
    return s.strideWidth == 1 ? square[q][k] : column[q];
  }

  const Shape &s;
  ArmAssembly &a;
};

/// All tiles of `rows` output rows.
void stripRow(const Shape &s, ArmAssembly &a, int64_t rows, int label) {
  StripTile tile(s, a);
  int64_t columns = s.strideWidth == 1 ? 2 : 1;
  int64_t tiles = s.outputWidth / columns;
  int64_t unroll = tiles;
  if (tiles > 4) {
    unroll = 1;
    for (int64_t candidate : columns == 2 ? std::vector<int64_t>{2, 3}
                                          : std::vector<int64_t>{4, 3, 2})
      if (tiles % candidate == 0) {
        unroll = candidate;
        break;
      }
  }
  bool loop = unroll < tiles;
  double outer = a.times;
  if (loop) {
    a.op("add r12, r0, #{}", tiles * 4);
    a.op("str r12, [sp, #16]");
    a.label(label);
    a.times *= double(tiles / unroll);
  }
  for (int64_t i = 0; i < unroll; ++i)
    tile.emit(rows, columns);
  if (loop) {
    a.op("ldr r12, [sp, #16]");
    a.op("cmp r0, r12");
    a.op("bne {}b", label);
    a.times = outer;
  }
  if (s.outputWidth % columns)
    tile.emit(rows, 1);
  int64_t done = 4 * (tiles + s.outputWidth % columns);
  a.add("r0", rows * s.strideHeight * s.rowBytes() - done, "r12");
  a.add("r1", (rows - 1) * s.outputWidth * s.outputChannels, "r12");
}

std::string plainStrip(const Shape &s) {
  int64_t weights = channelWords(s) - 3;
  std::string text = fmt::format(
      R"(  for (int32_t row = 0; row < rows; ++row) {{
    for (int32_t column = 0; column < {0}; ++column) {{
      uint32_t sum = (uint32_t)constants[1];
      for (int32_t ky = 0; ky < 3; ++ky) {{
        const uint32_t weights = (uint32_t)constants[{1} + ky];
        const int32_t w[3] = {{(int8_t)(uint8_t)(weights >> 8), (int8_t)(uint8_t)(weights >> 24), (int8_t)(uint8_t)(weights >> 16)}};
        for (int32_t kx = 0; kx < 3; ++kx) {{
          const int32_t at = column * {2} + kx;
          const uint32_t pair = plane[(row * {3} + ky) * {4} + at / 2];
          const int32_t value = (int16_t)(uint16_t)(at % 2 ? pair >> 16 : pair);
          sum += (uint32_t)(value * w[kx] * 256);
        }}
      }}
)",
      s.outputWidth, weights, s.strideWidth, s.strideHeight, s.pairs);
  return text + plainRequantize(s) + "    }\n  }\n";
}

const char *asmCondition(const Shape &s) {
  return s.channels % 4 ? "defined(__ARM_FEATURE_DSP) && "
                          "defined(__ARM_FEATURE_UNALIGNED)"
                        : "defined(__ARM_FEATURE_DSP)";
}

} // namespace

std::string shapeName(const Shape &s) {
  std::string name = fmt::format("{}x{}_pad{}_pairs{}x{}", s.inputWidth,
                                 s.channels, s.padLeft, s.planeRows, s.pairs);
  if (s.outputChannels != s.channels)
    name += fmt::format("_out{}", s.outputChannels);
  return name;
}

void requantize(ArmAssembly &a, const Shape &s,
                const std::vector<std::string> &sums, const char *multiplier,
                const char *addend, const char *step, const char *spare) {
  for (const std::string &x : sums) {
    if (s.exact) {
      a.op("asr {0}, {0}, #{1}", x, s.shift);
      if (s.twice) {
        a.op("smmlar {}, {}, {}, {}", spare, x, multiplier, addend);
        a.op("add {0}, {1}, {0}, asr #31", x, spare);
      } else {
        a.op("smmla {0}, {0}, {1}, {2}", x, multiplier, addend);
      }
      a.op("asr {0}, {0}, {1}", x, step);
    } else if (s.stepped) {
      a.op("smmlar {}, {}, {}, {}", spare, x, multiplier, addend);
      a.op("and {0}, {1}, {0}, asr #31", x, step);
      a.op("add {0}, {0}, {1}", x, spare);
    } else {
      a.op("smmlar {0}, {0}, {1}, {2}", x, multiplier, addend);
    }
  }
  for (const std::string &x : sums) {
    if (s.exact)
      a.op("ssat {0}, #8, {0}", x);
    else
      a.op("ssat {0}, #8, {0}, asr #{1}", x, s.shift);
  }
  if (!s.clamps)
    return;
  for (const std::string &x : sums) {
    a.op("sub {0}, {0}, #{1}", x, s.clampSubtract);
    a.op("ssat {0}, #8, {0}", x);
    a.op("add {0}, {0}, #{1}", x, s.clampAdd);
  }
}

std::string plainRequantize(const Shape &s) {
  std::string step = fmt::format("constants[{}]", s.sharedAddend ? 2 : 3);
  std::string text =
      fmt::format("      const int32_t x = {};\n"
                  "      const int64_t product = (int64_t)x * constants[0]{};\n"
                  "      int32_t y = (int32_t)(product >> 32) + {};\n",
                  s.exact ? fmt::format("(int32_t)sum >> {}", s.shift)
                          : std::string("(int32_t)sum"),
                  s.exact && !s.twice ? "" : " + 2147483648",
                  s.sharedAddend ? fmt::format("({})", s.addend)
                                 : std::string("constants[2]"));
  if (s.stepped)
    text += fmt::format("      y += x < 0 ? {} : 0;\n", step);
  if (s.exact && s.twice)
    text += "      y -= x < 0;\n";
  auto saturate = [&](const std::string &value) {
    text += fmt::format("      y = {};\n      y = y < -128 ? -128 : y;\n"
                        "      y = y > 127 ? 127 : y;\n",
                        value);
  };
  saturate(s.exact ? "y >> " + step : fmt::format("y >> {}", s.shift));
  if (s.clamps) {
    saturate(fmt::format("y - {}", s.clampSubtract));
    text += fmt::format("      y += {};\n", s.clampAdd);
  }
  return text + fmt::format("      *to = (int8_t)y;\n      to += {};\n",
                            s.outputChannels);
}

std::string requantizationName(const Shape &s) {
  std::string name = fmt::format("_shift{}", s.shift);
  if (s.sharedAddend)
    name += fmt::format("_addend{:08X}", uint32_t(s.addend));
  if (s.stepped)
    name += "_stepped";
  if (s.exact)
    name += s.twice ? "_exact" : "_once";
  if (s.clamps)
    name += fmt::format("_clamp{}_{}", s.clampSubtract, s.clampAdd);
  return name;
}

std::pair<int64_t, int64_t> tapsOf(const Shape &s, int64_t word, bool y) {
  if (s.resident())
    return y ? std::pair(1, 2) : std::pair(0, 1);
  int64_t first = s.strideWidth == 1 ? 2 * word - (y ? 1 : 0)
                                     : 2 * (2 * word + (y ? 1 : 0));
  return {first, first + 1};
}

int64_t Shape::tileRows() const {
  if (!resident())
    return 3 * outputChannels <= 4095 ? 1 : 0;
  for (int64_t rows : {2, 1}) {
    if (rows == 2 && hasStep() && strideWidth == 1)
      continue; // the step needs the registers of the second row
    bool reachesInput =
        ((rows - 1) * strideHeight + 2) * rowBytes() - 4 <= 1020;
    bool reachesOutput =
        ((rows - 1) * outputWidth + 1) * outputChannels <= 4095;
    if (reachesInput && reachesOutput)
      return rows;
  }
  return 0;
}

int64_t channelWords(const Shape &shape) {
  int64_t weights =
      shape.resident() ? 3 : shape.kernelHeight * shape.weightWords();
  return 2 + (shape.sharedAddend ? 0 : 1) + (shape.hasStep() ? 1 : 0) + weights;
}

Function widenFunction(const Shape &s) {
  Function f;
  f.name = "adze_depthwise_widen_" + shapeName(s);
  if (s.zeroPoint != -128)
    f.name += fmt::format("_zero{}", uint8_t(s.zeroPoint));
  int64_t first, last;
  insidePairs(s, first, last);
  ArmAssembly a;
  a.op("push {{r4-r11, lr}}");
  a.op("sub sp, sp, #8");
  a.op("cmp r2, #0");
  a.op("beq 3f");
  a.op("str r2, [sp]");
  a.add("r1", 4 * first, "lr");
  int64_t plane = 4 * s.planeRows * s.pairs;
  a.op("add r2, r1, #{}", plane);
  a.op("add r3, r1, #{}", 2 * plane);
  a.op("add r4, r1, #{}", 3 * plane);
  f.perCall = a.executed;
  a.label(1);
  WidenRow(s, a).emit();
  a.op("ldr r5, [sp]");
  a.op("subs r5, r5, #1");
  a.op("str r5, [sp]");
  a.op("bne 1b");
  f.perRow = a.executed - f.perCall;
  f.loadsPerRow = a.loads;
  a.label(3);
  a.op("add sp, sp, #8");
  a.op("pop {{r4-r11, pc}}");
  f.perCall += 2;
  f.codeBytes = 4 * a.instructions;
  f.text = a.function(
      "Rows of four channels of int8 into four planes of pairs of int16.",
      f.name, {"const int8_t *from", "uint32_t *to", "int32_t rows"},
      asmCondition(s), plainWiden(s, "4"));
  return f;
}

Function widenRestFunction(const Shape &s) {
  Function f;
  f.name = "adze_depthwise_widen_rest_" + shapeName(s);
  if (s.zeroPoint != -128)
    f.name += fmt::format("_zero{}", uint8_t(s.zeroPoint));
  f.text = fmt::format("/* The same for the last {} channels. */\n"
                       "static void {}(const int8_t *from, uint32_t *to, "
                       "int32_t rows)\n{{\n{}}}\n",
                       s.channels % 4, f.name,
                       plainWiden(s, fmt::format("{}", s.channels % 4)));
  f.perRow = double(s.inputWidth * (s.channels % 4)) * 7 + 10;
  f.codeBytes = 120;
  return f;
}

Function stripFunction(const Shape &s) {
  Function f;
  if (!s.resident())
    return generalStripFunction(s);
  f.name = fmt::format("adze_depthwise_3x3_stride{}x{}_{}_to{}{}",
                       s.strideHeight, s.strideWidth, shapeName(s),
                       s.outputWidth, requantizationName(s));
  if (s.oddRows)
    f.name += "_odd";
  int64_t rows = s.tileRows();
  bool resident = !s.hasStep() && rows * (s.strideWidth == 1 ? 2 : 1) <= 2;
  ArmAssembly a;
  a.op("push {{r4-r11, lr}}");
  a.op("sub sp, sp, #20");
  a.op("str r3, [sp, #12]");
  a.op("ldmia r1!, {{r4, r6}}");
  a.op("str r6, [sp]");
  if (s.sharedAddend) {
    a.move("r5", uint32_t(s.addend));
  } else {
    a.op("ldr r5, [r1], #4");
  }
  a.op("strd r4, r5, [sp, #4]");
  if (s.hasStep())
    a.op("ldr r11, [r1], #4");
  a.op("ldmia r1, {{r7, r8, r9}}");
  a.op("mov r12, #0xFF00FF00");
  if (resident) {
    a.op("mov r10, r4");
    a.op("mov r11, r5");
  }
  a.op("and r4, r12, r7");
  a.op("and r5, r12, r8");
  a.op("and r6, r12, r9");
  a.op("and r7, r12, r7, lsl #8");
  a.op("and r8, r12, r8, lsl #8");
  a.op("and r9, r12, r9, lsl #8");
  a.op("mov r1, r2");
  a.label(1);
  f.perCall = a.executed;
  a.op("ldr r12, [sp, #12]");
  a.op("subs r12, r12, #{}", rows);
  a.op("blt 3f");
  a.op("str r12, [sp, #12]");
  stripRow(s, a, rows, 2);
  a.op("b 1b");
  f.perRow = (a.executed - f.perCall) / double(rows);
  f.loadsPerRow = a.loads / double(rows);
  a.label(3);
  f.perCall += 5;
  if (rows == 2 && s.oddRows) {
    a.op("cmp r12, #-1");
    a.op("bne 5f");
    stripRow(s, a, 1, 4);
    a.label(5);
  }
  a.op("add sp, sp, #20");
  a.op("pop {{r4-r11, pc}}");
  f.codeBytes = 4 * a.instructions;
  f.text = a.function(
      "Output rows of one channel from its plane: SMLAD over pairs, the\n"
      "   weights in registers, requantization by SMMLAR and SSAT.",
      f.name,
      {"const uint32_t *plane", "const int32_t *constants", "int8_t *to",
       "int32_t rows"},
      "defined(__ARM_FEATURE_DSP)", plainStrip(s));
  return f;
}

} // namespace adze::families::depthwise
