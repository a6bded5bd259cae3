//===- PackedConvolution.h - Convolution by packed tiles --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Any int8 convolution on a core without SIMD: the inputs of a few output
/// pixels are gathered into words of two pixels each (im2col of one tile, with
/// borders, strides, dilation and groups resolved on the way), and one shared
/// function multiplies them by all weights (PackedTile.h).
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_SCALAR_PACKEDCONVOLUTION_H
#define ADZE_CODEGEN_C_FAMILIES_SCALAR_PACKEDCONVOLUTION_H

#include "adze/KernelFamily.h"

namespace adze::families {

class PackedConvolution : public KernelFamily {
public:
  bool matches(const Problem &problem, const Machine &machine) const override;
  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &machine) const override;
  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &machine) const override;
  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &machine, KernelCode &code) const override;

protected:
  /// Which convolutions the family takes.
  virtual bool takes(const ConvolutionProblem &problem) const = 0;
};

} // namespace adze::families

#endif
