//===- trigonometry.h - Circular functions in f32 -------------*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Arguments up to 1e5 are reduced by pi/2 in parts of 8 bits (Cody and Waite),
// larger ones in 96-bit integers (Payne and Hanek, "Radian reduction for
// trigonometric functions", SIGNUM 18, 1983). The second way holds no load and
// no call, so that a vectoriser may evaluate it for all lanes.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_TRIGONOMETRY_H
#define ADZE_RUNTIME_TRIGONOMETRY_H

#include "bits.h"

#include <math.h>
#include <stdint.h>

//===-- adze_angle -------------------------------------------------------===//
// |x| = quadrant * pi/2 + high + low with |high + low| <= pi/4; only the two
// low bits of the quadrant count. Passed by address: as a result, the calling
// convention of x86-64 would pack it into vectors, where the loop vectoriser
// stops.
struct adze_angle {
  float high;
  float low;
  uint32_t quadrant;
};

//===-- adze_reduce_angle_small ------------------------------------------===//
// For 0 <= x <= 1e5: the quadrant has at most 16 bits, so that its products
// with parts of 8 bits are exact. Three differences are exact too; the others
// leave their error in `low`.
ADZE_FUNCTION void adze_reduce_angle_small(float x, struct adze_angle *angle) {
  float shifted = x * 0.636619747f + 12582912.0f;
  float n = shifted - 12582912.0f;
  float a = x - n * 1.5703125f;
  a = a - n * 0.000457763672f;
  a = a - n * 2.59876251e-05f;
  float b = a - n * 7.54371285e-08f;
  float low = (a - b) - n * 7.54371285e-08f;
  float c = b - n * 6.00266503e-11f;
  low = low + ((b - c) - n * 6.00266503e-11f) - n * 7.44354773e-13f;
  angle->high = c + low;
  angle->low = (c - angle->high) + low;
  angle->quadrant = adze_bits_of_float(shifted);
}

//===-- adze_pick --------------------------------------------------------===//
// The value of that number: 0 to 4.
ADZE_FUNCTION uint32_t adze_pick(uint32_t number, uint32_t v0, uint32_t v1,
                                 uint32_t v2, uint32_t v3, uint32_t v4) {
  uint32_t value = number == 0u ? v0 : v4;
  value = number == 1u ? v1 : value;
  value = number == 2u ? v2 : value;
  return number == 3u ? v3 : value;
}

//===-- adze_reduce_angle_large ------------------------------------------===//
// For 1e5 <= x < infinity: x = m * 2^e with m of 24 bits. Of the binary digits
// of 2/pi (the hexadecimal words below) those above the window give multiples
// of 4 and those below it less than 2^-70. m times the window of 96 bits,
// modulo 2^96, is the quadrant in two bits and its fraction in 94; 62 of them
// are used.
ADZE_FUNCTION void adze_reduce_angle_large(float x, struct adze_angle *angle) {
  uint32_t bits = adze_bits_of_float(x);
  uint64_t m = (bits & 0x007FFFFFu) | 0x00800000u;
  uint32_t start = (bits >> 23) - 120u;
  uint32_t word = start >> 5;
  uint32_t shift = start & 31u;
  uint64_t w0 =
      adze_pick(word, 0u, 0xA2F9836Eu, 0x4E441529u, 0xFC2757D1u, 0xF534DDC0u);
  uint64_t w1 = adze_pick(word, 0xA2F9836Eu, 0x4E441529u, 0xFC2757D1u,
                          0xF534DDC0u, 0xDB629599u);
  uint64_t w2 = adze_pick(word, 0x4E441529u, 0xFC2757D1u, 0xF534DDC0u,
                          0xDB629599u, 0x3C439041u);
  uint64_t w3 = adze_pick(word, 0xFC2757D1u, 0xF534DDC0u, 0xDB629599u,
                          0x3C439041u, 0xFE5163ABu);
  uint64_t d0 = (((w0 << 32 | w1) << shift) >> 32) * m;
  uint64_t d1 = (((w1 << 32 | w2) << shift) >> 32) * m;
  uint64_t d2 = (((w2 << 32 | w3) << shift) >> 32) * m;
  // Half a quadrant more, so that the fraction lies in [-1/2, 1/2).
  uint64_t product = (d0 << 32) + d1 + (d2 >> 32) + ((uint64_t)1 << 61);
  // 24 + 24 + 14 bits of the fraction, each exact in f32.
  float f0 =
      (float)((int32_t)((uint32_t)(product >> 38) & 0xFFFFFFu) - 0x800000) *
      5.9604644775390625e-08f;
  float f1 = (float)(int32_t)((uint32_t)(product >> 14) & 0xFFFFFFu) *
             3.5527136788005009e-15f;
  float f2 =
      (float)(int32_t)((uint32_t)product & 0x3FFFu) * 2.1684043449710089e-19f;
  float fraction = f0 + f1;
  float rest = ((f0 - fraction) + f1) + f2;
  // Times pi/2, the leading product from exact halves.
  float high = adze_upper_half(fraction);
  float low = (fraction - high) + rest;
  float a = high * 1.5703125f;
  float b = low * 1.5703125f + (high + low) * 0.000483826792f;
  angle->high = a + b;
  angle->low = (a - angle->high) + b;
  angle->quadrant = (uint32_t)(product >> 62);
}

//===-- adze_reduce_angle ------------------------------------------------===//
// For any x >= 0; infinity gives NaN.
ADZE_FUNCTION void adze_reduce_angle(float x, struct adze_angle *angle) {
  adze_reduce_angle_small(x, angle);
  if (x > 1.0e5f)
    adze_reduce_angle_large(x, angle);
  angle->high = x < INFINITY ? angle->high : NAN;
}

//===-- adze_sin_reduced -------------------------------------------------===//
// sin(high + low) for |high| <= pi/4.
ADZE_FUNCTION float adze_sin_reduced(float high, float low) {
  float z = high * high;
  float p = -0.000195182831f;
  p = p * z + 0.00833218917f;
  p = p * z - 0.166666552f;
  return high + (high * z * p + low);
}

//===-- adze_cos_reduced -------------------------------------------------===//
// cos(high + low) for |high| <= pi/4. The difference 1 - z/2 keeps its error.
ADZE_FUNCTION float adze_cos_reduced(float high, float low) {
  float z = high * high;
  float half = 0.5f * z;
  float lead = 1.0f - half;
  float p = 2.44323273e-05f;
  p = p * z - 0.00138873095f;
  p = p * z + 0.0416666456f;
  return lead + (((1.0f - lead) - half) + (z * z * p - high * low));
}

//===-- adze_sinf --------------------------------------------------------===//
// The sine.
ADZE_FUNCTION float adze_sinf(float x) {
  struct adze_angle angle;
  adze_reduce_angle(fabsf(x), &angle);
  float sine = adze_sin_reduced(angle.high, angle.low);
  float cosine = adze_cos_reduced(angle.high, angle.low);
  float result = (angle.quadrant & 1u) != 0u ? cosine : sine;
  uint32_t sign =
      (adze_bits_of_float(x) & 0x80000000u) ^ ((angle.quadrant & 2u) << 30);
  return adze_float_of_bits(adze_bits_of_float(result) ^ sign);
}

//===-- adze_cosf --------------------------------------------------------===//
// The cosine.
ADZE_FUNCTION float adze_cosf(float x) {
  struct adze_angle angle;
  adze_reduce_angle(fabsf(x), &angle);
  float sine = adze_sin_reduced(angle.high, angle.low);
  float cosine = adze_cos_reduced(angle.high, angle.low);
  float result = (angle.quadrant & 1u) != 0u ? sine : cosine;
  uint32_t sign = ((angle.quadrant + 1u) & 2u) << 30;
  return adze_float_of_bits(adze_bits_of_float(result) ^ sign);
}

//===-- adze_tanf --------------------------------------------------------===//
// The tangent: tan(r) in even quadrants, -1/tan(r) in odd ones. The quotient
// takes the sum high + low apart: -1/(t + e) = -(1/t) (1 - e/t).
ADZE_FUNCTION float adze_tanf(float x) {
  struct adze_angle angle;
  adze_reduce_angle(fabsf(x), &angle);
  float r = angle.high;
  float z = r * r;
  float p = 0.00437247334f;
  p = p * z + 9.86000377e-05f;
  p = p * z + 0.0108272443f;
  p = p * z + 0.0212862547f;
  p = p * z + 0.0540589094f;
  p = p * z + 0.133326754f;
  p = p * z + 0.333333492f;
  float correction = r * z * p + (angle.low + z * angle.low);
  float tangent = r + correction;
  float error = (r - tangent) + correction;
  float inverse = -1.0f / tangent;
  float cotangent = inverse + inverse * inverse * error;
  float result = (angle.quadrant & 1u) != 0u ? cotangent : tangent;
  uint32_t sign = adze_bits_of_float(x) & 0x80000000u;
  return adze_float_of_bits(adze_bits_of_float(result) ^ sign);
}

//===-- adze_asin_tail ---------------------------------------------------===//
// asin(x) - x for z = x^2, |x| <= 1/2.
ADZE_FUNCTION float adze_asin_tail(float x, float z) {
  float p = 0.0421583056f;
  p = p * z + 0.0241847783f;
  p = p * z + 0.0454691499f;
  p = p * z + 0.0749530941f;
  p = p * z + 0.166667521f;
  return x * z * p;
}

//===-- adze_asinf -------------------------------------------------------===//
// The arc sine; above 1/2 by asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)).
ADZE_FUNCTION float adze_asinf(float x) {
  float a = fabsf(x);
  int small = a < 0.5f;
  float z = small ? a * a : 0.5f * (1.0f - a);
  float s = small ? a : sqrtf(z);
  float tail = adze_asin_tail(s, z);
  float large = 1.57079637f - (2.0f * s + (2.0f * tail + 4.37113883e-08f));
  return copysignf(small ? s + tail : large, x);
}

//===-- adze_acosf -------------------------------------------------------===//
// The arc cosine, from the same polynomial.
ADZE_FUNCTION float adze_acosf(float x) {
  float a = fabsf(x);
  int small = a < 0.5f;
  float z = small ? a * a : 0.5f * (1.0f - a);
  float s = small ? x : sqrtf(z);
  float tail = adze_asin_tail(s, z);
  float middle = 1.57079637f - (s + (tail + 4.37113883e-08f));
  float right = 2.0f * (s + tail);
  float left = 3.14159274f - (right + 8.74227766e-08f);
  float large = x < 0.0f ? left : right;
  return small ? middle : large;
}

//===-- adze_atan_reduced ------------------------------------------------===//
// atan(x) for 0 <= x <= 1.
ADZE_FUNCTION float adze_atan_reduced(float x) {
  float z = x * x;
  float p = -0.00178282452f;
  p = p * z + 0.0108686909f;
  p = p * z - 0.0310969874f;
  p = p * z + 0.0578813888f;
  p = p * z - 0.0839930624f;
  p = p * z + 0.109508805f;
  p = p * z - 0.142640159f;
  p = p * z + 0.199985296f;
  p = p * z - 0.333332986f;
  return x + x * z * p;
}

//===-- adze_atanf -------------------------------------------------------===//
// The arc tangent; above 1 by atan(x) = pi/2 - atan(1/x).
ADZE_FUNCTION float adze_atanf(float x) {
  float a = fabsf(x);
  int large = a > 1.0f;
  float r = adze_atan_reduced(large ? 1.0f / a : a);
  return copysignf(large ? 1.57079637f - (r + 4.37113883e-08f) : r, x);
}

//===-- adze_atan2f ------------------------------------------------------===//
// The angle of the point (x, y), with the special cases of C99.
ADZE_FUNCTION float adze_atan2f(float y, float x) {
  float ax = fabsf(x);
  float ay = fabsf(y);
  float large = ax > ay ? ax : ay;
  float small = ax > ay ? ay : ax;
  float ratio = small / large;
  ratio = large == 0.0f ? 0.0f : ratio;
  ratio = small == INFINITY ? 1.0f : ratio;
  float r = adze_atan_reduced(ratio);
  r = ay > ax ? 1.57079637f - (r + 4.37113883e-08f) : r;
  r = (adze_bits_of_float(x) >> 31) != 0u ? 3.14159274f - (r + 8.74227766e-08f)
                                          : r;
  int invalid = (x != x) | (y != y);
  r = invalid ? NAN : r;
  return copysignf(r, y);
}

#endif
