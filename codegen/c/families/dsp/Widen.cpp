//===- Widen.cpp - From int8 pixels to the windows of products --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/dsp/Widen.h"

#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/dsp/Text.h"

namespace adze::families::dsp {

namespace {

/// Two words of a window from the word of taps in r`value`: to `value - 1` and
/// `value`. Bytes: A = odd taps - 127, and B = 256 * even - A, which is the
/// swapped halves with the low byte's complement to 127.
void emitChunk(Assembly &a, bool wide, int value) {
  if (wide) {
    a("sxtb16 r{}, r{}", value - 1, value);
    a("sxtb16 r{0}, r{0}, ror #8", value);
    return;
  }
  a("sxtab16 r{}, r12, r{}, ror #8", value - 1, value);
  a("rev16 r{0}, r{0}", value);
  a("eor r{0}, r{0}, #0x007f007f", value);
}

void emitConstant(Assembly &a, bool wide) {
  if (!wide)
    a("mvn r12, #0x007e007e"); // -127 twice
}

/// The same in C: adze_dsp_taps8 or 16 (word of taps, two words of a window).
std::string addPlainTaps(KernelCode &code, bool wide) {
  std::string name = wide ? "adze_dsp_taps16" : "adze_dsp_taps8";
  std::string statements =
      wide ? "  to[0] = adze_dsp_halves(t[0], t[2]);\n"
             "  to[1] = adze_dsp_halves(t[1], t[3]);\n"
           : "  to[0] = adze_dsp_halves(t[1] - 127, t[3] - 127);\n"
             "  to[1] = adze_dsp_halves(256 * t[0] - t[1] + 127, "
             "256 * t[2] - t[3] + 127);\n";
  addFunction(code, "adze_dsp_halves",
              "#if !defined(__ARM_FEATURE_DSP)\n"
              "static int32_t adze_dsp_halves(int32_t low, int32_t high)\n{\n"
              "  return (int32_t)(((uint32_t)low & 0xffffu) | ((uint32_t)high "
              "<< 16));\n}\n#endif\n");
  addFunction(code, name,
              fmt::format("#if !defined(__ARM_FEATURE_DSP)\n"
                          "static void {}(int32_t *to, const int8_t *t)\n{{\n"
                          "{}}}\n#endif\n",
                          name, statements));
  return name;
}

} // namespace

void WidenPlan::append(std::vector<int32_t> &constants) const {
  for (int64_t value : {pairs, groups, skip})
    constants.push_back(int32_t(value));
}

double WidenPlan::instructions(bool wide) const {
  double two = wide ? 13 : 17, one = wide ? 7 : 9;
  return 8 + double(pairs) *
                 (12 + double(groups / 2) * two + double(groups % 2) * one);
}

std::string addWiden(KernelCode &code, bool wide) {
  Assembly a;
  a("push {{r4-r11, lr}}");
  a("ldr r4, [r3]");
  a("push {{r4}}");
  emitConstant(a, wide);
  a("1:");
  a("ldr lr, [r3, #4]");
  a("subs lr, lr, #2");
  a("blt 3f");
  a("2:");
  a("ldmia r1!, {{r5, r9}}");
  a("ldmia r2!, {{r7, r11}}");
  for (int value : {5, 7, 9, 11})
    emitChunk(a, wide, value);
  a("stmia r0!, {{r4-r11}}");
  a("subs lr, lr, #2");
  a("bge 2b");
  a("3:");
  a("adds lr, lr, #2");
  a("beq 4f");
  a("ldr r5, [r1], #4");
  a("ldr r7, [r2], #4");
  emitChunk(a, wide, 5);
  emitChunk(a, wide, 7);
  a("stmia r0!, {{r4-r7}}");
  a("4:");
  a("ldr r4, [r3, #8]");
  a("add r1, r1, r4");
  a("add r2, r2, r4");
  a("ldr r4, [sp]");
  a("subs r4, #1");
  a("str r4, [sp]");
  a("bne 1b");
  a("add sp, sp, #4");
  a("pop {{r4-r11, pc}}");
  std::string name = wide ? "adze_dsp_widen16" : "adze_dsp_widen8";
  std::string taps = addPlainTaps(code, wide);
  addDspFunction(code, name, "/* Windows of two pixels, from whole words. */\n",
                 {"int32_t *to", "const int8_t *first", "const int8_t *second",
                  "const int32_t *plan"},
                 a,
                 fmt::format(R"(  int32_t pair, group;
  for (pair = 0; pair < plan[0]; ++pair) {{
    for (group = 0; group < plan[1]; ++group) {{
      {0}(to, first);
      {0}(to + 2, second);
      to += 4;
      first += 4;
      second += 4;
    }}
    first += plan[2];
    second += plan[2];
  }}
)",
                             taps));
  return name;
}

std::string addWidenSingle(KernelCode &code, bool wide) {
  Assembly a;
  a("push {{r4-r11, lr}}");
  emitConstant(a, wide);
  a("subs r2, #4");
  a("blt 3f");
  a("2:");
  a("ldmia r1!, {{r5, r7, r9, r11}}");
  for (int value : {5, 7, 9, 11})
    emitChunk(a, wide, value);
  a("stmia r0!, {{r4-r11}}");
  a("subs r2, #4");
  a("bge 2b");
  a("3:");
  a("adds r2, #4");
  a("beq 5f");
  a("4:");
  a("ldr r5, [r1], #4");
  emitChunk(a, wide, 5);
  a("stmia r0!, {{r4, r5}}");
  a("subs r2, #1");
  a("bne 4b");
  a("5:");
  a("pop {{r4-r11, pc}}");
  std::string name = wide ? "adze_dsp_spread16" : "adze_dsp_spread8";
  std::string taps = addPlainTaps(code, wide);
  addDspFunction(code, name, "/* The window of one pixel. */\n",
                 {"int32_t *to", "const int8_t *from", "int32_t words"}, a,
                 fmt::format("  for (; words > 0; --words) {{\n"
                             "    {}(to, from);\n"
                             "    to += 2;\n    from += 4;\n  }}\n",
                             taps));
  return name;
}

double widenSingleInstructions(int64_t words, bool wide) {
  return 8 + double(words / 4) * (wide ? 12 : 16) +
         double(words % 4) * (wide ? 6 : 7);
}

void GatherPlan::pad(int64_t total) {
  while (chunks() < total) {
    taps.insert(taps.begin() + int64_t(4 * wordOffsets.size()), 4, -1);
    wordOffsets.push_back(0);
  }
}

void GatherPlan::append(std::vector<int32_t> &constants) const {
  for (int64_t value : {secondPixel, nextPair, int64_t(wordOffsets.size()),
                        int64_t(byteOffsets.size() / 4)})
    constants.push_back(int32_t(value));
  for (int64_t offset : wordOffsets)
    constants.push_back(int32_t(offset));
  for (int64_t offset : byteOffsets)
    constants.push_back(int32_t(offset));
}

double GatherPlan::instructions(double pairs, bool wide) const {
  double chunk = wide ? 10 : 12, bytes = wide ? 22 : 24;
  return 6 + pairs * (13 + double(wordOffsets.size()) * chunk +
                      double(byteOffsets.size() / 4) * bytes);
}

GatherPlan planGather(const ConvolutionProblem &p, int64_t pitch) {
  // Stretches of consecutive bytes, and the taps that they hold.
  struct Stretch {
    int64_t offset, tap, length;
  };
  std::vector<Stretch> stretches;
  int64_t channels = p.groupInputs();
  bool merged = p.dilationWidth == 1 && p.groups == 1;
  for (int64_t ky = 0; ky < p.kernelHeight; ++ky) {
    int64_t row = ky * p.dilationHeight * pitch;
    int64_t tap = ky * p.kernelWidth * channels;
    if (merged)
      stretches.push_back({row, tap, p.kernelWidth * channels});
    else
      for (int64_t kx = 0; kx < p.kernelWidth; ++kx)
        stretches.push_back({row + kx * p.dilationWidth * p.inputChannels,
                             tap + kx * channels, channels});
  }
  int64_t rest = 0, ragged = 0;
  for (const Stretch &s : stretches) {
    rest += s.length % 4;
    ragged += s.length % 4 != 0;
  }
  // What does not fill words goes into chunks of single bytes, unless a word
  // for each stretch that ends so is cheaper.
  double product = 11.5 * double((p.groupOutputs() + 1) / 2);
  int64_t byteChunks = (rest + 3) / 4;
  bool asBytes =
      double(byteChunks) * (24 + product) < double(ragged) * (12 + product);
  GatherPlan plan;
  std::vector<int64_t> byteTaps;
  for (const Stretch &s : stretches) {
    int64_t whole = asBytes ? s.length / 4 * 4 : (s.length + 3) / 4 * 4;
    for (int64_t i = 0; i < whole; ++i) {
      if (i % 4 == 0)
        plan.wordOffsets.push_back(s.offset + i);
      plan.taps.push_back(i < s.length ? s.tap + i : -1);
    }
    for (int64_t i = whole; i < s.length; ++i) {
      plan.byteOffsets.push_back(s.offset + i);
      byteTaps.push_back(s.tap + i);
    }
  }
  while (plan.byteOffsets.size() % 4) {
    plan.byteOffsets.push_back(0);
    byteTaps.push_back(-1);
  }
  plan.taps.insert(plan.taps.end(), byteTaps.begin(), byteTaps.end());
  return plan;
}

std::string addGather(KernelCode &code, bool wide) {
  Assembly a;
  a("push {{r4-r11, lr}}");
  emitConstant(a, wide);
  a("1:");
  a("ldr r10, [r3]");
  a("add r10, r10, r1");
  a("add r11, r3, #16");
  a("ldr lr, [r3, #8]");
  a("cmp lr, #0");
  a("beq 3f");
  a("2:");
  a("ldr r9, [r11], #4");
  a("ldr r5, [r1, r9]");
  a("ldr r7, [r10, r9]");
  emitChunk(a, wide, 5);
  emitChunk(a, wide, 7);
  a("stmia r0!, {{r4-r7}}");
  a("subs lr, lr, #1");
  a("bne 2b");
  a("3:");
  a("ldr lr, [r3, #12]");
  a("cmp lr, #0");
  a("beq 5f");
  a("4:");
  a("ldmia r11!, {{r4, r6, r8, r9}}");
  a("ldrb r5, [r1, r4]");
  a("ldrb r7, [r10, r4]");
  for (auto [offset, shift] : {std::pair("r6", 8), {"r8", 16}, {"r9", 24}}) {
    a("ldrb r4, [r1, {}]", offset);
    a("orr r5, r5, r4, lsl #{}", shift);
    a("ldrb r4, [r10, {}]", offset);
    a("orr r7, r7, r4, lsl #{}", shift);
  }
  emitChunk(a, wide, 5);
  emitChunk(a, wide, 7);
  a("stmia r0!, {{r4-r7}}");
  a("subs lr, lr, #1");
  a("bne 4b");
  a("5:");
  a("ldr r9, [r3, #4]");
  a("add r1, r1, r9");
  a("subs r2, r2, #1");
  a("bne 1b");
  a("pop {{r4-r11, pc}}");
  std::string name = wide ? "adze_dsp_gather16" : "adze_dsp_gather8";
  std::string taps = addPlainTaps(code, wide);
  addDspFunction(code, name,
                 "/* Windows of two pixels, from bytes anywhere. */\n",
                 {"int32_t *to", "const int8_t *from", "int32_t pairs",
                  "const int32_t *plan"},
                 a,
                 fmt::format(R"(  int32_t pair, chunk, pixel, i;
  for (pair = 0; pair < pairs; ++pair) {{
    const int32_t *at = plan + 4;
    for (chunk = 0; chunk < plan[2] + plan[3]; ++chunk) {{
      int32_t single = chunk >= plan[2];
      for (pixel = 0; pixel < 2; ++pixel) {{
        int8_t t[4];
        for (i = 0; i < 4; ++i)
          t[i] = from[pixel * plan[0] + (single ? at[i] : at[0] + i)];
        {}(to, t);
        to += 2;
      }}
      at += single ? 4 : 1;
    }}
    from += plan[1];
  }}
)",
                             taps));
  return name;
}

} // namespace adze::families::dsp
