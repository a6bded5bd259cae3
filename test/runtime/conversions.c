//===- conversions.c - The narrow float conversions on arrays -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Built as a shared library that run.py compares with ml_dtypes.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/small_floats.h"

#include <stddef.h>

#define ARRAYS(name, from, to)                                                 \
  void name(const from *in, to *out, size_t count);                            \
  void name(const from *in, to *out, size_t count) {                           \
    for (size_t i = 0; i < count; ++i)                                         \
      out[i] = adze_##name(in[i]);                                             \
  }
#define NARROW(name) ARRAYS(f32_to_##name, float, uint8_t)

ARRAYS(f16_to_f32, uint16_t, float)
ARRAYS(bf16_to_f32, uint16_t, float)
ARRAYS(f8e4m3fn_to_f32, uint8_t, float)
ARRAYS(f8e4m3fnuz_to_f32, uint8_t, float)
ARRAYS(f8e5m2_to_f32, uint8_t, float)
ARRAYS(f8e5m2fnuz_to_f32, uint8_t, float)
ARRAYS(e8m0_to_f32, uint8_t, float)
ARRAYS(f4e2m1_to_f32, uint8_t, float)
ARRAYS(f32_to_f16, float, uint16_t)
ARRAYS(f32_to_bf16, float, uint16_t)
NARROW(f8e4m3fn)
NARROW(f8e4m3fn_saturate)
NARROW(f8e4m3fnuz)
NARROW(f8e4m3fnuz_saturate)
NARROW(f8e5m2)
NARROW(f8e5m2_saturate)
NARROW(f8e5m2fnuz)
NARROW(f8e5m2fnuz_saturate)
NARROW(e8m0_up)
NARROW(e8m0_up_saturate)
NARROW(e8m0_down)
NARROW(e8m0_down_saturate)
NARROW(e8m0_nearest)
NARROW(e8m0_nearest_saturate)
NARROW(f4e2m1)
