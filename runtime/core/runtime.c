//===- runtime.c - All functions of the runtime, for the bitcode ----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#define ADZE_FUNCTION __attribute__((always_inline))

#include "double_math.h"
#include "error_function.h"
#include "exp_log.h"
#include "hyperbolic.h"
#include "power.h"
#include "small_floats.h"
#include "trigonometry.h"
