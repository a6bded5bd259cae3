//===- Convolution.h - What the convolutions of DSP cores share -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_DSP_CONVOLUTION_H
#define ADZE_CODEGEN_C_FAMILIES_DSP_CONVOLUTION_H

#include "codegen/c/families/dsp/Product.h"

namespace adze::families::dsp {

/// The convolution that the families of DSP cores compute, or null: int8;
/// with a residual input only if `adds`.
const ConvolutionProblem *findConvolution(const Problem &problem,
                                          const Machine &machine, bool adds);

/// Schedules of a family: int8 weights, and int16 ones, which take fewer
/// instructions and twice the memory.
std::vector<Schedule> weightSchedules(std::string_view family);
inline bool isWide(const Schedule &schedule) {
  return schedule.get("weight_bits", 8) == 16;
}

} // namespace adze::families::dsp

#endif
