//===- SmallFloats.h - f16, bf16 and eight-bit floats as host values -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_LANES_SMALLFLOATS_H
#define ADZE_RUNTIME_PTXSIM_LANES_SMALLFLOATS_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace adze::ptxsim::ADZE_PTXSIM_LANES {
namespace {

#define ADZE_FLOAT_INLINE [[gnu::always_inline]] inline

/// IEEE rounding modes as PTX names them.
enum class Rounding : uint8_t { Nearest, Zero, Down, Up, Away };

ADZE_FLOAT_INLINE float halfToFloat(uint16_t h) {
  return float(std::bit_cast<_Float16>(h));
}
ADZE_FLOAT_INLINE uint16_t floatToHalf(float f) {
  return f != f ? uint16_t(0x7fff) : std::bit_cast<uint16_t>(_Float16(f));
}
ADZE_FLOAT_INLINE float bfloatToFloat(uint16_t b) {
  return std::bit_cast<float>(uint32_t(b) << 16);
}
ADZE_FLOAT_INLINE uint16_t floatToBfloat(float f) {
  uint32_t u = std::bit_cast<uint32_t>(f);
  uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
  return uint16_t((u & 0x7fffffff) > 0x7f800000 ? 0x7fff : rounded);
}

/// Rounds a double to a binary format of `exponentBits` and `mantissaBits`
/// with IEEE infinities and NaN. Exact in every mode; not for hot loops.
inline uint32_t roundToFormat(double value, int exponentBits, int mantissaBits,
                              Rounding mode) {
  uint32_t sign = std::signbit(value) ? 1u << (exponentBits + mantissaBits) : 0;
  uint32_t infinity = ((1u << exponentBits) - 1) << mantissaBits;
  if (value != value)
    return infinity | ((1u << mantissaBits) - 1);
  double magnitude = std::fabs(value);
  if (std::isinf(magnitude))
    return sign | infinity;
  if (magnitude == 0)
    return sign;
  int bias = (1 << (exponentBits - 1)) - 1;
  int exponent;
  std::frexp(magnitude, &exponent);
  exponent -= 1; // magnitude = 1.x * 2^exponent
  if (exponent < 1 - bias)
    exponent = 1 - bias;
  double scaled = std::ldexp(magnitude, mantissaBits - exponent);
  double whole = std::floor(scaled), rest = scaled - whole;
  bool up = false;
  switch (mode) {
  case Rounding::Nearest:
    up = rest > 0.5 || (rest == 0.5 && std::fmod(whole, 2) != 0);
    break;
  case Rounding::Away:
    up = rest >= 0.5;
    break;
  case Rounding::Zero:
    break;
  case Rounding::Down:
    up = sign && rest > 0;
    break;
  case Rounding::Up:
    up = !sign && rest > 0;
    break;
  }
  uint64_t mantissa = uint64_t(whole) + up;
  // The implicit bit carries into the exponent by addition.
  uint64_t bits = (uint64_t(exponent + bias - 1) << mantissaBits) + mantissa;
  if (bits >= infinity) {
    bool overflow = mode == Rounding::Nearest || mode == Rounding::Away ||
                    (mode == Rounding::Down && sign) ||
                    (mode == Rounding::Up && !sign);
    bits = overflow ? infinity : infinity - 1;
  }
  return sign | uint32_t(bits);
}

/// Nearest value of e4m3 (no infinity, 0x7f is NaN) or e5m2, saturating.
inline uint8_t floatToE4M3(float f) {
  if (f != f)
    return 0x7f;
  uint8_t sign = std::signbit(f) ? 0x80 : 0;
  float magnitude = std::fabs(f);
  if (magnitude >= 448.0f)
    return sign | 0x7e;
  // A wider exponent keeps 2^8 finite, which e4m3 is.
  double scaled = std::ldexp(double(magnitude), 0);
  int exponent;
  std::frexp(scaled, &exponent);
  exponent = exponent - 1 < -6 ? -6 : exponent - 1;
  double units = std::nearbyint(std::ldexp(scaled, 3 - exponent));
  uint32_t bits = (uint32_t(exponent + 6) << 3) + uint32_t(units);
  return uint8_t(sign | (bits > 0x7e ? 0x7e : bits));
}
inline float e4m3ToFloat(uint8_t v) {
  uint32_t exponent = v >> 3 & 15, mantissa = v & 7;
  float magnitude = (v & 0x7f) == 0x7f ? std::bit_cast<float>(0x7fffffffu)
                    : exponent
                        ? std::ldexp(float(8 + mantissa), int(exponent) - 10)
                        : std::ldexp(float(mantissa), -9);
  return v & 0x80 ? -magnitude : magnitude;
}
inline uint8_t floatToE5M2(float f) {
  if (f != f)
    return 0x7f;
  uint32_t bits = roundToFormat(f, 5, 2, Rounding::Nearest);
  return uint8_t((bits & 0x7f) >= 0x7c ? (bits & 0x80) | 0x7b : bits);
}
inline float e5m2ToFloat(uint8_t v) {
  return halfToFloat(uint16_t(uint16_t(v) << 8));
}

/// a * b + c rounded to odd in double: rounding it again to 16 bits is exact.
inline double fmaToOdd(double a, double b, double c) {
  double product = a * b; // exact for operands of 11 significant bits
  double sum = product + c;
  if (!std::isfinite(sum))
    return sum;
  double back = sum - product;
  double rest = (product - (sum - back)) + (c - back);
  uint64_t bits = std::bit_cast<uint64_t>(sum);
  if (rest == 0 || (bits & 1))
    return sum;
  // One step toward the exact value makes the last bit odd.
  bool grows = (rest > 0) == (sum > 0);
  return std::bit_cast<double>(grows ? bits + 1 : bits - 1);
}
inline uint16_t doubleToBfloat(double value) {
  return uint16_t(roundToFormat(value, 8, 7, Rounding::Nearest));
}
inline uint16_t doubleToHalf(double value) {
  return uint16_t(roundToFormat(value, 5, 10, Rounding::Nearest));
}

} // namespace
} // namespace adze::ptxsim::ADZE_PTXSIM_LANES

#endif // ADZE_RUNTIME_PTXSIM_LANES_SMALLFLOATS_H
