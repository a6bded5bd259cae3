//===- tensor_core_test.cpp - Number formats and sums of tensor cores ===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/TensorCore.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>
#include <vector>

using namespace adze::ptxsim;

TEST(TensorCore, HalvesRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7c00) == 0x7c00 && (bits & 0x3ff))
      continue;
    EXPECT_EQ(floatToHalf(halfToFloat(uint16_t(bits))), bits);
  }
  EXPECT_EQ(halfToFloat(0x3c01), 1.0f + 0x1p-10f);
  EXPECT_EQ(halfToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(floatToHalf(1.0f + 0x1p-11f), 0x3c00); // ties to even
  EXPECT_EQ(floatToHalf(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(floatToHalf(65519.0f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
}

TEST(TensorCore, EightBitFloats) {
  auto decode = [](Type type, uint8_t byte) {
    char source = char(byte);
    float value;
    decodeMatrix(type, &source, 1, &value);
    return value;
  };
  EXPECT_EQ(decode(Type::E4M3, 0x7e), 448.0f);
  EXPECT_EQ(decode(Type::E4M3, 0x38), 1.0f);
  EXPECT_EQ(decode(Type::E4M3, 0x81), -0x1p-9f);
  EXPECT_TRUE(std::isnan(decode(Type::E4M3, 0x7f)));
  EXPECT_EQ(decode(Type::E5M2, 0x7b), 57344.0f);
  EXPECT_EQ(decode(Type::E5M2, 0x3c), 1.0f);
  EXPECT_TRUE(std::isinf(decode(Type::E5M2, 0xfc)));
}

TEST(TensorCore, Tf32DropsTheLowBits) {
  float value = 1.0f + 0x1p-10f + 0x1p-11f, decoded;
  decodeMatrix(Type::TF32, reinterpret_cast<char *>(&value), 1, &decoded);
  EXPECT_EQ(decoded, 1.0f + 0x1p-10f);
}

TEST(TensorCore, SumsAreThoseOfDoubleUpToRounding) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const unsigned rows = 16, n = 24, k = 16;
  std::vector<float> a(rows * k), b(k * n), d(rows * n);
  for (auto *values : {&a, &b, &d})
    for (float &value : *values)
      value = halfToFloat(floatToHalf(normal(random)));
  for (bool truncate : {false, true}) {
    std::vector<float> out = d;
    multiplyAccumulate(out.data(), a.data(), b.data(), rows, n, k,
                       {truncate, 16, 2});
    for (unsigned row = 0; row < rows; ++row)
      for (unsigned column = 0; column < n; ++column) {
        double sum = d[row * n + column];
        for (unsigned i = 0; i < k; ++i)
          sum += double(a[row * k + i]) * b[i * n + column];
        EXPECT_NEAR(out[row * n + column], sum, 1e-5);
      }
  }
}

/// 1 + 4 * 2^-25: all four are lost without extra bits, and kept with two.
TEST(TensorCore, TruncationDropsWhatLiesBelowTheExtraBits) {
  std::vector<float> a(4, 0x1p-12f), b(4 * 8, 0x1p-13f);
  for (unsigned extra : {0u, 1u, 2u}) {
    std::vector<float> d(8, 1.0f);
    multiplyAccumulate(d.data(), a.data(), b.data(), 1, 8, 4, {true, 4, extra});
    EXPECT_EQ(d[0], extra == 2 ? 1.0f + 0x1p-23f : 1.0f) << extra;
  }
}

TEST(TensorCore, IntegersWrapOrSaturate) {
  std::vector<int> a(32, 127), b(32 * 8, 127);
  std::vector<int> d(8, INT32_MAX - 10), saturated = d;
  multiplyAccumulate(d.data(), a.data(), b.data(), 1, 8, 32, false);
  EXPECT_EQ(d[0], int(uint32_t(INT32_MAX - 10) + 32u * 127 * 127));
  multiplyAccumulate(saturated.data(), a.data(), b.data(), 1, 8, 32, true);
  EXPECT_EQ(saturated[0], INT32_MAX);
}
