//===- hyperbolic.h - Hyperbolic functions in f32 -------------*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A polynomial where the function is near its argument, exponentials and
// logarithms elsewhere.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_HYPERBOLIC_H
#define ADZE_RUNTIME_HYPERBOLIC_H

#include "exp_log.h"

#include <math.h>
#include <stdint.h>

//===-- adze_half_exp ----------------------------------------------------===//
// e^x / 2 for x >= 0, which overflows only where sinh and cosh do.
ADZE_FUNCTION float adze_half_exp(float x) {
  struct adze_exp_parts e = adze_exp_split(x > 90.0f ? 90.0f : x);
  return adze_scale(1.0f + e.expm1, e.exponent - 1);
}

//===-- adze_sinhf -------------------------------------------------------===//
// The hyperbolic sine.
ADZE_FUNCTION float adze_sinhf(float x) {
  float a = fabsf(x);
  float half = adze_half_exp(a);
  float large = half - 0.25f / half;
  float z = a * a;
  float p = 2.78221319e-06f;
  p = p * z + 0.000198428956f;
  p = p * z + 0.00833331048f;
  p = p * z + 0.166666672f;
  float small = a + a * z * p;
  return copysignf(a < 1.0f ? small : large, x);
}

//===-- adze_coshf -------------------------------------------------------===//
// The hyperbolic cosine.
ADZE_FUNCTION float adze_coshf(float x) {
  float half = adze_half_exp(fabsf(x));
  return half + 0.25f / half;
}

//===-- adze_tanhf -------------------------------------------------------===//
// The hyperbolic tangent: 1 - 2 / (e^2x + 1) above 0.5625.
ADZE_FUNCTION float adze_tanhf(float x) {
  float a = fabsf(x);
  struct adze_exp_parts e = adze_exp_split(a > 10.0f ? 20.0f : 2.0f * a);
  float power = adze_float_of_bits((uint32_t)(e.exponent + 127) << 23);
  float large = 1.0f - 2.0f / ((power + 1.0f) + power * e.expm1);
  float z = a * a;
  float p = -0.00616961392f;
  p = p * z + 0.021000376f;
  p = p * z - 0.0538357571f;
  p = p * z + 0.13332437f;
  p = p * z - 0.333333135f;
  float small = a + a * z * p;
  return copysignf(a < 0.5625f ? small : large, x);
}

//===-- adze_asinhf ------------------------------------------------------===//
// The inverse hyperbolic sine: log((a + sqrt(a^2 + 1)) / 2) + log(2) above
// 0.8; from 2^13 on the root is a.
ADZE_FUNCTION float adze_asinhf(float x) {
  float a = fabsf(x);
  float b = a < 8192.0f ? a : 0.0f;
  float root = a < 8192.0f ? sqrtf(b * b + 1.0f) : a;
  float sum = 0.5f * a + 0.5f * root;
  float error = 0.5f * a - (sum - 0.5f * root);
  float large = adze_log_limits(sum, adze_log_sum(sum, error, 1.0f));
  float z = a * a;
  float p = -0.00249691959f;
  p = p * z + 0.00952223223f;
  p = p * z - 0.0190086886f;
  p = p * z + 0.029517917f;
  p = p * z - 0.0445191078f;
  p = p * z + 0.0749914125f;
  p = p * z - 0.166666463f;
  float small = a + a * z * p;
  return copysignf(a < 0.8f ? small : large, x);
}

//===-- adze_acoshf ------------------------------------------------------===//
// The inverse hyperbolic cosine: log(1 + t + sqrt(2 t + t^2)) with t = x - 1;
// from 2^13 on log(x) + log(2).
ADZE_FUNCTION float adze_acoshf(float x) {
  int large = x >= 8192.0f;
  float t = large ? 0.0f : x - 1.0f;
  float v = t + sqrtf(2.0f * t + t * t);
  float sum = 1.0f + v;
  float error = v < 1.0f ? v - (sum - 1.0f) : 1.0f - (sum - v);
  float result = adze_log_sum(large ? x : sum, error, large ? 1.0f : 0.0f);
  return x >= 1.0f ? (x < INFINITY ? result : x) : NAN;
}

//===-- adze_atanhf ------------------------------------------------------===//
// The inverse hyperbolic tangent: log(1 + 2 a / (1 - a)) / 2 above 1/2.
ADZE_FUNCTION float adze_atanhf(float x) {
  float a = fabsf(x);
  float q = 2.0f * a / (1.0f - a);
  float sum = 1.0f + q;
  float error = 1.0f - (sum - q);
  float large = 0.5f * adze_log_limits(sum, adze_log_sum(sum, error, 0.0f));
  float z = a * a;
  float p = 0.176399201f;
  p = p * z + 0.0515896492f;
  p = p * z + 0.118167616f;
  p = p * z + 0.142237455f;
  p = p * z + 0.200024545f;
  p = p * z + 0.333333015f;
  float small = a + a * z * p;
  large = a > 1.0f ? NAN : large;
  return copysignf(a < 0.5f ? small : large, x);
}

#endif
