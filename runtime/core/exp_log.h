//===- exp_log.h - Exponentials and logarithms in f32 ---------*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The polynomials are minimax fits printed by fit.py. Exponentials reduce to
// |r| <= ln(2)/2 as usual (Muller, "Elementary Functions", chapter 11);
// logarithms to [sqrt(1/2), sqrt(2)) with the corrections of FreeBSD's msun
// for bases 2 and 10.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_EXP_LOG_H
#define ADZE_RUNTIME_EXP_LOG_H

#include "bits.h"

#include <math.h>
#include <stdint.h>

//===-- adze_scale -------------------------------------------------------===//
// x * 2^n for -252 <= n <= 254, in two steps so that neither factor overflows;
// exact unless the second step leaves the normal range.
ADZE_FUNCTION float adze_scale(float x, int32_t n) {
  uint32_t half = ((uint32_t)n + 256u) >> 1;
  float first = adze_float_of_bits((half - 1u) << 23);
  float second = adze_float_of_bits(((uint32_t)n - half + 255u) << 23);
  return x * first * second;
}

//===-- adze_expm1_reduced -----------------------------------------------===//
// e^r - 1 for |r| <= 0.35.
ADZE_FUNCTION float adze_expm1_reduced(float r) {
  float p = 0.00138698448f;
  p = p * r + 0.00836644694f;
  p = p * r + 0.0416674465f;
  p = p * r + 0.16666545f;
  p = p * r + 0.49999997f;
  return r + r * r * p;
}

//===-- adze_exp_parts ---------------------------------------------------===//
// e^x = (1 + expm1) * 2^exponent.
struct adze_exp_parts {
  float expm1;
  int32_t exponent;
};

//===-- adze_exp_split ---------------------------------------------------===//
// e^x in parts for |x| <= 150; NaN gives a NaN fraction. Adding 1.5 * 2^23
// rounds to an integer and leaves it in the low bits; ln(2) comes in two parts
// of which the first has 9 bits, so that its multiples are exact.
ADZE_FUNCTION struct adze_exp_parts adze_exp_split(float x) {
  struct adze_exp_parts parts;
  float shifted = x * 1.44269502f + 12582912.0f;
  float n = shifted - 12582912.0f;
  float r = (x - n * 0.69140625f) - n * 0.0017409306f;
  parts.expm1 = adze_expm1_reduced(r);
  parts.exponent = (int32_t)(adze_bits_of_float(shifted) - 0x4B400000u);
  return parts;
}

//===-- adze_clamp -------------------------------------------------------===//
// x limited to [low, high]; NaN stays.
ADZE_FUNCTION float adze_clamp(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

//===-- adze_expf --------------------------------------------------------===//
// e^x. Beyond the bounds of the clamp the result has already become 0 or
// infinity.
ADZE_FUNCTION float adze_expf(float x) {
  struct adze_exp_parts e = adze_exp_split(adze_clamp(x, -104.0f, 89.0f));
  return adze_scale(1.0f + e.expm1, e.exponent);
}

//===-- adze_exp2f -------------------------------------------------------===//
// 2^x.
ADZE_FUNCTION float adze_exp2f(float x) {
  float bounded = adze_clamp(x, -151.0f, 129.0f);
  float shifted = bounded + 12582912.0f;
  float r = (bounded - (shifted - 12582912.0f)) * 0.693147182f;
  int32_t n = (int32_t)(adze_bits_of_float(shifted) - 0x4B400000u);
  return adze_scale(1.0f + adze_expm1_reduced(r), n);
}

//===-- adze_expm1f ------------------------------------------------------===//
// e^x - 1 = 2 * ((2^n / 2) * (e^r - 1) + (2^n / 2 - 1/2)); half the power, so
// that n = 128 does not overflow.
ADZE_FUNCTION float adze_expm1f(float x) {
  struct adze_exp_parts e = adze_exp_split(adze_clamp(x, -40.0f, 89.0f));
  float half = adze_float_of_bits((uint32_t)(e.exponent + 126) << 23);
  float result = 2.0f * (half * e.expm1 + (half - 0.5f));
  return fabsf(x) < 2.98023224e-08f ? x : result;
}

//===-- adze_log_parts ---------------------------------------------------===//
// x = (1 + fraction) * 2^exponent with sqrt(1/2) <= 1 + fraction < sqrt(2).
struct adze_log_parts {
  float fraction;
  float exponent;
};

//===-- adze_log_split ---------------------------------------------------===//
// The parts of a positive finite number, subnormal ones included. 0x3F3504F3
// are the bits of sqrt(1/2).
ADZE_FUNCTION struct adze_log_parts adze_log_split(float x) {
  struct adze_log_parts parts;
  int subnormal = x < 1.17549435e-38f;
  uint32_t bits = adze_bits_of_float(subnormal ? x * 8388608.0f : x);
  int32_t bias = subnormal ? 150 : 127;
  bits += 0x3F800000u - 0x3F3504F3u;
  parts.exponent = (float)((int32_t)(bits >> 23) - bias);
  bits = (bits & 0x007FFFFFu) + 0x3F3504F3u;
  parts.fraction = adze_float_of_bits(bits) - 1.0f;
  return parts;
}

//===-- adze_log1p_tail --------------------------------------------------===//
// log(1 + f) - f + f^2/2 for sqrt(1/2) - 1 <= f <= sqrt(2) - 1.
ADZE_FUNCTION float adze_log1p_tail(float f) {
  float p = -0.0763643906f;
  p = p * f + 0.127622172f;
  p = p * f - 0.131596103f;
  p = p * f + 0.1420158f;
  p = p * f - 0.166234091f;
  p = p * f + 0.200012416f;
  p = p * f - 0.250008196f;
  p = p * f + 0.333333313f;
  return f * f * f * p;
}

//===-- adze_log_limits --------------------------------------------------===//
// What every logarithm is outside of the positive finite numbers.
ADZE_FUNCTION float adze_log_limits(float x, float result) {
  float limit = x == 0.0f ? -INFINITY : (x > 0.0f ? x : NAN);
  uint32_t bits = adze_bits_of_float(x);
  return bits - 1u < 0x7F7FFFFFu ? result : limit;
}

//===-- adze_logf --------------------------------------------------------===//
// The natural logarithm.
ADZE_FUNCTION float adze_logf(float x) {
  struct adze_log_parts parts = adze_log_split(x);
  float f = parts.fraction;
  float k = parts.exponent;
  float tail = adze_log1p_tail(f) + k * 1.42860677e-06f;
  float result = k * 0.693145752f + (f - (0.5f * f * f - tail));
  return adze_log_limits(x, result);
}

//===-- adze_log2f -------------------------------------------------------===//
// The logarithm to base 2. The leading part of log(1 + f) has 12 bits and is
// multiplied by the leading 12 bits of 1/ln(2).
ADZE_FUNCTION float adze_log2f(float x) {
  struct adze_log_parts parts = adze_log_split(x);
  float f = parts.fraction;
  float square = 0.5f * f * f;
  float high = adze_upper_half(f - square);
  float low = (f - high) - square + adze_log1p_tail(f);
  float result = (low + high) * 0.000312228396f + low * 1.44238281f +
                 high * 1.44238281f + parts.exponent;
  return adze_log_limits(x, result);
}

//===-- adze_log10f ------------------------------------------------------===//
// The logarithm to base 10, as adze_log2f.
ADZE_FUNCTION float adze_log10f(float x) {
  struct adze_log_parts parts = adze_log_split(x);
  float f = parts.fraction;
  float k = parts.exponent;
  float square = 0.5f * f * f;
  float high = adze_upper_half(f - square);
  float low = (f - high) - square + adze_log1p_tail(f);
  float result = k * 4.60503907e-06f + (low + high) * 9.03803375e-05f +
                 low * 0.434204102f + high * 0.434204102f + k * 0.301025391f;
  return adze_log_limits(x, result);
}

//===-- adze_log_sum -----------------------------------------------------===//
// log(high + low) + n * log(2) for a normal positive `high` and a `low` below
// one unit in its last place: log(high) + low / high.
ADZE_FUNCTION float adze_log_sum(float high, float low, float n) {
  struct adze_log_parts parts = adze_log_split(high);
  float f = parts.fraction;
  float k = parts.exponent + n;
  float tail = adze_log1p_tail(f) + (k * 1.42860677e-06f + low / high);
  return k * 0.693145752f + (f - (0.5f * f * f - tail));
}

//===-- adze_log1pf ------------------------------------------------------===//
// log(1 + x).
ADZE_FUNCTION float adze_log1pf(float x) {
  float sum = 1.0f + x;
  float error = x < 1.0f ? x - (sum - 1.0f) : 1.0f - (sum - x);
  float result = adze_log_limits(sum, adze_log_sum(sum, error, 0.0f));
  return x == 0.0f ? x : result;
}

//===-- adze_sigmoidf ----------------------------------------------------===//
// 1 / (1 + e^-x). With e^-x = 2^n (1 + e), the larger of 1 and 2^n is taken
// out of the sum, which then has one rounding that counts.
ADZE_FUNCTION float adze_sigmoidf(float x) {
  struct adze_exp_parts e = adze_exp_split(-adze_clamp(x, -104.0f, 104.0f));
  int32_t n = e.exponent;
  int32_t size = n < 0 ? -n : n;
  float t =
      adze_float_of_bits((uint32_t)(127 - (size > 126 ? 126 : size)) << 23);
  float rising = 1.0f + (t + e.expm1);
  float falling = (1.0f + t) + t * e.expm1;
  float sum = n > 0 ? rising : falling;
  return adze_scale(1.0f / sum, n > 0 ? -n : 0);
}

#endif
