//===- folded_form_test.cpp - Depthwise requantization ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/depthwise/FoldedForm.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace adze;
using namespace adze::families;
using namespace adze::families::depthwise;

namespace {

constexpr int64_t scale = 256;

/// A depthwise layer of 3x3 with these factors and biases.
ConvolutionProblem layer(const std::vector<double> &factors,
                         const std::vector<int64_t> &biases) {
  ConvolutionProblem p;
  p.inputChannels = p.outputChannels = p.groups = int64_t(factors.size());
  p.kernelHeight = p.kernelWidth = 3;
  p.bias = biases;
  for (size_t o = 0; o < factors.size(); ++o)
    for (int i = 0; i < 9; ++i)
      p.weights.push_back(int8_t((i * 53 + int(o) * 29) % 255 - 127));
  for (double factor : factors)
    p.requantization.factors.push_back(fixedPoint(factor));
  p.requantization.zeroPoint = -128;
  return p;
}

/// What SMMLAR and SSAT make of every sum that the weights can give.
void expectEqual(const ConvolutionProblem &p, const FoldedForm &form) {
  std::vector<AccumulatorRange> ranges = accumulatorRanges(p);
  for (size_t o = 0; o < ranges.size(); ++o) {
    const FoldedForm::Channel &c = form.channels[o];
    for (int64_t a = ranges[o].low; a <= ranges[o].high; ++a) {
      int64_t sum = c.constant ? 0 : a - p.bias[o];
      int64_t x = scale * sum + c.start;
      ASSERT_TRUE(x >= INT32_MIN && x <= INT32_MAX);
      int64_t raw = ((x * c.multiplier + (int64_t(1) << 31)) >> 32) + c.addend;
      ASSERT_TRUE(raw >= INT32_MIN && raw <= INT32_MAX);
      int64_t y = std::clamp<int64_t>(raw >> form.shift, -128, 127);
      if (form.clamps)
        y = std::clamp<int64_t>(y - form.clampSubtract, -128, 127) +
            form.clampAdd;
      ASSERT_EQ(y, p.requantization.apply(int32_t(a), int64_t(o)))
          << "channel " << o << ", accumulator " << a;
    }
  }
}

TEST(FoldedForm, UsualChannelsShareAnAddend) {
  ConvolutionProblem p =
      layer({0.0061, 0.0113, 0.0047, 0.0201}, {-1500, 2200, 17, 6000});
  auto form = findFoldedForm(p, scale);
  ASSERT_TRUE(form);
  EXPECT_TRUE(form->sharedAddend);
  expectEqual(p, *form);
}

// As trained MobileNets have them: the bias times 256 leaves 32 bits.
TEST(FoldedForm, ChannelsOfLargeBiasAndConstantOutput) {
  ConvolutionProblem p =
      layer({0.0061, 2.3e-7, 1e-9, 1.43e-7}, {-1500, 99174816, 40, 26571660});
  auto form = findFoldedForm(p, scale);
  ASSERT_TRUE(form);
  EXPECT_TRUE(form->channels[2].constant);
  expectEqual(p, *form);
}

TEST(FoldedForm, ClampsInsideOfTheType) {
  ConvolutionProblem p = layer({0.0061, 0.0113}, {-1500, 2200});
  p.requantization.low = p.requantization.zeroPoint = -100;
  p.requantization.high = 90;
  auto form = findFoldedForm(p, scale);
  ASSERT_TRUE(form);
  EXPECT_TRUE(form->clamps);
  expectEqual(p, *form);
}

TEST(FoldedForm, NegativeOutputsHaveNone) {
  ConvolutionProblem p = layer({0.0061, 0.0113}, {-1500, 2200});
  p.requantization.zeroPoint = 3;
  EXPECT_FALSE(findFoldedForm(p, scale));
}

} // namespace
