//===- compare_test.cpp - Figures and verdicts of comparisons -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace adze;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Tensor make(ElementType type, const std::vector<double> &values) {
  Tensor tensor(TensorSpec{"x", type, {int64_t(values.size())}});
  for (size_t i = 0; i < values.size(); ++i)
    tensor.set(int64_t(i), values[i]);
  return tensor;
}

Comparison compare(ElementType type, const std::vector<double> &got,
                   const std::vector<double> &want) {
  return compareTensors(make(type, got), make(type, want),
                        defaultTolerance(type));
}

TEST(Compare, FiguresOfASmallCase) {
  Comparison c = compare(ElementType::Float32, {3, 4.5}, {3, 4});
  EXPECT_EQ(c.elements, 2);
  EXPECT_EQ(c.different, 1);
  EXPECT_EQ(c.maxAbsolute, 0.5);
  EXPECT_EQ(c.relativeL2, 0.1);
  EXPECT_NEAR(c.cosine, 27 / (std::sqrt(29.25) * 5), 1e-12);
  EXPECT_EQ(c.maxUlp, 1 << 20); // 4.5 is an eighth of an octave above 4
  EXPECT_EQ(c.worst, 1);
  EXPECT_EQ(c.worstGot, 4.5);
  EXPECT_EQ(c.worstWant, 4);
  EXPECT_FALSE(c.passed);
}

TEST(Compare, UlpIsTheNumberOfStepsAcrossZeroToo) {
  float tiny = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(compare(ElementType::Float32, {tiny}, {-tiny}).maxUlp, 2);
  EXPECT_EQ(compare(ElementType::Float32, {0.0}, {-0.0}).maxUlp, 0);
  EXPECT_EQ(
      compare(ElementType::Float32, {std::nextafter(1.0f, 2.0f)}, {1}).maxUlp,
      1);
  EXPECT_EQ(
      compare(ElementType::Float64, {std::nextafter(1.0, 2.0)}, {1}).maxUlp, 1);
  EXPECT_EQ(compare(ElementType::Float16, {1.0009765625}, {1}).maxUlp, 1);
  EXPECT_EQ(compare(ElementType::Float8E4M3FN, {1.25}, {1}).maxUlp, 2);
  EXPECT_EQ(compare(ElementType::Float4E2M1, {-6}, {6}).maxUlp, 14);
}

TEST(Compare, DefaultsByType) {
  EXPECT_TRUE(compare(ElementType::Float32, {1.00009}, {1}).passed);
  EXPECT_FALSE(compare(ElementType::Float32, {1.00011}, {1}).passed);
  EXPECT_TRUE(compare(ElementType::Float16, {1.004}, {1}).passed);
  EXPECT_FALSE(compare(ElementType::Float16, {1.006}, {1}).passed);
  EXPECT_TRUE(compare(ElementType::BFloat16, {1.015}, {1}).passed);
  EXPECT_FALSE(compare(ElementType::BFloat16, {1.03}, {1}).passed);
  EXPECT_FALSE(compare(ElementType::Float8E5M2, {1.25}, {1}).passed);
  EXPECT_TRUE(compare(ElementType::Int8, {5, 7}, {6, 6}).passed);
  EXPECT_FALSE(compare(ElementType::Int8, {5, 8}, {6, 6}).passed);
  EXPECT_TRUE(compare(ElementType::Int32, {5}, {5}).passed);
  EXPECT_FALSE(compare(ElementType::Int32, {5}, {6}).passed);
  EXPECT_FALSE(compare(ElementType::Bool, {1}, {0}).passed);
  EXPECT_EQ(compare(ElementType::Bool, {1}, {0}).maxUlp, -1);
}

TEST(Compare, NonFiniteValuesEqualOnlyThemselves) {
  EXPECT_TRUE(compare(ElementType::Float32, {nan, infinity, -infinity},
                      {nan, infinity, -infinity})
                  .passed);
  for (auto [got, want] : {std::pair(nan, 1.0),
                           {1.0, nan},
                           {infinity, -infinity},
                           {infinity, nan},
                           {1e30, infinity}}) {
    Comparison c = compare(ElementType::Float32, {1, got}, {1, want});
    EXPECT_FALSE(c.passed);
    EXPECT_EQ(c.nonFinite, 1);
    EXPECT_EQ(c.worst, 1);
    EXPECT_EQ(c.relativeL2, 0); // over what is finite
    Tolerance loose;
    loose.relative = 1e9;
    loose.absolute = 1e9;
    EXPECT_FALSE(compareTensors(make(ElementType::Float32, {got}),
                                make(ElementType::Float32, {want}), loose)
                     .passed);
  }
}

TEST(Compare, WideIntegersAreComparedExactly) {
  Tensor got(TensorSpec{"x", ElementType::Int64, {1}}), want = got;
  int64_t a = (int64_t(1) << 60) + 1, b = int64_t(1) << 60;
  memcpy(got.data(), &a, 8);
  memcpy(want.data(), &b, 8);
  Comparison c =
      compareTensors(got, want, defaultTolerance(ElementType::Int64));
  EXPECT_FALSE(c.passed);
  EXPECT_EQ(c.maxAbsolute, 1);
  a = std::numeric_limits<int64_t>::min();
  b = std::numeric_limits<int64_t>::max();
  memcpy(got.data(), &a, 8);
  memcpy(want.data(), &b, 8);
  c = compareTensors(got, want, defaultTolerance(ElementType::Int64));
  EXPECT_EQ(c.maxUlp, std::numeric_limits<int64_t>::max());
}

TEST(Compare, ElementwiseBoundsAsInOnnxTests) {
  Tolerance tolerance;
  tolerance.relative = 1e-3;
  tolerance.absolute = 1e-7;
  auto passed = [&](std::vector<double> got, std::vector<double> want) {
    return compareTensors(make(ElementType::Float64, got),
                          make(ElementType::Float64, want), tolerance)
        .passed;
  };
  EXPECT_TRUE(passed({1000.9, 0.00000009}, {1000, 0}));
  EXPECT_FALSE(passed({1000.9, 0.00000011}, {1000, 0}));
  EXPECT_FALSE(passed({1001.1}, {1000}));
}

TEST(Compare, AZeroReferenceIsMeasuredByTheErrorItself) {
  Comparison c = compare(ElementType::Float32, {3e-5, 4e-5}, {0, 0});
  EXPECT_NEAR(c.relativeL2, 5e-5, 1e-11);
  EXPECT_EQ(c.cosine, 0);
  EXPECT_TRUE(c.passed);
  EXPECT_EQ(compare(ElementType::Float32, {0}, {0}).cosine, 1);
}

TEST(Compare, TypesAndShapesMustAgree) {
  Comparison c = compareTensors(make(ElementType::Float32, {1}),
                                make(ElementType::Float32, {1, 2}), {});
  EXPECT_FALSE(c.passed);
  EXPECT_EQ(c.reason, "it is float32[1], the reference is float32[2]");
}

TEST(Compare, ComplexNumbersAreTwoNumbersEach) {
  Tensor got = make(ElementType::Complex64, {1}), want = got;
  float imaginary = 1;
  memcpy(got.data() + 4, &imaginary, 4);
  Comparison c =
      compareTensors(got, want, defaultTolerance(ElementType::Complex64));
  EXPECT_FALSE(c.passed);
  EXPECT_EQ(c.maxAbsolute, 1);
}

} // namespace
