//===- Rvv.cpp - Addition, RISC-V vectors -----------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/rvv/ChannelLanes.h"
#include "codegen/c/families/rvv/LinearAddition.h"

#include <fmt/format.h>

namespace adze::families {

namespace {

class AdditionRvv final : public KernelFamily {
public:
  std::string_view name() const override { return "add.rvv"; }
  std::string_view summary() const override {
    return "addition as one linear form in 32-bit lanes";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<AdditionProblem>(&problem);
    return p && machine.hasRvv && p->type == QuantizedType::int8 &&
           p->elements > 0 && p->elements <= INT32_MAX;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    const auto &p = std::get<AdditionProblem>(problem);
    CountedText loop = text({});
    KernelFeatures features;
    double turns = double((p.elements + 31) / 32);
    features.instructions = turns * double(loop.instructions) + 15;
    features.loads = turns * double(loop.loads) + 4;
    features.stores = turns;
    features.constantBytes = 12;
    features.codeBytes = 120;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<AdditionProblem>(problem);
    std::optional<rvv::LinearAddition> addition =
        rvv::linearAddition(p.addition);
    if (!addition)
      return false;
    code.headers.insert("riscv_vector.h");
    code.constants.push_back(wordConstant(addition->words()));
    code.body = fmt::format(
        R"(#if {0}
  const int8_t *a = in0;
  const int8_t *b = in1;
  int8_t *y = out0;
  size_t n = {1};
{2}#else
  for (int32_t i = 0; i < {1}; ++i) {{
    int32_t y = (in0[i] * c0[0] + in1[i] * c0[1] + c0[2]) >> {3};
{4}    out0[i] = (int8_t)y;
  }}
#endif
)",
        rvv::vectorGuard, p.elements, text(*addition).text,
        addition->form.shift,
        clampText("y", addition->low, addition->high, "    "));
    return true;
  }

private:
  /// The loop over `n` elements at `a`, `b` and `y`.
  static rvv::CountedText text(const rvv::LinearAddition &addition) {
    rvv::Assembly assembly;
    for (const char *name : {"a", "b", "y", "n"})
      assembly.advance(name);
    assembly.input("p", "c0[0]");
    assembly.input("q", "c0[1]");
    assembly.input("r", "c0[2]");
    for (int i = 4; i < 24; ++i)
      assembly.clobber(fmt::format("v{}", i));
    assembly.clobber("t4");
    assembly.label(1);
    assembly.line("vsetvli t4, %[n], e32, m8, ta, ma");
    // The source of a widening may be the highest part of its result.
    assembly.line("vle8.v v14, (%[a])", true);
    assembly.line("vsext.vf4 v8, v14");
    assembly.line("vle8.v v22, (%[b])", true);
    assembly.line("vsext.vf4 v16, v22");
    assembly.line("vmul.vx v8, v8, %[p]");
    assembly.line("vmacc.vx v8, %[q], v16");
    assembly.line("vadd.vx v8, v8, %[r]");
    narrow(addition, 8, 1, assembly);
    assembly.line("vse8.v v8, (%[y])");
    for (const char *name : {"a", "b", "y"})
      assembly.line(fmt::format("add %[{0}], %[{0}], t4", name));
    assembly.line("sub %[n], %[n], t4");
    assembly.line("bnez %[n], 1b");
    return assembly.finish("  ");
  }
  using CountedText = rvv::CountedText;
};

} // namespace

const KernelFamily &additionRvv() {
  static const AdditionRvv family;
  return family;
}

} // namespace adze::families
