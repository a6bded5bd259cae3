//===- error_function.h - erf and erfc in f32 -----------------*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_ERROR_FUNCTION_H
#define ADZE_RUNTIME_ERROR_FUNCTION_H

#include "exp_log.h"

#include <math.h>
#include <stdint.h>

//===-- adze_erf_ratio ---------------------------------------------------===//
// erf(x) / x - 1 for z = x^2 < 0.77.
ADZE_FUNCTION float adze_erf_ratio(float z) {
  float p = 7.86771343e-05f;
  p = p * z - 0.000802642375f;
  p = p * z + 0.00519094151f;
  p = p * z - 0.0268553644f;
  p = p * z + 0.112836227f;
  p = p * z - 0.376126289f;
  p = p * z + 0.128379166f;
  return p;
}

//===-- adze_erff --------------------------------------------------------===//
// The error function: a polynomial up to 0.875, then 1 - erfc(x) with erfc(x)
// as the exponential of a polynomial; 1 from 4 on.
ADZE_FUNCTION float adze_erff(float x) {
  float a = fabsf(x);
  float b = a > 4.0f ? 4.0f : a;
  float p = 0.00020099993f;
  p = p * b - 0.00309231179f;
  p = p * b + 0.0224202536f;
  p = p * b - 0.10432753f;
  p = p * b - 0.636737227f;
  p = p * b - 1.12793612f;
  p = p * b - 0.000133574707f;
  struct adze_exp_parts e = adze_exp_split(p);
  float power = adze_float_of_bits((uint32_t)(e.exponent + 127) << 23);
  float large = 1.0f - (power + power * e.expm1);
  float small = a + a * adze_erf_ratio(a * a);
  return copysignf(a < 0.875f ? small : large, x);
}

//===-- adze_erfcf -------------------------------------------------------===//
// The complementary error function: 1 - erf(x) up to 1/2 in magnitude, above
// e^(-x^2) (1 + P(t)) / (x + 2) with t = (x - 2) / (x + 2) (after M. M.
// Shepherd and J. G. Laframboise, Math. Comp. 36, 1981), 2 - erfc(-x) below.
// The square keeps its error, which the exponential would magnify.
ADZE_FUNCTION float adze_erfcf(float x) {
  float a = fabsf(x);
  float b = a > 10.5f ? 10.5f : a;
  float square = b * b;
  float high = adze_upper_half(b);
  float low = b - high;
  float error = ((high * high - square) + 2.0f * high * low) + low * low;
  float inverse = 1.0f / (b + 2.0f);
  float t = (b - 2.0f) * inverse;
  float p = 0.000114768678f;
  p = p * t - 0.000547956966f;
  p = p * t - 0.000887321192f;
  p = p * t + 0.00305691524f;
  p = p * t + 0.00649053697f;
  p = p * t - 0.0215066597f;
  p = p * t - 0.0364431292f;
  p = p * t + 0.279471934f;
  p = p * t - 0.687160671f;
  p = p * t + 0.0215827059f;
  struct adze_exp_parts e = adze_exp_split(-square);
  float factor = e.expm1 - error * (1.0f + e.expm1);
  float tail =
      adze_scale((1.0f + (p + (1.0f + p) * factor)) * inverse, e.exponent);
  tail = x < 0.0f ? 2.0f - tail : tail;
  float middle = 1.0f - (x + x * adze_erf_ratio(square));
  return a < 0.5f ? middle : tail;
}

#endif
