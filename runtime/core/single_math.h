//===- single_math.h - The functions of single precision ------*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_SINGLE_MATH_H
#define ADZE_RUNTIME_SINGLE_MATH_H

#include "error_function.h"
#include "exp_log.h"
#include "hyperbolic.h"
#include "power.h"
#include "trigonometry.h"

#endif
