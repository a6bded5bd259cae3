//===- memory_regions_test.cpp - Buffers over several memories ------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/MemoryRegions.h"

#include <gtest/gtest.h>

#include <random>

using namespace adze::memory;

TEST(MemoryRegions, HottestTakesTheFastest) {
  Problem problem;
  problem.buffers = {{64, 16, 0, 3}, {64, 16, 0, 3}, {64, 16, 0, 3}};
  RegionPlan plan = planRegions(problem, {64, 640, 128}, {100, 1000});
  EXPECT_EQ(plan.misfit, -1);
  EXPECT_EQ(plan.regionOf, (std::vector<int>{1, 0, 1}));
  EXPECT_EQ(plan.regions[0].size, 64);
  EXPECT_EQ(plan.regions[1].begin, 64);
  EXPECT_EQ(plan.regions[1].size, 128);
}

TEST(MemoryRegions, LargestFirstWhereTheHottestBlockTheWay) {
  Problem problem; // the small hot one would leave no place for the large one
  problem.buffers = {{96, 16, 0, 1}, {16, 16, 0, 1}};
  RegionPlan plan = planRegions(problem, {96, 1600}, {96, 16});
  EXPECT_EQ(plan.misfit, -1);
  EXPECT_EQ(plan.regionOf, (std::vector<int>{0, 1}));
}

TEST(MemoryRegions, MostTrafficInTheFastest) {
  Problem problem; // the first and the last live after one another
  problem.buffers = {{64, 16, 0, 1}, {64, 16, 1, 2}, {64, 16, 2, 3}};
  RegionPlan plan = planRegions(problem, {128, 192, 128}, {64, 64});
  EXPECT_EQ(plan.misfit, -1);
  EXPECT_EQ(plan.regionOf, (std::vector<int>{0, 1, 0}));
}

TEST(MemoryRegions, NamesWhatIsMissing) {
  Problem problem;
  problem.buffers = {{64, 16, 0, 1}, {64, 16, 1, 2}};
  RegionPlan plan = planRegions(problem, {128, 64}, {16, 96});
  EXPECT_EQ(plan.misfit, 1);
  EXPECT_EQ(plan.nearest, 1);
  EXPECT_EQ(plan.missing, 32);
  EXPECT_EQ(plan.beside, std::vector<int>{0});
}

TEST(MemoryRegions, NoBufferCrossesABorder) {
  std::mt19937 random(11);
  auto upTo = [&](int most) {
    return std::uniform_int_distribution<int>(0, most)(random);
  };
  int fitted = 0;
  for (int trial = 0; trial < 300; ++trial) {
    Problem problem;
    std::vector<int64_t> traffic;
    int steps = 2 + upTo(10), count = 1 + upTo(14);
    for (int i = 0; i < count; ++i) {
      int first = upTo(steps), last = std::min(first + upTo(3), steps);
      problem.buffers.push_back({upTo(200), 16, first, last});
      traffic.push_back(upTo(1000));
    }
    for (int i = 0; i < count; ++i)
      for (int o = 0; o < count; ++o)
        if (problem.buffers[i].last == problem.buffers[o].first &&
            problem.buffers[i].first < problem.buffers[o].first && upTo(1))
          problem.overlaps.push_back({o, i, upTo(2) * 16});
    std::vector<int64_t> capacities = {upTo(300), upTo(300), upTo(1500)};
    RegionPlan plan = planRegions(problem, traffic, capacities);
    if (plan.misfit >= 0) {
      EXPECT_GT(plan.missing, 0);
      continue;
    }
    ++fitted;
    EXPECT_EQ(verifyPlan(problem, plan.offsets), "");
    int64_t begin = 0;
    for (size_t r = 0; r < capacities.size(); ++r) {
      EXPECT_EQ(plan.regions[r].begin, begin);
      EXPECT_LE(plan.regions[r].size, capacities[r]);
      begin += plan.regions[r].size;
    }
    for (int i = 0; i < count; ++i) {
      const Region &region = plan.regions[plan.regionOf[i]];
      EXPECT_GE(plan.offsets[i], region.begin);
      EXPECT_LE(plan.offsets[i] + problem.buffers[i].size,
                region.begin + region.size);
    }
  }
  EXPECT_GT(fitted, 100);
}
