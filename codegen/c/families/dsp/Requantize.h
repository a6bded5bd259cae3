//===- Requantize.h - The fast form as Thumb-2 and as C ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_DSP_REQUANTIZE_H
#define ADZE_CODEGEN_C_FAMILIES_DSP_REQUANTIZE_H

#include "codegen/c/families/dsp/Text.h"
#include "codegen/c/families/requantize/Search.h"

namespace adze::families::dsp {

/// Whether a channel's constants have a third word, the step.
bool hasSteps(const FastRequantization &form);

/// Requantizes a register with its constants in registers, up to the
/// saturation.
void emitRequantizeStepped(Assembly &a, const FastRequantization &form,
                           const std::string &sum,
                           const std::string &multiplier,
                           const std::string &addend, const std::string &step,
                           const std::string &spare);

/// Requantizes r2, r4 (one channel) and r3, r5 (the next one) with what lies at
/// r1: multiplier, addend of both, steps of both if the form has them, and a
/// word that tells whether there is more. Returns the register of that word;
/// r0 and lr are free behind it.
std::string emitRequantizePairs(Assembly &a, const FastRequantization &form);

/// SSAT and the clamp of a register.
void emitSaturate(Assembly &a, const FastRequantization &form,
                  const std::string &name);

/// Expected instructions for one output.
double requantizeInstructions(const Requantization &r);

/// What the text of a form depends on, for names: "_e12", "_e12_stepped".
std::string formSuffix(const FastRequantization &form);

/// int8_t NAME(uint32_t sum, int32_t multiplier, int32_t addend, int32_t step)
/// in plain C; returns the name.
std::string addPlainRequantize(KernelCode &code,
                               const FastRequantization &form);

/// SMLAD and SXTB16 as plain C: adze_dsp_dual(x, y, sum),
/// adze_dsp_low_bytes(x).
void addPlainDual(KernelCode &code);

} // namespace adze::families::dsp

#endif
