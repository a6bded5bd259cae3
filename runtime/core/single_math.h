//===- single_math.h - The functions of single precision -*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_SINGLE_MATH_H
#define ADZE_RUNTIME_SINGLE_MATH_H

#include "bits.h"

#include <math.h>

//===-- adze_expf --------------------------------------------------------===//
ADZE_FUNCTION float adze_expf(float x) { return expf(x); }

//===-- adze_exp2f -------------------------------------------------------===//
ADZE_FUNCTION float adze_exp2f(float x) { return exp2f(x); }

//===-- adze_expm1f ------------------------------------------------------===//
ADZE_FUNCTION float adze_expm1f(float x) { return expm1f(x); }

//===-- adze_logf --------------------------------------------------------===//
ADZE_FUNCTION float adze_logf(float x) { return logf(x); }

//===-- adze_log2f -------------------------------------------------------===//
ADZE_FUNCTION float adze_log2f(float x) { return log2f(x); }

//===-- adze_log10f ------------------------------------------------------===//
ADZE_FUNCTION float adze_log10f(float x) { return log10f(x); }

//===-- adze_log1pf ------------------------------------------------------===//
ADZE_FUNCTION float adze_log1pf(float x) { return log1pf(x); }

//===-- adze_sinf --------------------------------------------------------===//
ADZE_FUNCTION float adze_sinf(float x) { return sinf(x); }

//===-- adze_cosf --------------------------------------------------------===//
ADZE_FUNCTION float adze_cosf(float x) { return cosf(x); }

//===-- adze_tanf --------------------------------------------------------===//
ADZE_FUNCTION float adze_tanf(float x) { return tanf(x); }

//===-- adze_asinf -------------------------------------------------------===//
ADZE_FUNCTION float adze_asinf(float x) { return asinf(x); }

//===-- adze_acosf -------------------------------------------------------===//
ADZE_FUNCTION float adze_acosf(float x) { return acosf(x); }

//===-- adze_atanf -------------------------------------------------------===//
ADZE_FUNCTION float adze_atanf(float x) { return atanf(x); }

//===-- adze_sinhf -------------------------------------------------------===//
ADZE_FUNCTION float adze_sinhf(float x) { return sinhf(x); }

//===-- adze_coshf -------------------------------------------------------===//
ADZE_FUNCTION float adze_coshf(float x) { return coshf(x); }

//===-- adze_tanhf -------------------------------------------------------===//
ADZE_FUNCTION float adze_tanhf(float x) { return tanhf(x); }

//===-- adze_asinhf ------------------------------------------------------===//
ADZE_FUNCTION float adze_asinhf(float x) { return asinhf(x); }

//===-- adze_acoshf ------------------------------------------------------===//
ADZE_FUNCTION float adze_acoshf(float x) { return acoshf(x); }

//===-- adze_atanhf ------------------------------------------------------===//
ADZE_FUNCTION float adze_atanhf(float x) { return atanhf(x); }

//===-- adze_erff --------------------------------------------------------===//
ADZE_FUNCTION float adze_erff(float x) { return erff(x); }

//===-- adze_erfcf -------------------------------------------------------===//
ADZE_FUNCTION float adze_erfcf(float x) { return erfcf(x); }

//===-- adze_cbrtf -------------------------------------------------------===//
ADZE_FUNCTION float adze_cbrtf(float x) { return cbrtf(x); }

//===-- adze_powf --------------------------------------------------------===//
ADZE_FUNCTION float adze_powf(float x, float y) { return powf(x, y); }

//===-- adze_atan2f ------------------------------------------------------===//
ADZE_FUNCTION float adze_atan2f(float y, float x) { return atan2f(y, x); }

//===-- adze_rsqrtf ------------------------------------------------------===//
ADZE_FUNCTION float adze_rsqrtf(float x) { return 1.0f / sqrtf(x); }

//===-- adze_sigmoidf ----------------------------------------------------===//
ADZE_FUNCTION float adze_sigmoidf(float x) {
  float e = expf(-fabsf(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

#endif
