//===- requantization_search_test.cpp - Forms at every accumulator -*- C++ -*-//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/requantize/Search.h"

#include "gtest/gtest.h"

using namespace adze;
using namespace adze::families;

namespace {

struct Case {
  Requantization requantization;
  std::vector<AccumulatorRange> ranges;
};

/// Channels whose outputs span the range several times over.
Case sampleCase(int channels, int32_t zeroPoint, Rounding rounding) {
  Case c;
  c.requantization.zeroPoint = zeroPoint;
  c.requantization.rounding = rounding;
  for (int o = 0; o < channels; ++o) {
    c.requantization.factors.push_back(
        fixedPoint(0.0021 + 0.00037 * double(o * o % 17) + 1e-7 * o));
    c.ranges.push_back({-90000 - 1013 * o, 110000 + 777 * o});
  }
  return c;
}

void expectEqual(const Case &c, const FastRequantization &form, int64_t scale) {
  for (size_t o = 0; o < c.ranges.size(); ++o)
    for (int64_t a = c.ranges[o].low; a <= c.ranges[o].high; ++a) {
      int32_t expected = c.requantization.apply(int32_t(a), int64_t(o));
      int64_t x = scale * a + form.channels[o].correction;
      ASSERT_EQ(form.apply(x, int64_t(o)), expected)
          << "accumulator " << a << ", channel " << o;
    }
}

TEST(RequantizationSearch, ReluIsStraight) {
  for (int64_t scale : {16, 128, 256, 576}) {
    Case c = sampleCase(6, -128, Rounding::twice);
    FastSearch search;
    search.scale = scale;
    auto form = findFastRequantization(c.requantization, c.ranges, search);
    ASSERT_TRUE(form) << scale;
    EXPECT_FALSE(form->stepped);
    expectEqual(c, *form, scale);
  }
}

TEST(RequantizationSearch, NegativeOutputsNeedASteppedForm) {
  Case c = sampleCase(6, -5, Rounding::twice);
  FastSearch search;
  search.scale = 256;
  auto form = findFastRequantization(c.requantization, c.ranges, search);
  ASSERT_TRUE(form);
  EXPECT_TRUE(form->stepped);
  expectEqual(c, *form, 256);
  search.stepped = false;
  EXPECT_FALSE(findFastRequantization(c.requantization, c.ranges, search));
}

TEST(RequantizationSearch, OneRoundingIsStraight) {
  Case c = sampleCase(6, -5, Rounding::once);
  FastSearch search;
  search.scale = 256;
  auto form = findFastRequantization(c.requantization, c.ranges, search);
  ASSERT_TRUE(form);
  EXPECT_FALSE(form->stepped);
  expectEqual(c, *form, 256);
}

TEST(RequantizationSearch, ClampsInsideOfTheType) {
  for (auto [low, high] : {std::pair(-100, 90), {-128, 60}, {-20, 127}}) {
    Case c = sampleCase(3, -20, Rounding::twice);
    c.requantization.low = low;
    c.requantization.high = high;
    FastSearch search;
    search.scale = 256;
    auto form = findFastRequantization(c.requantization, c.ranges, search);
    ASSERT_TRUE(form) << low;
    EXPECT_TRUE(form->clamps);
    expectEqual(c, *form, 256);
  }
}

TEST(RequantizationSearch, ExactFormNeedsNoSearch) {
  for (Rounding rounding : {Rounding::twice, Rounding::once})
    for (int32_t zeroPoint : {-128, 0, 7}) {
      Case c = sampleCase(6, zeroPoint, rounding);
      auto form = exactRequantization(c.requantization, c.ranges, 128);
      ASSERT_TRUE(form);
      expectEqual(c, *form, 128);
    }
}

// MobileNets have channels whose weights mean nothing: tiny factors, and biases
// clipped at 2^30.
TEST(RequantizationSearch, DeadChannels) {
  for (int32_t zeroPoint : {-128, -3}) {
    Case c = sampleCase(8, zeroPoint, Rounding::twice);
    Requantization &r = c.requantization;
    r.factors[0] = fixedPoint(1e-10); // a constant
    c.ranges[0] = {(1 << 30) - 100000, (1 << 30) + 100000};
    r.factors[1] = fixedPoint(5e-7); // one or two steps in the range
    c.ranges[1] = {(1 << 30) - 400000, (1 << 30) + 400000};
    r.factors[2] = {};
    r.factors[3] = fixedPoint(2.5e-9); // 2.5 at the origin
    c.ranges[3] = {1000000000 - 500000, 1000000000 + 500000};
    r.factors[4] = fixedPoint(1e-8);
    c.ranges[4] = {-(1 << 30) - 100000, -(1 << 30) + 100000};
    FastSearch search;
    search.scale = 256;
    auto form = findFastRequantization(r, c.ranges, search);
    ASSERT_TRUE(form);
    EXPECT_EQ(form->channels[0].multiplier, 0);
    expectEqual(c, *form, 256);
  }
}

TEST(RequantizationSearch, OverflowIsRefused) {
  Case c = sampleCase(1, -128, Rounding::twice);
  c.ranges[0].high = int64_t(1) << 24;
  FastSearch search;
  search.scale = 256;
  EXPECT_FALSE(findFastRequantization(c.requantization, c.ranges, search));
  EXPECT_FALSE(exactRequantization(c.requantization, c.ranges, 256));
}

} // namespace
