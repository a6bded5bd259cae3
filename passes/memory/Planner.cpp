//===- Planner.cpp - Offsets of buffers in one arena ----------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The planner: greedy orders, then branch and bound on small problems, then
/// improvement of the best order. Where the peak stays above the bound of the
/// single steps, the buffers round the peak are solved exactly on their own: no
/// plan of the whole can need less than the best plan of a part.
///
//===----------------------------------------------------------------------===//

#include "PlannerModel.h"

#include <optional>

using namespace adze::memory;

/// Steps to either side of the peak that its part of the problem may span.
static constexpr int64_t kPartRadii[] = {1, 2, 4, 8, 16};

static int64_t stepBound(const Model &model) {
  int64_t bound = 0;
  for (const Model::LiveSet &set : model.liveSets)
    bound = std::max(bound, set.leastBytes(model.buffers));
  return bound;
}

int64_t adze::memory::lowerBound(const Problem &problem) {
  return stepBound(Model(problem));
}

/// Among the steps in which a buffer reaches the peak, the first with the most
/// live bytes.
static void findPeak(const Model &model, Plan &plan) {
  int64_t most = -1;
  for (const Model::LiveSet &set : model.liveSets) {
    int64_t bytes = 0;
    bool reaches = false;
    for (int b : set.buffers) {
      bytes += model.buffers[b].size;
      reaches |= plan.offsets[b] + model.buffers[b].size == plan.peak;
    }
    if (!reaches || bytes <= most)
      continue;
    most = bytes;
    plan.peakStep = set.step;
    plan.peakBuffers = set.buffers;
  }
  std::sort(plan.peakBuffers.begin(), plan.peakBuffers.end());
}

/// The buffers that are live within `radius` steps of `step`, as a problem of
/// their own.
static Problem extractPart(const Problem &problem, int64_t step,
                           int64_t radius) {
  Problem part;
  std::vector<int> renumbered(problem.buffers.size(), -1);
  for (size_t b = 0; b < problem.buffers.size(); ++b) {
    const Buffer &buffer = problem.buffers[b];
    if (buffer.last < step - radius || buffer.first > step + radius)
      continue;
    renumbered[b] = static_cast<int>(part.buffers.size());
    part.buffers.push_back(buffer);
  }
  for (const Overlap &rule : problem.overlaps)
    if (renumbered[rule.output] >= 0 && renumbered[rule.input] >= 0)
      part.overlaps.push_back(
          {renumbered[rule.output], renumbered[rule.input], rule.distance});
  return part;
}

/// The least peak of `problem`, if branch and bound can prove it.
static std::optional<int64_t> solveExactly(const Problem &problem,
                                           const Effort &effort) {
  Model model(problem);
  int64_t bound = stepBound(model);
  std::vector<int64_t> offsets = placeGreedily(model, bound);
  if (!placeExactly(model, bound, offsets, effort.exactNodes))
    return std::nullopt;
  return model.peak(offsets);
}

Plan adze::memory::planOffsets(const Problem &problem, const Effort &effort) {
  Model model(problem);
  Plan plan;
  plan.bound = stepBound(model);
  plan.offsets = placeGreedily(model, plan.bound);
  plan.peak = model.peak(plan.offsets);
  if (plan.peak > plan.bound && model.size() <= effort.exactBuffers) {
    if (placeExactly(model, plan.bound, plan.offsets, effort.exactNodes))
      plan.bound = model.peak(plan.offsets);
    plan.peak = model.peak(plan.offsets);
  }
  if (plan.peak > plan.bound) {
    plan.offsets = improveGreedily(model, plan.bound, plan.offsets,
                                   effort.improvementVisits);
    plan.peak = model.peak(plan.offsets);
  }
  findPeak(model, plan);
  for (int64_t radius : kPartRadii) {
    if (plan.peak == plan.bound)
      break;
    Problem part = extractPart(problem, plan.peakStep, radius);
    if (static_cast<int>(part.buffers.size()) > effort.exactBuffers)
      break;
    std::optional<int64_t> least = solveExactly(part, effort);
    if (!least)
      break;
    plan.bound = std::max(plan.bound, *least);
  }
  return plan;
}
