//===- power.h - Powers and roots in f32 ----------------------*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_POWER_H
#define ADZE_RUNTIME_POWER_H

#include "exp_log.h"

#include <math.h>
#include <stdint.h>

//===-- adze_double_float ------------------------------------------------===//
// high + low, a number of some 36 bits; high has 12.
struct adze_double_float {
  float high;
  float low;
};

//===-- adze_log2_precise ------------------------------------------------===//
// log2(x) of a positive finite number to some 2^-34 relative, after FreeBSD's
// e_powf.c: 2 atanh(s) / ln(2) with s = f / (2 + f) in two parts, the products
// of leading parts exact.
ADZE_FUNCTION struct adze_double_float adze_log2_precise(float x) {
  struct adze_double_float result;
  struct adze_log_parts parts = adze_log_split(x);
  float f = parts.fraction;
  float k = parts.exponent;
  float d = 2.0f + f;
  float dError = f - (d - 2.0f);
  float inverse = 1.0f / d;
  float s = f * inverse;
  float sHigh = adze_upper_half(s);
  float dHigh = adze_upper_half(d);
  float dLow = (d - dHigh) + dError;
  float sLow = ((f - sHigh * dHigh) - sHigh * dLow) * inverse;
  // atanh(s) = s/3 * (3 + s^2 + rest)
  float z = s * s;
  float p = 0.117098726f;
  p = p * z + 0.142735437f;
  p = p * z + 0.200000763f;
  float square = sHigh * sHigh;
  float rest = 3.0f * z * z * p + sLow * (sHigh + s);
  float tHigh = adze_upper_half(3.0f + square + rest);
  float tLow = rest - ((tHigh - 3.0f) - square);
  float u = sHigh * tHigh;
  float v = sLow * tHigh + tLow * s;
  float pHigh = adze_upper_half(u + v);
  float pLow = v - (pHigh - u);
  // 2 / (3 ln 2) = 0.961796701, its upper half 0.961669922
  float zHigh = 0.961669922f * pHigh;
  float zLow = 0.000126772051f * pHigh + pLow * 0.961796701f;
  result.high = adze_upper_half((zHigh + zLow) + k);
  result.low = zLow - ((result.high - k) - zHigh);
  return result;
}

//===-- adze_powf --------------------------------------------------------===//
// x^y with the special cases of C99. |y| > 2^32 acts as 2^32: the power of
// every x but 1 has left the range by then.
ADZE_FUNCTION float adze_powf(float x, float y) {
  float ax = fabsf(x);
  float ay = fabsf(y);
  struct adze_double_float log2 = adze_log2_precise(ax);
  float b = adze_clamp(y, -4294967296.0f, 4294967296.0f);
  float bHigh = adze_upper_half(b);
  float high = bHigh * log2.high;
  float low = (b - bHigh) * log2.high + b * log2.low;
  float sum = high + low;
  int outside = fabsf(sum) > 160.0f;
  high = outside ? copysignf(160.0f, sum) : high;
  low = outside ? 0.0f : low;
  float shifted = (high + low) + 12582912.0f;
  float r = (high - (shifted - 12582912.0f)) + low;
  int32_t n = (int32_t)(adze_bits_of_float(shifted) - 0x4B400000u);
  float power = adze_scale(1.0f + adze_expm1_reduced(r * 0.693147182f), n);
  // Zero and infinity in either place.
  int grows = (ax > 1.0f) == (y > 0.0f);
  int extreme = (ax == 0.0f) | (ax == INFINITY) | (ay == INFINITY);
  float limit = grows ? INFINITY : 0.0f;
  power = extreme ? limit : power;
  // Negative x: y must be an integer (all from 2^23 on are), odd ones keep the
  // sign. Adding 2^23 leaves the integer in the low bits.
  float shiftedY = ay < 8388608.0f ? ay + 8388608.0f : ay;
  int integer = (ay >= 8388608.0f) | (shiftedY - 8388608.0f == ay);
  int odd = integer & (ay < 16777216.0f) &
            ((adze_bits_of_float(shiftedY) & 1u) != 0u);
  uint32_t sign = adze_bits_of_float(x) & (odd ? 0x80000000u : 0u);
  power = adze_float_of_bits(adze_bits_of_float(power) ^ sign);
  int invalid = (x < 0.0f) & (ax < INFINITY) & !integer;
  invalid = invalid | (x != x) | (y != y);
  power = invalid ? NAN : power;
  int one = (x == 1.0f) | (y == 0.0f) | ((x == -1.0f) & (ay == INFINITY));
  return one ? 1.0f : power;
}

//===-- adze_cbrtf -------------------------------------------------------===//
// The cube root: a guess from a third of the exponent (3 %), then two steps of
// Halley's method; before the second the root is cut to 12 bits so that its
// square is exact (FreeBSD's s_cbrt.c). Scaled by 2^24 at the ends of the
// range.
ADZE_FUNCTION float adze_cbrtf(float x) {
  float a = fabsf(x);
  int tiny = a < 1.17549435e-38f;
  int huge = a > 1.0e38f;
  float v = a * (tiny ? 16777216.0f : (huge ? 5.96046448e-08f : 1.0f));
  float t = adze_float_of_bits(adze_bits_of_float(v) / 3u + 709958130u);
  float cube = t * t * t;
  t = t * ((v + v + cube) / (v + cube + cube));
  t = adze_upper_half(t);
  float r = v / (t * t);
  t = t + t * ((r - t) / (t + t + r));
  t = t * (tiny ? 0.00390625f : (huge ? 256.0f : 1.0f));
  uint32_t bits = adze_bits_of_float(a);
  return bits - 1u < 0x7F7FFFFFu ? copysignf(t, x) : x;
}

//===-- adze_rsqrtf ------------------------------------------------------===//
// 1 / sqrt(x), both exactly rounded.
ADZE_FUNCTION float adze_rsqrtf(float x) { return 1.0f / sqrtf(x); }

#endif
