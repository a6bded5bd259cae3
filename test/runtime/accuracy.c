//===- accuracy.c - Errors of the runtime's f32 functions in ulp ----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   accuracy [LOG2_OF_SAMPLES [FUNCTION...]]
//
// Measures every f32 function of runtime/core/ against the C library's long
// double and prints "NAME MAX_ULP ARGUMENT..." lines; "NAME wrong ARGUMENT..."
// and exit code 1 for a wrong NaN, infinity or sign. Samples are stratified:
// all exponents and both signs alike, the significands evenly spaced with a
// random offset; to these come special values and the neighbourhoods of points
// where reductions change. An error is counted in units of the last place of
// the exact result; a result beyond the largest float counts as 2^128.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/single_math.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef long double real;

static real sigmoidl(real x) { return 1 / (1 + expl(-x)); }
static real rsqrtl(real x) { return 1 / sqrtl(x); }

struct unary {
  const char *name;
  float (*function)(float);
  real (*reference)(real);
};

static const struct unary unaries[] = {
    {"expf", adze_expf, expl},       {"exp2f", adze_exp2f, exp2l},
    {"expm1f", adze_expm1f, expm1l}, {"logf", adze_logf, logl},
    {"log2f", adze_log2f, log2l},    {"log10f", adze_log10f, log10l},
    {"log1pf", adze_log1pf, log1pl}, {"sinf", adze_sinf, sinl},
    {"cosf", adze_cosf, cosl},       {"tanf", adze_tanf, tanl},
    {"asinf", adze_asinf, asinl},    {"acosf", adze_acosf, acosl},
    {"atanf", adze_atanf, atanl},    {"sinhf", adze_sinhf, sinhl},
    {"coshf", adze_coshf, coshl},    {"tanhf", adze_tanhf, tanhl},
    {"asinhf", adze_asinhf, asinhl}, {"acoshf", adze_acoshf, acoshl},
    {"atanhf", adze_atanhf, atanhl}, {"erff", adze_erff, erfl},
    {"erfcf", adze_erfcf, erfcl},    {"sigmoidf", adze_sigmoidf, sigmoidl},
    {"cbrtf", adze_cbrtf, cbrtl},    {"rsqrtf", adze_rsqrtf, rsqrtl},
};

struct binary {
  const char *name;
  float (*function)(float, float);
  real (*reference)(real, real);
};

static const struct binary binaries[] = {
    {"powf", adze_powf, powl},
    {"atan2f", adze_atan2f, atan2l},
};

static const float specials[] = {
    0.0f,
    1.0e-45f,
    1.17549421e-38f,
    1.17549435e-38f,
    1.0e-20f,
    5.9604645e-8f,
    0.125f,
    0.25f,
    0.33333334f,
    0.5f,
    0.5625f,
    0.70710678f,
    0.875f,
    0.99999994f,
    1.0f,
    1.00000012f,
    1.41421354f,
    1.5f,
    1.57079637f,
    2.0f,
    2.5f,
    3.0f,
    3.14159274f,
    4.0f,
    5.0f,
    10.0f,
    16.5f,
    88.7228394f,
    88.7228470f,
    103.972076f,
    126.0f,
    127.0f,
    128.0f,
    149.0f,
    150.0f,
    1000.0f,
    8191.9995f,
    8192.0f,
    100000.0f,
    8388607.0f,
    8388607.5f,
    8388608.0f,
    8388609.0f,
    16777215.0f,
    16777216.0f,
    16777218.0f,
    2147483648.0f,
    4294967296.0f,
    1.0e20f,
    1.7014118e38f,
    3.4028235e38f,
    INFINITY,
    NAN,
};
enum { specialCount = sizeof specials / sizeof specials[0] };

static uint64_t state = 0x9E3779B97F4A7C15u;

/// SplitMix64.
static uint64_t randomBits(void) {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

struct worst {
  real error;
  float x, y;
  int wrong;
};

/// The distance between neighbouring floats at a value.
static real unitAt(real value) {
  int exponent;
  frexpl(value, &exponent);
  return ldexpl(1, exponent < -125 ? -149 : exponent - 24);
}

static void record(struct worst *worst, float x, float y, float got,
                   real expected) {
  int wrong = 0;
  real error = 0;
  real largest = ldexpl(1, 128);
  if (expected != expected || got != got)
    wrong = (expected != expected) != (got != got);
  else if (!signbit(expected) != !signbit(got))
    wrong = 1;
  else {
    real bound = fabsl(expected) > largest ? largest : fabsl(expected);
    real magnitude = isinf(got) ? largest : fabsl((real)got);
    error = fabsl(magnitude - bound) /
            unitAt(bound == largest ? largest / 2 : bound);
  }
  if (worst->wrong)
    return;
  if (wrong || error > worst->error) {
    worst->error = error;
    worst->wrong = wrong;
    worst->x = x;
    worst->y = y;
  }
}

static void tryUnary(const struct unary *f, struct worst *worst, float x) {
  record(worst, x, 0, f->function(x), f->reference(x));
}

static void tryBinary(const struct binary *f, struct worst *worst, float x,
                      float y) {
  record(worst, x, y, f->function(x, y), f->reference(x, y));
}

/// x and the floats around it, both signs.
static void tryAround(const struct unary *f, struct worst *worst, float x) {
  for (uint32_t i = 0; i < 9; ++i) {
    float near = adze_float_of_bits(adze_bits_of_float(x) - 4 + i);
    tryUnary(f, worst, near);
    tryUnary(f, worst, -near);
  }
}

static float stratified(uint64_t index, uint64_t perExponent) {
  uint64_t stratum = index / perExponent;
  uint64_t step = ((uint64_t)1 << 23) / perExponent;
  uint64_t significand = index % perExponent * step + randomBits() % step;
  return adze_float_of_bits((uint32_t)(stratum << 23 | significand));
}

static struct worst measureUnary(const struct unary *f, int bits) {
  struct worst worst = {0, 0, 0, 0};
  uint64_t perExponent = (uint64_t)1 << (bits - 9);
  for (uint64_t i = 0; i < perExponent * 512; ++i)
    tryUnary(f, &worst, stratified(i, perExponent));
  for (int i = 0; i < specialCount; ++i)
    tryAround(f, &worst, specials[i]);
  for (int i = 0; i < 20000; ++i) {
    tryAround(f, &worst, (float)(i * 1.57079632679489661923));
    tryAround(f, &worst, (float)((double)i * i * 1.57079632679489661923));
  }
  return worst;
}

static struct worst measureBinary(const struct binary *f, int bits) {
  struct worst worst = {0, 0, 0, 0};
  for (int i = 0; i < 2 * specialCount; ++i)
    for (int j = 0; j < 2 * specialCount; ++j)
      tryBinary(f, &worst, i % 2 ? -specials[i / 2] : specials[i / 2],
                j % 2 ? -specials[j / 2] : specials[j / 2]);
  uint64_t perExponent = (uint64_t)1 << (bits - 9);
  for (uint64_t i = 0; i < perExponent * 512; ++i) {
    float x = stratified(i, perExponent);
    // A third of the second arguments anywhere, a third within 2^32 of the
    // first, a third such that |x|^y lies within 2^-160 to 2^160.
    float y = adze_float_of_bits((uint32_t)randomBits());
    double any = (double)(int64_t)randomBits() * 0x1p-63;
    if (i % 3 == 1)
      y = (float)(x * exp2(32 * any));
    else if (i % 3 == 2)
      y = (float)(160 * any / log2(fabs((double)x)));
    tryBinary(f, &worst, x, y);
    // x near 1.
    if (i % 3 == 0) {
      x = (float)(1 + ldexp(any, -(int)(randomBits() % 24)));
      y = (float)(150 * ((double)(randomBits() >> 11) * 0x1p-53) / log2(x));
      tryBinary(f, &worst, x, y);
    }
  }
  return worst;
}

/// Whether the command line asks for this function.
static int wanted(const char *name, int count, char **names) {
  int found = count == 0;
  for (int i = 0; i < count; ++i)
    found |= strcmp(name, names[i]) == 0;
  return found;
}

int main(int argc, char **argv) {
  int bits = argc > 1 ? atoi(argv[1]) : 18;
  if (bits < 10 || bits > 32) {
    fprintf(stderr,
            "accuracy: log2 of the number of samples must be 10 to 32\n");
    return 2;
  }
  int failed = 0;
  for (size_t i = 0; i < sizeof unaries / sizeof unaries[0]; ++i) {
    const struct unary *f = &unaries[i];
    if (!wanted(f->name, argc - 2, argv + 2))
      continue;
    struct worst worst = measureUnary(f, bits);
    failed |= worst.wrong;
    if (worst.wrong)
      printf("%s wrong %.9g\n", f->name, (double)worst.x);
    else
      printf("%s %.2Lf %.9g\n", f->name, worst.error, (double)worst.x);
    fflush(stdout);
  }
  for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; ++i) {
    const struct binary *f = &binaries[i];
    if (!wanted(f->name, argc - 2, argv + 2))
      continue;
    struct worst worst = measureBinary(f, bits);
    failed |= worst.wrong;
    if (worst.wrong)
      printf("%s wrong %.9g %.9g\n", f->name, (double)worst.x, (double)worst.y);
    else
      printf("%s %.2Lf %.9g %.9g\n", f->name, worst.error, (double)worst.x,
             (double)worst.y);
    fflush(stdout);
  }
  return failed;
}
