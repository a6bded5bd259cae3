//===- Portable.cpp - Tables of 256 results ---------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Any function of one int8 (sigmoid, hard swish, a change of scale) as a
/// table. The table is turned by 128 entries so that the bits of the element
/// are its index.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

namespace adze::families {

namespace {

constexpr int unroll = 8;

class PortableLookup final : public KernelFamily {
public:
  std::string_view name() const override { return "lookup.table"; }
  std::string_view summary() const override {
    return "a table of 256 results, indexed by the bits of the element";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<LookupProblem>(&problem);
    return p && p->elements > 0 && p->elements <= INT32_MAX &&
           p->table.size() == 256;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &machine) const override {
    const auto &p = std::get<LookupProblem>(problem);
    KernelFeatures features;
    double n = double(p.elements);
    // RISC-V has no load with an index: one addition more.
    double each = machine.cpu.rfind("cortex", 0) == 0 ? 3.5 : 4.5;
    features.instructions = each * n + 15;
    features.loads = 2 * n;
    features.stores = n;
    features.codeBytes = 110;
    features.constantBytes = 256;
    features.stackBytes = 12;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<LookupProblem>(problem);
    code = {};
    std::string text =
        "/* y[i] = table[x[i]], the table indexed by the bits of x[i]. */\n"
        "ADZE_SHARED static void adze_lookup_s8(const int8_t *x, const int8_t "
        "*table, "
        "int8_t *y, int32_t n)\n{\n";
    text += fmt::format("  for (; n >= {0}; n -= {0}) {{\n", unroll);
    for (int i = 0; i < unroll; ++i)
      text += fmt::format("    y[{0}] = table[(uint8_t)x[{0}]];\n", i);
    text += fmt::format("    x += {0};\n    y += {0};\n  }}\n"
                        "  for (; n > 0; --n) {{\n"
                        "    *y++ = table[(uint8_t)*x++];\n  }}\n}}\n",
                        unroll);
    addSharedFunction(code, "adze_lookup_s8", text);
    KernelConstant table;
    table.type = QuantizedType::int8;
    for (size_t bits = 0; bits < 256; ++bits)
      table.bytes.push_back(char(p.table[bits ^ 128]));
    code.constants.push_back(std::move(table));
    code.body =
        fmt::format("  adze_lookup_s8(in0, c0, out0, {});\n", p.elements);
    code.overlap = {{0, 0}};
    return true;
  }
};

} // namespace

const KernelFamily &lookupPortable() {
  static const PortableLookup family;
  return family;
}

} // namespace adze::families
