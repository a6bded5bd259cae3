//===- Rvv.cpp - Addition, RISC-V vectors -----------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
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

  bool generate(const Problem &problem, const Schedule &,
                const Machine &machine, KernelCode &code) const override {
    const auto &p = std::get<AdditionProblem>(problem);
    std::optional<rvv::LinearAddition> form =
        rvv::linearAddition(p, machine, code);
    if (!form)
      return false;
    code.headers.insert("riscv_vector.h");
    code.body =
        fmt::format("#if {}\n"
                    "  const int8_t *a = in0;\n"
                    "  const int8_t *b = in1;\n"
                    "  int8_t *y = out0;\n"
                    "  size_t n = {};\n{}#else\n{}#endif\n",
                    rvv::vectorGuard, p.elements, text(*form).text, code.body);
    return true;
  }

private:
  /// The loop over `n` elements at `a`, `b` and `y`.
  static rvv::CountedText text(const rvv::LinearAddition &form) {
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
    narrow(form, 8, 1, assembly);
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
