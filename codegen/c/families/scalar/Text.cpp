//===- Text.cpp - C text that the scalar kernels share ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/scalar/Text.h"
#include "codegen/c/families/FixedPointText.h"

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

bool isScalarMachine(const Machine &machine) {
  return !machine.hasDsp && !machine.hasHelium && !machine.hasRvv;
}

} // namespace adze::families
