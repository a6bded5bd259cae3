//===- DspAssembly.h - Exact integer Winograd with SMLAD --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// F(m x m, 3x3) (Lavin and Gray, 2016) on integers for Arm's DSP extension.
/// The rows of the weight transform are scaled to integers, so that every sum
/// is an integer multiple of the convolution's: 576 for m = 4 and 4 for m = 2.
/// Sums wrap around at 32 bits; what matters is that the scaled outputs fit.
///
///   m = 4, points 0, 1, -1, 2, -2, infinity:
///     G  = [6 0 0; -4 -4 -4; -4 4 -4; 1 2 4; 1 -2 4; 0 0 12]
///     B' = [4 0 -5 0 1 0; 0 -4 -4 1 1 0; 0 4 -4 -1 1 0; 0 -2 -1 2 1 0;
///           0 2 -1 -2 1 0; 0 4 0 -5 0 1]
///     A' = [1 1 1 1 1 0; 0 1 -1 2 -2 0; 0 1 1 4 4 0; 0 1 -1 8 -8 2]
///   m = 2, points 0, 1, -1, infinity:
///     G  = [2 0 0; 1 1 1; 1 -1 1; 0 0 2]
///     B' = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 -1 0 1]
///     A' = [1 1 1 0; 0 1 -1 1]
///
/// Inputs are bytes x + 128, two to a word: as an integer low + 65536 * high,
/// which plain additions and shifts transform together. 12,800 added to the
/// four inputs of rows and columns 4 and 5 reaches each of the 36 results once
/// (those columns of B' sum to 1) and keeps the low half positive, so that
/// nothing is borrowed from the high one; the sums start with what that adds.
/// The halves of m = 2 do not need it: SADD16 and SSUB16 keep them apart.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_CONV_WINOGRAD_DSPASSEMBLY_H
#define ADZE_CODEGEN_C_FAMILIES_CONV_WINOGRAD_DSPASSEMBLY_H

#include "codegen/c/families/ArmAssembly.h"
#include "codegen/c/families/requantize/Search.h"

#include <string>

namespace adze::families::winograd {

/// Added to the low halves of transformed inputs (m = 4).
constexpr int32_t lowHalfOffset = 12800;

/// Everything on which the text of the two functions depends.
struct Shape {
  int64_t tile = 4; // m: 4 or 2
  int64_t inputChannels = 0, outputChannels = 0;
  int64_t stripWidth = 0; // pixels of a row of the strip
  int shift = 0;
  bool stepped = false, clamps = false;
  int32_t clampSubtract = 0, clampAdd = 0;

  int64_t points() const { return (tile + 2) * (tile + 2); }
  /// Points that one turn of the product's loop computes.
  int64_t pointsPerTurn() const;
};

struct Function {
  std::string name, text;
  int64_t codeBytes = 0, stackBytes = 0;
  double perCall = 0, loads = 0;
};

/// void NAME(const uint32_t *strip, uint32_t *v): one tile. The strip is
/// [channels / 4][stripWidth][tile + 2 rows] words of four bytes x + 128; v is
/// [points][channels / 4][tile of the pair][2] words, of which one tile's are
/// written: channels 0 and 2, channels 1 and 3 of each four.
Function inputTransform(const Shape &shape);

/// void NAME(const uint32_t *v, const int32_t *u, int8_t *to, int32_t pitch):
/// two tiles and two output channels. u is a turn after the other: for each of
/// its points what the two sums start with and [channels / 4][channel of the
/// pair][2] words of weights; a word that is zero after the last turn; then
/// multiplier, addend and, in the stepped form, step of both channels.
Function product(const Shape &shape);

/// Sixteen products of four channels, two tiles and two output channels: r0 and
/// r1 run over inputs and weights, r2 to r5 are the sums. Those of the second
/// tile start where those of the first one do.
void multiplyFourChannels(ArmAssembly &assembly, bool first);
/// Requantizes and stores the `tile` values from r4 on; r0 points to the row,
/// r1 and r2 hold multiplier and addend, [sp, #frame] the step.
void storeRow(ArmAssembly &assembly, const Shape &shape, int64_t frame);
/// The same as plain C: y[x] of row `row` into `to`, tile and channel by `k`.
std::string plainStore(const Shape &shape);

/// Rows of G.
int64_t weightTransform(int64_t tile, int64_t point, int64_t tap);

} // namespace adze::families::winograd

#endif
