//===- ChannelLanes.h - Convolutions with channels in lanes -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Whole convolutions around ChannelTile: rows with their borders in a ring,
/// tiles along a row, blocks of channels by vsetvl. One generator for direct,
/// pointwise, first and fully connected layers; their families differ in what
/// they match. Constants do not depend on the length of vectors.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_RVV_CHANNELLANES_H
#define ADZE_CODEGEN_C_FAMILIES_RVV_CHANNELLANES_H

#include "adze/KernelFamily.h"

namespace adze::families::rvv {

/// The condition under which the vector code is compiled.
extern const char *const vectorGuard;
/// The lines before the vector code of a body, and between it and plain C.
/// Statements of assembly are longer than the strings that C99 promises.
std::string vectorBegin();
std::string vectorEnd();

/// What any of these kernels needs: int8.
bool isVectorConvolution(const ConvolutionProblem &problem,
                         const Machine &machine);

/// Code and features; the code's constants are left out where `pack` is false.
/// `weightBytes` is 2 or 1. False where the requantization cannot be expressed.
bool generateChannelLanes(const ConvolutionProblem &problem, int weightBytes,
                          bool pack, KernelCode &code,
                          KernelFeatures &features);

/// A family of that generator: two schedules, `weights = 16` and `weights = 8`.
class ChannelLanesFamily : public KernelFamily {
public:
  bool matches(const Problem &problem, const Machine &machine) const final;
  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &machine) const final;
  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &machine) const final;
  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &machine, KernelCode &code) const final;

protected:
  /// Whether the layer is of the family's kind.
  virtual bool accepts(const ConvolutionProblem &problem) const = 0;
};

} // namespace adze::families::rvv

#endif
