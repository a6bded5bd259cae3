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
      "/* Keeps a value in a register and statements in their order. */\n"
      "#if defined(__GNUC__)\n"
      "#define ADZE_KEEP(x) __asm__ volatile(\"\" : \"+r\"(x))\n"
      "#else\n#define ADZE_KEEP(x) ((void)0)\n#endif\n");
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
