//===- PlannerModel.cpp - The arena problem as pairwise distances ---------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PlannerModel.h"

#include <map>

using namespace adze::memory;

namespace {
/// The rules of one (output, input) pair: alternatives.
struct PairRule {
  bool inPlace = false;
  int64_t distance = -1; ///< the least diagonal distance; -1: none
};
} // namespace

/// Buffers by their first step, for one sweep over the steps.
static std::vector<int> orderByFirst(const std::vector<Buffer> &buffers) {
  std::vector<int> order;
  for (int i = 0, e = static_cast<int>(buffers.size()); i < e; ++i)
    if (buffers[i].size > 0)
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return std::pair(buffers[a].first, a) < std::pair(buffers[b].first, b);
  });
  return order;
}

Model::Model(const Problem &problem)
    : buffers(problem.buffers), conflicts(problem.buffers.size()) {
  // All offsets are multiples of the smallest alignment, so rounding sizes and
  // distances up to it excludes no plan.
  int64_t unit = 0;
  for (const Buffer &buffer : buffers)
    if (buffer.size > 0)
      unit = unit ? std::min(unit, buffer.alignment) : buffer.alignment;
  unit = std::max<int64_t>(unit, 1);
  for (Buffer &buffer : buffers)
    buffer.size = alignUp(buffer.size, unit);

  std::map<std::pair<int, int>, PairRule> rules;
  for (const Overlap &rule : problem.overlaps) {
    const Buffer &output = buffers[rule.output], &input = buffers[rule.input];
    if (input.last != output.first || input.first >= output.first)
      continue;
    PairRule &pair = rules[{rule.output, rule.input}];
    int64_t distance = alignUp(rule.distance, unit);
    if (rule.distance == 0)
      pair.inPlace = true;
    else if (pair.distance < 0 || distance < pair.distance)
      pair.distance = distance;
  }

  // Only buffers that begin in a step can be outputs there.
  auto addPairs = [&](LiveSet &set) {
    for (int output : set.buffers) {
      if (buffers[output].first != set.step)
        continue;
      for (int input : set.buffers) {
        auto it = rules.find({output, input});
        if (it == rules.end())
          continue;
        int64_t size = buffers[output].size;
        int64_t head =
            it->second.inPlace ? 0 : std::min(it->second.distance, size);
        set.pairs.push_back(
            {output, input, std::min(buffers[input].size, size - head), head});
      }
    }
  };

  std::vector<int> live;
  std::vector<int> order = orderByFirst(buffers);
  for (size_t i = 0; i < order.size(); ++i) {
    int b = order[i];
    int64_t step = buffers[b].first;
    std::erase_if(live, [&](int a) { return buffers[a].last < step; });
    for (int a : live) {
      Conflict fromA{b, buffers[a].size, buffers[b].size, false};
      // a began earlier or together with b, so only b can be the output.
      if (auto it = rules.find({b, a}); it != rules.end()) {
        fromA.inPlace = it->second.inPlace;
        if (it->second.distance >= 0)
          fromA.gapBelow = std::min(fromA.gapBelow, it->second.distance);
      }
      conflicts[a].push_back(fromA);
      conflicts[b].push_back(
          {a, fromA.gapBelow, fromA.gapAbove, fromA.inPlace});
    }
    live.push_back(b);
    bool lastOfStep =
        i + 1 == order.size() || buffers[order[i + 1]].first != step;
    if (lastOfStep)
      addPairs(liveSets.emplace_back(LiveSet{step, live, {}}));
  }
  for (std::vector<Conflict> &list : conflicts)
    std::sort(
        list.begin(), list.end(),
        [](const Conflict &a, const Conflict &b) { return a.other < b.other; });
}

const Conflict *Model::findConflict(int a, int b) const {
  auto it = std::lower_bound(
      conflicts[a].begin(), conflicts[a].end(), b,
      [](const Conflict &c, int other) { return c.other < other; });
  return it != conflicts[a].end() && it->other == b ? &*it : nullptr;
}

int64_t Model::peak(const std::vector<int64_t> &offsets) const {
  int64_t result = 0;
  for (int i = 0; i < size(); ++i)
    result = std::max(result, offsets[i] + buffers[i].size);
  return result;
}
