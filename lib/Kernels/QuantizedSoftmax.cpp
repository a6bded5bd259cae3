//===- QuantizedSoftmax.cpp - Softmax in TFLite's fixed point ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// QN.M is a signed 32-bit number with N integer bits. Products of QA and QB
/// have A + B integer bits. The order of every operation is gemmlowp's, because
/// each of them rounds.
///
//===----------------------------------------------------------------------===//
#include "adze/QuantizedSoftmax.h"
#include "lib/Kernels/FixedPointArithmetic.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace adze {

namespace {

/// x * 2^exponent, exponent > 0, saturated.
int32_t saturatingShiftLeft(int32_t x, int exponent) {
  int64_t wide = int64_t(x) << exponent;
  return int32_t(std::clamp<int64_t>(wide, INT32_MIN, INT32_MAX));
}

/// exp(a) for a in [-1/4, 0) as Q0.31: a Taylor series around -1/8.
int32_t expOnLastQuarter(int32_t a) {
  constexpr int32_t expOfMinusEighth = 1895147668;
  constexpr int32_t third = 715827883;
  int32_t x = a + (1 << 28);
  int32_t x2 = highMul(x, x);
  int32_t x3 = highMul(x2, x);
  int32_t x4 = highMul(x2, x2);
  int32_t x4Over4 = divideByPowerOfTwo(x4, 2);
  int32_t tail = divideByPowerOfTwo(highMul(x4Over4 + x3, third) + x2, 1);
  return expOfMinusEighth + highMul(expOfMinusEighth, x + tail);
}

/// exp(a) for a <= 0 in Q5.26, as Q0.31.
int32_t expOnNegative(int32_t a) {
  if (a == 0)
    return INT32_MAX;
  constexpr int32_t quarter = 1 << 24;
  int32_t lastQuarter = (a & (quarter - 1)) - quarter;
  int32_t result = expOnLastQuarter(saturatingShiftLeft(lastQuarter, 5));
  int32_t remainder = lastQuarter - a;
  // exp(-2^k) for k = -2 to 4.
  constexpr int32_t powers[] = {1672461947, 1302514674, 790015084, 290630308,
                                39332535,   720401,     242};
  for (int k = -2; k <= 4; ++k)
    if (remainder & (1 << (26 + k)))
      result = highMul(result, powers[k + 2]);
  return result;
}

/// 1 / (1 + a) for a in [0, 1) as Q0.31: three steps of Newton and Raphson.
int32_t reciprocalOfOnePlus(int32_t a) {
  constexpr int32_t fortyEightSeventeenths = 1515870810; // Q2.29
  constexpr int32_t minusThirtyTwoSeventeenths = -1010580540;
  int64_t sum = int64_t(a) + INT32_MAX;
  auto halfDenominator = int32_t((sum + (sum >= 0 ? 1 : -1)) / 2);
  int32_t x = fortyEightSeventeenths +
              highMul(halfDenominator, minusThirtyTwoSeventeenths);
  for (int i = 0; i < 3; ++i) {
    int32_t error = (1 << 29) - highMul(halfDenominator, x);
    x += saturatingShiftLeft(highMul(x, error), 2);
  }
  return saturatingShiftLeft(x, 1);
}

} // namespace

SoftmaxInput softmaxInput(double inputScale, double beta) {
  constexpr int integerBits = 5;
  SoftmaxInput result;
  double factor = std::min(beta * inputScale * double(1 << (31 - integerBits)),
                           2147483647.0);
  result.factor = fixedPoint(factor);
  double radius = double((1 << integerBits) - 1) *
                  double(int64_t(1) << (31 - integerBits)) /
                  std::exp2(result.factor.shift);
  result.smallestDifference = -int32_t(std::floor(std::min(radius, 1e9)));
  return result;
}

std::vector<int32_t> softmaxExponentials(FixedPoint factor,
                                         int32_t smallestDifference) {
  std::vector<int32_t> table(256);
  for (int32_t d = 0; d < 256; ++d)
    if (-d >= smallestDifference)
      table[size_t(d)] =
          expOnNegative(multiplyByFixedPoint(-d, factor, Rounding::twice));
  return table;
}

int32_t softmaxTerm(int32_t exponential) {
  return divideByPowerOfTwo(exponential, 12);
}

SoftmaxScale softmaxScale(int32_t sum) {
  int headroom = std::countl_zero(uint32_t(sum));
  auto minusOne = int32_t((uint32_t(sum) << headroom) - (uint32_t(1) << 31));
  return {reciprocalOfOnePlus(minusOne), 12 - headroom};
}

int32_t softmaxOutput(int32_t exponential, SoftmaxScale scale) {
  int32_t value = divideByPowerOfTwo(highMul(scale.multiplier, exponential),
                                     scale.bitsOverUnit + 31 - 8);
  return std::clamp(value - 128, -128, 127);
}

} // namespace adze
