//===- Requantize.h - Sums to int8 in vectors -------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// TFLite's requantization on RISC-V vectors, and the same in plain C, from one
/// set of constants.
///
/// Two roundings: vsmul with vxrm = rnu is gemmlowp's doubling high multiply
/// (both round ties upward). The rounding shift that follows sends ties away
/// from zero, vnclip with rnu upward: the two agree for x >= 0, and for x < 0
/// vnclip of x - 1 is the shift of x, as only the tie moves. Where the clamp
/// begins at the zero point (ReLU) both results of a negative x are clamped to
/// it, and nothing is subtracted. A shift by 0 rounds nothing, so channels with
/// one are masked.
/// One rounding: vsmul with vxrm = rdn is a floor, and a floor does not change
/// what the rounding shift (by at least one) behind it gives.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_RVV_REQUANTIZE_H
#define ADZE_CODEGEN_C_FAMILIES_RVV_REQUANTIZE_H

#include "adze/KernelFamily.h"
#include "codegen/c/families/rvv/ChannelTile.h"

namespace adze::families::rvv {

/// How the sums of a problem become int8.
struct Requantizer {
  /// False where a sum could overflow in an intermediate step.
  bool build(const ConvolutionProblem &problem);

  /// For `count` channels each: bias, multiplier[, left shift][, mask of the
  /// channels whose right shift is not 0].
  std::vector<int32_t> words() const;
  /// Right shifts.
  const std::vector<int16_t> &shifts() const { return right; }
  int64_t bytes() const;

  /// Statements that requantize the sums `a0`, `a1`, ... of `vl` channels from
  /// the channel in the variable `channel` on, and store each at its pointer.
  /// For sums of several blocks of channels `channels` names one for each.
  TileText store(int registers, const std::vector<std::string> &to,
                 const std::vector<std::string> &channels,
                 const std::string &indent) const;
  /// Plain C: `int32_t value` becomes the output of `channel`.
  std::string scalar(const std::string &channel, const std::string &indent,
                     KernelCode &code) const;

  int64_t channels = 0;
  bool hasLeft = false, hasMask = false, fixesNegatives = false;
  Requantization how;
  std::vector<int32_t> bias, multipliers, left;
  std::vector<int16_t> right;
};

} // namespace adze::families::rvv

#endif
