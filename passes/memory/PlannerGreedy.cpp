//===- PlannerGreedy.cpp - Greedy placement and its improvement -----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Places buffers one after the other at the lowest offset that the placed ones
/// leave. What decides is the order; we try those of the literature (by size:
/// Pisarchyk and Lee, "Efficient memory management for deep neural net
/// inference"; by area; by time) and then improve the best one as TVM's
/// hill-climbing planner does: buffers that reach the peak move forward.
///
//===----------------------------------------------------------------------===//

#include "PlannerModel.h"

#include <functional>

using namespace adze::memory;

namespace {

/// Where a buffer goes that could be in place of an input but would lie lower
/// elsewhere: neither choice is always better.
enum class Preference { Lowest, InPlace };

constexpr int64_t kUnplaced = -1;

class GreedyPlacement {
public:
  explicit GreedyPlacement(const Model &model) : model(model) {}

  /// Places all buffers in `order`. Returns the peak; gives up with a larger
  /// number as soon as the peak exceeds `limit`.
  int64_t place(const std::vector<int> &order, Preference preference,
                int64_t limit) {
    offsets.assign(model.size(), kUnplaced);
    int64_t peak = 0;
    for (int b : order) {
      offsets[b] = findOffset(b, preference);
      peak = std::max(peak, offsets[b] + model.buffers[b].size);
      if (peak > limit)
        break;
    }
    return peak;
  }

  std::vector<int64_t> offsets;
  int64_t visits = 0; ///< pairs looked at since the start

private:
  struct Forbidden {
    int64_t low, high; ///< offsets x with low < x < high ...
    int64_t except;    ///< ... but not this one (-1: none)
  };

  int64_t findOffset(int b, Preference preference) {
    forbidden.clear();
    visits += static_cast<int64_t>(model.conflicts[b].size());
    for (const Conflict &pair : model.conflicts[b]) {
      int64_t at = offsets[pair.other];
      if (at != kUnplaced)
        forbidden.push_back({at - pair.gapAbove, at + pair.gapBelow,
                             pair.inPlace ? at : kUnplaced});
    }
    std::sort(
        forbidden.begin(), forbidden.end(),
        [](const Forbidden &a, const Forbidden &b) { return a.low < b.low; });
    int64_t alignment = model.buffers[b].alignment, lowest = 0;
    for (const Forbidden &range : forbidden) {
      if (lowest <= range.low)
        break;
      if (lowest < range.high)
        lowest = alignUp(range.high, alignment);
    }
    int64_t inPlace = kUnplaced;
    for (const Forbidden &range : forbidden)
      if (range.except != kUnplaced && range.except % alignment == 0 &&
          (inPlace == kUnplaced || range.except < inPlace) &&
          isAllowed(range.except))
        inPlace = range.except;
    if (inPlace != kUnplaced &&
        (preference == Preference::InPlace || inPlace < lowest))
      return inPlace;
    return lowest;
  }

  bool isAllowed(int64_t offset) const {
    for (const Forbidden &range : forbidden)
      if (range.low < offset && offset < range.high && range.except != offset)
        return false;
    return true;
  }

  const Model &model;
  std::vector<Forbidden> forbidden;
};

} // namespace

/// Buffer indices (without the empty ones) by a descending key.
static std::vector<int> orderBy(const Model &model,
                                const std::function<int64_t(int)> &key) {
  std::vector<int> order;
  for (int i = 0; i < model.size(); ++i)
    if (model.buffers[i].size > 0)
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return std::pair(-key(a), a) < std::pair(-key(b), b);
  });
  return order;
}

static std::vector<int64_t> withoutEmpty(std::vector<int64_t> offsets) {
  for (int64_t &offset : offsets)
    offset = std::max<int64_t>(offset, 0);
  return offsets;
}

std::vector<int64_t> adze::memory::placeGreedily(const Model &model,
                                                 int64_t bound) {
  const std::vector<Buffer> &buffers = model.buffers;
  // The bytes live beside a buffer: those in crowded steps go first.
  std::vector<int64_t> crowd(model.size(), 0);
  for (const Model::LiveSet &set : model.liveSets) {
    int64_t bytes = set.leastBytes(buffers);
    for (int b : set.buffers)
      crowd[b] = std::max(crowd[b], bytes);
  }
  auto length = [&](int b) { return buffers[b].last - buffers[b].first + 1; };
  const std::function<int64_t(int)> keys[] = {
      [&](int b) { return buffers[b].size; },
      [&](int b) { return buffers[b].size * length(b); },
      [&](int b) { return length(b); },
      [&](int b) { return crowd[b]; },
      [&](int b) { return -buffers[b].first; },
      // From the end: an output may lie below its inputs but not above them,
      // so on chains of diagonal rules the last one wants the bottom.
      [&](int b) { return buffers[b].last; },
  };
  GreedyPlacement placement(model);
  std::vector<int64_t> best;
  int64_t bestPeak = INT64_MAX;
  for (const std::function<int64_t(int)> &key : keys) {
    std::vector<int> order = orderBy(model, key);
    for (Preference preference : {Preference::Lowest, Preference::InPlace}) {
      int64_t peak = placement.place(order, preference, bestPeak);
      if (peak >= bestPeak)
        continue;
      bestPeak = peak;
      best = placement.offsets;
      if (bestPeak == bound)
        return withoutEmpty(best);
    }
  }
  return withoutEmpty(best);
}

std::vector<int64_t> adze::memory::improveGreedily(const Model &model,
                                                   int64_t bound,
                                                   std::vector<int64_t> start,
                                                   int64_t visits) {
  // Placing in the order of offsets gives the start again, or better.
  std::vector<int> order = orderBy(model, [&](int b) { return -start[b]; });
  if (order.size() < 2)
    return start;
  std::vector<int64_t> best = start;
  int64_t bestPeak = model.peak(start);
  GreedyPlacement placement(model);
  Sequence sequence(order.size());
  std::vector<int> candidate, critical;
  for (unsigned round = 0; placement.visits < visits && bestPeak > bound;
       ++round) {
    // Half of the moves take a buffer that reaches the peak, or a neighbour of
    // one; the others any buffer, to leave plateaus.
    candidate = order;
    size_t from = sequence.below(order.size());
    if (round % 2 == 0) {
      critical.clear();
      for (size_t i = 0; i < order.size(); ++i)
        if (best[order[i]] + model.buffers[order[i]].size == bestPeak)
          critical.push_back(static_cast<int>(i));
      from = critical[sequence.below(critical.size())];
      const std::vector<Conflict> &near = model.conflicts[order[from]];
      if (sequence.below(2) && !near.empty())
        from = std::find(order.begin(), order.end(),
                         near[sequence.below(near.size())].other) -
               order.begin();
    }
    size_t to = sequence.below(order.size());
    int moved = candidate[from];
    candidate.erase(candidate.begin() + from);
    candidate.insert(candidate.begin() + to, moved);
    Preference preference =
        sequence.below(2) ? Preference::InPlace : Preference::Lowest;
    int64_t peak = placement.place(candidate, preference, bestPeak);
    placement.visits += static_cast<int64_t>(
        order.size()); // a round costs work even without pairs
    if (peak > bestPeak)
      continue;
    order = candidate;
    bestPeak = peak;
    best = placement.offsets;
  }
  return withoutEmpty(best);
}
