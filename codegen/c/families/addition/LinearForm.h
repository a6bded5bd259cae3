//===- LinearForm.h - Addition as one exact linear form ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_ADDITION_LINEARFORM_H
#define ADZE_CODEGEN_C_FAMILIES_ADDITION_LINEARFORM_H

#include "adze/KernelFamily.h"

#include <optional>

namespace adze::families {

/// clamp((a * p + b * q + r) >> shift), within 32 bits.
struct LinearForm {
  int32_t p = 0, q = 0, r = 0;
  int shift = 0; // 17 to 22
};

/// The form that agrees with an int8 addition on all 65,536 pairs, if there is
/// one.
std::optional<LinearForm> findLinearForm(const Addition &addition);

} // namespace adze::families

#endif
