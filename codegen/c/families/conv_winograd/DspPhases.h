//===- DspPhases.h - Winograd of a stride of 2 with SMLAD -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A 3x3 convolution with a stride of 2 is the sum of four convolutions without
/// one over the phases of the padded input (even and odd rows, even and odd
/// columns): taps 0 and 2 belong to the even phase, tap 1 to the odd one. Each
/// is at most 2x2, and F(4x4, 2x2) computes them with common points, so that
/// their products add up before one output transform. Rows, scaled to integers
/// by 6:
///
///   points 0, 1, -1, 2, infinity
///     G  = [3 0; -3 -3; -1 1; 1 2; 0 6]
///     B' = [2 -1 -2 1 0; 0 -2 -1 1 0; 0 2 -3 1 0; 0 -1 0 1 0; 0 2 -1 -2 1]
///     A' = [1 1 1 1 0; 0 1 -1 2 0; 0 1 1 4 0; 0 1 -1 8 1]
///
/// A phase of one tap has a weight of zero at infinity: of 4 * 25 products an
/// output tile and input channel 81 are left, against 144 of the direct form.
/// Points are kept in the order of how many phases they have: 16 with four, 8
/// with two (infinity in one direction), 1 with one.
///
/// As for stride 1 (DspAssembly.h) two channels share a word, and an offset on
/// the inputs 3 and 4 of a direction (1 and 3 times, the odd phase has no input
/// 4) reaches every transformed input once and keeps low halves positive.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_CONV_WINOGRAD_DSPPHASES_H
#define ADZE_CODEGEN_C_FAMILIES_CONV_WINOGRAD_DSPPHASES_H

#include "codegen/c/families/conv_winograd/DspAssembly.h"

namespace adze::families::winograd {

/// Added to the low halves; transformed inputs reach 4,590.
constexpr int32_t phaseOffset = 5120;

/// A point, and the phases whose weights there are not zero, in order.
struct PhasePoint {
  int64_t row = 0, column = 0;
  std::vector<std::pair<int64_t, int64_t>> phases; // of rows, of columns
};
/// The 25 points in the order in which they are kept.
const std::vector<PhasePoint> &phasePoints();
/// Points that one turn of the product's loop computes: those with four phases,
/// and those with two. The last one stands alone.
int64_t pointsPerTurn(const Shape &shape, size_t phases);
/// Rows of G.
int64_t phaseTransform(int64_t point, int64_t tap);

/// void NAME(const uint32_t *strip, uint32_t *v): one tile. The strip is
/// [channels / 4][columns: even ones, then odd ones][rows 0, 2, ..., 8, 1, ...,
/// 7] words of four bytes x + 128; v is [points][phases][channels / 4][tile of
/// the pair][2] words. `stripWidth` is the number of columns, 8 a tile and 1.
Function phaseTransformFunction(const Shape &shape);
/// As `product`, over these points.
Function phaseProduct(const Shape &shape);

} // namespace adze::families::winograd

#endif
