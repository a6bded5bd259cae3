//===- LinearForm.cpp - Addition as one exact linear form -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/addition/LinearForm.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace adze::families {

namespace {

double realFactor(FixedPoint factor) {
  return std::ldexp(factor.multiplier, factor.shift - 31);
}

/// All results of an addition.
struct Table {
  explicit Table(const Addition &addition) : results(65536) {
    for (int a = -128; a < 128; ++a)
      for (int b = -128; b < 128; ++b)
        results[size_t((a + 128) * 256 + b + 128)] = addition.apply(a, b);
  }
  std::vector<int32_t> results;
};

/// The offset r that makes p, q and the shift exact, if there is one.
bool findOffset(const Table &table, const Addition &addition,
                LinearForm &form) {
  int64_t least = INT64_MIN, most = INT64_MAX;
  for (int64_t a = -128; a < 128; ++a) {
    const int32_t *row = table.results.data() + (a + 128) * 256;
    for (int64_t b = -128; b < 128; ++b) {
      int64_t sum = a * form.p + b * form.q, y = row[b + 128];
      int64_t unit = int64_t(1) << form.shift;
      if (y > addition.low)
        least = std::max(least, y * unit - sum);
      if (y < addition.high)
        most = std::min(most, (y + 1) * unit - 1 - sum);
    }
    if (least > most)
      return false;
  }
  if (least == INT64_MIN && most == INT64_MAX)
    return false; // a constant: not worth a form
  int64_t r = least == INT64_MIN  ? most
              : most == INT64_MAX ? least
                                  : least + (most - least) / 2;
  int64_t reach =
      128 * (std::abs(int64_t(form.p)) + std::abs(int64_t(form.q))) +
      std::abs(r);
  if (reach > INT32_MAX)
    return false;
  form.r = int32_t(r);
  return true;
}

} // namespace

std::optional<LinearForm> findLinearForm(const Addition &addition) {
  double both = realFactor(addition.factor) * std::ldexp(1, addition.leftShift);
  double a = realFactor(addition.factorA) * both;
  double b = realFactor(addition.factorB) * both * (addition.subtract ? -1 : 1);
  Table table(addition);
  std::vector<std::pair<int, int>> steps;
  for (int da = -8; da <= 8; ++da)
    for (int db = -8; db <= 8; ++db)
      steps.emplace_back(da, db);
  std::stable_sort(steps.begin(), steps.end(), [](auto x, auto y) {
    return std::abs(x.first) + std::abs(x.second) <
           std::abs(y.first) + std::abs(y.second);
  });
  // One shift for all layers lets them share a function: 20 leaves room for
  // factors below 7.
  for (int shift : {20, 21, 22, 19, 18, 17}) {
    if (128 * (std::abs(a) + std::abs(b)) * std::ldexp(1, shift) > 2e9)
      continue;
    for (auto [da, db] : steps) {
      LinearForm form;
      form.p = int32_t(std::lround(std::ldexp(a, shift))) + da;
      form.q = int32_t(std::lround(std::ldexp(b, shift))) + db;
      form.shift = shift;
      if (findOffset(table, addition, form))
        return form;
    }
  }
  return std::nullopt;
}

} // namespace adze::families
