//===- Portable.cpp - Multiplication of quantized tensors -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// TFLite's element-wise product, requantized step by step; the second operand
/// may repeat (a factor for each channel, or one for the whole tensor).
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

namespace adze::families {

namespace {

class PortableMultiplication final : public KernelFamily {
public:
  std::string_view name() const override { return "mul.fixed_point"; }
  std::string_view summary() const override {
    return "element-wise product in TFLite's fixed point";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<MultiplicationProblem>(&problem);
    return p && p->elements > 0 && p->elements <= INT32_MAX &&
           p->type != QuantizedType::int32 &&
           hasMultiplyText(p->requantization.factor(0),
                           p->requantization.rounding);
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    const auto &p = std::get<MultiplicationProblem>(problem);
    KernelFeatures features;
    double n = double(p.elements);
    features.instructions = 24 * n + 20;
    features.loads = 2 * n;
    features.stores = n;
    features.codeBytes = 160;
    features.stackBytes = 36;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<MultiplicationProblem>(problem);
    const Requantization &r = p.requantization;
    code = {};
    int64_t period = p.period ? p.period : p.elements;
    auto loop = [&](const std::string &indent, const char *a, const char *b) {
      return fmt::format(
          "{0}int32_t y = {1};\n{0}y += {2};\n{3}{0}*to++ = ({4})y;\n", indent,
          multiplyText(fmt::format("({} - {}) * ({} - {})", a,
                                   literal(p.zeroPointA), b,
                                   literal(p.zeroPointB)),
                       r.factor(0), r.rounding, code),
          literal(r.zeroPoint), clampText("y", r.low, r.high, indent),
          cTypeOf(p.type));
    };
    code.body = fmt::format("  {} *to = out0;\n  const {} *a = in0;\n",
                            cTypeOf(p.type), cTypeOf(p.type));
    int64_t repeats = p.elements / period, rest = p.elements % period;
    if (repeats)
      code.body += fmt::format(
          "  for (int32_t turn = 0; turn < {}; ++turn) {{\n"
          "    for (int32_t i = 0; i < {}; ++i) {{\n{}    }}\n  }}\n",
          repeats, period, loop("      ", "*a++", "in1[i]"));
    if (rest)
      code.body +=
          fmt::format("  for (int32_t i = 0; i < {}; ++i) {{\n{}  }}\n", rest,
                      loop("    ", "*a++", "in1[i]"));
    code.overlap = {{0, 0}};
    return true;
  }
};

} // namespace

const KernelFamily &multiplicationPortable() {
  static const PortableMultiplication family;
  return family;
}

} // namespace adze::families
