//===- runtime.c - All functions of the runtime, for the bitcode ----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#define ADZE_FUNCTION __attribute__((always_inline))

#include "double_math.h"
#include "single_math.h"
#include "small_floats.h"
