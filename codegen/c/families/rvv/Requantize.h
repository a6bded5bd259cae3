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
#include "codegen/c/families/rvv/LinearAddition.h"

namespace adze::families::rvv {

/// How the sums of a problem become int8.
struct Requantizer {
  /// False where a sum could overflow in an intermediate step.
  bool build(const ConvolutionProblem &problem);

  /// Repeats the channels, for kernels with that many pixels in lanes.
  void repeat(int64_t times);

  /// For all channels each: bias, multiplier[, left shift][, mask of the
  /// channels whose right shift is not 0]; behind them the words of the
  /// addition.
  std::vector<int32_t> words() const;
  /// Right shifts.
  const std::vector<int16_t> &shifts() const { return right; }
  int64_t bytes() const;

  /// Lines that set the sums to the biases of the channels from variable `o`
  /// on (those of sum i from o + i * vl on if `blocks`).
  void begin(int registers, int sums, bool blocks, Assembly &assembly) const;
  /// Lines that requantize the sums and store them one after another at the
  /// variable `to`, which advances by `distance` bytes with each (for blocks by
  /// vl); with an addition the second input is at `second` and advances too.
  void store(int registers, int sums, bool blocks, int64_t distance,
             Assembly &assembly) const;
  /// Sums beside which the lines find room for what they need.
  int mostSums(int registers) const;
  /// Plain C: `int32_t value` becomes the output of `channel`, the element
  /// `index` of the tensor.
  std::string scalar(const std::string &channel, const std::string &index,
                     const std::string &indent, KernelCode &code) const;

  int64_t channels = 0;
  bool hasLeft = false, hasMask = false, fixesNegatives = false;
  Requantization how;
  std::vector<int32_t> bias, multipliers, left;
  std::vector<int16_t> right;
  std::optional<LinearAddition> addition;
};

/// Right shifts as a constant of a kernel.
KernelConstant shiftConstant(const std::vector<int16_t> &shifts);

} // namespace adze::families::rvv

#endif
