//===- checksum.c - Results of the f32 functions, to compare machines -----===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prints a hash of each function's results for some 18,000 floats over the
// whole range (all NaNs alike). Without contraction every machine must print
// the same.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/single_math.h"

#include <stdio.h>

static uint32_t hash(uint32_t sum, float value) {
  uint32_t bits = value != value ? 0x7FC00000u : adze_bits_of_float(value);
  return (sum ^ bits) * 16777619u;
}

static void unary(const char *name, float (*function)(float)) {
  uint32_t sum = 2166136261u;
  uint32_t bits = 0;
  do {
    sum = hash(sum, function(adze_float_of_bits(bits)));
    bits += 0x0003A5C7u;
  } while (bits >= 0x0003A5C7u);
  printf("%s %08lx\n", name, (unsigned long)sum);
}

static void binary(const char *name, float (*function)(float, float)) {
  uint32_t sum = 2166136261u;
  uint32_t bits = 0;
  do {
    sum = hash(sum, function(adze_float_of_bits(bits),
                             adze_float_of_bits(bits * 2654435761u)));
    bits += 0x0003A5C7u;
  } while (bits >= 0x0003A5C7u);
  printf("%s %08lx\n", name, (unsigned long)sum);
}

#define UNARY(name) unary(#name, adze_##name)

int main(void) {
  UNARY(expf);
  UNARY(exp2f);
  UNARY(expm1f);
  UNARY(logf);
  UNARY(log2f);
  UNARY(log10f);
  UNARY(log1pf);
  UNARY(sinf);
  UNARY(cosf);
  UNARY(tanf);
  UNARY(asinf);
  UNARY(acosf);
  UNARY(atanf);
  UNARY(sinhf);
  UNARY(coshf);
  UNARY(tanhf);
  UNARY(asinhf);
  UNARY(acoshf);
  UNARY(atanhf);
  UNARY(erff);
  UNARY(erfcf);
  UNARY(sigmoidf);
  UNARY(cbrtf);
  UNARY(rsqrtf);
  binary("powf", adze_powf);
  binary("atan2f", adze_atan2f);
  return 0;
}
