//===- Literals.h - Numbers as C writes them -------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_LITERALS_H
#define ADZE_CODEGEN_C_LITERALS_H

#include "codegen/c/Expression.h"

#include <cstdint>
#include <string>

namespace adze::c {

/// The shortest decimal that reads back as the same number; INFINITY and NAN
/// for what has none (their users need <math.h>).
std::string literal(float value);
std::string literal(double value);
/// A signed integer of `bits` bits; the smallest one, which C cannot write as
/// a literal, through INT32_MIN and the like.
std::string literal(int64_t value, unsigned bits);

/// A literal as an expression: negative ones bind like a unary minus.
Expression literalExpression(std::string text);

} // namespace adze::c

#endif
