//===- VectorAddition.h - Addition on Helium --------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_HELIUM_VECTORADDITION_H
#define ADZE_CODEGEN_C_FAMILIES_HELIUM_VECTORADDITION_H

#include "adze/KernelFamily.h"

namespace adze::families::helium {

/// Adds to `code` the function and the constant (as the next one) of an
/// addition that has a linear form, and returns the call, `a` and `b` to `out`,
/// which may be one of them. Empty where there is no such form.
std::string additionCall(const Addition &addition, int64_t elements,
                         const std::string &a, const std::string &b,
                         const std::string &out, KernelCode &code);
double additionInstructions(int64_t elements);

} // namespace adze::families::helium

#endif
