//===- Text.h - C text that the scalar kernels share ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_SCALAR_TEXT_H
#define ADZE_CODEGEN_C_FAMILIES_SCALAR_TEXT_H

#include "adze/KernelFamily.h"

namespace adze::families {

/// ADZE_KEEP(x): an empty asm statement that the value passes through. gcc and
/// clang keep the order of such statements; without them both hoist loads
/// across a tile that fills the register file, and spill.
void addKeepMacro(KernelCode &code);

KernelConstant byteConstant(const std::vector<int8_t> &bytes);

/// Drops all schedules but the `count` that the family predicts the fewest
/// instructions for.
void keepCheapest(const KernelFamily &family, const Problem &problem,
                  const Machine &machine, size_t count,
                  std::vector<Schedule> &schedules);

/// Registers that a compiler can give to the values of a loop.
int usableRegisters(const Machine &machine);
/// Whether a product is added in one instruction (Arm's MLA).
bool hasMultiplyAdd(const Machine &machine);

} // namespace adze::families

#endif
