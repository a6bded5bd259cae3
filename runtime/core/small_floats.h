//===- small_floats.h - Conversions of narrow floating-point types -*- C
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The codes are those of IEEE 754 binary16, bfloat16, OCP FP8 (e4m3fn, e5m2),
// the "fnuz" forms (finite, NaN is the code of -0, no negative zero), OCP MX
// e8m0 (a power of two) and e2m1. Conversions from f32 round to nearest, ties
// to even, unless said otherwise. The forms named `saturate` follow the ONNX
// Cast attribute saturate = 1 (what is too large, infinities included, becomes
// the largest finite value), the others saturate = 0.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_SMALL_FLOATS_H
#define ADZE_RUNTIME_SMALL_FLOATS_H

#include "bits.h"

#include <stdint.h>

//===-- adze_narrow_magnitude --------------------------------------------===//
// The code of |x| in a format of `mantissa` bits and exponent bias `bias`,
// rounded to nearest even, as if the exponent field had no upper end; x given
// by the bits of |x|, not NaN. Below the smallest normal number the addition
// of a power of two whose last place is the last place of the subnormals does
// the rounding.
ADZE_FUNCTION uint32_t adze_narrow_magnitude(uint32_t magnitude,
                                             uint32_t mantissa, uint32_t bias) {
  uint32_t shift = 23u - mantissa;
  uint32_t odd = (magnitude >> shift) & 1u;
  uint32_t half = (1u << (shift - 1u)) - 1u;
  uint32_t normal =
      ((magnitude + half + odd) >> shift) - ((127u - bias) << mantissa);
  uint32_t anchor = (151u - bias - mantissa) << 23;
  float sum = adze_float_of_bits(magnitude) + adze_float_of_bits(anchor);
  uint32_t subnormal = adze_bits_of_float(sum) - anchor;
  return magnitude < ((128u - bias) << 23) ? subnormal : normal;
}

//===-- adze_widen_magnitude ---------------------------------------------===//
// The bits of the f32 of a code without sign, of a format of `mantissa` bits
// and exponent bias `bias` (at most 126); exponent fields have no special
// meaning.
ADZE_FUNCTION uint32_t adze_widen_magnitude(uint32_t code, uint32_t mantissa,
                                            uint32_t bias) {
  uint32_t normal = (code << (23u - mantissa)) + ((127u - bias) << 23);
  float unit = adze_float_of_bits((128u - bias - mantissa) << 23);
  uint32_t subnormal = adze_bits_of_float((float)(int32_t)code * unit);
  return code < (1u << mantissa) ? subnormal : normal;
}

//===-- adze_f16_to_f32 --------------------------------------------------===//
ADZE_FUNCTION float adze_f16_to_f32(uint16_t code) {
  uint32_t sign = ((uint32_t)code & 0x8000u) << 16;
  uint32_t magnitude = (uint32_t)code & 0x7FFFu;
  uint32_t bits = adze_widen_magnitude(magnitude, 10u, 15u);
  uint32_t special = 0x7F800000u | (magnitude << 13);
  return adze_float_of_bits(sign | (magnitude >= 0x7C00u ? special : bits));
}

//===-- adze_f32_to_f16 --------------------------------------------------===//
// Too large becomes infinity; NaN keeps the upper bits of its payload.
ADZE_FUNCTION uint16_t adze_f32_to_f16(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t code = adze_narrow_magnitude(magnitude, 10u, 15u);
  uint32_t nan = 0x7E00u | ((magnitude >> 13) & 0x3FFu);
  code = code > 0x7C00u ? 0x7C00u : code;
  code = magnitude > 0x7F800000u ? nan : code;
  return (uint16_t)(sign | code);
}

//===-- adze_bf16_to_f32 -------------------------------------------------===//
ADZE_FUNCTION float adze_bf16_to_f32(uint16_t code) {
  return adze_float_of_bits((uint32_t)code << 16);
}

//===-- adze_f32_to_bf16 -------------------------------------------------===//
// Too large becomes infinity; NaN keeps the upper bits of its payload.
ADZE_FUNCTION uint16_t adze_f32_to_bf16(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  uint32_t nan = (bits >> 16) | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
}

//===-- adze_f8e4m3fn_to_f32 ---------------------------------------------===//
ADZE_FUNCTION float adze_f8e4m3fn_to_f32(uint8_t code) {
  uint32_t sign = ((uint32_t)code & 0x80u) << 24;
  uint32_t magnitude = (uint32_t)code & 0x7Fu;
  uint32_t bits = adze_widen_magnitude(magnitude, 3u, 7u);
  return adze_float_of_bits(sign | (magnitude == 0x7Fu ? 0x7FC00000u : bits));
}

//===-- adze_f32_to_f8e4m3fn ---------------------------------------------===//
// Too large becomes NaN.
ADZE_FUNCTION uint8_t adze_f32_to_f8e4m3fn(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t code = adze_narrow_magnitude(magnitude, 3u, 7u);
  code = code > 0x7Eu ? 0x7Fu : code;
  code = magnitude > 0x7F800000u ? 0x7Fu : code;
  return (uint8_t)(sign | code);
}

//===-- adze_f32_to_f8e4m3fn_saturate ------------------------------------===//
ADZE_FUNCTION uint8_t adze_f32_to_f8e4m3fn_saturate(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t code = adze_narrow_magnitude(magnitude, 3u, 7u);
  code = code > 0x7Eu ? 0x7Eu : code;
  code = magnitude > 0x7F800000u ? 0x7Fu : code;
  return (uint8_t)(sign | code);
}

//===-- adze_f8e4m3fnuz_to_f32 -------------------------------------------===//
ADZE_FUNCTION float adze_f8e4m3fnuz_to_f32(uint8_t code) {
  uint32_t sign = ((uint32_t)code & 0x80u) << 24;
  uint32_t bits = adze_widen_magnitude((uint32_t)code & 0x7Fu, 3u, 8u);
  return adze_float_of_bits(code == 0x80u ? 0x7FC00000u : sign | bits);
}

//===-- adze_f32_to_f8e4m3fnuz -------------------------------------------===//
// Too large becomes NaN.
ADZE_FUNCTION uint8_t adze_f32_to_f8e4m3fnuz(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t rounded = adze_narrow_magnitude(magnitude, 3u, 8u);
  uint32_t code = rounded == 0u ? 0u : sign | rounded;
  code = rounded > 0x7Fu ? 0x80u : code;
  return (uint8_t)(magnitude > 0x7F800000u ? 0x80u : code);
}

//===-- adze_f32_to_f8e4m3fnuz_saturate ----------------------------------===//
ADZE_FUNCTION uint8_t adze_f32_to_f8e4m3fnuz_saturate(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t rounded = adze_narrow_magnitude(magnitude, 3u, 8u);
  uint32_t code = rounded == 0u ? 0u : sign | rounded;
  code = rounded > 0x7Fu ? sign | 0x7Fu : code;
  return (uint8_t)(magnitude > 0x7F800000u ? 0x80u : code);
}

//===-- adze_f8e5m2_to_f32 -----------------------------------------------===//
ADZE_FUNCTION float adze_f8e5m2_to_f32(uint8_t code) {
  uint32_t sign = ((uint32_t)code & 0x80u) << 24;
  uint32_t magnitude = (uint32_t)code & 0x7Fu;
  uint32_t bits = adze_widen_magnitude(magnitude, 2u, 15u);
  uint32_t special = 0x7F800000u | (magnitude << 21);
  return adze_float_of_bits(sign | (magnitude >= 0x7Cu ? special : bits));
}

//===-- adze_f32_to_f8e5m2 -----------------------------------------------===//
// Too large becomes infinity.
ADZE_FUNCTION uint8_t adze_f32_to_f8e5m2(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t code = adze_narrow_magnitude(magnitude, 2u, 15u);
  code = code > 0x7Bu ? 0x7Cu : code;
  code = magnitude > 0x7F800000u ? 0x7Eu : code;
  return (uint8_t)(sign | code);
}

//===-- adze_f32_to_f8e5m2_saturate --------------------------------------===//
ADZE_FUNCTION uint8_t adze_f32_to_f8e5m2_saturate(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t code = adze_narrow_magnitude(magnitude, 2u, 15u);
  code = code > 0x7Bu ? 0x7Bu : code;
  code = magnitude > 0x7F800000u ? 0x7Eu : code;
  return (uint8_t)(sign | code);
}

//===-- adze_f8e5m2fnuz_to_f32 -------------------------------------------===//
ADZE_FUNCTION float adze_f8e5m2fnuz_to_f32(uint8_t code) {
  uint32_t sign = ((uint32_t)code & 0x80u) << 24;
  uint32_t bits = adze_widen_magnitude((uint32_t)code & 0x7Fu, 2u, 16u);
  return adze_float_of_bits(code == 0x80u ? 0x7FC00000u : sign | bits);
}

//===-- adze_f32_to_f8e5m2fnuz -------------------------------------------===//
// Too large becomes NaN.
ADZE_FUNCTION uint8_t adze_f32_to_f8e5m2fnuz(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t rounded = adze_narrow_magnitude(magnitude, 2u, 16u);
  uint32_t code = rounded == 0u ? 0u : sign | rounded;
  code = rounded > 0x7Fu ? 0x80u : code;
  return (uint8_t)(magnitude > 0x7F800000u ? 0x80u : code);
}

//===-- adze_f32_to_f8e5m2fnuz_saturate ----------------------------------===//
ADZE_FUNCTION uint8_t adze_f32_to_f8e5m2fnuz_saturate(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t rounded = adze_narrow_magnitude(magnitude, 2u, 16u);
  uint32_t code = rounded == 0u ? 0u : sign | rounded;
  code = rounded > 0x7Fu ? sign | 0x7Fu : code;
  return (uint8_t)(magnitude > 0x7F800000u ? 0x80u : code);
}

//===-- adze_f4e2m1_to_f32 -----------------------------------------------===//
// The code is in the low four bits.
ADZE_FUNCTION float adze_f4e2m1_to_f32(uint8_t code) {
  uint32_t sign = ((uint32_t)code & 8u) << 28;
  return adze_float_of_bits(sign |
                            adze_widen_magnitude((uint32_t)code & 7u, 1u, 1u));
}

//===-- adze_f32_to_f4e2m1 -----------------------------------------------===//
// The format has neither infinity nor NaN: what is too large becomes 6, NaN
// becomes a zero of the other sign (as in ml_dtypes).
ADZE_FUNCTION uint8_t adze_f32_to_f4e2m1(float x) {
  uint32_t bits = adze_bits_of_float(x);
  uint32_t sign = (bits >> 28) & 8u;
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t code = adze_narrow_magnitude(magnitude, 1u, 1u);
  code = sign | (code > 7u ? 7u : code);
  return (uint8_t)(magnitude > 0x7F800000u ? sign ^ 8u : code);
}

//===-- adze_e8m0_to_f32 -------------------------------------------------===//
// 2^(code - 127); 255 is NaN.
ADZE_FUNCTION float adze_e8m0_to_f32(uint8_t code) {
  uint32_t bits = (uint32_t)code << 23;
  bits = code == 0u ? 0x00400000u : bits;
  return adze_float_of_bits(code == 255u ? 0x7FC00000u : bits);
}

//===-- adze_e8m0_limit --------------------------------------------------===//
// The end of every conversion to e8m0: `code` is the rounded exponent field of
// the f32 with these bits. ONNX leaves the result for negative numbers open:
// NaN here.
ADZE_FUNCTION uint8_t adze_e8m0_limit(uint32_t bits, uint32_t code,
                                      int saturate) {
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  int tooSmall = magnitude < 0x00400000u;
  int tooLarge = magnitude >= 0x7F800000u || code > 254u;
  int notANumber = magnitude > 0x7F800000u || (bits > 0x80000000u);
  uint32_t limited = tooLarge ? 254u : (tooSmall ? 0u : code);
  int keep = saturate | !(tooSmall | tooLarge);
  return (uint8_t)(keep && !notANumber ? limited : 255u);
}

//===-- adze_e8m0_round_up -----------------------------------------------===//
// The next power of two, away from zero. Takes the bits of an f32.
ADZE_FUNCTION uint32_t adze_e8m0_round_up(uint32_t bits) {
  uint32_t fraction = bits & 0x7FFFFFu;
  uint32_t subnormal = fraction > 0x400000u ? 1u : 0u;
  uint32_t exponent = (bits >> 23) & 255u;
  uint32_t normal = exponent + (fraction != 0u ? 1u : 0u);
  return exponent == 0u ? subnormal : normal;
}

//===-- adze_e8m0_round_nearest ------------------------------------------===//
// The nearest power of two, ties up. Takes the bits of an f32.
ADZE_FUNCTION uint32_t adze_e8m0_round_nearest(uint32_t bits) {
  uint32_t fraction = bits & 0x7FFFFFu;
  uint32_t subnormal = fraction >= 0x600000u ? 1u : 0u;
  uint32_t exponent = (bits >> 23) & 255u;
  uint32_t normal = exponent + (fraction >> 22);
  return exponent == 0u ? subnormal : normal;
}

//===-- adze_f32_to_e8m0_up ----------------------------------------------===//
// The next power of two, away from zero.
ADZE_FUNCTION uint8_t adze_f32_to_e8m0_up(float x) {
  uint32_t bits = adze_bits_of_float(x);
  return adze_e8m0_limit(bits, adze_e8m0_round_up(bits), 0);
}

//===-- adze_f32_to_e8m0_up_saturate -------------------------------------===//
// The next power of two, away from zero.
ADZE_FUNCTION uint8_t adze_f32_to_e8m0_up_saturate(float x) {
  uint32_t bits = adze_bits_of_float(x);
  return adze_e8m0_limit(bits, adze_e8m0_round_up(bits), 1);
}

//===-- adze_f32_to_e8m0_down --------------------------------------------===//
// The power of two below, towards zero.
ADZE_FUNCTION uint8_t adze_f32_to_e8m0_down(float x) {
  uint32_t bits = adze_bits_of_float(x);
  return adze_e8m0_limit(bits, (bits >> 23) & 255u, 0);
}

//===-- adze_f32_to_e8m0_down_saturate -----------------------------------===//
// The power of two below, towards zero.
ADZE_FUNCTION uint8_t adze_f32_to_e8m0_down_saturate(float x) {
  uint32_t bits = adze_bits_of_float(x);
  return adze_e8m0_limit(bits, (bits >> 23) & 255u, 1);
}

//===-- adze_f32_to_e8m0_nearest -----------------------------------------===//
// The nearest power of two, ties up.
ADZE_FUNCTION uint8_t adze_f32_to_e8m0_nearest(float x) {
  uint32_t bits = adze_bits_of_float(x);
  return adze_e8m0_limit(bits, adze_e8m0_round_nearest(bits), 0);
}

//===-- adze_f32_to_e8m0_nearest_saturate --------------------------------===//
// The nearest power of two, ties up.
ADZE_FUNCTION uint8_t adze_f32_to_e8m0_nearest_saturate(float x) {
  uint32_t bits = adze_bits_of_float(x);
  return adze_e8m0_limit(bits, adze_e8m0_round_nearest(bits), 1);
}

#endif
