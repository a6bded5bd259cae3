//===- Portable.cpp - Multiplication of quantized tensors -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// TFLite's element-wise product; the second operand may repeat (a factor for
/// each channel, or one for the whole tensor). A product of int8 is requantized
/// by one high multiply, proven equal at every step of the output
/// (requantize/Search.h); where there is no such form, and for int16, each step
/// is taken as TFLite takes it.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/requantize/Search.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

/// Products of two differences have 17 bits; times this they fill 32.
constexpr int64_t scale = 1 << 14;

const char highMultiply[] =
    R"(/* The high word of x * multiplier, rounded, plus an addend. */
static inline int32_t adze_high_multiply_add(int32_t x, int32_t multiplier, int32_t addend)
{
#if defined(__ARM_FEATURE_DSP)
  int32_t y;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(y) : "r"(x), "r"(multiplier), "r"(addend));
  return y;
#else
  return (int32_t)(((int64_t)x * multiplier + 2147483648) >> 32) + addend;
#endif
}
)";

/// A call that shifts to the right and saturates to int8.
std::string saturate(const std::string &y, int shift, KernelCode &code) {
  std::string name = fmt::format("adze_saturate8_shift{}", shift);
  std::string operand = shift ? fmt::format(", asr #{}", shift) : std::string();
  addFunction(code, name,
              fmt::format("static inline int32_t {0}(int32_t y)\n{{\n"
                          "#if defined(__ARM_FEATURE_DSP)\n"
                          "  __asm__(\"ssat %0, #8, %1{1}\" : \"=r\"(y) : "
                          "\"r\"(y));\n  return y;\n#else\n"
                          "  y >>= {2};\n{3}  return y;\n#endif\n}}\n",
                          name, operand, shift,
                          clampText("y", -128, 127, "  ")));
  return fmt::format("{}({})", name, y);
}

std::optional<FastRequantization> findForm(const MultiplicationProblem &p) {
  if (p.type != QuantizedType::int8)
    return std::nullopt;
  auto ends = [](int32_t zeroPoint) {
    return std::pair<int64_t, int64_t>(-128 - zeroPoint, 127 - zeroPoint);
  };
  auto [la, ha] = ends(p.zeroPointA);
  auto [lb, hb] = ends(p.zeroPointB);
  auto [low, high] = std::minmax({la * lb, la * hb, ha * lb, ha * hb});
  FastSearch search;
  search.scale = scale;
  return findFastRequantization(p.requantization, {{low, high}}, search);
}

/// Statements that turn the elements `a` and `b` into *to.
std::string statements(const MultiplicationProblem &p,
                       const std::optional<FastRequantization> &form,
                       const std::string &indent, KernelCode &code) {
  const Requantization &r = p.requantization;
  std::string product =
      fmt::format("(*a++ - {}) * (in1[i] - {})", literal(p.zeroPointA),
                  literal(p.zeroPointB));
  std::string text;
  auto line = [&](const std::string &content) {
    text += indent + content + "\n";
  };
  if (!form) {
    line(fmt::format("int32_t y = {};",
                     multiplyText(product, r.factor(0), r.rounding, code)));
    line(fmt::format("y += {};", literal(r.zeroPoint)));
    text += clampText("y", r.low, r.high, indent);
  } else {
    const FastRequantization::Channel &c = form->channels[0];
    addFunction(code, "adze_high_multiply_add", highMultiply);
    line(fmt::format("const int32_t x = {} * {} + {};", product, scale,
                     literal(c.correction)));
    line(fmt::format("int32_t y = adze_high_multiply_add(x, {}, {});",
                     c.multiplier, literal(c.addend)));
    if (form->stepped)
      line(form->unitSteps
               ? std::string("y += x >> 31;")
               : fmt::format("y += (x >> 31) & {};", literal(c.step)));
    line("y = " + saturate("y", form->shift, code) + ";");
    if (form->clamps) {
      line(fmt::format("y -= {};", form->clampSubtract));
      line("y = " + saturate("y", 0, code) + ";");
      line(fmt::format("y += {};", form->clampAdd));
    }
  }
  line(fmt::format("*to++ = ({})y;", cTypeOf(p.type)));
  return text;
}

class PortableMultiplication final : public KernelFamily {
public:
  std::string_view name() const override { return "mul.fixed_point"; }
  std::string_view summary() const override {
    return "element-wise product, requantized by one high multiply";
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
                          const Machine &machine) const override {
    const auto &p = std::get<MultiplicationProblem>(problem);
    KernelFeatures features;
    double n = double(p.elements);
    double each = p.type == QuantizedType::int16 ? 24
                  : machine.hasDsp               ? 14
                                                 : 21;
    features.instructions = each * n + 20;
    features.loads = 2 * n;
    features.stores = n;
    features.codeBytes = 160;
    features.stackBytes = 36;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<MultiplicationProblem>(problem);
    code = {};
    std::optional<FastRequantization> form = findForm(p);
    int64_t period = p.period ? p.period : p.elements;
    code.body = fmt::format("  {0} *to = out0;\n  const {0} *a = in0;\n",
                            cTypeOf(p.type));
    int64_t repeats = p.elements / period, rest = p.elements % period;
    if (repeats)
      code.body += fmt::format(
          "  for (int32_t turn = 0; turn < {}; ++turn) {{\n"
          "    for (int32_t i = 0; i < {}; ++i) {{\n{}    }}\n  }}\n",
          repeats, period, statements(p, form, "      ", code));
    if (rest)
      code.body +=
          fmt::format("  for (int32_t i = 0; i < {}; ++i) {{\n{}  }}\n", rest,
                      statements(p, form, "    ", code));
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
