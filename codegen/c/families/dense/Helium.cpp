//===- Helium.cpp - Fully connected layers on Helium ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One vector times a matrix: 16 inputs are loaded once for eight channels,
/// whose sums fill the eight even general registers. Their results are the
/// lanes of two vectors, even and odd channels, that narrow into one store.
/// Convolutions whose kernel covers the image are the same thing. `line`:
/// requantization along a searched line (RequantizationForm.h).
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/helium/ConvolutionEpilogue.h"
#include "codegen/c/families/helium/RequantizationForm.h"

#include <algorithm>

namespace adze::families {

namespace {

using helium::AsmText;
using helium::RequantizationForm;

constexpr int64_t blockChannels = 8, unrolledChunks = 16, loopChunks = 8;
constexpr int64_t headerBytes = 16;
const char *const sums[] = {"r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr"};

/// The function for one vector; what differs between layers of one depth is in
/// the constants: header {zero point, low, high, whole blocks}, then for each
/// block [chunk][channel][16] weights and vectors of bias, multiplier and
/// shift.
struct DenseBlock {
  int64_t depth, outputs;
  bool words; // the input is aligned to 4 bytes
  bool mixed; // the correction of ties, but not for all channels
  RequantizationForm form;

  DenseBlock(const ConvolutionProblem &p, const Schedule &schedule)
      : depth(p.kernelHeight * p.kernelWidth * p.inputChannels),
        outputs(p.outputChannels), words(depth % 4 == 0), mixed(false),
        form(schedule.get("line", 0)
                 ? RequantizationForm::unsolvedLine(p.requantization)
                 : RequantizationForm(p.requantization)) {
    for (const FixedPoint &factor : p.requantization.factors)
      mixed |= form.fix && factor.shift >= 0;
  }

  int64_t chunks() const { return (depth + 15) / 16; }
  int64_t rest() const { return outputs % blockChannels; }
  int64_t vectors() const { return form.line ? 2 : 3 + form.left; }
  std::string name() const {
    return fmt::format("adze_mve_dense_k{}{}{}{}", depth,
                       rest() ? fmt::format("_r{}", rest()) : "", form.suffix(),
                       mixed ? "_mixed" : "");
  }
  int64_t constantBytes() const {
    return headerBytes + outputs * 16 * chunks() +
           (outputs + 7) / 8 * 32 * vectors();
  }

  AsmText assembly() const;
  std::string plain() const;
  std::vector<char> pack(const ConvolutionProblem &p) const;
};

AsmText DenseBlock::assembly() const {
  AsmText text;
  const int64_t n = chunks();
  const bool masked = depth % 16;
  int64_t before = n - masked; // chunks without the masked one
  int64_t loops = n > unrolledChunks ? (before - 1) / loopChunks : 0;
  int64_t head = before - loops * loopChunks;
  const bool fixedOffsets = !loops && 16 * (n - 1) <= (words ? 508 : 127);
  const char *load = words ? "vldrw.u32" : "vldrb.u8";

  auto chunk = [&](int64_t at, int64_t channels, bool first, bool mask) {
    if (mask)
      text.op("vpst");
    std::string address = fixedOffsets ? fmt::format("[r1, #{}]", 16 * at)
                                       : std::string("[r1], #16");
    text.op("{} q0, {}", mask ? (words ? "vldrwt.u32" : "vldrbt.u8") : load,
            address);
    for (int64_t c = 0; c <= channels; ++c) {
      if (c < channels)
        text.op("vldrw.u32 q{}, [r3], #16", 1 + c % 2);
      if (c > 0)
        text.op("{} {}, q0, q{}", first ? "vmladav.s8" : "vmladava.s8",
                sums[c - 1], 1 + (c - 1) % 2);
    }
  };

  // With one vector of constants each.
  auto both = [&](const char *op) {
    for (int64_t q : {0, 1}) {
      text.op("vldrw.u32 q{}, [r3], #16", 2 + q);
      text.op("{0} q{1}, q{1}, q{2}", op, q, 2 + q);
    }
  };
  auto requantize = [&]() {
    both("vadd.i32");
    if (form.left)
      both(form.once ? "vqshl.s32" : "vshl.s32");
    both(form.once ? "vqdmulh.s32" : "vqrdmulh.s32");
    if (form.fix && !mixed) {
      text.op("movs r0, #1");
      text.op("vqdmlah.s32 q0, q0, r0");
      text.op("vqdmlah.s32 q1, q1, r0");
    }
    if (mixed) // the shift is negative where the correction is due
      for (int64_t q : {0, 1}) {
        text.op("vldrw.u32 q{}, [r3], #16", 2 + q);
        text.op("vand q3, q{}, q2", q);
        text.op("vshr.s32 q3, q3, #31");
        text.op("vqadd.s32 q{0}, q{0}, q3", q);
        if (q == 0) {
          text.op("vrshl.s32 q0, q0, q2");
        } else {
          text.op("vldrw.u32 q2, [r3, #-16]");
          text.op("vrshl.s32 q1, q1, q2");
        }
      }
    else
      both("vrshl.s32");
  };
  auto scaleAlongLine = [&]() {
    std::string scale = loops ? "r0" : "r9";
    if (loops)
      text.op("ldr r0, [sp]");
    for (int64_t q : {0, 1}) {
      text.op("vldrw.u32 q{}, [r3], #16", 2 + q);
      text.op("vmla.s32 q{}, q{}, {}", 2 + q, q, scale);
    }
    for (int64_t q : {0, 1}) {
      text.op("vldrw.u32 q{}, [r3], #16", q);
      text.op("vqrdmulh.s32 q{0}, q{0}, q{1}", q, 2 + q);
    }
  };

  auto block = [&](int64_t channels) {
    if (!fixedOffsets)
      text.op("mov r1, r5");
    for (int64_t i = 0; i < head; ++i)
      chunk(i, channels, i == 0, false);
    if (loops) {
      text.op("movs r9, #{}", loops);
      int label = text.label();
      text.beginLoop(double(loops));
      for (int64_t i = 0; i < loopChunks; ++i)
        chunk(0, channels, false, false);
      text.op("subs r9, r9, #1");
      text.op("bne.w {}b", label);
      text.endLoop();
    }
    if (masked)
      chunk(n - 1, channels, n == 1, true);
    // Lanes without a channel repeat the first one.
    auto sum = [&](int64_t c) { return sums[c < channels ? c : 0]; };
    for (int64_t odd : {0, 1}) {
      text.op("vmov q{0}[2], q{0}[0], {1}, {2}", odd, sum(odd), sum(4 + odd));
      text.op("vmov q{0}[3], q{0}[1], {1}, {2}", odd, sum(2 + odd),
              sum(6 + odd));
    }
    if (form.line)
      scaleAlongLine();
    else
      requantize();
    form.emitNarrow(text, "q0", "q0", "q1");
    form.emitPack(text, "q0");
    if (channels == blockChannels) {
      text.op("vstrb.16 q0, [r7], #8");
    } else {
      text.op("movs r0, #{}", channels);
      text.op("vctp.16 r0");
      text.op("vpst");
      text.op("vstrbt.16 q0, [r7]");
    }
  };

  text.op("push {{r4-r12, lr}}");
  text.op("vpush {{d8-d15}}");
  text.op("mov r7, r2");
  text.op("addw r3, r1, #{}", headerBytes);
  if (rest() != outputs)
    text.op("ldr r11, [r1, #12]");
  form.emitConstants(text, "r1", 0, "r4");
  if (form.line) { // instead of the zero point
    text.op("ldr r9, [r1]");
    if (loops)
      text.op("str r9, [sp, #-8]!");
  }
  if (masked) {
    text.op("movs r4, #{}", depth % 16);
    text.op("vctp.8 r4");
  }
  text.op("mov {}, r0", fixedOffsets ? "r1" : "r5");
  if (outputs >= blockChannels) {
    int label = text.label();
    text.beginLoop(double(outputs / blockChannels));
    block(blockChannels);
    text.op("subs r11, r11, #1");
    text.op("bne.w {}b", label);
    text.endLoop();
  }
  if (rest())
    block(rest());
  if (form.line && loops)
    text.op("add sp, #8");
  text.op("vpop {{d8-d15}}");
  text.op("pop {{r4-r12, pc}}");
  return text;
}

std::string DenseBlock::plain() const {
  return fmt::format(
      R"(  const int8_t *v = w + {header};
  int32_t whole, o = 0, c, k;
  memcpy(&whole, w + 12, 4);
  whole *= 8;
  while (o < whole + {rest}) {{
    int32_t channels = o < whole ? 8 : {rest};
    const int8_t *vectors = v + channels * {padded};
    for (c = 0; c < channels; ++c) {{
      int8_t words[{wordBytes}] = {{0}};
      int32_t sum = 0;
      int32_t at = (c & 1) * 16 + (c >> 1) * 4;
      for (k = 0; k < {depth}; ++k) {{
        sum += a[k] * v[(k / 16 * channels + c) * 16 + k % 16];
      }}
      memcpy(words, vectors + at, 4);
      memcpy(words + 4, vectors + {multiplier} + at, 4);
{right}{left}      out[o + c] = {requantize}(sum, words, w);
    }}
    o += channels;
    v = vectors + {vectors};
  }}
)",
      fmt::arg("header", headerBytes), fmt::arg("rest", rest()),
      fmt::arg("padded", 16 * chunks()), fmt::arg("depth", depth),
      fmt::arg("wordBytes", 4 * form.words()),
      fmt::arg("multiplier", 32 * (1 + form.left)),
      fmt::arg("right", form.line ? ""
                                  : fmt::format("      memcpy(words + 8, "
                                                "vectors + {} + at, 4);\n",
                                                32 * (2 + form.left))),
      fmt::arg("left", form.left ? fmt::format("      memcpy(words + {}, "
                                               "vectors + 32 + at, 4);\n",
                                               4 * (form.words() - 1))
                                 : ""),
      fmt::arg("requantize", form.plainName()),
      fmt::arg("vectors", 32 * vectors()));
}

std::vector<char> DenseBlock::pack(const ConvolutionProblem &p) const {
  const Requantization &r = p.requantization;
  std::vector<char> bytes;
  helium::appendWords(bytes, form.header(r));
  helium::appendWords(bytes, {int32_t(outputs / blockChannels)});
  for (int64_t o = 0; o < outputs; o += blockChannels) {
    int64_t channels = std::min(blockChannels, outputs - o);
    for (int64_t at = 0; at < 16 * chunks(); at += 16)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t k = at; k < at + 16; ++k)
          bytes.push_back(k < depth ? p.weights[size_t((o + c) * depth + k)]
                                    : char(0));
    std::vector<int32_t> vectors(size_t(8 * this->vectors()));
    for (int64_t c = 0; c < channels; ++c) {
      std::vector<int32_t> words =
          form.channel(r, p.bias[size_t(o + c)], o + c);
      auto at = size_t(c % 2 * 4 + c / 2);
      vectors[at] = words[0];
      if (form.left)
        vectors[at + 8] = words.back();
      vectors[at + 8 * size_t(1 + form.left)] = words[1];
      if (!form.line)
        vectors[at + 8 * size_t(2 + form.left)] = words[2];
    }
    helium::appendWords(bytes, vectors);
  }
  return bytes;
}

/// Vectors that the function is called for.
int64_t vectorsOf(const ConvolutionProblem &p) {
  return p.batch * p.outputHeight * p.outputWidth;
}

class DenseHelium final : public KernelFamily {
public:
  std::string_view name() const override { return "dense.helium"; }
  std::string_view summary() const override {
    return "fully connected layers on Helium, eight channels at a time";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    if (!machine.hasHelium || !p || !helium::isConvolution(*p) ||
        p->groups != 1 || p->padTop != 0 || p->padLeft != 0)
      return false;
    bool pointwise = p->kernelHeight == 1 && p->kernelWidth == 1 &&
                     p->strideHeight == 1 && p->strideWidth == 1 &&
                     p->outputHeight == p->inputHeight &&
                     p->outputWidth == p->inputWidth;
    bool covers = p->kernelHeight == p->inputHeight &&
                  p->kernelWidth == p->inputWidth && p->outputHeight == 1 &&
                  p->outputWidth == 1 &&
                  (p->dilationHeight == 1 || p->kernelHeight == 1) &&
                  (p->dilationWidth == 1 || p->kernelWidth == 1);
    return pointwise || covers;
  }

  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<Schedule> all;
    if (RequantizationForm::mayBeLine(p.requantization))
      all.push_back({std::string(name()), {{"line", 1}}});
    all.push_back({std::string(name()), {{"line", 0}}});
    return all;
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DenseBlock block(p, schedule);
    AsmText text = block.assembly();
    KernelFeatures f;
    f.instructions = double(vectorsOf(p)) * (text.perCall() + 5) + 4;
    f.constantBytes = block.constantBytes();
    f.codeBytes = text.codeBytes() + 32;
    f.stackBytes = 128;
    helium::addResidualFeatures(p, f);
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DenseBlock block(p, schedule);
    if (block.form.line && !block.form.solveLine(p))
      return false;
    code.headers.insert("arm_mve.h");
    block.form.addPlainFunction(code);
    addFunction(
        code, block.name(),
        helium::nakedFunction(
            fmt::format("One vector of {} times all filters.", block.depth),
            block.name(), {"const int8_t *a", "const int8_t *w", "int8_t *out"},
            block.assembly(), block.plain()));
    KernelConstant constant;
    constant.type = QuantizedType::int8;
    constant.bytes = block.pack(p);
    code.constants.push_back(constant);
    if (vectorsOf(p) == 1)
      code.body = fmt::format("  {}(in0, c0, out0);\n", block.name());
    else
      code.body =
          fmt::format("  int32_t i;\n  for (i = 0; i < {}; ++i) {{\n"
                      "    {}(in0 + i * {}, c0, out0 + i * {});\n  }}\n",
                      vectorsOf(p), block.name(), block.depth, block.outputs);
    return helium::addResidual(p, code);
  }
};

} // namespace

const KernelFamily &denseHelium() {
  static const DenseHelium family;
  return family;
}

} // namespace adze::families
