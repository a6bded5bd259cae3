//===- Dsp.cpp - Fully connected layers on Arm's DSP extension --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One vector against four output channels at a time. The vector is widened
/// once (dsp/Product.h has the form of taps and weights); a load of four of its
/// words serves eight taps, one of four weight words four taps of four
/// channels.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/dsp/Convolution.h"
#include "codegen/c/families/dsp/Requantize.h"
#include "codegen/c/families/dsp/Widen.h"

#include <algorithm>

namespace adze::families {

namespace {

using namespace dsp;

/// Sizes of the product, and what decides the text of its function.
struct DensePlan {
  bool wide = false;
  int64_t depth = 0, channels = 0;
  int64_t chunks = 0, unrolled = 0; // of four taps, padding included
  int64_t tile = 4;                 // channels at a time

  DensePlan(const ConvolutionProblem &p, bool isWide)
      : wide(isWide), depth(p.kernelHeight * p.kernelWidth * p.inputChannels),
        channels(p.outputChannels) {
    tile = std::min<int64_t>(4, channels);
    chunks = (depth + 3) / 4;
    unrolled = chunks;
    if (chunks <= 8)
      return;
    double best = 1e30;
    for (int64_t u : {8, 10, 12, 16}) {
      int64_t passes = (chunks + u - 1) / u;
      double cost = double(passes) * (13.5 * double(u) + 3);
      if (cost <= best) {
        best = cost;
        unrolled = u;
      }
    }
    chunks = (chunks + unrolled - 1) / unrolled * unrolled;
  }
  bool looped() const { return unrolled != chunks; }
  int64_t groups() const { return (channels + tile - 1) / tile; }
  int64_t firstOf(int64_t group) const {
    return std::min(group * tile, channels - tile);
  }
  int64_t constantWords(bool stepped) const {
    return 1 +
           groups() *
               (tile * (1 + chunks * (wide ? 2 : 1) + (stepped ? 3 : 2)) + 1);
  }
  double instructions(const Requantization &r) const {
    double two = 1 + 2 * (wide ? 2 + 2 * double(tile) : 1 + 3 * double(tile));
    double group = 1 + double(chunks) / 2 * two + double(chunks % 2) * 0.5 +
                   (looped() ? 3 * double(chunks / unrolled) : 0) + 2 +
                   double(tile) * (requantizeInstructions(r) + 1) + 6;
    return 24 + double(groups()) * group +
           widenSingleInstructions(depth / 4, wide) + (depth % 4 ? 30 : 0);
  }
};

const char *const sums[] = {"r2", "r3", "r4", "r5"};
const char *const weights[] = {"r10", "r11", "r12", "lr"};

std::string listOf(const char *const *names, int64_t count) {
  std::string text = names[0];
  for (int64_t i = 1; i < count; ++i)
    text += fmt::format(", {}", names[i]);
  return text;
}

void emitChunk(Assembly &a, const DensePlan &plan, const char *first,
               const char *second) {
  std::string list = listOf(weights, plan.tile);
  for (const char *x : {first, second}) {
    if (x == first || plan.wide)
      a("ldmia r1!, {{{}}}", list);
    else
      for (int64_t c = 0; c < plan.tile; ++c)
        a("sxtb16 {0}, {0}", weights[c]);
    for (int64_t c = 0; c < plan.tile; ++c)
      a("smlad {0}, {1}, {2}, {0}", sums[c], x, weights[c]);
  }
}

Assembly denseAssembly(const DensePlan &plan, const FastRequantization &form) {
  Assembly a;
  a("push {{r4-r11, lr}}");
  a("sub sp, sp, #12");
  if (plan.looped()) {
    a("ldr r3, [r2]");
    a("add r3, r3, r0");
    a("str r3, [sp, #8]"); // end of the vector
  }
  a("strd r1, r0, [sp]");
  a("adds r1, r2, #4");
  a("1:");
  a("ldmia r1!, {{{}}}", listOf(sums, plan.tile));
  a("2:");
  for (int64_t i = 0; i < plan.unrolled; i += 2) {
    bool both = i + 1 < plan.unrolled;
    a("ldmia r0!, {{{}}}", both ? "r6-r9" : "r6, r7");
    emitChunk(a, plan, "r6", "r7");
    if (both)
      emitChunk(a, plan, "r8", "r9");
  }
  if (plan.looped()) {
    a("ldr r6, [sp, #8]");
    a("cmp r0, r6");
    a("bne 2b");
  }
  const char *names[] = {"r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr"};
  if (hasSteps(form)) {
    for (int64_t c = 0; c < plan.tile; ++c) {
      a("ldmia r1!, {{r6-r8}}");
      emitRequantizeStepped(a, form, sums[c], "r6", "r7", "r8",
                            form.exact ? "r9" : "r8");
    }
  } else {
    a("ldmia r1!, {{{}}}", listOf(names, 2 * plan.tile));
    for (int64_t c = 0; c < plan.tile; ++c)
      a("smmlar {0}, {0}, {1}, {2}", sums[c], names[2 * c], names[2 * c + 1]);
  }
  for (int64_t c = 0; c < plan.tile; ++c)
    emitSaturate(a, form, sums[c]);
  a("ldrd r12, r0, [sp]");
  a("ldr r6, [r1], #4");
  for (int64_t c = 0; c < plan.tile; ++c)
    a("strb {}, [r12, #{}]", sums[c], c);
  a("add r12, r12, r6");
  a("str r12, [sp]");
  a("cmp r6, #0");
  a("bne 1b");
  a("add sp, sp, #12");
  a("pop {{r4-r11, pc}}");
  return a;
}

std::string densePlain(KernelCode &code, const DensePlan &plan,
                       const FastRequantization &form) {
  addPlainDual(code);
  std::string finish = addPlainRequantize(code, form);
  int64_t factorWords = hasSteps(form) ? 3 : 2;
  return fmt::format(
      R"(  int32_t chunk, more, c;
  const int32_t *w = constants + 1;
  do {{
    uint32_t s[{tile}];
    for (c = 0; c < {tile}; ++c)
      s[c] = (uint32_t)*w++;
    for (chunk = 0; chunk < {chunks}; ++chunk) {{
      for (c = 0; c < {tile}; ++c) {{
        s[c] = adze_dsp_dual(w[c], x[2 * chunk], s[c]);
        s[c] = adze_dsp_dual({second}, x[2 * chunk + 1], s[c]);
      }}
      w += {words};
    }}
    for (c = 0; c < {tile}; ++c) {{
      out[c] = {finish}(s[c], w[0], w[1], {step});
      w += {factors};
    }}
    more = *w++;
    out += more;
  }} while (more);
)",
      fmt::arg("tile", plan.tile),
      fmt::arg("chunks", plan.looped() ? std::string("constants[0] / 8")
                                       : std::to_string(plan.chunks)),
      fmt::arg("second", plan.wide ? fmt::format("w[c + {}]", plan.tile)
                                   : std::string("adze_dsp_low_bytes(w[c])")),
      fmt::arg("words", plan.tile * (plan.wide ? 2 : 1)),
      fmt::arg("finish", finish),
      fmt::arg("step", hasSteps(form) ? "w[2]" : "0"),
      fmt::arg("factors", factorWords));
}

bool packDense(const DensePlan &plan, const ProductWeights &source,
               std::vector<int32_t> &words) {
  words.push_back(int32_t(plan.chunks * 8));
  bool steps = source.epilogue.form.stepped || source.epilogue.form.exact;
  for (int64_t group = 0; group < plan.groups(); ++group) {
    int64_t first = plan.firstOf(group);
    std::vector<int64_t> oddSums(size_t(plan.tile), 0);
    size_t biases = words.size();
    words.resize(biases + size_t(plan.tile));
    for (size_t at = 0; at < source.taps.size(); at += 4) {
      std::vector<std::vector<int32_t>> own(size_t(plan.tile));
      for (size_t c = 0; c < own.size(); ++c)
        if (!packChunk(source, plan.wide, first + int64_t(c), at, oddSums[c],
                       own[c]))
          return false;
      for (size_t i = 0; i < own[0].size(); ++i)
        for (const std::vector<int32_t> &channel : own)
          words.push_back(channel[i]);
    }
    for (size_t c = 0; c < oddSums.size(); ++c)
      words[biases + c] =
          packBias(source, plan.wide, first + int64_t(c), oddSums[c]);
    for (int64_t c = 0; c < plan.tile; ++c) {
      const auto &factor = source.epilogue.form.channels[size_t(first + c)];
      words.push_back(factor.multiplier);
      words.push_back(factor.addend);
      if (steps)
        words.push_back(factor.step);
    }
    words.push_back(group + 1 == plan.groups()
                        ? 0
                        : int32_t(plan.firstOf(group + 1) - first));
  }
  return true;
}

class DenseDsp final : public KernelFamily {
public:
  std::string_view name() const override { return "dense.dsp"; }
  std::string_view summary() const override {
    return "fully connected layer with SMLAD, four output channels at a time";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    const ConvolutionProblem *p = findConvolution(problem, machine, false);
    // The window is the whole image.
    return p && p->groups == 1 && p->batch == 1 && p->outputHeight == 1 &&
           p->outputWidth == 1 && p->padTop == 0 && p->padLeft == 0 &&
           p->kernelHeight == p->inputHeight && p->kernelWidth == p->inputWidth;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return weightSchedules(name());
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DensePlan plan(p, isWide(schedule));
    KernelFeatures f;
    f.instructions = plan.instructions(p.requantization);
    f.constantBytes = 4 * plan.constantWords(expectsSteps(p.requantization));
    f.codeBytes = plan.unrolled * plan.tile * 14 + 250;
    f.scratchBytes = plan.chunks * 8;
    f.stackBytes = 100;
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DensePlan plan(p, isWide(schedule));
    Epilogue epilogue;
    if (!findEpilogue(p, plan.wide, epilogue))
      return false;
    std::vector<int32_t> words;
    std::vector<int64_t> taps = contiguousTaps(1, plan.chunks, plan.depth);
    if (!packDense(plan, {p, epilogue, taps}, words))
      return false;
    code.constants.push_back(wordConstant(words));
    code.scratchBytes.push_back(plan.chunks * 8);
    std::string spread = addWidenSingle(code, plan.wide);
    FastRequantization named = epilogue.form;
    named.unitSteps = false; // a step is a word of the constants here
    std::string name = fmt::format(
        "adze_dsp_dense{}_{}x{}{}{}", plan.wide ? "16" : "8", plan.tile,
        plan.unrolled, plan.looped() ? "loop" : "", formSuffix(named));
    addDspFunction(
        code, name, "/* A vector times all output channels. */\n",
        {"const int32_t *x", "int8_t *out", "const int32_t *constants"},
        denseAssembly(plan, named), densePlain(code, plan, named));
    int64_t whole = plan.depth / 4, rest = plan.depth % 4;
    if (rest)
      code.body += "  int32_t tail = 0;\n";
    if (whole)
      code.body += fmt::format("  {}(scratch0, in0, {});\n", spread, whole);
    if (rest) {
      code.headers.insert("string.h");
      code.body += fmt::format("  memcpy(&tail, in0 + {0}, {1});\n"
                               "  {2}(scratch0 + {3}, (const int8_t *)&tail, "
                               "1);\n",
                               4 * whole, rest, spread, 2 * whole);
    }
    code.body += fmt::format("  {}(scratch0, out0, c0);\n", name);
    return true;
  }
};

} // namespace

const KernelFamily &denseDsp() {
  static const DenseDsp family;
  return family;
}

} // namespace adze::families
