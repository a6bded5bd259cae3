//===- double_math.h - The functions of double precision -*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Double precision is rare in models and has no hardware on most
// microcontrollers: these forward to the C99 library.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_DOUBLE_MATH_H
#define ADZE_RUNTIME_DOUBLE_MATH_H

#include "bits.h"

#include <math.h>

//===-- adze_exp ---------------------------------------------------------===//
ADZE_FUNCTION double adze_exp(double x) { return exp(x); }

//===-- adze_exp2 --------------------------------------------------------===//
ADZE_FUNCTION double adze_exp2(double x) { return exp2(x); }

//===-- adze_expm1 -------------------------------------------------------===//
ADZE_FUNCTION double adze_expm1(double x) { return expm1(x); }

//===-- adze_log ---------------------------------------------------------===//
ADZE_FUNCTION double adze_log(double x) { return log(x); }

//===-- adze_log2 --------------------------------------------------------===//
ADZE_FUNCTION double adze_log2(double x) { return log2(x); }

//===-- adze_log10 -------------------------------------------------------===//
ADZE_FUNCTION double adze_log10(double x) { return log10(x); }

//===-- adze_log1p -------------------------------------------------------===//
ADZE_FUNCTION double adze_log1p(double x) { return log1p(x); }

//===-- adze_sin ---------------------------------------------------------===//
ADZE_FUNCTION double adze_sin(double x) { return sin(x); }

//===-- adze_cos ---------------------------------------------------------===//
ADZE_FUNCTION double adze_cos(double x) { return cos(x); }

//===-- adze_tan ---------------------------------------------------------===//
ADZE_FUNCTION double adze_tan(double x) { return tan(x); }

//===-- adze_asin --------------------------------------------------------===//
ADZE_FUNCTION double adze_asin(double x) { return asin(x); }

//===-- adze_acos --------------------------------------------------------===//
ADZE_FUNCTION double adze_acos(double x) { return acos(x); }

//===-- adze_atan --------------------------------------------------------===//
ADZE_FUNCTION double adze_atan(double x) { return atan(x); }

//===-- adze_sinh --------------------------------------------------------===//
ADZE_FUNCTION double adze_sinh(double x) { return sinh(x); }

//===-- adze_cosh --------------------------------------------------------===//
ADZE_FUNCTION double adze_cosh(double x) { return cosh(x); }

//===-- adze_tanh --------------------------------------------------------===//
ADZE_FUNCTION double adze_tanh(double x) { return tanh(x); }

//===-- adze_asinh -------------------------------------------------------===//
ADZE_FUNCTION double adze_asinh(double x) { return asinh(x); }

//===-- adze_acosh -------------------------------------------------------===//
ADZE_FUNCTION double adze_acosh(double x) { return acosh(x); }

//===-- adze_atanh -------------------------------------------------------===//
ADZE_FUNCTION double adze_atanh(double x) { return atanh(x); }

//===-- adze_erf ---------------------------------------------------------===//
ADZE_FUNCTION double adze_erf(double x) { return erf(x); }

//===-- adze_erfc --------------------------------------------------------===//
ADZE_FUNCTION double adze_erfc(double x) { return erfc(x); }

//===-- adze_cbrt --------------------------------------------------------===//
ADZE_FUNCTION double adze_cbrt(double x) { return cbrt(x); }

//===-- adze_pow ---------------------------------------------------------===//
ADZE_FUNCTION double adze_pow(double x, double y) { return pow(x, y); }

//===-- adze_atan2 -------------------------------------------------------===//
ADZE_FUNCTION double adze_atan2(double y, double x) { return atan2(y, x); }

//===-- adze_rsqrt -------------------------------------------------------===//
ADZE_FUNCTION double adze_rsqrt(double x) { return 1.0 / sqrt(x); }

//===-- adze_sigmoid -----------------------------------------------------===//
// Both forms keep full precision on their side: e^-|x| is at most 1.
ADZE_FUNCTION double adze_sigmoid(double x) {
  double e = exp(-fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

#endif
