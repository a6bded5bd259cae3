//===- DeltaDebugging.h - Minimal failing subsets --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_REDUCE_DELTADEBUGGING_H
#define ADZE_TOOLS_ADZE_REDUCE_DELTADEBUGGING_H

#include <algorithm>
#include <cstddef>
#include <vector>

namespace adze::reduce {

/// A subset of `items`, in their order, for which `fails` holds and from which
/// no single item can be taken away: the algorithm ddmin of Zeller and
/// Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE TSE
/// 28(2), 2002). `fails` must hold for `items`. It is asked about
/// O(log n) subsets if one item is to blame, about O(n^2) at worst.
template <typename T, typename Fails>
std::vector<T> minimalSubset(std::vector<T> items, Fails fails) {
  size_t parts = 2;
  while (items.size() >= 2) {
    size_t count = items.size();
    parts = std::min(parts, count);
    auto bound = [&](size_t part) {
      return items.begin() + std::ptrdiff_t(part * count / parts);
    };
    bool smaller = false;
    for (size_t part = 0; part < parts && !smaller; ++part) {
      std::vector<T> subset(bound(part), bound(part + 1));
      if ((smaller = fails(subset))) {
        items = std::move(subset);
        parts = 2;
      }
    }
    // With two parts the complements are the parts.
    for (size_t part = 0; part < parts && !smaller && parts > 2; ++part) {
      std::vector<T> complement(items.begin(), bound(part));
      complement.insert(complement.end(), bound(part + 1), items.end());
      if ((smaller = fails(complement))) {
        items = std::move(complement);
        --parts;
      }
    }
    if (smaller)
      continue;
    if (parts == count)
      break;
    parts *= 2;
  }
  return items;
}

/// The smallest k in [1, size] with `fails(k)`, if failing is monotonic in k;
/// otherwise some k that fails while k - 1 does not. `fails(size)` must hold.
template <typename Fails> size_t shortestPrefix(size_t size, Fails fails) {
  size_t passing = 0, failing = size;
  while (failing - passing > 1) {
    size_t middle = passing + (failing - passing) / 2;
    (fails(middle) ? failing : passing) = middle;
  }
  return failing;
}

} // namespace adze::reduce

#endif
