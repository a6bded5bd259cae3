//===- NumberFormat.cpp - Bit patterns of floating-point formats ----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/NumberFormat.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace adze;

using Specials = NumberFormat::Specials;

const NumberFormat *adze::numberFormat(ElementType type) {
  static const struct {
    ElementType type;
    NumberFormat format;
  } table[] = {
      {ElementType::Float16, {16, 5, 10, 15, Specials::Ieee}},
      {ElementType::BFloat16, {16, 8, 7, 127, Specials::Ieee}},
      {ElementType::Float8E4M3FN, {8, 4, 3, 7, Specials::AllOnes}},
      {ElementType::Float8E4M3FNUZ, {8, 4, 3, 8, Specials::NegZero}},
      {ElementType::Float8E5M2, {8, 5, 2, 15, Specials::Ieee}},
      {ElementType::Float8E5M2FNUZ, {8, 5, 2, 16, Specials::NegZero}},
      {ElementType::Float8E8M0, {8, 8, 0, 127, Specials::Scale}},
      {ElementType::Float4E2M1, {4, 2, 1, 1, Specials::None}},
  };
  for (const auto &row : table)
    if (row.type == type)
      return &row.format;
  return nullptr;
}

/// The pattern of the largest finite magnitude, without a sign.
static uint32_t largestFinite(const NumberFormat &format) {
  uint32_t all = (1u << (format.exponentBits + format.mantissaBits)) - 1;
  switch (format.specials) {
  case Specials::Ieee: // one exponent below
    return all - (1u << format.mantissaBits);
  case Specials::AllOnes:
  case Specials::Scale:
    return all - 1;
  case Specials::NegZero:
  case Specials::None:
    return all;
  }
  return all;
}

double adze::decode(const NumberFormat &format, uint32_t pattern) {
  uint32_t mantissaMask = (1u << format.mantissaBits) - 1;
  uint32_t magnitudeMask =
      (1u << (format.exponentBits + format.mantissaBits)) - 1;
  uint32_t magnitude = pattern & magnitudeMask;
  uint32_t mantissa = magnitude & mantissaMask;
  int exponent = int(magnitude >> format.mantissaBits);
  double sign = 1.0;
  if (format.specials == Specials::Scale)
    return magnitude == magnitudeMask ? std::numeric_limits<double>::quiet_NaN()
                                      : std::ldexp(1.0, exponent - format.bias);
  if (pattern >> (format.bits - 1) & 1) {
    if (format.specials == Specials::NegZero && magnitude == 0)
      return std::numeric_limits<double>::quiet_NaN();
    sign = -1.0;
  }
  if (magnitude > largestFinite(format)) {
    if (format.specials == Specials::Ieee && mantissa == 0)
      return sign * std::numeric_limits<double>::infinity();
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) // subnormal
    return sign * std::ldexp(double(mantissa),
                             1 - format.bias - int(format.mantissaBits));
  return sign * std::ldexp(double(mantissa | (1u << format.mantissaBits)),
                           exponent - format.bias - int(format.mantissaBits));
}

uint32_t adze::encode(const NumberFormat &format, double value) {
  uint32_t magnitudeMask =
      (1u << (format.exponentBits + format.mantissaBits)) - 1;
  uint32_t signBit = format.specials == Specials::Scale
                         ? 0u
                         : (std::signbit(value) ? 1u << (format.bits - 1) : 0u);
  uint32_t largest = largestFinite(format);
  auto notANumber = [&]() -> uint32_t {
    switch (format.specials) {
    case Specials::NegZero:
      return 1u << (format.bits - 1);
    case Specials::None:
      return signBit | largest;
    case Specials::Ieee: // the quiet one
      return signBit | (largest + 1) | (1u << (format.mantissaBits - 1));
    default:
      return signBit | magnitudeMask;
    }
  };
  if (std::isnan(value))
    return notANumber();
  double magnitude = std::fabs(value);
  uint32_t pattern;
  if (std::isinf(magnitude)) {
    pattern = largest + 1;
  } else if (magnitude == 0) {
    pattern = 0;
  } else {
    int exponent;
    std::frexp(magnitude, &exponent); // magnitude = [0.5, 1) * 2^exponent
    int smallest =
        format.specials == Specials::Scale ? -format.bias : 1 - format.bias;
    int step = std::max(exponent - 1, smallest) - int(format.mantissaBits);
    // nearbyint rounds to nearest even; the quotient is exact.
    double steps = std::nearbyint(std::ldexp(magnitude, -step));
    // Patterns are consecutive, so a carry runs into the exponent by itself.
    double base = double(step + int(format.mantissaBits) - smallest) *
                  double(1u << format.mantissaBits);
    double position = base + steps;
    if (format.specials == Specials::Scale)
      position -= 1; // no subnormals: pattern 0 is 2^-bias
    pattern =
        position > largest ? largest + 1 : uint32_t(std::max(position, 0.0));
  }
  if (pattern > largest) {
    if (format.specials != Specials::Ieee)
      return notANumber();
    return signBit | (largest + 1);
  }
  if (pattern == 0 && format.specials == Specials::NegZero)
    return 0;
  return signBit | pattern;
}
