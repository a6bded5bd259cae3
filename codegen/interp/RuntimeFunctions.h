//===- RuntimeFunctions.h - runtime/core by name -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_INTERP_RUNTIMEFUNCTIONS_H
#define ADZE_CODEGEN_INTERP_RUNTIMEFUNCTIONS_H

#include "codegen/interp/Bytecode.h"

#include <string_view>

namespace adze::interp {

/// A function of runtime/core, ready to be called by an instruction.
struct RuntimeFunction {
  std::string_view name; // "adze_expf"
  Opcode opcode = {};    // says the signature
  union {
    float (*call1F32)(float) = nullptr;
    double (*call1F64)(double);
    float (*call2F32)(float, float);
    double (*call2F64)(double, double);
    uint8_t (*callF32ToU8)(float);
    uint16_t (*callF32ToU16)(float);
    float (*callU8ToF32)(uint8_t);
    float (*callU16ToF32)(uint16_t);
  };
};

/// The function of that name; null if the runtime has none.
const RuntimeFunction *runtimeFunction(std::string_view name);

} // namespace adze::interp

#endif
