//===- PlannerVerify.cpp - An independent check of a plan -----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Judges a plan by the definitions in MemoryPlan.h, pair by pair, on purpose
/// without anything that the planner uses.
///
//===----------------------------------------------------------------------===//

#include "adze/MemoryPlan.h"

using namespace adze::memory;

static bool isAllowed(const Overlap &rule, const Problem &problem,
                      const std::vector<int64_t> &offsets) {
  const Buffer &output = problem.buffers[rule.output];
  const Buffer &input = problem.buffers[rule.input];
  if (input.last != output.first || input.first >= output.first)
    return false;
  int64_t below = offsets[rule.input] - offsets[rule.output];
  return rule.distance == 0 ? below == 0 : below >= rule.distance;
}

std::string adze::memory::verifyPlan(const Problem &problem,
                                     const std::vector<int64_t> &offsets) {
  size_t count = problem.buffers.size();
  if (offsets.size() != count)
    return "the plan has " + std::to_string(offsets.size()) + " offsets for " +
           std::to_string(count) + " buffers";
  auto describe = [&](size_t b) {
    const Buffer &buffer = problem.buffers[b];
    return "buffer " + std::to_string(b) + " (bytes " +
           std::to_string(offsets[b]) + " to " +
           std::to_string(offsets[b] + buffer.size) + ", steps " +
           std::to_string(buffer.first) + " to " + std::to_string(buffer.last) +
           ")";
  };
  for (size_t a = 0; a < count; ++a) {
    const Buffer &first = problem.buffers[a];
    if (offsets[a] < 0 || offsets[a] % first.alignment != 0)
      return describe(a) + " is not aligned to " +
             std::to_string(first.alignment);
    for (size_t b = a + 1; b < count; ++b) {
      const Buffer &second = problem.buffers[b];
      bool liveTogether =
          first.first <= second.last && second.first <= first.last;
      bool disjoint = offsets[a] + first.size <= offsets[b] ||
                      offsets[b] + second.size <= offsets[a];
      if (!liveTogether || disjoint || first.size == 0 || second.size == 0)
        continue;
      bool allowed = false;
      for (const Overlap &rule : problem.overlaps) {
        bool isPair = (rule.output == static_cast<int>(a) &&
                       rule.input == static_cast<int>(b)) ||
                      (rule.output == static_cast<int>(b) &&
                       rule.input == static_cast<int>(a));
        allowed |= isPair && isAllowed(rule, problem, offsets);
      }
      if (!allowed)
        return describe(a) + " and " + describe(b) +
               " are live together and overlap";
    }
  }
  return "";
}
