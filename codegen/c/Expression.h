//===- Expression.h - C expressions as text with precedence ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A C expression that is not yet part of a statement: its text, how tightly
/// it binds, and which mutable variables it reads. Parentheses are put where C
/// needs them and where gcc's -Wparentheses and clang's -Wlogical-op-parentheses
/// or a reader would miss them.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_EXPRESSION_H
#define ADZE_CODEGEN_C_EXPRESSION_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace adze::c {

/// Binding strength, weakest first.
enum class Precedence {
  Conditional, LogicalOr, LogicalAnd, BitOr, BitXor, BitAnd, Equality,
  Relational, Shift, Additive, Multiplicative, Unary, Primary,
};

struct Expression {
  std::string text;
  Precedence precedence = Precedence::Primary;
  /// For the result of wraparound arithmetic: the same value as an expression
  /// of the unsigned type, so that chains need one cast back and not many.
  std::string unsignedText;
  Precedence unsignedPrecedence = Precedence::Primary;
  /// Names of the loop-carried variables that the text reads.
  llvm::SmallVector<std::string, 1> mutableNames;

  Expression() = default;
  Expression(llvm::StringRef text, Precedence precedence = Precedence::Primary)
      : text(text.str()), precedence(precedence) {}

  /// Takes over the mutable names of an operand.
  void reads(const Expression &operand);
  bool readsVariable(llvm::StringRef name) const;
  /// A name or a literal: fit to be written twice.
  bool isAtom() const;
};

/// The text of `operand` fit to stand where at least `least` is needed.
std::string parenthesized(const Expression &operand, Precedence least);

Expression binary(const Expression &lhs, llvm::StringRef op,
                  const Expression &rhs);
Expression unary(llvm::StringRef op, const Expression &operand);
Expression cast(llvm::StringRef type, const Expression &operand);
Expression call(llvm::StringRef function, llvm::ArrayRef<Expression> operands);
Expression conditional(const Expression &condition, const Expression &yes,
                       const Expression &no);
Expression subscript(const Expression &base, const Expression &index);

} // namespace adze::c

#endif
