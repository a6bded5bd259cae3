//===- Product.cpp - Two pixels times two channels --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/dsp/Product.h"

#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/dsp/Requantize.h"
#include "codegen/c/families/dsp/Text.h"

#include <algorithm>

namespace adze::families::dsp {

namespace {

/// Steps, and the three integers of an addition.
int64_t headerWords(bool adds) { return adds ? 7 : 4; }

/// The stack frame, offsets from the stack pointer.
struct Layout {
  static constexpr int64_t pairs = 8, constants = 12, rows = 16; // out: 0
  int64_t ends = 0, addition = 0, bytes = 0;
  Layout(const Product &p, bool adds) {
    ends = rows + 4 * p.segments;
    addition = ends + (p.looped() ? 4 * p.segments : 0);
    bytes = (addition + (adds ? 16 : 0) + 7) / 8 * 8 + 4;
  }
};

void emitWideChunk(Assembly &a, bool first) {
  a("ldmia r0!, {{r6-r9}}");
  a("ldmia r1!, {{r10-r12, lr}}");
  a("smlad r4, r8, r10, {}", first ? "r2" : "r4");
  a("smlad r5, r8, r12, {}", first ? "r3" : "r5");
  a("smlad r2, r6, r10, r2");
  a("smlad r3, r6, r12, r3");
  a("smlad r4, r9, r11, r4");
  a("smlad r5, r9, lr, r5");
  a("smlad r2, r7, r11, r2");
  a("smlad r3, r7, lr, r3");
}

void emitByteChunk(Assembly &a, const char *w0, const char *w1, bool first) {
  a("ldmia r0!, {{r6-r9}}");
  a("smlad r4, r8, {}, {}", w0, first ? "r2" : "r4");
  a("smlad r5, r8, {}, {}", w1, first ? "r3" : "r5");
  a("smlad r2, r6, {}, r2", w0);
  a("smlad r3, r6, {}, r3", w1);
  a("sxtb16 {0}, {0}", w0);
  a("sxtb16 {0}, {0}", w1);
  a("smlad r4, r9, {}, r4", w0);
  a("smlad r5, r9, {}, r5", w1);
  a("smlad r2, r7, {}, r2", w0);
  a("smlad r3, r7, {}, r3", w1);
}

/// The chunks of one segment; the first ones of all start the sums of the
/// second pixel from the biases in r2 and r3.
void emitChunks(Assembly &a, const Product &p, bool first) {
  if (p.wide) {
    for (int64_t i = 0; i < p.unrolled; ++i)
      emitWideChunk(a, first && i == 0);
    return;
  }
  int64_t i = 0;
  for (; i + 2 <= p.unrolled; i += 2) {
    a("ldmia r1!, {{r10-r12, lr}}");
    emitByteChunk(a, "r10", "r11", first && i == 0);
    emitByteChunk(a, "r12", "lr", false);
  }
  if (i < p.unrolled) {
    a("ldmia r1!, {{r10, r11}}");
    emitByteChunk(a, "r10", "r11", first && i == 0);
  }
}

/// `count` words at the stack offset, each increased by `step`.
void emitAdvance(Assembly &a, int64_t offset, int64_t count, const char *step) {
  for (int64_t i = 0; i < count; i += 2) {
    if (i + 1 < count) {
      a("ldrd r7, r8, [sp, #{}]", offset + 4 * i);
      a("add r7, r7, {}", step);
      a("add r8, r8, {}", step);
      a("strd r7, r8, [sp, #{}]", offset + 4 * i);
    } else {
      a("ldr r7, [sp, #{}]", offset + 4 * i);
      a("add r7, r7, {}", step);
      a("str r7, [sp, #{}]", offset + 4 * i);
    }
  }
}

bool isOdd(const Product &p) { return p.channels % 2 != 0; }

/// r2, r4 (one channel) and r3, r5 (the next) plus the residual input at the
/// outputs r0 and lr; r6 to r9 and r11 are overwritten.
void emitAddition(Assembly &a, const Product &p, const Layout &layout,
                  const LinearForm &form) {
  a("add r11, sp, #{}", layout.addition);
  a("ldmia r11, {{r6-r9}}");
  auto add = [&](const char *sum, const char *out) {
    a("ldrsb r11, [{}, r6]", out);
    a("mla r11, r11, r8, r9");
    a("mla {0}, {0}, r7, r11", sum);
    a("ssat {0}, #8, {0}, asr #{1}", sum, form.shift);
  };
  add("r2", "r0");
  add("r4", "lr");
  if (p.channels == 1)
    return;
  a("adds r6, #1");
  add("r3", "r0");
  add("r5", "lr");
}

Assembly productAssembly(const Product &p, const Epilogue &epilogue) {
  Assembly a;
  bool adds = epilogue.addition.has_value();
  Layout layout(p, adds);
  const char *names[] = {"r7", "r8", "r9", "r10"};
  a("push {{r4-r11, lr}}");
  if (adds)
    a("ldr r12, [sp, #36]");
  a("sub sp, sp, #{}", layout.bytes);
  if (adds) {
    a("sub r12, r12, r1");
    a("add r8, r3, #16");
    a("ldmia r8, {{r9-r11}}");
    a("strd r12, r9, [sp, #{}]", layout.addition);
    a("strd r10, r11, [sp, #{}]", layout.addition + 8);
  }
  a("ldr r4, [r3]");
  a("add r4, r1, r4");
  a("strd r1, r4, [sp]");
  a("strd r2, r3, [sp, #{}]", Layout::pairs);
  if (p.looped())
    a("ldr r5, [r3, #12]");
  for (int64_t k = 0; k < p.segments; ++k) {
    const char *name = names[k % 4];
    a("ldr {}, [r0, #{}]", name, 4 * k);
    a("str {}, [sp, #{}]", name, Layout::rows + 4 * k);
    if (p.looped()) {
      a("add {0}, {0}, r5", name);
      a("str {}, [sp, #{}]", name, layout.ends + 4 * k);
    }
  }
  a("2:");
  a("ldr r1, [sp, #{}]", Layout::constants);
  a("adds r1, #{}", 4 * headerWords(adds));
  a("1:");
  a("ldmia r1!, {{r2, r3}}");
  if (p.looped()) {
    a("mov r4, r2");
    a("mov r5, r3");
  }
  for (int64_t k = 0; k < p.segments; ++k) {
    a("ldr r0, [sp, #{}]", Layout::rows + 4 * k);
    if (p.looped())
      a("3:");
    emitChunks(a, p, k == 0 && !p.looped());
    if (p.looped()) {
      a("ldr r6, [sp, #{}]", layout.ends + 4 * k);
      a("cmp r0, r6");
      a("bne 3b");
    }
  }
  // Pixels in r2, r4 (first channel) and r3, r5 (second channel).
  std::string more = emitRequantizePairs(a, epilogue.form);
  a("ldrd r0, lr, [sp]");
  if (adds)
    emitAddition(a, p, layout, *epilogue.addition);
  if (p.channels == 1) {
    a("strb r2, [r0]");
    a("strb r4, [lr]");
  } else if (p.sparse || isOdd(p)) {
    if (p.sparse)
      a("ldr r6, [r1], #4");
    const char *second = p.sparse ? "r6" : "#1";
    a("strb r2, [r0]");
    a("strb r3, [r0, {}]", second);
    a("strb r4, [lr]");
    a("strb r5, [lr, {}]", second);
    a("add r0, r0, {}", more);
    a("add lr, lr, {}", more);
    a("strd r0, lr, [sp]");
  } else {
    a("strb r3, [r0, #1]");
    a("strb r2, [r0], #2");
    a("strb r5, [lr, #1]");
    a("strb r4, [lr], #2");
    a("strd r0, lr, [sp]");
  }
  a("cmp {}, #0", more);
  a("bne 1b");
  a("ldrd r2, r3, [sp, #{}]", Layout::pairs);
  a("subs r2, #1");
  a("beq 9f");
  a("str r2, [sp, #{}]", Layout::pairs);
  a("ldmia r3, {{r4-r6}}");
  a("add r0, r0, r5");
  a("add lr, r0, r4");
  a("strd r0, lr, [sp]");
  emitAdvance(a, Layout::rows, p.segments * (p.looped() ? 2 : 1), "r6");
  a("b 2b");
  a("9:");
  a("add sp, sp, #{}", layout.bytes);
  a("pop {{r4-r11, pc}}");
  return a;
}

std::string productPlain(KernelCode &code, const Product &p,
                         const Epilogue &epilogue) {
  addPlainDual(code);
  const FastRequantization &form = epilogue.form;
  std::string finish = addPlainRequantize(code, form);
  std::string chunk =
      p.wide ? "            s[c][0] = adze_dsp_dual(w[0], x[0], s[c][0]);\n"
               "            s[c][0] = adze_dsp_dual(w[1], x[1], s[c][0]);\n"
               "            s[c][1] = adze_dsp_dual(w[0], x[2], s[c][1]);\n"
               "            s[c][1] = adze_dsp_dual(w[1], x[3], s[c][1]);\n"
               "            w += 2;\n"
             : "            int32_t even = adze_dsp_low_bytes(w[0]);\n"
               "            s[c][0] = adze_dsp_dual(w[0], x[0], s[c][0]);\n"
               "            s[c][0] = adze_dsp_dual(even, x[1], s[c][0]);\n"
               "            s[c][1] = adze_dsp_dual(w[0], x[2], s[c][1]);\n"
               "            s[c][1] = adze_dsp_dual(even, x[3], s[c][1]);\n"
               "            w += 1;\n";
  int64_t factorWords = hasSteps(form) ? 3 : 2;
  std::string store =
      p.channels == 1
          ? "      first[0] = y[0][0];\n      second[0] = y[0][1];\n"
          : fmt::format("      gap = {1};\n"
                        "      for (c = 0; c < 2; ++c) {{\n"
                        "        first[c * gap] = y[c][0];\n"
                        "        second[c * gap] = y[c][1];\n      }}\n"
                        "      first += {0};\n      second += {0};\n",
                        p.sparse || isOdd(p) ? "more" : "2",
                        p.sparse ? "*w++" : "1");
  std::string addition;
  if (epilogue.addition)
    addition = fmt::format(
        R"(      for (c = 0; c < {channels}; ++c)
        for (k = 0; k < 2; ++k) {{
          int32_t t = residual[(k ? second : first) - out + c];
          t = (y[c][k] * constants[4] + t * constants[5] + constants[6]) >> {shift};
          y[c][k] = (int8_t)(t < -128 ? -128 : t > 127 ? 127 : t);
        }}
)",
        fmt::arg("channels", p.channels == 1 ? 1 : 2),
        fmt::arg("shift", epilogue.addition->shift));
  return fmt::format(
      R"(  const int32_t *x;
  int8_t *first = out, *second = out + constants[0];
  int32_t pair, chunk, more, c, k{gap};
  for (pair = 0; pair < pairs; ++pair) {{
    const int32_t *w = constants + {header};
    do {{
      uint32_t s[2][2];
      int8_t y[2][2];
      for (c = 0; c < 2; ++c)
        s[c][0] = s[c][1] = (uint32_t)w[c];
      w += 2;
      for (k = 0; k < {segments}; ++k) {{
        x = segments[k] + pair * (constants[2] / 4);
        for (chunk = 0; chunk < {chunks}; ++chunk) {{
          for (c = 0; c < 2; ++c) {{
{chunk}          }}
          x += 4;
        }}
      }}
      for (c = 0; c < 2; ++c)
        for (k = 0; k < 2; ++k)
          y[c][k] = {finish}(s[c][k], w[2 * c], w[2 * c + 1], {step});
      w += {factors};
      more = *w++;
{addition}{store}    }} while (more);
    first += constants[1];
    second = first + constants[0];
  }}
)",
      fmt::arg("header", headerWords(epilogue.addition.has_value())),
      fmt::arg("gap", p.channels == 1 ? "" : ", gap"),
      fmt::arg("addition", addition), fmt::arg("segments", p.segments),
      fmt::arg("chunks", p.looped() ? std::string("constants[3] / 16")
                                    : std::to_string(p.chunks)),
      fmt::arg("chunk", chunk), fmt::arg("finish", finish),
      fmt::arg("step", hasSteps(form) ? "w[4 + c]"
                       : form.stepped ? "-1"
                                      : "0"),
      fmt::arg("factors", factorWords * 2), fmt::arg("store", store));
}

/// The largest text that a product without loop may have, in chunks, and that
/// a pass of the loop may have.
constexpr int64_t largestText = 40;

} // namespace

Product::Product(bool isWide, int64_t segmentCount, int64_t chunkCount,
                 int64_t channelCount)
    : wide(isWide), segments(segmentCount), chunks(chunkCount),
      unrolled(chunkCount), channels(channelCount) {
  if (segments * chunks <= largestText)
    return;
  // Per chunk 11.5 instructions; a pass of the loop costs 3.
  double best = 1e30;
  int64_t most = std::max<int64_t>(4, largestText / segments);
  for (int64_t u = 2; u <= most; u += 2) {
    int64_t passes = (chunkCount + u - 1) / u;
    double cost = double(passes) * (11.5 * double(u) + 3);
    if (cost <= best) {
      best = cost;
      unrolled = u;
      chunks = passes * u;
    }
  }
}

int64_t Product::constantWords(const ConvolutionProblem &p) const {
  bool stepped = expectsSteps(p.requantization);
  return headerWords(p.residual.has_value()) +
         pairsOfChannels() * (2 + segments * chunks * chunkWords() +
                              (stepped ? 7 : 5) + (sparse ? 1 : 0));
}

bool expectsSteps(const Requantization &r) {
  return r.rounding == Rounding::twice && r.low < r.zeroPoint;
}

double Product::instructions(double pairs, const ConvolutionProblem &p) const {
  double chunk = wide ? 10 : 11.5;
  double passes = looped() ? double(chunks / unrolled) : 1;
  double segment = 1 + (looped() ? passes * 3 : 0) + double(chunks) * chunk +
                   (!wide && unrolled % 2 ? passes * 0.5 : 0);
  double perChannels = 1 + (looped() ? 2 : 0) + double(segments) * segment + 1 +
                       4 * requantizeInstructions(p.requantization) +
                       (p.residual ? 19 : 0) +
                       (channels == 1  ? 3
                        : channels % 2 ? 8
                                       : 6) +
                       2;
  double words = double(segments * (looped() ? 2 : 1));
  double perPair = 2 + double(pairsOfChannels()) * perChannels + 9 + 2 * words;
  return 12 + 4 * words + pairs * perPair;
}

int64_t Product::codeBytes() const {
  return segments * unrolled * (wide ? 40 : 46) + 200 + 16 * segments;
}

bool findEpilogue(const ConvolutionProblem &p, bool wide, Epilogue &epilogue) {
  if (p.residual) {
    epilogue.addition = findLinearForm(*p.residual);
    if (!epilogue.addition)
      return false;
  }
  std::vector<AccumulatorRange> ranges = accumulatorRanges(p);
  const std::vector<int64_t> byteScales = {256}, wideScales = {128, 64};
  const std::vector<int64_t> &scales = wide ? wideScales : byteScales;
  for (int64_t candidate : scales) {
    FastSearch search;
    search.scale = candidate;
    if (auto found = findFastRequantization(p.requantization, ranges, search)) {
      epilogue.form = std::move(*found);
      epilogue.scale = candidate;
      return true;
    }
  }
  for (int64_t candidate : scales)
    if (auto found = exactRequantization(p.requantization, ranges, candidate)) {
      epilogue.form = std::move(*found);
      epilogue.scale = candidate;
      return true;
    }
  return false;
}

std::vector<int64_t> channelRange(int64_t first, int64_t count) {
  std::vector<int64_t> channels;
  for (int64_t o = first; o < first + count; ++o)
    channels.push_back(o);
  return channels;
}

std::vector<int64_t> contiguousTaps(int64_t segments, int64_t chunks,
                                    int64_t length) {
  std::vector<int64_t> taps;
  for (int64_t s = 0; s < segments; ++s)
    for (int64_t i = 0; i < 4 * chunks; ++i)
      taps.push_back(i < length ? s * length + i : -1);
  return taps;
}

bool packChunk(const ProductWeights &weights, bool wide, int64_t channel,
               size_t at, int64_t &oddSum, std::vector<int32_t> &words) {
  const ConvolutionProblem &p = weights.problem;
  int64_t depth = p.kernelHeight * p.kernelWidth * p.groupInputs();
  int64_t w[4];
  for (size_t i = 0; i < 4; ++i) {
    int64_t tap = weights.taps[at + i];
    w[i] =
        tap < 0 || channel < 0 ? 0 : p.weights[size_t(channel * depth + tap)];
  }
  auto pack = [&](int64_t low, int64_t high) {
    words.push_back(int32_t((uint32_t(low) & 0xffff) | (uint32_t(high) << 16)));
  };
  if (wide) {
    pack(weights.epilogue.scale * w[0], weights.epilogue.scale * w[2]);
    pack(weights.epilogue.scale * w[1], weights.epilogue.scale * w[3]);
    return true;
  }
  oddSum += w[1] + w[3];
  for (size_t i : {0, 2}) {
    int64_t half = 256 * w[i + 1] + w[i];
    if (half < INT16_MIN || half > INT16_MAX)
      return false;
  }
  pack(256 * w[1] + w[0], 256 * w[3] + w[2]);
  return true;
}

int32_t packBias(const ProductWeights &weights, bool wide, int64_t channel,
                 int64_t oddSum) {
  if (channel < 0)
    return 0;
  int64_t bias =
      weights.epilogue.scale * weights.problem.bias[size_t(channel)] +
      weights.epilogue.form.channels[size_t(channel)].correction;
  if (!wide)
    bias += 256 * 127 * oddSum;
  return int32_t(uint32_t(uint64_t(bias)));
}

bool packProduct(const Product &product, const ProductSteps &steps,
                 const ProductWeights &weights,
                 const std::vector<int64_t> &channels,
                 std::vector<int32_t> &words) {
  bool odd = isOdd(product);
  int64_t pairs = product.pairsOfChannels();
  // An odd channel at the end is computed with the one before it once more.
  auto firstOf = [&](int64_t pair) {
    return 2 * pair - (odd && pair > 0 && pair + 1 == pairs ? 1 : 0);
  };
  int64_t progress = channels[size_t(firstOf(pairs - 1))] - channels[0];
  if (!odd && !product.sparse)
    progress += 2; // the pointers are always moved
  words.push_back(int32_t(steps.secondPixel));
  words.push_back(int32_t(steps.nextPair - progress));
  words.push_back(int32_t(steps.nextWindow));
  words.push_back(int32_t(product.chunks * 16));
  if (const auto &addition = weights.epilogue.addition)
    words.insert(words.end(), {addition->p, addition->q, addition->r});
  for (int64_t pair = 0; pair < pairs; ++pair) {
    auto first = size_t(firstOf(pair));
    int64_t channel[2] = {channels[first],
                          product.channels == 1 ? -1 : channels[first + 1]};
    size_t biases = words.size();
    words.resize(biases + 2);
    int64_t oddSum[2] = {0, 0};
    for (size_t at = 0; at < weights.taps.size(); at += 4)
      for (int c = 0; c < 2; ++c)
        if (!packChunk(weights, product.wide, channel[c], at, oddSum[c], words))
          return false;
    for (size_t c = 0; c < 2; ++c)
      words[biases + c] =
          packBias(weights, product.wide, channel[c], oddSum[c]);
    for (int64_t o : channel) {
      auto factor = o < 0 ? FastRequantization::Channel()
                          : weights.epilogue.form.channels[size_t(o)];
      words.push_back(factor.multiplier);
      words.push_back(factor.addend);
    }
    if (hasSteps(weights.epilogue.form))
      for (int64_t o : channel)
        words.push_back(o < 0 ? 0
                              : weights.epilogue.form.channels[size_t(o)].step);
    words.push_back(
        pair + 1 == pairs
            ? 0
            : int32_t(channels[size_t(firstOf(pair + 1))] - channel[0]));
    if (product.sparse && product.channels > 1)
      words.push_back(int32_t(channel[1] - channel[0]));
  }
  return true;
}

std::string addProduct(KernelCode &code, const Product &p,
                       const Epilogue &epilogue) {
  std::string name = fmt::format(
      "adze_dsp_product{}_{}x{}{}{}{}{}", p.wide ? "16" : "8", p.segments,
      p.unrolled, p.looped() ? "loop" : "",
      p.channels == 1 ? "_single"
      : p.sparse      ? "_sparse"
      : isOdd(p)      ? "_odd"
                      : "",
      formSuffix(epilogue.form),
      epilogue.addition ? fmt::format("_add{}", epilogue.addition->shift) : "");
  std::vector<std::string> parameters = {"const int32_t *const *segments",
                                         "int8_t *out", "int32_t pairs",
                                         "const int32_t *constants"};
  if (epilogue.addition)
    parameters.push_back("const int8_t *residual");
  addDspFunction(code, name,
                 "/* Two pixels times all output channels, two at a time. */\n",
                 parameters, productAssembly(p, epilogue),
                 productPlain(code, p, epilogue));
  return name;
}

std::string residualArgument(const ConvolutionProblem &p,
                             const std::string &out) {
  return p.residual ? fmt::format(", in1 + ({} - out0)", out) : "";
}

} // namespace adze::families::dsp
