//===- Analytic.cpp - Costs from what the families count --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/CostModel.h"

#include <algorithm>

namespace adze {

namespace {
class AnalyticCostModel final : public CostModel {
public:
  std::string_view name() const override { return "analytic"; }

  void rank(const Problem &, const Machine &,
            std::vector<Candidate> &candidates) const override {
    for (Candidate &candidate : candidates) {
      candidate.cost = candidate.features.instructions;
      candidate.source = "analytic";
    }
    std::stable_sort(
        candidates.begin(), candidates.end(),
        [](const Candidate &a, const Candidate &b) { return a.cost < b.cost; });
  }
};
} // namespace

std::unique_ptr<CostModel> makeAnalyticCostModel() {
  return std::make_unique<AnalyticCostModel>();
}

std::vector<Candidate>
rankedCandidates(const std::vector<const KernelFamily *> &families,
                 const Problem &problem, const Machine &machine,
                 const KernelLimits &limits, const CostModel &model) {
  auto within = [](int64_t bytes, int64_t limit) {
    return limit < 0 || bytes <= limit;
  };
  std::vector<Candidate> candidates;
  for (const KernelFamily *family : families) {
    if (!family->matches(problem, machine))
      continue;
    for (Schedule &schedule : family->schedules(problem, machine)) {
      Candidate candidate{family, std::move(schedule), {}, 0, {}};
      candidate.features =
          family->features(problem, candidate.schedule, machine);
      if (within(candidate.features.constantBytes, limits.constantBytes) &&
          within(candidate.features.scratchBytes, limits.scratchBytes))
        candidates.push_back(std::move(candidate));
    }
  }
  model.rank(problem, machine, candidates);
  return candidates;
}

} // namespace adze
