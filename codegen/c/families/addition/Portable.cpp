//===- Portable.cpp - Addition of quantized tensors -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// TFLite rescales both operands, adds them and rescales the sum, and rounds
/// each time. For int8 there are nearly always integers with
///   addition(a, b) = clamp((a * p + b * q + r) >> shift)
/// for all 65,536 pairs; they are searched and compared with every pair ahead
/// of time, which leaves two multiply-accumulates and one saturation.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/addition/LinearForm.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

/// Elements that one turn of the loop handles.
constexpr int unroll = 16;

void linearKernel(const AdditionProblem &problem, const LinearForm &form,
                  KernelCode &code) {
  const Addition &addition = problem.addition;
  bool full = addition.low == -128 && addition.high == 127;
  std::string name = fmt::format("adze_add_s8_shift{}", form.shift);
  if (!full)
    name +=
        fmt::format("_clamp{}to{}", addition.low + 128, addition.high + 128);
  if (problem.elements % unroll == 0)
    name += fmt::format("_by{}", unroll);
  std::string one = fmt::format(
      "static inline int8_t {}_one(int32_t a, int32_t b, int32_t p, int32_t q, "
      "int32_t r)\n{{\n  int32_t y = r + a * p + b * q;\n",
      name);
  if (full)
    one += fmt::format(
        "#if defined(__ARM_FEATURE_DSP)\n"
        "  __asm__(\"ssat %0, #8, %1, asr #{0}\" : \"=r\"(y) : \"r\"(y));\n"
        "#else\n  y >>= {0};\n{1}#endif\n",
        form.shift, clampText("y", -128, 127, "  "));
  else
    one += fmt::format("  y >>= {};\n{}", form.shift,
                       clampText("y", addition.low, addition.high, "  "));
  one += "  return (int8_t)y;\n}\n";
  std::string text = fmt::format(
      R"(/* y[i] = clamp((a[i] * p + b[i] * q + r) >> {0}), which is TFLite's addition
   for every pair of int8: the three factors were compared on all of them. */
{1}
ADZE_SHARED static void {2}(const int8_t *a, const int8_t *b, const int32_t *factors, int8_t *y, int32_t n)
{{
  const int32_t p = factors[0];
  const int32_t q = factors[1];
  const int32_t r = factors[2];
  for (; n >= {3}; n -= {3}) {{
)",
      form.shift, one, name, unroll);
  for (int i = 0; i < unroll; ++i)
    text += fmt::format("    y[{0}] = {1}_one(a[{0}], b[{0}], p, q, r);\n", i,
                        name);
  text += fmt::format("    a += {0};\n    b += {0};\n    y += {0};\n  }}\n",
                      unroll);
  if (problem.elements % unroll)
    text += fmt::format("  for (; n > 0; --n) {{\n"
                        "    *y++ = {0}_one(*a++, *b++, p, q, r);\n  }}\n",
                        name);
  text += "}\n";
  addSharedFunction(code, name, text);
  code.constants.push_back(wordConstant({form.p, form.q, form.r}));
  code.body =
      fmt::format("  {}(in0, in1, c0, out0, {});\n", name, problem.elements);
}

/// Every step as TFLite takes it: int16, and int8 where no linear form is
/// exact.
bool stepwiseKernel(const AdditionProblem &problem, KernelCode &code) {
  const Addition &addition = problem.addition;
  for (FixedPoint factor :
       {addition.factorA, addition.factorB, addition.factor})
    if (!hasMultiplyText(factor, addition.rounding))
      return false;
  auto operand = [&](const char *name, int32_t zeroPoint, FixedPoint factor) {
    return multiplyText(fmt::format("(int32_t)((uint32_t)({}[i] - {}) << {})",
                                    name, literal(zeroPoint),
                                    addition.leftShift),
                        factor, addition.rounding, code);
  };
  std::string a = operand("in0", addition.zeroPointA, addition.factorA);
  std::string b = operand("in1", addition.zeroPointB, addition.factorB);
  code.body = fmt::format(
      "  for (int32_t i = 0; i < {}; ++i) {{\n"
      "    const int32_t a = {};\n    const int32_t b = {};\n"
      "    int32_t y = {};\n    y += {};\n{}"
      "    out0[i] = ({})y;\n  }}\n",
      problem.elements, a, b,
      multiplyText(fmt::format("(int32_t)((uint32_t)a {} (uint32_t)b)",
                               addition.subtract ? '-' : '+'),
                   addition.factor, addition.rounding, code),
      literal(addition.zeroPoint),
      clampText("y", addition.low, addition.high, "    "),
      cTypeOf(problem.type));
  return true;
}

class PortableAddition final : public KernelFamily {
public:
  std::string_view name() const override { return "add.linear"; }
  std::string_view summary() const override {
    return "addition as one linear form, compared on all pairs of int8";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<AdditionProblem>(&problem);
    return p && p->elements > 0 && p->elements <= INT32_MAX &&
           p->type != QuantizedType::int32;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &machine) const override {
    const auto &p = std::get<AdditionProblem>(problem);
    KernelFeatures features;
    double n = double(p.elements);
    if (p.type == QuantizedType::int8) {
      // Two loads, two multiply-accumulates, saturation, store; without the
      // DSP extension a shift and a clamp.
      double each = machine.hasDsp ? 6.3 : 11.5;
      features.instructions = each * n + 25;
      features.codeBytes = 440;
      features.constantBytes = 12;
    } else {
      features.instructions = 60 * n;
      features.codeBytes = 300;
    }
    features.loads = 2 * n;
    features.stores = n;
    features.stackBytes = 36;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<AdditionProblem>(problem);
    code = {};
    code.overlap = {{0, 0}};
    if (p.type == QuantizedType::int8)
      if (auto form = findLinearForm(p.addition)) {
        linearKernel(p, *form, code);
        return true;
      }
    return stepwiseKernel(p, code);
  }
};

} // namespace

const KernelFamily &additionPortable() {
  static const PortableAddition family;
  return family;
}

} // namespace adze::families
