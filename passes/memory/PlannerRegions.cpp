//===- PlannerRegions.cpp - Buffers over several memories -----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/MemoryRegions.h"

#include <algorithm>
#include <functional>
#include <numeric>

using namespace adze::memory;

/// Of every question whether a buffer fits; the regions as they are at last are
/// planned with all effort.
static constexpr Effort kQuestion{/*improvementVisits=*/200'000,
                                  /*exactNodes=*/2'000, /*exactBuffers=*/24};

static int64_t roundedUp(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

namespace {
class Assignment {
public:
  Assignment(const Problem &problem, const std::vector<int64_t> &capacities)
      : problem(problem), members(capacities.size()) {
    for (const Buffer &buffer : problem.buffers)
      alignment = std::max(alignment, buffer.alignment);
    for (int64_t capacity : capacities)
      result.regions.push_back({capacity / alignment * alignment, 0, 0});
    result.regionOf.assign(problem.buffers.size(), -1);
    result.offsets.assign(problem.buffers.size(), 0);
  }

  RegionPlan run(const std::vector<int> &order);

private:
  Problem part(const std::vector<int> &buffers) const;
  Plan plan(const std::vector<int> &buffers, int64_t capacity) const;
  bool place(int buffer);
  void explain(int buffer);

  const Problem &problem;
  int64_t alignment = 1;
  std::vector<std::vector<int>> members; // by region, ascending
  RegionPlan result;
};
} // namespace

/// The problem of some buffers alone. An overlap is a leave, not a duty: one
/// whose buffers lie in two regions is dropped.
Problem Assignment::part(const std::vector<int> &buffers) const {
  Problem some;
  std::vector<int> number(problem.buffers.size(), -1);
  for (int b : buffers) {
    number[b] = static_cast<int>(some.buffers.size());
    some.buffers.push_back(problem.buffers[b]);
  }
  for (const Overlap &overlap : problem.overlaps)
    if (number[overlap.output] >= 0 && number[overlap.input] >= 0)
      some.overlaps.push_back(
          {number[overlap.output], number[overlap.input], overlap.distance});
  return some;
}

/// A plan within the capacity, with more effort only where little does not do.
Plan Assignment::plan(const std::vector<int> &buffers, int64_t capacity) const {
  Problem some = part(buffers);
  Plan quick = planOffsets(some, kQuestion);
  if (quick.peak <= capacity || quick.bound > capacity || quick.optimal())
    return quick;
  Plan slow = planOffsets(some);
  return slow.peak < quick.peak ? slow : quick;
}

bool Assignment::place(int buffer) {
  for (size_t r = 0; r < members.size(); ++r) {
    std::vector<int> with = members[r];
    with.insert(std::lower_bound(with.begin(), with.end(), buffer), buffer);
    int64_t capacity = result.regions[r].capacity;
    if (lowerBound(part(with)) > capacity ||
        plan(with, capacity).peak > capacity)
      continue;
    members[r] = std::move(with);
    result.regionOf[buffer] = static_cast<int>(r);
    return true;
  }
  return false;
}

void Assignment::explain(int buffer) {
  result.misfit = buffer;
  for (size_t r = 0; r < members.size(); ++r) {
    std::vector<int> with = members[r];
    with.insert(std::lower_bound(with.begin(), with.end(), buffer), buffer);
    int64_t missing = plan(with, result.regions[r].capacity).peak -
                      result.regions[r].capacity;
    if (result.nearest >= 0 && missing >= result.missing)
      continue;
    result.nearest = static_cast<int>(r);
    result.missing = missing;
  }
  result.beside.clear();
  const Buffer &one = problem.buffers[buffer];
  for (int b : members[result.nearest])
    if (problem.buffers[b].first <= one.last &&
        one.first <= problem.buffers[b].last)
      result.beside.push_back(b);
}

RegionPlan Assignment::run(const std::vector<int> &order) {
  for (int buffer : order)
    if (!place(buffer)) {
      explain(buffer);
      return result;
    }
  int64_t begin = 0;
  for (size_t r = 0; r < members.size(); ++r) {
    Region &region = result.regions[r];
    Problem some = part(members[r]);
    Plan best = plan(members[r], region.capacity);
    if (!best.optimal())
      if (Plan slow = planOffsets(some); slow.peak < best.peak)
        best = slow;
    region.begin = begin;
    region.size = roundedUp(best.peak, alignment);
    begin += region.size;
    for (size_t i = 0; i < members[r].size(); ++i)
      result.offsets[members[r][i]] = region.begin + best.offsets[i];
  }
  return result;
}

RegionPlan adze::memory::planRegions(const Problem &problem,
                                     const std::vector<int64_t> &traffic,
                                     const std::vector<int64_t> &capacities) {
  const std::vector<Buffer> &buffers = problem.buffers;
  auto heat = [&](int b) {
    return static_cast<double>(traffic[b]) /
           static_cast<double>(std::max<int64_t>(buffers[b].size, 1));
  };
  auto span = [&](int b) { // bytes times steps
    return buffers[b].size * (buffers[b].last - buffers[b].first + 1);
  };
  // Each order by two keys, the smallest first; then by number.
  using Keys = std::pair<double, double>;
  std::function<Keys(int)> orders[] = {
      [&](int b) { return Keys(-heat(b), double(span(b))); },
      [&](int b) { return Keys(-heat(b), -double(buffers[b].size)); },
      [&](int b) { return Keys(-double(buffers[b].size), 0); }};
  RegionPlan best;
  std::vector<int64_t> most; // traffic of the best by region
  for (const auto &keys : orders) {
    std::vector<int> order(buffers.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int a, int b) {
      return std::make_pair(keys(a), a) < std::make_pair(keys(b), b);
    });
    RegionPlan plan = Assignment(problem, capacities).run(order);
    std::vector<int64_t> served;
    if (plan.misfit < 0) {
      served.assign(capacities.size(), 0);
      for (size_t b = 0; b < buffers.size(); ++b)
        served[plan.regionOf[b]] += traffic[b];
    }
    // One that does not fit serves nothing; of those the last, in which the
    // largest chose first, explains best what is missing.
    if (served > most || most.empty()) {
      best = std::move(plan);
      most = std::move(served);
    }
  }
  return best;
}
