//===- CostModel.h - Choosing a schedule ------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_COSTMODEL_H
#define ADZE_COSTMODEL_H

#include "adze/KernelFamily.h"

#include <memory>

namespace adze {

/// One way to compute a problem.
struct Candidate {
  const KernelFamily *family = nullptr;
  Schedule schedule;
  KernelFeatures features;
  /// Predicted cost in the unit of the model (instructions on
  /// microcontrollers), and where the figure comes from: "analytic",
  /// "measured", "learned".
  double cost = 0;
  std::string_view source;
};

class CostModel {
public:
  virtual ~CostModel() = default;
  virtual std::string_view name() const = 0;
  /// Sets cost and source of each candidate and sorts them, best first; equal
  /// costs keep their order.
  virtual void rank(const Problem &problem, const Machine &machine,
                    std::vector<Candidate> &candidates) const = 0;
};

/// Estimated instructions of KernelFeatures, as the families count them.
std::unique_ptr<CostModel> makeAnalyticCostModel();

/// All candidates of these families within the limits, ranked.
std::vector<Candidate>
rankedCandidates(const std::vector<const KernelFamily *> &families,
                 const Problem &problem, const Machine &machine,
                 const KernelLimits &limits, const CostModel &model);

} // namespace adze

#endif
