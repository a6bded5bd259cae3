//===- Expression.cpp - C expressions as text with precedence --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/Expression.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace adze;
using namespace adze::c;

void Expression::reads(const Expression &operand) {
  for (const std::string &name : operand.mutableNames)
    if (!readsVariable(name))
      mutableNames.push_back(name);
}

bool Expression::readsVariable(llvm::StringRef name) const {
  return llvm::is_contained(mutableNames, name);
}

bool Expression::isAtom() const {
  return precedence >= Precedence::Unary &&
         llvm::all_of(text, [](char c) {
           return llvm::isAlnum(c) || c == '_' || c == '.' || c == '-' ||
                  c == '+';
         });
}

std::string c::parenthesized(const Expression &operand, Precedence least) {
  if (operand.precedence >= least)
    return operand.text;
  return "(" + operand.text + ")";
}

static Precedence precedenceOf(llvm::StringRef op) {
  return llvm::StringSwitch<Precedence>(op)
      .Cases({"*", "/", "%"}, Precedence::Multiplicative)
      .Cases({"+", "-"}, Precedence::Additive)
      .Cases({"<<", ">>"}, Precedence::Shift)
      .Cases({"<", ">", "<=", ">="}, Precedence::Relational)
      .Cases({"==", "!="}, Precedence::Equality)
      .Case("&", Precedence::BitAnd)
      .Case("^", Precedence::BitXor)
      .Case("|", Precedence::BitOr)
      .Case("&&", Precedence::LogicalAnd)
      .Default(Precedence::LogicalOr);
}

Expression c::binary(const Expression &lhs, llvm::StringRef op,
                     const Expression &rhs) {
  Precedence own = precedenceOf(op);
  Precedence left = own, right = Precedence(int(own) + 1);
  switch (own) {
  case Precedence::Multiplicative:
    if (op == "%")
      left = Precedence::Unary;
    break;
  case Precedence::Shift:
  case Precedence::BitAnd:
  case Precedence::BitXor:
  case Precedence::BitOr:
    left = right = Precedence::Unary;
    break;
  case Precedence::Equality:
  case Precedence::Relational:
    left = right = Precedence::Additive;
    break;
  case Precedence::LogicalAnd:
    right = left;
    break;
  case Precedence::LogicalOr:
    // A chain of || needs no parentheses, && inside || gets them.
    left = lhs.precedence == Precedence::LogicalOr ? own
                                                   : Precedence::BitOr;
    right = rhs.precedence == Precedence::LogicalOr ? own : Precedence::BitOr;
    break;
  default:
    break;
  }
  Expression result;
  result.precedence = own;
  result.text = parenthesized(lhs, left) + " " + op.str() + " " +
                parenthesized(rhs, right);
  result.reads(lhs);
  result.reads(rhs);
  return result;
}

Expression c::unary(llvm::StringRef op, const Expression &operand) {
  Expression result;
  result.precedence = Precedence::Unary;
  std::string text = parenthesized(operand, Precedence::Unary);
  if (llvm::StringRef(text).starts_with(op)) // - -x must not become --x
    text = "(" + text + ")";
  result.text = op.str() + text;
  result.reads(operand);
  return result;
}

Expression c::cast(llvm::StringRef type, const Expression &operand) {
  Expression result;
  result.precedence = Precedence::Unary;
  result.text = "(" + type.str() + ")" +
                parenthesized(operand, Precedence::Unary);
  result.reads(operand);
  return result;
}

Expression c::call(llvm::StringRef function,
                   llvm::ArrayRef<Expression> operands) {
  Expression result;
  result.text = function.str() + "(";
  for (auto [i, operand] : llvm::enumerate(operands)) {
    result.text += (i ? ", " : "") + operand.text;
    result.reads(operand);
  }
  result.text += ")";
  return result;
}

Expression c::conditional(const Expression &condition, const Expression &yes,
                          const Expression &no) {
  Expression result;
  result.precedence = Precedence::Conditional;
  result.text = parenthesized(condition, Precedence::BitOr) + " ? " +
                parenthesized(yes, Precedence::LogicalOr) + " : " +
                parenthesized(no, Precedence::LogicalOr);
  result.reads(condition);
  result.reads(yes);
  result.reads(no);
  return result;
}

Expression c::subscript(const Expression &base, const Expression &index) {
  Expression result;
  result.text =
      parenthesized(base, Precedence::Primary) + "[" + index.text + "]";
  result.reads(base);
  result.reads(index);
  return result;
}
