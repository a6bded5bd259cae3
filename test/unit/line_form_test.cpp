//===- line_form_test.cpp - One high multiply at every sum ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/scalar/LineForm.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace adze;
using namespace adze::families;

namespace {

/// A fully connected layer whose outputs span the range several times.
ConvolutionProblem sampleLayer(int64_t inputs, int64_t outputs,
                               int32_t zeroPoint, Rounding rounding) {
  ConvolutionProblem p;
  p.inputChannels = inputs;
  p.outputChannels = outputs;
  p.requantization.zeroPoint = zeroPoint;
  p.requantization.rounding = rounding;
  uint32_t state = 12345;
  auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 16; };
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t i = 0; i < inputs; ++i)
      p.weights.push_back(int8_t(int32_t(next() % 61) - 30));
    p.bias.push_back(int64_t(next() % 4001) - 2000);
    p.requantization.factors.push_back(
        fixedPoint(0.002 + 1e-6 * double(next() % 4000)));
  }
  return p;
}

/// The arithmetic of the C function, in wrapping 32 bits.
int32_t apply(const LineForm &form, const Requantization &q, int64_t o,
              int64_t sum) {
  const LineForm::Channel &channel = form.channels[size_t(o)];
  uint32_t scaled = channel.constant ? 0 : uint32_t(sum) << form.scaleShift;
  auto t = int32_t(scaled + uint32_t(channel.bias));
  if (form.twoSided && t < 0)
    t -= channel.negative;
  t = int32_t((int64_t(t) * channel.multiplier) >> 32) >> form.resultShift;
  if (form.twoSided)
    t += lineOffset(q);
  return q.low + std::clamp(t, 0, q.high - q.low);
}

/// Compares every sum that the weights allow.
void expectExact(const ConvolutionProblem &p, const LineForm &form,
                 int64_t unit = 1) {
  for (int64_t o = 0; o < p.outputChannels; ++o) {
    SumRange range = sumRange(p, o);
    for (int64_t sum = range.low; sum <= range.high; ++sum)
      ASSERT_EQ(apply(form, p.requantization, o, unit * sum),
                p.requantization.apply(int32_t(sum + p.bias[size_t(o)]), o))
          << "sum " << sum << ", channel " << o;
  }
}

TEST(LineForm, ReluNeedsOneSide) {
  ConvolutionProblem p = sampleLayer(64, 8, -128, Rounding::twice);
  auto form = findLineForm(p);
  ASSERT_TRUE(form);
  EXPECT_FALSE(form->twoSided);
  expectExact(p, *form);
}

TEST(LineForm, TiesAwayFromZeroNeedTwo) {
  ConvolutionProblem p = sampleLayer(64, 8, -5, Rounding::twice);
  auto form = findLineForm(p);
  ASSERT_TRUE(form);
  EXPECT_TRUE(form->twoSided);
  expectExact(p, *form);
}

TEST(LineForm, RoundingOnceIsStraight) {
  ConvolutionProblem p = sampleLayer(64, 8, -5, Rounding::once);
  auto form = findLineForm(p);
  ASSERT_TRUE(form);
  EXPECT_FALSE(form->twoSided);
  expectExact(p, *form);
}

TEST(LineForm, ClampsOfAnActivation) {
  ConvolutionProblem p = sampleLayer(64, 4, 3, Rounding::twice);
  p.requantization.low = 3;
  p.requantization.high = 90;
  auto form = findLineForm(p);
  ASSERT_TRUE(form);
  expectExact(p, *form);
}

TEST(LineForm, SumsOfWinograd) {
  ConvolutionProblem p = sampleLayer(64, 4, -128, Rounding::twice);
  auto form = findLineForm(p, 576);
  ASSERT_TRUE(form);
  expectExact(p, *form, 576);
}

TEST(LineForm, DeadChannelsWithHugeBiases) {
  ConvolutionProblem p = sampleLayer(32, 6, -128, Rounding::twice);
  std::fill_n(p.weights.begin(), 32, int8_t(0));
  p.requantization.factors[0] = fixedPoint(1e-10);
  p.bias[0] = 2147483647;
  p.requantization.factors[1] = fixedPoint(1.2e-5);
  p.bias[1] = 8400000;
  p.requantization.factors[2] = fixedPoint(1e-7);
  p.bias[2] = -1000000000;
  auto form = findLineForm(p);
  ASSERT_TRUE(form);
  EXPECT_TRUE(form->channels[0].constant);
  expectExact(p, *form);
}

} // namespace
