//===- LinearForm.cpp - Sums of products for subscripts --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/LinearForm.h"
#include "codegen/c/Literals.h"

#include "llvm/ADT/STLExtras.h"

#include <cstdlib>
#include <numeric>

using namespace adze::c;

void LinearForm::add(const LinearForm &other, int64_t factor) {
  constant += other.constant * factor;
  for (const Term &term : other.terms) {
    auto *same = llvm::find_if(terms, [&](const Term &t) {
      return t.value.text == term.value.text;
    });
    if (same == terms.end()) {
      terms.push_back({term.value, term.coefficient * factor});
      continue;
    }
    same->coefficient += term.coefficient * factor;
    if (same->coefficient == 0)
      terms.erase(same);
  }
  llvm::erase_if(terms, [](const Term &t) { return t.coefficient == 0; });
}

void LinearForm::scale(int64_t factor) {
  constant *= factor;
  for (Term &term : terms)
    term.coefficient *= factor;
  llvm::erase_if(terms, [](const Term &t) { return t.coefficient == 0; });
}

/// Appends `+ value * coefficient` or `- ...` to a sum.
static void append(Expression &sum, bool &started, const Expression &value,
                   int64_t coefficient) {
  int64_t magnitude = started ? std::abs(coefficient) : coefficient;
  Expression product = value;
  if (!started && magnitude == -1)
    product = unary("-", value);
  else if (magnitude != 1)
    product = binary(value, "*",
                     literalExpression(std::to_string(magnitude)));
  sum = started ? binary(sum, coefficient < 0 ? "-" : "+", product) : product;
  started = true;
}

/// Terms are sorted by falling magnitude. Those whose coefficients share a
/// larger factor than the smallest coefficient nest.
static Expression nested(llvm::ArrayRef<LinearForm::Term> terms) {
  Expression sum;
  bool started = false;
  if (terms.size() == 1) {
    append(sum, started, terms[0].value, terms[0].coefficient);
    return sum;
  }
  int64_t unit = std::abs(terms.back().coefficient);
  if (llvm::all_of(terms, [&](const LinearForm::Term &t) {
        return t.coefficient % unit == 0;
      }) &&
      unit > 1) {
    llvm::SmallVector<LinearForm::Term> reduced(terms);
    for (LinearForm::Term &term : reduced)
      term.coefficient /= unit;
    append(sum, started, nested(reduced), unit);
    return sum;
  }
  // The trailing terms with the smallest magnitude, the others before them.
  size_t tail = terms.size();
  while (tail > 0 && std::abs(terms[tail - 1].coefficient) == unit)
    --tail;
  if (tail > 0) {
    sum = nested(terms.take_front(tail));
    started = true;
  }
  // Positive terms first, so that a sum does not start with a minus.
  for (bool negative : {false, true})
    for (const LinearForm::Term &term : terms.drop_front(tail))
      if ((term.coefficient < 0) == negative)
        append(sum, started, term.value, term.coefficient);
  return sum;
}

Expression LinearForm::expression() const {
  if (terms.empty())
    return literalExpression(std::to_string(constant));
  llvm::SmallVector<Term> sorted(terms.begin(), terms.end());
  llvm::stable_sort(sorted, [](const Term &a, const Term &b) {
    return std::abs(a.coefficient) > std::abs(b.coefficient);
  });
  Expression sum = nested(sorted);
  if (constant == 0)
    return sum;
  return binary(sum, constant < 0 ? "-" : "+",
                literalExpression(std::to_string(std::abs(constant))));
}
