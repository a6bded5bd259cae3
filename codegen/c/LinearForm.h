//===- LinearForm.h - Sums of products for subscripts ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_LINEARFORM_H
#define ADZE_CODEGEN_C_LINEARFORM_H

#include "codegen/c/Expression.h"

#include <cstdint>

namespace adze::c {

/// sum of coefficient * term + constant, over index expressions.
class LinearForm {
public:
  struct Term {
    Expression value;
    int64_t coefficient;
  };

  LinearForm() = default;
  explicit LinearForm(int64_t constant) : constant(constant) {}
  explicit LinearForm(const Expression &term) : terms{{term, 1}} {}

  void add(const LinearForm &other, int64_t factor = 1);
  void scale(int64_t factor);

  bool isConstant() const { return terms.empty(); }
  size_t size() const { return terms.size(); }
  int64_t getConstant() const { return constant; }

  /// In nested form, as one writes subscripts: (y * 28 + x) * 3 + c.
  Expression expression() const;

private:
  llvm::SmallVector<Term, 4> terms;
  int64_t constant = 0;
};

} // namespace adze::c

#endif
