//===- runtime.c - All functions of the runtime, for a GPU's bitcode ------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The functions of double precision are calls of the C library elsewhere. Here
/// they have the values of single precision, 24 bits: models with doubles that
/// need more are rare, and run on the host.
///
//===----------------------------------------------------------------------===//
#define ADZE_FUNCTION __attribute__((always_inline))

#include "single_math.h"
#include "small_floats.h"

#define ADZE_SINGLE(name, x) ((double)adze_##name##f((float)(x)))
#define exp(x) ADZE_SINGLE(exp, x)
#define exp2(x) ADZE_SINGLE(exp2, x)
#define expm1(x) ADZE_SINGLE(expm1, x)
#define log(x) ADZE_SINGLE(log, x)
#define log2(x) ADZE_SINGLE(log2, x)
#define log10(x) ADZE_SINGLE(log10, x)
#define log1p(x) ADZE_SINGLE(log1p, x)
#define sin(x) ADZE_SINGLE(sin, x)
#define cos(x) ADZE_SINGLE(cos, x)
#define tan(x) ADZE_SINGLE(tan, x)
#define asin(x) ADZE_SINGLE(asin, x)
#define acos(x) ADZE_SINGLE(acos, x)
#define atan(x) ADZE_SINGLE(atan, x)
#define sinh(x) ADZE_SINGLE(sinh, x)
#define cosh(x) ADZE_SINGLE(cosh, x)
#define tanh(x) ADZE_SINGLE(tanh, x)
#define asinh(x) ADZE_SINGLE(asinh, x)
#define acosh(x) ADZE_SINGLE(acosh, x)
#define atanh(x) ADZE_SINGLE(atanh, x)
#define erf(x) ADZE_SINGLE(erf, x)
#define erfc(x) ADZE_SINGLE(erfc, x)
#define cbrt(x) ADZE_SINGLE(cbrt, x)
#define pow(x, y) ((double)adze_powf((float)(x), (float)(y)))
#define atan2(x, y) ((double)adze_atan2f((float)(x), (float)(y)))

#include "double_math.h"

/* Remainders, exactly: y, doubled while it is not above x, is subtracted and
   halved again; none of these steps rounds. */
#define ADZE_REMAINDER(name, type, magnitude, sign, nan)                       \
  type name(type x, type y) {                                                  \
    type rest = magnitude(x), divisor = magnitude(y), part = divisor;          \
    if (!(divisor > 0) || !(rest - rest == 0) || y != y)                       \
      return nan;                                                              \
    if (rest < divisor)                                                        \
      return x;                                                                \
    while (part <= rest * (type)0.5)                                           \
      part += part;                                                            \
    for (; part >= divisor; part *= (type)0.5)                                 \
      if (rest >= part)                                                        \
        rest -= part;                                                          \
    return sign(rest, x);                                                      \
  }
ADZE_REMAINDER(adze_fmodf, float, __builtin_fabsf, __builtin_copysignf,
               __builtin_nanf(""))
ADZE_REMAINDER(adze_fmod, double, __builtin_fabs, __builtin_copysign,
               __builtin_nan(""))
