//===- RuntimeFunctions.cpp - runtime/core by name -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The interpreter calls the very functions that ship inside artifacts, so
/// that folding and compiled code agree to the bit.
///
//===----------------------------------------------------------------------===//
#include "codegen/interp/RuntimeFunctions.h"

#include "runtime/core/double_math.h"
#include "runtime/core/single_math.h"
#include "runtime/core/small_floats.h"

using namespace adze::interp;

namespace {

// One overload for each signature that the runtime uses.
#define ADZE_INTERP_MAKE(opcode_, member, result, ...)                         \
  RuntimeFunction make(std::string_view name,                                  \
                       result (*function)(__VA_ARGS__)) {                      \
    RuntimeFunction made;                                                      \
    made.name = name;                                                          \
    made.opcode = Opcode::opcode_;                                             \
    made.member = function;                                                    \
    return made;                                                               \
  }
ADZE_INTERP_MAKE(Call1F32, call1F32, float, float)
ADZE_INTERP_MAKE(Call1F64, call1F64, double, double)
ADZE_INTERP_MAKE(Call2F32, call2F32, float, float, float)
ADZE_INTERP_MAKE(Call2F64, call2F64, double, double, double)
ADZE_INTERP_MAKE(CallF32ToU8, callF32ToU8, uint8_t, float)
ADZE_INTERP_MAKE(CallF32ToU16, callF32ToU16, uint16_t, float)
ADZE_INTERP_MAKE(CallU8ToF32, callU8ToF32, float, uint8_t)
ADZE_INTERP_MAKE(CallU16ToF32, callU16ToF32, float, uint16_t)
#undef ADZE_INTERP_MAKE

} // namespace

const RuntimeFunction *adze::interp::runtimeFunction(std::string_view name) {
#define ONE(name) make(#name, name)
#define BOTH(name) ONE(adze_##name##f), ONE(adze_##name)
#define NARROW(name) ONE(adze_##name##_to_f32), ONE(adze_f32_to_##name)
#define MODES(name) ONE(adze_f32_to_##name), ONE(adze_f32_to_##name##_saturate)
  // clang-format off
  static const RuntimeFunction table[] = {
      BOTH(exp), BOTH(exp2), BOTH(expm1), BOTH(log), BOTH(log2), BOTH(log10),
      BOTH(log1p), BOTH(sin), BOTH(cos), BOTH(tan), BOTH(asin), BOTH(acos),
      BOTH(atan), BOTH(sinh), BOTH(cosh), BOTH(tanh), BOTH(asinh), BOTH(acosh),
      BOTH(atanh), BOTH(erf), BOTH(erfc), BOTH(cbrt), BOTH(pow), BOTH(atan2),
      BOTH(rsqrt), BOTH(sigmoid),
      NARROW(f16), NARROW(bf16), NARROW(f4e2m1),
      ONE(adze_f8e4m3fn_to_f32), MODES(f8e4m3fn),
      ONE(adze_f8e4m3fnuz_to_f32), MODES(f8e4m3fnuz),
      ONE(adze_f8e5m2_to_f32), MODES(f8e5m2),
      ONE(adze_f8e5m2fnuz_to_f32), MODES(f8e5m2fnuz),
      ONE(adze_e8m0_to_f32), MODES(e8m0_up), MODES(e8m0_down),
      MODES(e8m0_nearest)};
  // clang-format on
#undef MODES
#undef NARROW
#undef BOTH
#undef ONE
  for (const RuntimeFunction &function : table)
    if (function.name == name)
      return &function;
  return nullptr;
}

float adze::interp::decodeSmallFloat(SmallFloat format, uint16_t bits) {
  switch (format) {
  case SmallFloat::F16:
    return adze_f16_to_f32(bits);
  case SmallFloat::BF16:
    return adze_bf16_to_f32(bits);
  case SmallFloat::F8E4M3FN:
    return adze_f8e4m3fn_to_f32(uint8_t(bits));
  case SmallFloat::F8E4M3FNUZ:
    return adze_f8e4m3fnuz_to_f32(uint8_t(bits));
  case SmallFloat::F8E5M2:
    return adze_f8e5m2_to_f32(uint8_t(bits));
  case SmallFloat::F8E5M2FNUZ:
    return adze_f8e5m2fnuz_to_f32(uint8_t(bits));
  case SmallFloat::F8E8M0FNU:
    return adze_e8m0_to_f32(uint8_t(bits));
  case SmallFloat::F4E2M1FN:
    return adze_f4e2m1_to_f32(uint8_t(bits));
  }
  return 0;
}

uint16_t adze::interp::encodeSmallFloat(SmallFloat format, float value) {
  switch (format) {
  case SmallFloat::F16:
    return adze_f32_to_f16(value);
  case SmallFloat::BF16:
    return adze_f32_to_bf16(value);
  case SmallFloat::F8E4M3FN:
    return adze_f32_to_f8e4m3fn(value);
  case SmallFloat::F8E4M3FNUZ:
    return adze_f32_to_f8e4m3fnuz(value);
  case SmallFloat::F8E5M2:
    return adze_f32_to_f8e5m2(value);
  case SmallFloat::F8E5M2FNUZ:
    return adze_f32_to_f8e5m2fnuz(value);
  case SmallFloat::F8E8M0FNU:
    return adze_f32_to_e8m0_nearest(value);
  case SmallFloat::F4E2M1FN:
    return adze_f32_to_f4e2m1(value);
  }
  return 0;
}
