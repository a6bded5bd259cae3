//===- FixedPointText.h - TFLite's fixed point as C text --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// multiplyByFixedPoint as C for kernels whose arithmetic has no shorter exact
/// form, and integers as C literals.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_FIXEDPOINTTEXT_H
#define ADZE_CODEGEN_C_FAMILIES_FIXEDPOINTTEXT_H

#include "adze/KernelFamily.h"

namespace adze::families {

/// A literal of type int32_t; INT32_MIN has none of its own.
std::string literal(int32_t value);

/// The bytes of 32-bit integers as a constant of a kernel.
KernelConstant wordConstant(const std::vector<int32_t> &words);

/// Whether multiplyText can express the factor (it is not absurdly large).
bool hasMultiplyText(FixedPoint factor, Rounding rounding);

/// An expression for multiplyByFixedPoint(x, factor, rounding); the function
/// that it calls is added to `code`.
std::string multiplyText(const std::string &x, FixedPoint factor,
                         Rounding rounding, KernelCode &code);

/// Statements that clamp the variable to [low, high], each behind `indent`.
std::string clampText(const std::string &variable, int32_t low, int32_t high,
                      const std::string &indent);

/// Adds a function unless one of this name is there.
void addFunction(KernelCode &code, const std::string &name,
                 const std::string &text);

/// Adds a function that layers share. Its text says ADZE_SHARED before the
/// result type: neither compiler may make a copy of it for each caller.
void addSharedFunction(KernelCode &code, const std::string &name,
                       const std::string &text);

} // namespace adze::families

#endif
