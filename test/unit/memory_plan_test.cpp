//===- memory_plan_test.cpp - The arena planner against brute force -------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/MemoryPlan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

using namespace adze::memory;

namespace {

/// Tries every offset that is a multiple of the alignment and below `limit`.
/// Returns the least peak below it, or `limit`.
int64_t leastPeakByTrial(const Problem &problem, int64_t limit) {
  Problem part;
  std::vector<int64_t> offsets;
  int64_t best = limit;
  std::function<void(int64_t)> place = [&](int64_t peak) {
    size_t next = offsets.size();
    if (next == problem.buffers.size()) {
      best = peak;
      return;
    }
    const Buffer &buffer = problem.buffers[next];
    part.buffers.push_back(buffer);
    part.overlaps.clear();
    for (const Overlap &rule : problem.overlaps)
      if (std::max(rule.output, rule.input) <= static_cast<int>(next))
        part.overlaps.push_back(rule);
    std::vector<Overlap> rules = part.overlaps;
    for (int64_t at = 0; at + buffer.size < best; at += buffer.alignment) {
      offsets.push_back(at);
      part.overlaps = rules;
      if (verifyPlan(part, offsets).empty())
        place(std::max(peak, at + buffer.size));
      offsets.pop_back();
    }
    part.buffers.pop_back();
  };
  place(0);
  return best;
}

int64_t sumOfSizes(const Problem &problem) {
  int64_t sum = 0;
  for (const Buffer &buffer : problem.buffers)
    sum += (buffer.size + buffer.alignment - 1) & -buffer.alignment;
  return sum;
}

Problem randomProblem(std::mt19937 &random, int buffers, int steps, int largest,
                      int64_t alignment, bool rules) {
  Problem problem;
  for (int b = 0; b < buffers; ++b) {
    int64_t first = random() % steps;
    problem.buffers.push_back(
        {static_cast<int64_t>(1 + random() % largest) * alignment, alignment,
         first, std::min<int64_t>(steps - 1, first + random() % 3)});
  }
  if (!rules)
    return problem;
  for (int o = 0; o < buffers; ++o)
    for (int i = 0; i < buffers; ++i)
      if (problem.buffers[o].first == problem.buffers[i].last && o != i &&
          random() % 2)
        problem.overlaps.push_back(
            {o, i, static_cast<int64_t>(random() % 3) * alignment});
  return problem;
}

/// A chain of buffers of one size, each made from the one before it.
Problem chain(const std::vector<int64_t> &distances, int64_t size) {
  Problem problem;
  for (int b = 0, e = static_cast<int>(distances.size()); b <= e; ++b) {
    problem.buffers.push_back({size, 16, b, b + 1});
    if (b > 0 && distances[b - 1] >= 0)
      problem.overlaps.push_back({b, b - 1, distances[b - 1]});
  }
  return problem;
}

void expectValid(const Problem &problem, const Plan &plan) {
  EXPECT_EQ(verifyPlan(problem, plan.offsets), "");
  EXPECT_LE(plan.bound, plan.peak);
  EXPECT_LE(lowerBound(problem), plan.bound);
  int64_t end = 0;
  for (size_t b = 0; b < plan.offsets.size(); ++b)
    end = std::max(end, plan.offsets[b] + problem.buffers[b].size);
  EXPECT_LE(end, plan.peak);
}

TEST(MemoryPlan, NothingNeedsNothing) {
  Plan plan = planOffsets({});
  EXPECT_EQ(plan.peak, 0);
  EXPECT_TRUE(plan.optimal());
  EXPECT_EQ(plan.peakStep, -1);
  EXPECT_TRUE(plan.peakBuffers.empty());
}

TEST(MemoryPlan, EmptyBuffersShareWithEverything) {
  Problem problem{{{0, 16, 0, 9}, {100, 16, 2, 4}}, {}};
  Plan plan = planOffsets(problem);
  expectValid(problem, plan);
  EXPECT_EQ(plan.peak, 112);
}

TEST(MemoryPlan, RandomProblemsAreSolvedToTheOptimum) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    Problem problem = randomProblem(random, 2 + round % 5, 5, 4, 1, false);
    Plan plan = planOffsets(problem);
    expectValid(problem, plan);
    EXPECT_EQ(plan.peak, leastPeakByTrial(problem, sumOfSizes(problem) + 1))
        << "round " << round;
    EXPECT_TRUE(plan.optimal()) << "round " << round;
  }
}

TEST(MemoryPlan, RandomProblemsWithOverlapRulesAreSolvedToTheOptimum) {
  std::mt19937 random(8);
  for (int round = 0; round < 600; ++round) {
    Problem problem = randomProblem(random, 2 + round % 5, 4, 4, 1, true);
    Plan plan = planOffsets(problem);
    expectValid(problem, plan);
    EXPECT_EQ(plan.peak, leastPeakByTrial(problem, sumOfSizes(problem) + 1))
        << "round " << round;
    EXPECT_TRUE(plan.optimal()) << "round " << round;
  }
}

TEST(MemoryPlan, AlignmentsOfSeveralSizesAreSolvedToTheOptimum) {
  std::mt19937 random(9);
  for (int round = 0; round < 200; ++round) {
    Problem problem = randomProblem(random, 5, 4, 6, 1, round % 2);
    for (Buffer &buffer : problem.buffers)
      buffer.alignment = int64_t(1) << random() % 3;
    Plan plan = planOffsets(problem);
    expectValid(problem, plan);
    int64_t smallest = 4;
    for (const Buffer &buffer : problem.buffers)
      smallest = std::min(smallest, buffer.alignment);
    int64_t best = leastPeakByTrial(problem, sumOfSizes(problem) + 1);
    EXPECT_EQ(plan.peak, (best + smallest - 1) & -smallest)
        << "round " << round;
  }
}

TEST(MemoryPlan, HeuristicsAloneStayCloseToTheOptimum) {
  std::mt19937 random(10);
  Effort heuristics;
  heuristics.exactBuffers = 0;
  heuristics.improvementVisits = 100'000;
  int64_t found = 0, least = 0;
  for (int round = 0; round < 60; ++round) {
    Problem problem = randomProblem(random, 14, 10, 9, 16, round % 2);
    Plan heuristic = planOffsets(problem, heuristics),
         exact = planOffsets(problem);
    expectValid(problem, heuristic);
    expectValid(problem, exact);
    EXPECT_TRUE(exact.optimal()) << "round " << round;
    EXPECT_LE(exact.peak, heuristic.peak);
    found += heuristic.peak;
    least += exact.peak;
  }
  EXPECT_LE(found, least * 1.02);
}

TEST(MemoryPlan, LargeProblemsStayWithinAFewPercentOfTheBound) {
  std::mt19937 random(11);
  for (bool rules : {false, true}) {
    Problem problem = randomProblem(random, 1500, 700, 1000, 16, rules);
    Plan plan = planOffsets(problem);
    expectValid(problem, plan);
    EXPECT_LE(plan.peak, plan.bound * 1.05);
  }
}

TEST(MemoryPlan, InPlaceChainTakesOneBuffer) {
  Problem problem = chain(std::vector<int64_t>(30, 0), 4096);
  Plan plan = planOffsets(problem);
  expectValid(problem, plan);
  EXPECT_EQ(plan.peak, 4096);
  EXPECT_TRUE(plan.optimal());
}

TEST(MemoryPlan, ChainWithoutRulesTakesTwoBuffers) {
  Problem problem = chain(std::vector<int64_t>(30, -1), 4096);
  EXPECT_EQ(planOffsets(problem).peak, 8192);
}

TEST(MemoryPlan, AddMayOverwriteOneOfItsInputsOnly) {
  Problem problem;
  problem.buffers = {{64, 16, 0, 2}, {64, 16, 1, 2}, {64, 16, 2, 3}};
  problem.overlaps = {{2, 0, 0}, {2, 1, 0}};
  Plan plan = planOffsets(problem);
  expectValid(problem, plan);
  EXPECT_EQ(plan.peak, 128);
  EXPECT_TRUE(plan.optimal());
}

TEST(MemoryPlan, RuleOfAnInputThatLivesOnIsIgnored) {
  Problem problem;
  problem.buffers = {{64, 16, 0, 3}, {64, 16, 1, 3}};
  problem.overlaps = {{1, 0, 0}};
  EXPECT_EQ(planOffsets(problem).peak, 128);
  EXPECT_NE(verifyPlan(problem, {0, 0}), "");
}

TEST(MemoryPlan, DiagonalOutputLiesBelowItsInput) {
  Problem problem = chain({100}, 1024);
  Plan plan = planOffsets(problem);
  expectValid(problem, plan);
  EXPECT_EQ(plan.peak, 1024 + 112); // the distance rounded up to the alignment
  EXPECT_EQ(plan.offsets, (std::vector<int64_t>{112, 0}));
  EXPECT_NE(verifyPlan(problem, {0, 112}), "");
  EXPECT_NE(verifyPlan(problem, {96, 0}), "");
}

/// The keyword spotting network of MLPerf Tiny: 25x5x64 floats after the first
/// convolution, four times depthwise 3x3 (padding 1, two rows between the
/// output and what is still read) and pointwise (one pixel between them), then
/// pooling and the classifier.
TEST(MemoryPlan, KeywordSpottingFitsWellBelowTwoActivations) {
  constexpr int64_t activation = 25 * 5 * 64 * 4, rows = 2 * 5 * 64 * 4,
                    pixel = 64 * 4;
  Problem problem =
      chain({rows, pixel, rows, pixel, rows, pixel, rows, pixel}, activation);
  problem.buffers.push_back({64 * 4, 16, 9, 10});
  problem.buffers.push_back({12 * 4, 16, 10, 11});
  Plan plan = planOffsets(problem);
  expectValid(problem, plan);
  EXPECT_EQ(plan.peak, activation + 4 * (rows + pixel)); // 43,264
  EXPECT_TRUE(plan.optimal());
  EXPECT_LT(plan.peak, 64'000);
}

TEST(MemoryPlan, PeakNamesTheBuffersThatMakeIt) {
  Problem problem;
  problem.buffers = {
      {64, 16, 0, 1}, {256, 16, 1, 2}, {512, 16, 2, 3}, {16, 16, 3, 4}};
  Plan plan = planOffsets(problem);
  EXPECT_EQ(plan.peak, 768);
  EXPECT_EQ(plan.peakStep, 2);
  EXPECT_EQ(plan.peakBuffers, (std::vector<int>{1, 2}));
}

TEST(MemoryPlan, PlansAreRepeatable) {
  std::mt19937 random(12);
  Problem problem = randomProblem(random, 200, 90, 50, 16, true);
  EXPECT_EQ(planOffsets(problem).offsets, planOffsets(problem).offsets);
}

TEST(MemoryPlan, VerifierFindsMisalignedAndOverlappingBuffers) {
  Problem problem{{{32, 16, 0, 1}, {32, 16, 1, 2}}, {}};
  EXPECT_EQ(verifyPlan(problem, {0, 32}), "");
  EXPECT_NE(verifyPlan(problem, {0, 16}), "");
  EXPECT_NE(verifyPlan(problem, {0, 40}), "");
  EXPECT_NE(verifyPlan(problem, {0}), "");
}

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

StepGraph randomGraph(std::mt19937 &random, int steps) {
  StepGraph graph;
  for (int s = 0; s < steps; ++s) {
    StepGraph::Step step;
    for (size_t v = 0; v < graph.values.size(); ++v)
      if (random() % 3 == 0)
        step.uses.push_back(static_cast<int>(v));
    if (random() % 4 == 0)
      step.scratch = random() % 8;
    if (!step.uses.empty() && random() % 2)
      step.savings.push_back({step.uses[random() % step.uses.size()],
                              static_cast<int64_t>(random() % 3)});
    if (s > 0 && random() % 6 == 0)
      step.after.push_back(random() % s);
    graph.steps.push_back(step);
    for (unsigned made = 1 + random() % 2; made > 0; --made)
      graph.values.push_back(
          {static_cast<int64_t>(3 + random() % 20), s, random() % 5 == 0});
  }
  return graph;
}

bool isTopological(const StepGraph &graph, const std::vector<int> &order) {
  std::vector<int> position(graph.steps.size(), -1);
  for (size_t i = 0; i < order.size(); ++i)
    position[order[i]] = static_cast<int>(i);
  for (size_t s = 0; s < graph.steps.size(); ++s) {
    if (position[s] < 0)
      return false;
    for (int v : graph.steps[s].uses)
      if (graph.values[v].producer >= 0 &&
          position[graph.values[v].producer] >= position[s])
        return false;
    for (int p : graph.steps[s].after)
      if (position[p] >= position[s])
        return false;
  }
  return order.size() == graph.steps.size();
}

TEST(StepOrder, RandomGraphsAreOrderedToTheOptimum) {
  std::mt19937 random(13);
  for (int round = 0; round < 150; ++round) {
    StepGraph graph = randomGraph(random, 2 + round % 6);
    StepOrder found = orderSteps(graph);
    EXPECT_TRUE(isTopological(graph, found.steps));
    EXPECT_TRUE(found.optimal);
    EXPECT_EQ(found.peak, livePeak(graph, found.steps));
    std::vector<int> order(graph.steps.size());
    std::iota(order.begin(), order.end(), 0);
    int64_t best = INT64_MAX;
    do {
      if (isTopological(graph, order))
        best = std::min(best, livePeak(graph, order));
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(found.peak, best) << "round " << round;
    EXPECT_EQ(orderBound(graph), best) << "round " << round;
    EXPECT_LE(orderBound(graph, 2), best) << "round " << round;
  }
}

TEST(StepOrder, AWholeIsLiveFromItsFirstPartToTheEndOfTheLast) {
  // Two bands make the halves of one buffer of 100 bytes, the first one from 70
  // bytes, the second one from 10.
  StepGraph graph;
  graph.wholes = {100};
  graph.values = {{70, 0, false},
                  {50, 1, false, 0},
                  {10, 2, false},
                  {50, 3, false, 0},
                  {20, 4, false}};
  graph.steps = {{{}, 0, {}, {}},
                 {{0}, 0, {}, {}},
                 {{}, 0, {}, {}},
                 {{2}, 0, {}, {}},
                 {{1, 3}, 0, {}, {}}};
  EXPECT_EQ(livePeak(graph, {0, 1, 2, 3, 4}), 170);
  EXPECT_EQ(orderBound(graph), 170);
  for (StepGraph::Value &value : graph.values)
    value.whole = -1;
  EXPECT_EQ(livePeak(graph, {0, 1, 2, 3, 4}), 120);
}

TEST(StepOrder, SavingsOfSeveralInputsAddUpToTheOutput) {
  StepGraph graph;
  graph.values = {{60, 0, false}, {60, 1, false}, {100, 2, false}};
  graph.steps = {{{}, 0, {}, {}},
                 {{}, 0, {}, {}},
                 {{0, 1}, 0, {{0, 60}, {0, 50}, {1, 60}}, {}}};
  EXPECT_EQ(livePeak(graph, {0, 1, 2}), 120);
  graph.steps[2].savings = {{0, 60}, {1, 30}};
  EXPECT_EQ(livePeak(graph, {0, 1, 2}), 130);
}

TEST(StepOrder, BranchesThatShrinkRunOneAfterTheOther) {
  // Four branches from one input, each 100 bytes wide in the middle and 1 at
  // its end; given breadth first, which keeps all four wide values.
  StepGraph graph;
  graph.values.push_back({10, -1, false});
  for (int branch = 0; branch < 4; ++branch) {
    graph.values.push_back({100, branch, false});
    graph.steps.push_back({{0}, 0, {}, {}});
  }
  for (int branch = 0; branch < 4; ++branch) {
    graph.values.push_back({1, 4 + branch, false});
    graph.steps.push_back({{1 + branch}, 0, {}, {}});
  }
  graph.values.push_back({4, 8, true});
  graph.steps.push_back({{5, 6, 7, 8}, 0, {}, {}});
  EXPECT_EQ(livePeak(graph, {0, 1, 2, 3, 4, 5, 6, 7, 8}), 410);
  StepOrder found = orderSteps(graph);
  EXPECT_TRUE(found.optimal);
  EXPECT_TRUE(isTopological(graph, found.steps));
  EXPECT_EQ(found.peak, 113); // input, three ends, one wide value
}

TEST(StepOrder, GivenOrderStaysWhereNoneIsBetter) {
  StepGraph graph;
  for (int s = 0; s < 5; ++s) {
    graph.values.push_back({8, s, s == 4});
    graph.steps.push_back(
        {s ? std::vector<int>{s - 1} : std::vector<int>{}, 0, {}, {}});
  }
  StepOrder found = orderSteps(graph);
  EXPECT_EQ(found.steps, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(found.optimal);
}

TEST(StepOrder, BeamGoesOnWhereTheSetsAreTooMany) {
  StepGraph graph;
  constexpr int branches = 60;
  graph.values.push_back({10, -1, false});
  for (int branch = 0; branch < branches; ++branch) {
    graph.values.push_back({100 + branch, branch, false});
    graph.steps.push_back({{0}, 0, {}, {}});
  }
  for (int branch = 0; branch < branches; ++branch) {
    graph.values.push_back({20 + branch % 7, branches + branch, true});
    graph.steps.push_back({{1 + branch}, 0, {}, {}});
  }
  std::vector<int> given(graph.steps.size());
  std::iota(given.begin(), given.end(), 0);
  StepOrder found = orderSteps(graph, /*states=*/500);
  EXPECT_TRUE(isTopological(graph, found.steps));
  EXPECT_EQ(found.peak, livePeak(graph, found.steps));
  EXPECT_LT(found.peak, livePeak(graph, given) / 3);
}

} // namespace
