//===- Families.cpp - The kernel families of the C targets ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"

const std::vector<const adze::KernelFamily *> &adze::cKernelFamilies() {
#define ADZE_FAMILY(name) &families::name(),
  static const std::vector<const KernelFamily *> all = {
      ADZE_KERNEL_FAMILIES(ADZE_FAMILY)};
#undef ADZE_FAMILY
  return all;
}
