//===- Text.cpp - C text that the scalar kernels share ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/scalar/Text.h"
#include "codegen/c/families/FixedPointText.h"

#include <algorithm>

namespace adze::families {

void addKeepMacro(KernelCode &code) {
  addFunction(
      code, "ADZE_KEEP",
      R"(/* ADZE_KEEP keeps a value in a register and statements in their order;
   ADZE_MAC adds a product: s += x * w. */
#if defined(__GNUC__)
#define ADZE_KEEP(x) __asm__ volatile("" : "+r"(x))
#else
#define ADZE_KEEP(x) ((void)0)
#endif
#if defined(__GNUC__) && defined(__riscv_mul) && __riscv_xlen == 32
#define ADZE_MAC(s, x, w)                                                     \
  do {                                                                        \
    int32_t product_;                                                         \
    __asm__ volatile("mul %1, %2, %3\n\tadd %0, %0, %1"                       \
                     : "+r"(s), "=&r"(product_)                               \
                     : "r"(x), "r"(w));                                       \
  } while (0)
#else
#define ADZE_MAC(s, x, w)                                                     \
  do {                                                                        \
    (s) += (x) * (w);                                                         \
    ADZE_KEEP(s);                                                             \
  } while (0)
#endif
)");
}

KernelConstant byteConstant(const std::vector<int8_t> &bytes) {
  KernelConstant constant;
  constant.type = QuantizedType::int8;
  constant.bytes.assign(bytes.begin(), bytes.end());
  return constant;
}

void keepCheapest(const KernelFamily &family, const Problem &problem,
                  const Machine &machine, size_t count,
                  std::vector<Schedule> &schedules) {
  std::vector<std::pair<double, Schedule>> ranked;
  for (const Schedule &schedule : schedules)
    ranked.emplace_back(
        family.features(problem, schedule, machine).instructions, schedule);
  std::stable_sort(
      ranked.begin(), ranked.end(),
      [](const auto &a, const auto &b) { return a.first < b.first; });
  ranked.resize(std::min(count, ranked.size()));
  schedules.clear();
  for (auto &[instructions, schedule] : ranked)
    schedules.push_back(std::move(schedule));
}

static bool isArm(const Machine &machine) {
  return machine.triple.rfind("arm", 0) == 0 ||
         machine.triple.rfind("thumb", 0) == 0;
}

// Armv6-M reaches its upper registers by moves and additions only.
static bool isArmV6(const Machine &machine) {
  return isArm(machine) && (machine.cpu == "cortex-m0" ||
                            machine.triple.rfind("thumbv6m", 0) == 0);
}

int usableRegisters(const Machine &machine) {
  if (isArmV6(machine))
    return 9;
  return isArm(machine) ? 13 : 27;
}

bool hasMultiplyAdd(const Machine &machine) {
  return isArm(machine) && !isArmV6(machine);
}

} // namespace adze::families
