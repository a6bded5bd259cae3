//===- Convolution.cpp - What the convolutions of DSP cores share -*- C++ -*-=//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/dsp/Convolution.h"

namespace adze::families::dsp {

const ConvolutionProblem *findConvolution(const Problem &problem,
                                          const Machine &machine, bool adds) {
  auto *p = std::get_if<ConvolutionProblem>(&problem);
  if (!machine.hasDsp || !p || p->type != QuantizedType::int8 ||
      p->requantization.low < -128 || p->requantization.high > 127)
    return nullptr;
  // The saturation is the only clamp behind an addition.
  if (p->residual &&
      (!adds || p->residual->low != -128 || p->residual->high != 127))
    return nullptr;
  return p;
}

std::vector<Schedule> weightSchedules(std::string_view family) {
  return {{std::string(family), {{"weight_bits", 8}}},
          {std::string(family), {{"weight_bits", 16}}}};
}

} // namespace adze::families::dsp
