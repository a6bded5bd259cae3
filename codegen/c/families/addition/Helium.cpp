//===- Helium.cpp - Addition on Helium --------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/helium/VectorAddition.h"

namespace adze::families {

namespace {

class AdditionHelium final : public KernelFamily {
public:
  std::string_view name() const override { return "addition.helium"; }
  std::string_view summary() const override {
    return "int8 addition on Helium as one exact linear form";
  }
  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<AdditionProblem>(&problem);
    return machine.hasHelium && p && p->type == QuantizedType::int8;
  }
  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }
  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    auto &p = std::get<AdditionProblem>(problem);
    KernelFeatures f;
    f.instructions = helium::additionInstructions(p.elements);
    f.constantBytes = 40;
    f.codeBytes = 200;
    f.stackBytes = 100;
    return f;
  }
  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    auto &p = std::get<AdditionProblem>(problem);
    code.body = helium::additionCall(p.addition, p.elements, "in0", "in1",
                                     "out0", code);
    code.overlap = {{0, 0}};
    return !code.body.empty();
  }
};

} // namespace

const KernelFamily &additionHelium() {
  static const AdditionHelium family;
  return family;
}

} // namespace adze::families
