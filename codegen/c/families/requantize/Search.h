//===- Search.h - Requantization in two instructions ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The requantized value is a staircase of the accumulator with at most 255
/// steps, and it never falls. Any other function that never falls and agrees on
/// both sides of each step is equal to it, whatever its formula. So the two
/// roundings, the zero point and the clamp may be replaced by
///
///   sat8((high32(x * multiplier + 2^31) + addend) >> shift),  [straight]
///   x = scale * accumulator + correction
///
/// (on Arm SMMLAR, SSAT), once integers are found for which all steps agree.
/// TFLite rounds negative results away from zero: where the output crosses the
/// zero point its staircase has a jump, and the form becomes [stepped]
///
///   sat8((high32(x * multiplier + 2^31) + addend + (x < 0 ? step : 0))
///        >> shift).
///
/// One `shift` serves all channels, because it is part of an instruction.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_REQUANTIZE_SEARCH_H
#define ADZE_CODEGEN_C_FAMILIES_REQUANTIZE_SEARCH_H

#include "adze/KernelFamily.h"

#include <optional>
#include <vector>

namespace adze::families {

/// The values that an accumulator can have.
struct AccumulatorRange {
  int64_t low = 0, high = 0;
};

/// For each output channel, from its weights and bias and all inputs of the
/// tensor's type.
std::vector<AccumulatorRange> accumulatorRanges(const ConvolutionProblem &p);

/// The output of each channel that no input can change; INT32_MIN for all
/// others. Trained networks have many: channels whose weights vanished.
std::vector<int32_t>
constantOutputs(const Requantization &requantization,
                const std::vector<AccumulatorRange> &ranges);

struct FastRequantization {
  struct Channel {
    int32_t multiplier = 0; // [0, 2^31); 0: the output is a constant
    int32_t addend = 0;
    int32_t step = 0; // <= 0; 0 where the form is straight
    /// Added once to the scaled accumulator, modulo 2^32: the sum fits even
    /// where the accumulator itself does not (dead channels of MobileNets have
    /// biases of 2^30 and hardly any weights).
    int32_t correction = 0;
  };
  int shift = 0; // 1 to 31
  /// What exactRequantization returns; `twice` is its way of rounding.
  bool exact = false, twice = false;
  bool stepped = false;
  /// All steps are -1: x >> 31 (arithmetic) is what is added.
  bool unitSteps = false;
  /// A clamp inside of [-128, 127] asks for three more operations,
  ///   y = sat8(y - clampSubtract) + clampAdd,
  /// after which only the low byte counts.
  bool clamps = false;
  int32_t clampSubtract = 0, clampAdd = 0;
  std::vector<Channel> channels;

  /// What the machine computes from scale * accumulator + correction.
  int32_t apply(int64_t scaled, int64_t channel) const;

private:
  int32_t clamped(int64_t y) const;
};

/// The requantization step by step, for factors below one half, from
/// accumulators scaled by a power of two, 2 at least:
///
///   x = scaled >> shift (twice the accumulator)
///   t = high32(x * multiplier [+ 2^31]) + addend [+ (x < 0 ? -1 : 0)]
///   y = sat8(t >> step)
///
/// with what stands in brackets only where rounding happens twice. Three
/// operations more than the straight form, but it needs no luck: nothing is
/// returned only for larger factors and for accumulators that leave 32 bits.
std::optional<FastRequantization>
exactRequantization(const Requantization &requantization,
                    const std::vector<AccumulatorRange> &ranges, int64_t scale);

struct FastSearch {
  /// Accumulators arrive multiplied by this.
  int64_t scale = 1;
  /// The high multiply adds 2^31 first (SMMLAR); otherwise it truncates
  /// downward (SMMLA, mulh).
  bool rounds = true;
  /// Whether the stepped form may be returned where no straight one exists.
  bool stepped = true;
  /// Shifts that are tried first, so that kernels of one shape share text.
  std::vector<int> preferredShifts = {12, 10, 8};
  int largestShift = 24;
};

/// An exact form, or nothing: no integers were found, or scaled accumulators
/// leave 32 bits. Output must be int8.
std::optional<FastRequantization>
findFastRequantization(const Requantization &requantization,
                       const std::vector<AccumulatorRange> &ranges,
                       const FastSearch &search);

} // namespace adze::families

#endif
