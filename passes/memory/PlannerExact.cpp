//===- PlannerExact.cpp - Branch and bound over placements ----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Offsets with the least peak, by placing buffers from the bottom upwards as
/// in job-shop scheduling (Giffler, Thompson 1960: semi-active and active
/// schedules). Some optimal plan has the least sum of offsets; in it
///
///  - every buffer, or group of buffers in place of each other, lies as low as
///    the buffers below it allow, so the sequence of groups by ascending offset
///    determines the plan, and each group is placed at its lowest offset;
///  - no buffer fits completely below one that is placed above it.
///
/// The search runs through these sequences only.
///
//===----------------------------------------------------------------------===//

#include "PlannerModel.h"

#include <tuple>

using namespace adze::memory;

/// For each buffer the one before it that differs in nothing (-1: none): of
/// such twins the one with the smaller index goes first. Buffers with overlap
/// rules have none.
static std::vector<int> findTwins(const Model &model) {
  std::vector<int> twins(model.size(), -1);
  std::vector<bool> hasRule(model.size(), false);
  for (const Model::LiveSet &set : model.liveSets)
    for (const Model::RulePair &pair : set.pairs)
      hasRule[pair.output] = hasRule[pair.input] = true;
  for (int b = 0; b < model.size(); ++b) {
    const Buffer &mine = model.buffers[b];
    for (int a = b - 1; a >= 0 && !hasRule[b] && twins[b] < 0; --a) {
      const Buffer &other = model.buffers[a];
      if (!hasRule[a] && other.size == mine.size &&
          other.alignment == mine.alignment && other.first == mine.first &&
          other.last == mine.last)
        twins[b] = a;
    }
  }
  return twins;
}

namespace {

class BranchAndBound {
public:
  BranchAndBound(const Model &model, int64_t bound, std::vector<int64_t> &best,
                 int64_t nodes)
      : model(model), bound(bound), best(best), bestPeak(model.peak(best)),
        nodesLeft(nodes), twins(findTwins(model)), lowest(model.size(), 0),
        placed(model.size(), false), offsets(model.size(), 0) {
    for (int b = 0; b < model.size(); ++b)
      if (model.buffers[b].size == 0)
        placed[b] = true;
      else
        ++unplacedCount;
  }

  /// Returns whether the best offsets are proven optimal.
  bool run() {
    search(0, -1, 0);
    return nodesLeft > 0 || bestPeak == bound;
  }

private:
  /// A buffer with others in place of each other, and their common offset.
  struct Group {
    std::vector<int> members; ///< the smallest index first
    int64_t offset;
    int64_t size;
  };

  int64_t lowestOf(int b) const {
    return alignUp(lowest[b], model.buffers[b].alignment);
  }

  void search(int64_t floor, int lastIndex, int64_t peak);
  bool isHopeless(int64_t floor, int64_t peak) const;
  void growGroup(Group &group, std::vector<int> &excluded,
                 std::vector<Group> &groups, int64_t floor, int lastIndex);

  const Model &model;
  int64_t bound;
  std::vector<int64_t> &best;
  int64_t bestPeak;
  int64_t nodesLeft;
  int unplacedCount = 0;
  std::vector<int> twins;
  std::vector<int64_t> lowest; ///< what the placed buffers demand
  std::vector<bool> placed;
  std::vector<int64_t> offsets;
};

} // namespace

/// Everything unplaced lies at `floor` or above; in each step the unplaced
/// buffers need their least bytes above the lowest of them.
bool BranchAndBound::isHopeless(int64_t floor, int64_t peak) const {
  if (peak >= bestPeak)
    return true;
  for (const Model::LiveSet &set : model.liveSets) {
    int64_t base = INT64_MAX;
    for (int b : set.buffers) {
      if (placed[b])
        continue;
      int64_t at = std::max(floor, lowestOf(b));
      if (at + model.buffers[b].size >= bestPeak)
        return true;
      base = std::min(base, at);
    }
    if (base == INT64_MAX)
      continue;
    int64_t least =
        set.leastBytes(model.buffers, [&](int b) { return !placed[b]; });
    if (base + least >= bestPeak)
      return true;
  }
  return false;
}

/// Emits `group` and all groups that contain it, its smallest index staying
/// the first member. Each set is made once: a candidate that was passed over is
/// excluded from what follows.
void BranchAndBound::growGroup(Group &group, std::vector<int> &excluded,
                               std::vector<Group> &groups, int64_t floor,
                               int lastIndex) {
  int64_t alignment = 1;
  group.offset = group.size = 0;
  for (int b : group.members) {
    alignment = std::max(alignment, model.buffers[b].alignment);
    group.offset = std::max(group.offset, lowest[b]);
    group.size = std::max(group.size, model.buffers[b].size);
  }
  group.offset = alignUp(group.offset, alignment);
  if (group.offset + group.size >= bestPeak)
    return;
  // What lies lower should have been placed before; among equals the order is
  // by index.
  if (group.offset > floor ||
      (group.offset == floor && group.members.front() > lastIndex))
    groups.push_back(group);

  size_t excludedBefore = excluded.size();
  for (size_t i = 0; i < group.members.size(); ++i) {
    for (const Conflict &pair : model.conflicts[group.members[i]]) {
      int b = pair.other;
      if (!pair.inPlace || placed[b] || b < group.members.front() ||
          std::find(group.members.begin(), group.members.end(), b) !=
              group.members.end() ||
          std::find(excluded.begin(), excluded.end(), b) != excluded.end())
        continue;
      excluded.push_back(b);
      bool fits = std::all_of(
          group.members.begin(), group.members.end(), [&](int member) {
            const Conflict *between = model.findConflict(member, b);
            return !between || between->inPlace;
          });
      if (!fits)
        continue;
      Group larger = group;
      larger.members.push_back(b);
      growGroup(larger, excluded, groups, floor, lastIndex);
    }
  }
  excluded.resize(excludedBefore);
}

void BranchAndBound::search(int64_t floor, int lastIndex, int64_t peak) {
  if (unplacedCount == 0) {
    if (peak < bestPeak) {
      bestPeak = peak;
      best = offsets;
    }
    return;
  }
  if (isHopeless(floor, peak))
    return;

  std::vector<Group> groups;
  std::vector<int> excluded;
  // The two lowest ends that an unplaced buffer could have: nothing may be
  // placed above the end of another buffer that would still fit below it.
  int64_t leastEnd = INT64_MAX, secondEnd = INT64_MAX;
  int leastEndOf = -1;
  for (int b = 0; b < model.size(); ++b) {
    if (placed[b])
      continue;
    int64_t end = lowestOf(b) + model.buffers[b].size;
    if (end < leastEnd) {
      secondEnd = leastEnd;
      leastEnd = end;
      leastEndOf = b;
    } else {
      secondEnd = std::min(secondEnd, end);
    }
    if (twins[b] >= 0 && !placed[twins[b]])
      continue;
    Group group{{b}, 0, 0};
    growGroup(group, excluded, groups, floor, lastIndex);
  }
  std::sort(groups.begin(), groups.end(), [](const Group &a, const Group &b) {
    return std::tuple(a.offset, -a.size, a.members) <
           std::tuple(b.offset, -b.size, b.members);
  });
  for (const Group &group : groups) {
    bool holdsLeast = std::find(group.members.begin(), group.members.end(),
                                leastEndOf) != group.members.end();
    // A group with more than one member may hold the second too; then the test
    // is left out, which only searches more.
    int64_t limit = !holdsLeast                 ? leastEnd
                    : group.members.size() == 1 ? secondEnd
                                                : INT64_MAX;
    if (group.offset >= limit)
      continue;
    if (--nodesLeft <= 0 || bestPeak == bound)
      return;
    std::vector<int64_t> saved = lowest;
    for (int b : group.members) {
      placed[b] = true;
      offsets[b] = group.offset;
      --unplacedCount;
    }
    for (int b : group.members)
      for (const Conflict &pair : model.conflicts[b])
        if (!placed[pair.other])
          lowest[pair.other] =
              std::max(lowest[pair.other], group.offset + pair.gapAbove);
    search(group.offset, group.members.front(),
           std::max(peak, group.offset + group.size));
    for (int b : group.members) {
      placed[b] = false;
      ++unplacedCount;
    }
    lowest = std::move(saved);
    if (nodesLeft <= 0 || bestPeak == bound)
      return;
  }
}

bool adze::memory::placeExactly(const Model &model, int64_t bound,
                                std::vector<int64_t> &offsets, int64_t nodes) {
  return BranchAndBound(model, bound, offsets, nodes).run();
}
