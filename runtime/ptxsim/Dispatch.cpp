//===- Dispatch.cpp - The vector instructions that this machine has -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Decoder.h"

namespace adze::ptxsim {

#define ADZE_PTXSIM_DECLARE(level)                                             \
  namespace level {                                                            \
  bool decodeInteger(Decoder &decoder);                                        \
  bool decodeFloat(Decoder &decoder);                                          \
  bool decodeCompare(Decoder &decoder);                                        \
  bool decodeConvert(Decoder &decoder);                                        \
  bool decodeMove(Decoder &decoder);                                           \
  }
ADZE_PTXSIM_DECLARE(lanes_base)
#if defined(__x86_64__)
ADZE_PTXSIM_DECLARE(lanes_v3)
#define ADZE_PTXSIM_DISPATCH(name)                                             \
  bool name(Decoder &decoder) {                                                \
    return hasV3() ? lanes_v3::name(decoder) : lanes_base::name(decoder);      \
  }
namespace {
bool hasV3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi2");
}
} // namespace
#else
#define ADZE_PTXSIM_DISPATCH(name)                                             \
  bool name(Decoder &decoder) { return lanes_base::name(decoder); }
#endif

ADZE_PTXSIM_DISPATCH(decodeInteger)
ADZE_PTXSIM_DISPATCH(decodeFloat)
ADZE_PTXSIM_DISPATCH(decodeCompare)
ADZE_PTXSIM_DISPATCH(decodeConvert)
ADZE_PTXSIM_DISPATCH(decodeMove)

} // namespace adze::ptxsim
