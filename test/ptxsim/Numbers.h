//===- Numbers.h - Small integers in the types of tensor cores --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TEST_PTXSIM_NUMBERS_H
#define ADZE_TEST_PTXSIM_NUMBERS_H

#include <cstdint>
#include <cstring>
#include <string>

namespace adze::test {

/// The bits of an integer from -8 to 8 in a type of PTX.
inline uint32_t encode(const std::string &type, int value) {
  float number = float(value);
  uint32_t bits;
  std::memcpy(&bits, &number, 4);
  if (type == "f32" || type == "tf32")
    return bits;
  if (type == "bf16")
    return bits >> 16;
  if (type == "s8" || type == "u8" || type == "s32")
    return type == "s32" ? uint32_t(value) : uint32_t(value) & 255;
  if (value == 0)
    return 0;
  unsigned sign = value < 0, exponent = (bits >> 23 & 255) - 127;
  unsigned mantissa = bits & 0x7fffff;
  if (type == "f16")
    return sign << 15 | (exponent + 15) << 10 | mantissa >> 13;
  if (type == "e4m3")
    return sign << 7 | (exponent + 7) << 3 | mantissa >> 20;
  return sign << 7 | (exponent + 15) << 2 | mantissa >> 21; // e5m2
}

/// The number that the bits of an accumulator hold.
inline int decode(const std::string &type, uint32_t bits) {
  if (type == "s32")
    return int(bits);
  float number;
  if (type == "f16") {
    if ((bits & 0x7fff) == 0)
      return 0;
    bits = (bits & 0x8000) << 16 | ((bits & 0x7fff) << 13) + (112u << 23);
  }
  std::memcpy(&number, &bits, 4);
  return int(number);
}

} // namespace adze::test

#endif
