//===- Literals.cpp - Numbers as C writes them -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/Literals.h"

#include <charconv>
#include <cmath>

using namespace adze;

template <typename T> static std::string floatText(T value) {
  if (std::isnan(value))
    return "NAN";
  if (std::isinf(value))
    return value < 0 ? "-INFINITY" : "INFINITY";
  char buffer[64];
  std::to_chars_result end =
      std::to_chars(buffer, buffer + sizeof(buffer), value);
  std::string text(buffer, end.ptr);
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return text;
}

std::string c::literal(float value) {
  std::string text = floatText(value);
  return std::isfinite(value) ? text + "f" : text;
}

std::string c::literal(double value) { return floatText(value); }

std::string c::literal(int64_t value, unsigned bits) {
  if (bits == 64 && value == INT64_MIN)
    return "INT64_MIN";
  if (bits == 32 && value == INT32_MIN)
    return "INT32_MIN";
  return std::to_string(value);
}

c::Expression c::literalExpression(std::string text) {
  return Expression(text, text[0] == '-' ? Precedence::Unary
                                         : Precedence::Primary);
}
