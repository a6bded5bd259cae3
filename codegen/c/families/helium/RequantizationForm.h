//===- RequantizationForm.h - Requantization on Helium ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Requantization in Helium's instructions, exact over all 2^32 sums.
///
/// Rounding::twice: VQRDMULH is gemmlowp's SaturatingRoundingDoublingHighMul
/// (both round half up: (ab + 2^30) >> 31, and saturate at the same operands).
/// VRSHL rounds ties upward, RoundingDivideByPOT away from zero; they differ
/// only at ties of negative values. Where low >= zero point, negative values
/// all clamp to `low` whichever way they round. Elsewhere negative values are
/// lowered by one before the shift: (v - 1 + 2^(e-1)) >> e rounds ties down and
/// everything else as before, for e >= 1. VQDMLAH does that in one instruction,
/// v + floor(v * f / 2^31) with f = 1, and f = 0 for channels without shift.
///
/// Rounding::once: floor((x m + 2^(30+e)) / 2^(31+e)) equals
/// (floor(x m / 2^31) + 2^(e-1)) >> e for e >= 1 (nested floors), which is
/// VQDMULH, VRSHL; e <= 0 is made 1 by a saturating shift to the left.
///
/// Line: where negative values all clamp, the output is a staircase of at most
/// 255 steps along a straight line, and any staircase with its steps at the
/// same sums is as good. VMLAS scales the sum by 2^a and adds bias, zero point
/// and a correction; VQRDMULH and a narrowing shift VQRSHRN by one immediate
/// for all channels do the rest. Multiplier and correction are searched such
/// that all steps agree on both sides.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_HELIUM_REQUANTIZATIONFORM_H
#define ADZE_CODEGEN_C_FAMILIES_HELIUM_REQUANTIZATIONFORM_H

#include "adze/KernelFamily.h"
#include "codegen/c/families/helium/AsmText.h"

namespace adze::families::helium {

struct RequantizationForm {
  bool once = false;  // Rounding::once
  bool fix = false;   // ties of negative values need the correction
  bool left = false;  // some channel shifts to the left
  bool clamp = false; // the range is narrower than int8
  bool line = false;  // the straight line; all of the above but clamp are false
  int shift = 14;     // of the line

  explicit RequantizationForm(const Requantization &requantization);
  RequantizationForm() = default;

  /// Whether a line is worth searching.
  static bool mayBeLine(const Requantization &requantization);
  /// The line as a plan, without the search: enough to count instructions.
  static RequantizationForm unsolvedLine(const Requantization &requantization);
  /// Finds the line for these weights, at least for the channels `only` if
  /// there are any; false where there is none.
  bool solveLine(const ConvolutionProblem &p,
                 const std::vector<int64_t> &only = {});

  /// int32 words of one channel: bias, multiplier, -right[, f][, left]; of a
  /// line: addend, multiplier.
  int64_t words() const { return line ? 2 : 3 + fix + left; }
  /// Header of the constants: zero point (of a line: the scale), low, high.
  std::vector<int32_t> header(const Requantization &requantization) const;
  std::vector<int32_t> channel(const Requantization &requantization,
                               int64_t bias, int64_t o) const;
  /// Distinguishes functions by what they compute.
  std::string suffix() const;

  /// q = requantized q before the zero point, for lanes of one channel whose
  /// words are in `registers`; a line needs its scale in the vector `scale`.
  void emitScalar(AsmText &text, const std::string &q,
                  const std::vector<std::string> &registers,
                  const std::string &scale = "q6") const;
  /// int16 lanes of `to` from the lanes of two vectors, in turn.
  void emitNarrow(AsmText &text, const std::string &to, const std::string &even,
                  const std::string &odd) const;
  /// The same in place for one vector: only the even lanes of 16 bits count.
  void emitNarrowEven(AsmText &text, const std::string &q) const;
  /// int16 lanes of `q`: + zero point, clamped (q5 = low, q4 = high) and ready
  /// for VSTRB.16. The zero point is a vector or a general register.
  void emitPack(AsmText &text, const std::string &q,
                const std::string &zeroPoint = "q6") const;
  /// Loads q6, q5, q4 from the three words at `base`; clobbers `scratch`.
  void emitConstants(AsmText &text, const std::string &base, int64_t offset,
                     const std::string &scratch) const;

  /// `adze_mve_requantize`, what the plain C of all kernels calls:
  /// (sum, words of the channel as bytes, {zero point, low, high}).
  void addPlainFunction(KernelCode &code) const;
  std::string plainName() const { return "adze_mve_requantize" + suffix(); }

private:
  int scaleBits = 0;
  std::vector<std::pair<int32_t, int32_t>> lines; // addend, multiplier
};

void appendWords(std::vector<char> &bytes, const std::vector<int32_t> &words);

} // namespace adze::families::helium

#endif
