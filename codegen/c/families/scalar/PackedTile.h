//===- PackedTile.h - Two pixels in one 32-bit multiply ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A word holds the inputs of two output pixels, a + (b << 16), so that one
/// 32-bit multiply by a weight serves both. The products of a few taps are
/// summed up in the word as long as the low field stays within 16 bits, which
/// the known weights decide: it needs 128 * sum |w| < 2^15. Then the group is
/// flushed: with s the word, total += s and high += (s + 0x8000) >> 16 in 32
/// bits each. At the end `high` is the sum of the second pixel and
/// total - (high << 16) that of the first one, modulo 2^32.
///
/// A tile is `pairs` such words times `channels` output channels. Its inputs
/// are gathered as [taps][pairs] words. Weights are [channel blocks][taps]
/// [channels of a block]; the ends of groups are one bit for every two taps.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_SCALAR_PACKEDTILE_H
#define ADZE_CODEGEN_C_FAMILIES_SCALAR_PACKEDTILE_H

#include "codegen/c/families/scalar/LineForm.h"

namespace adze::families {

struct TileSize {
  int pairs = 1, channels = 1;
};

/// The constants of one layer.
struct PackedWeights {
  std::vector<int8_t> weights;
  std::vector<int32_t> groupEnds; // bit 31 first
  std::vector<int32_t> lines;     // bias, multiplier[, negative] a channel
  int64_t flushes = 0;            // groups of all channel blocks
};

/// Taps of a group of a convolution, even.
int64_t packedTaps(const ConvolutionProblem &problem);
/// First output channels of the blocks of one group of the convolution; the
/// last block overlaps the one before it where `channels` does not divide.
std::vector<int64_t> channelBlocks(const ConvolutionProblem &problem,
                                   int channels);

/// False if two neighbouring weights leave the low field no room (-128, -128).
/// Without `grouped` there are no groups to end.
bool packWeights(const ConvolutionProblem &problem, int channels,
                 const LineForm &form, bool grouped, PackedWeights &packed);
/// How many groups the greedy partition needs, for estimates.
int64_t countFlushes(const ConvolutionProblem &problem, int channels);

/// Adds the function that computes one tile of all channels of a group of the
/// convolution:
///   NAME(const uint32_t *columns, const int8_t *weights, const int32_t *ends,
///        const int32_t *lines, int8_t *out, int32_t pitch, int32_t channels,
///        int32_t words[, int32_t offset])
/// `pitch`: output channels of a pixel; `words`: 32-bit words of `ends` a
/// block. Returns its name.
std::string addPackedTile(KernelCode &code, TileSize tile, int bits,
                          const LineForm &form, const Requantization &q);

/// Instructions of one call.
double packedTileInstructions(const ConvolutionProblem &problem, TileSize tile,
                              int64_t flushes, bool twoSided,
                              const Machine &machine);

} // namespace adze::families

#endif
