//===- Scalar.cpp - Fully connected layer without SIMD ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One vector times a matrix: every weight is used once, so the cost is its
/// load, multiply and add. A block of outputs keeps its sums in registers and
/// shares the loads of the inputs; weights are [blocks][inputs][outputs of a
/// block].
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/scalar/LineForm.h"
#include "codegen/c/families/scalar/NarrowWeights.h"
#include "codegen/c/families/scalar/Text.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

/// Inputs that one turn of the loop takes.
constexpr int64_t unroll = 2;

class DenseScalar final : public KernelFamily {
public:
  std::string_view name() const override { return "dense.scalar"; }
  std::string_view summary() const override {
    return "fully connected layer by blocks of outputs in registers";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && p->type == QuantizedType::int8 &&
           p->outputChannels >= 8 / storedBits(*p) && !p->residual &&
           p->groups == 1 && p->batch == 1 && p->inputHeight == 1 &&
           p->inputWidth == 1 && p->kernelHeight == 1 && p->kernelWidth == 1 &&
           p->outputHeight == 1 && p->outputWidth == 1 && p->inputChannels > 0;
  }

  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &machine) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<Schedule> result;
    for (int64_t block :
         {16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}) {
      // The last block overlaps the one before: its weights are stored twice.
      int64_t stored = (p.outputChannels + block - 1) / block * block;
      bool narrow = p.weightBits < 8;
      if (block > p.outputChannels || block % (8 / storedBits(p)) != 0)
        continue;
      if (!narrow && (stored - p.outputChannels) * 20 > p.outputChannels)
        continue;
      Schedule s;
      s.family = name();
      s.parameters["block"] = block;
      result.push_back(s);
    }
    keepCheapest(*this, problem, machine, 3, result);
    return result;
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    int64_t block = schedule.get("block", 1);
    int64_t blocks = (p.outputChannels + block - 1) / block;
    const Requantization &q = p.requantization;
    bool twice = q.rounding == Rounding::twice && q.zeroPoint != q.low;
    KernelFeatures f;
    double input =
        (p.weightBits < 8 ? 4.0 : 3.0) * double(block) + 1 + 3.0 / unroll;
    f.instructions = double(blocks) * (input * double(p.inputChannels) +
                                       double(block) * (twice ? 15 : 11) + 30) +
                     40;
    f.constantBytes = blocks * block *
                      (p.inputChannels * storedBits(p) / 8 + (twice ? 12 : 8));
    f.codeBytes = 150 + block * 60;
    f.stackBytes = 80;
    f.loads = double(blocks * (block + 1) * p.inputChannels);
    f.stores = double(p.outputChannels);
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override;
};

} // namespace

static std::string functionText(const std::string &name, int64_t block,
                                int bits, const LineForm &form,
                                const std::string &line) {
  int64_t lineWords = form.twoSided ? 3 : 2;
  std::string sums, odd, turn, outputs;
  for (int64_t o = 0; o < block; ++o)
    sums += fmt::format("{}s{} = 0", o ? ", " : "", o);
  auto input = [&](int64_t i, const std::string &indent) {
    std::string text =
        fmt::format("{}x = p[{}];\n{}ADZE_KEEP(x);\n", indent, i, indent);
    for (int64_t o = 0; o < block; ++o)
      text += fmt::format("{0}v = {2};\n{0}ADZE_MAC(s{1}, x, v);\n", indent, o,
                          weightText("w", i * block + o, bits));
    return text;
  };
  odd = input(0, "      ");
  for (int64_t i = 0; i < unroll; ++i)
    turn += input(i, "      ");
  for (int64_t o = 0; o < block; ++o)
    outputs += fmt::format(
        "    y[{}] = (int8_t){}((uint32_t)s{}, q[{}], q[{}]{});\n", o, line, o,
        o * lineWords, o * lineWords + 1,
        form.twoSided ? fmt::format(", q[{}], offset", o * lineWords + 2) : "");
  return fmt::format(
      R"(/* A fully connected layer, {0} outputs at a time; the last block may repeat
   outputs of the one before. */
ADZE_SHARED static void {1}(const int8_t *in, const int8_t *w, const int32_t *q, int8_t *out, int32_t inputs, int32_t outputs{9})
{{
  const int8_t *end = in + inputs;
  int32_t o = 0;
  do {{
    int32_t {2};
    int32_t x, v;
    const int8_t *p = in;
    if ((inputs & 1) != 0) {{
{3}      ++p;
      w += {10};
    }}
    while (p != end) {{
{4}      p += {5};
      w += {6};
    }}
    int8_t *y = out + (o + {0} > outputs ? outputs - {0} : o);
{7}    q += {8};
    o += {0};
  }} while (o < outputs);
}}
)",
      block, name, sums, odd, turn, unroll, unroll * block * bits / 8, outputs,
      lineWords * block, form.twoSided ? ", int32_t offset" : "",
      block * bits / 8);
}

bool DenseScalar::generate(const Problem &problem, const Schedule &schedule,
                           const Machine &, KernelCode &code) const {
  const auto &p = std::get<ConvolutionProblem>(problem);
  int64_t block = schedule.get("block", 1);
  std::optional<LineForm> form = findLineForm(p);
  if (!form)
    return false;
  std::vector<int8_t> weights;
  std::vector<int32_t> lines;
  for (int64_t o = 0; o < p.outputChannels; o += block) {
    int64_t first = std::min(o, p.outputChannels - block);
    for (int64_t i = 0; i < p.inputChannels; ++i)
      for (int64_t c = first; c < first + block; ++c)
        weights.push_back(form->channels[size_t(c)].constant
                              ? int8_t(0)
                              : p.weight(c, 0, 0, i));
    for (int64_t c = first; c < first + block; ++c) {
      const LineForm::Channel &channel = form->channels[size_t(c)];
      lines.push_back(channel.bias);
      lines.push_back(channel.multiplier);
      if (form->twoSided)
        lines.push_back(channel.negative);
    }
  }
  int bits = storedBits(p);
  std::vector<int8_t> stream;
  appendPacked(weights, bits, stream);
  code.constants = {byteConstant(stream), wordConstant(lines)};
  addKeepMacro(code);
  std::string line = addLineFunction(code, *form, p.requantization);
  std::string name =
      fmt::format("adze_dense{}_{}{}", bits == 8 ? "" : fmt::format("{}", bits),
                  block, line.substr(4));
  addSharedFunction(code, name, functionText(name, block, bits, *form, line));
  code.body = fmt::format(
      "  {}(in0, c0, c1, out0, {}, {}{});\n", name, p.inputChannels,
      p.outputChannels,
      form->twoSided ? fmt::format(", {}", lineOffset(p.requantization)) : "");
  return true;
}

const KernelFamily &denseScalar() {
  static const DenseScalar family;
  return family;
}

} // namespace adze::families
