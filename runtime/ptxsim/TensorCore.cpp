//===- TensorCore.cpp - Arithmetic of the matrix instructions -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/TensorCore.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace adze::ptxsim {

unsigned matrixBits(Type type) {
  switch (type) {
  case Type::F16:
  case Type::BF16:
    return 16;
  case Type::TF32:
    return 32;
  case Type::E4M3:
  case Type::E5M2:
  case Type::S8:
  case Type::U8:
    return 8;
  default:
    return 0;
  }
}

static float floatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

static uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}

float halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) // infinity and NaN
    return floatOfBits(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  if (magnitude < 0x400) { // zero and subnormal: the multiple of 2^-24
    float value = float(magnitude) * 0x1p-24f;
    return sign ? -value : value;
  }
  return floatOfBits(sign | ((magnitude << 13) + (112u << 23)));
}

uint16_t floatToHalf(float value) {
  uint32_t bits = bitsOfFloat(value);
  uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  float magnitude = std::fabs(value);
  if (std::isnan(value))
    return uint16_t(0x7fff);
  if (magnitude >= 65520.0f)
    return uint16_t(sign | 0x7c00);
  if (magnitude < 0x1p-14f) // nearbyint rounds to nearest even
    return uint16_t(sign | uint16_t(std::nearbyint(magnitude * 0x1p24f)));
  uint32_t rest = bitsOfFloat(magnitude);
  rest += 0xfff + (rest >> 13 & 1);
  return uint16_t(sign | ((rest >> 13) - (112u << 10)));
}

/// OCP 8-bit floats: e5m2 is the upper half of an f16; e4m3 has no infinity,
/// one NaN, bias 7.
static float decodeByte(Type type, uint8_t byte) {
  if (type == Type::E5M2)
    return halfToFloat(uint16_t(byte << 8));
  float sign = byte & 0x80 ? -1.0f : 1.0f;
  unsigned exponent = byte >> 3 & 15, mantissa = byte & 7;
  if (exponent == 15 && mantissa == 7)
    return std::nanf("");
  if (exponent == 0)
    return sign * float(mantissa) * 0x1p-9f;
  return sign * std::ldexp(float(8 + mantissa), int(exponent) - 10);
}

static const std::array<float, 256> &byteTable(Type type) {
  auto make = [](Type of) {
    std::array<float, 256> table;
    for (unsigned i = 0; i < 256; ++i)
      table[i] = decodeByte(of, uint8_t(i));
    return table;
  };
  static const std::array<float, 256> e4m3 = make(Type::E4M3);
  static const std::array<float, 256> e5m2 = make(Type::E5M2);
  return type == Type::E4M3 ? e4m3 : e5m2;
}

void decodeMatrix(Type type, const char *source, unsigned count, float *out) {
  if (type == Type::TF32) {
    for (unsigned i = 0; i < count; ++i) {
      uint32_t bits;
      std::memcpy(&bits, source + 4 * i, 4);
      out[i] = floatOfBits(bits & ~uint32_t(0x1fff));
    }
  } else if (matrixBits(type) == 16) {
    for (unsigned i = 0; i < count; ++i) {
      uint16_t bits;
      std::memcpy(&bits, source + 2 * i, 2);
      out[i] = type == Type::BF16 ? floatOfBits(uint32_t(bits) << 16)
                                  : halfToFloat(bits);
    }
  } else {
    const std::array<float, 256> &table = byteTable(type);
    for (unsigned i = 0; i < count; ++i)
      out[i] = table[uint8_t(source[i])];
  }
}

void decodeMatrix(Type type, const char *source, unsigned count, int *out) {
  for (unsigned i = 0; i < count; ++i)
    out[i] =
        type == Type::S8 ? int(int8_t(source[i])) : int(uint8_t(source[i]));
}

Truncation truncationOf(unsigned chip, Type operand) {
  Truncation truncation;
  const char *mode = std::getenv("ADZE_PTXSIM_ACCUMULATE");
  truncation.on = mode && std::string_view(mode) == "truncate";
  truncation.block = chip >= 90 ? 16 : 8;
  truncation.extraBits = chip >= 90 ? 2 : 1;
  if (operand == Type::TF32)
    truncation.block /= 2;
  if (operand == Type::E4M3 || operand == Type::E5M2) {
    truncation.block = 32;
    // 13 bits below the leading one: 10 fewer than f32 has.
    truncation.extraBits = unsigned(-10);
  }
  return truncation;
}

/// One block in the measured way: every term as an integer multiple of the
/// last kept bit of the largest, cut off; the sum cut off to f32.
static float addTruncated(float accumulator, const float *a, const float *b,
                          unsigned bStride, unsigned count, int extraBits) {
  double terms[64];
  int largest = -1000;
  bool special = !std::isfinite(accumulator);
  auto consider = [&](double term) {
    special |= !std::isfinite(term);
    if (term != 0 && std::isfinite(term))
      largest = std::max(largest, std::ilogb(term));
  };
  double plain = accumulator;
  consider(accumulator);
  for (unsigned i = 0; i < count; ++i) {
    terms[i] = double(a[i]) * double(b[i * bStride]);
    plain += terms[i];
    consider(terms[i]);
  }
  if (special || largest == -1000)
    return float(plain);
  int unit = largest - 23 - extraBits;
  double sum = std::trunc(std::ldexp(double(accumulator), -unit));
  for (unsigned i = 0; i < count; ++i)
    sum += std::trunc(std::ldexp(terms[i], -unit));
  if (sum == 0)
    return 0;
  // Round toward zero to 24 bits.
  int last = std::ilogb(sum) - 23;
  double cut = std::ldexp(std::trunc(std::ldexp(sum, -last)), last);
  return float(std::ldexp(cut, unit));
}

void multiplyAccumulate(float *d, const float *a, const float *b, unsigned rows,
                        unsigned n, unsigned k, const Truncation &truncation) {
  if (truncation.on) {
    unsigned block = std::min(truncation.block, k);
    for (unsigned row = 0; row < rows; ++row)
      for (unsigned column = 0; column < n; ++column)
        for (unsigned first = 0; first < k; first += block)
          d[row * n + column] = addTruncated(
              d[row * n + column], a + row * k + first, b + first * n + column,
              n, std::min(block, k - first), int(truncation.extraBits));
    return;
  }
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned column = 0; column < n; column += 8) {
      float sum[8];
      std::memcpy(sum, d + row * n + column, sizeof sum);
      for (unsigned i = 0; i < k; ++i) {
        float left = a[row * k + i];
        const float *right = b + i * n + column;
        for (unsigned j = 0; j < 8; ++j)
          sum[j] += left * right[j];
      }
      std::memcpy(d + row * n + column, sum, sizeof sum);
    }
}

void multiplyAccumulate(int *d, const int *a, const int *b, unsigned rows,
                        unsigned n, unsigned k, bool saturate) {
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned column = 0; column < n; ++column) {
      int64_t sum = d[row * n + column];
      for (unsigned i = 0; i < k; ++i)
        sum += int64_t(a[row * k + i]) * b[i * n + column];
      if (saturate)
        sum = std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX);
      d[row * n + column] = int(uint32_t(uint64_t(sum)));
    }
}

} // namespace adze::ptxsim
