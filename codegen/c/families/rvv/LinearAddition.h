//===- LinearAddition.h - Additions as a straight line ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_RVV_LINEARADDITION_H
#define ADZE_CODEGEN_C_FAMILIES_RVV_LINEARADDITION_H

#include "codegen/c/families/addition/LinearForm.h"
#include "codegen/c/families/rvv/Assembly.h"

namespace adze::families::rvv {

/// An addition that has a linear form, and its clamp.
struct LinearAddition {
  LinearForm form;
  int32_t low = -128, high = 127;

  std::vector<int32_t> words() const { return {form.p, form.q, form.r}; }
};
std::optional<LinearAddition> linearAddition(const Addition &addition);

/// Lines that narrow 32-bit sums (a * p + b * q + r) in `count` groups of
/// registers from v8 on to int8 in the lowest registers of each. vxrm is left
/// at rdn, the element width at 8; t3 is used.
void narrow(const LinearAddition &addition, int registers, int count,
            Assembly &assembly);

} // namespace adze::families::rvv

#endif
