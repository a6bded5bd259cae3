//===- ChannelTile.h - Sums of a tile, channels in lanes --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The innermost part of convolutions on RISC-V vectors: the lanes of a
/// register group are output channels, the activation is a scalar, and
/// vwmacc.vx multiplies it with a row of weights into the 32-bit sums of one
/// pixel. A few pixels side by side share the loads of weights, and the taps of
/// a kernel row share the loads of activations.
///
/// It is written as assembly text: the sums and one segment of weights fill all
/// 32 vector registers, and a compiler that moves one load upward spills them
/// (measured with clang-22: five times the instructions).
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_RVV_CHANNELTILE_H
#define ADZE_CODEGEN_C_FAMILIES_RVV_CHANNELTILE_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace adze::families::rvv {

struct ChannelTile {
  int sumRegisters = 8; // vector registers of a pixel's sums: 8, 4 or 2
  int pixels = 3;       // of the tile
  int blocks = 1;       // blocks of channels; more than one for one pixel only
  /// Rows of weights whose elements are interleaved, so that one segment load
  /// fetches them all: [group][channel][segment].
  int segment = 2;
  int weightBytes = 2; // 2, or 1 and widened in registers
  int inputBytes = 1;  // 1, or 2 for transformed activations
  int64_t kernelRows = 1, taps = 1, channels = 1;
  int64_t pixelStride = 1, tapStride = 1; // elements of the input
  int64_t outputs = 1;                    // channels of a row of weights

  /// Rows of weights of one kernel row, [channel][tap], and the segments that
  /// hold them; rows beyond are zero.
  int64_t weightRows() const { return channels * taps; }
  int64_t segments() const { return (weightRows() + segment - 1) / segment; }
  int64_t weightElements() const {
    return kernelRows * segments() * segment * outputs;
  }
  /// Where a weight lies in the stream.
  int64_t weightIndex(int64_t row, int64_t channel, int64_t tap,
                      int64_t output) const {
    int64_t r = channel * taps + tap;
    return ((row * segments() + r / segment) * outputs + output) * segment +
           r % segment;
  }

  /// Sets `segment` and the tile for that many output channels.
  void choose(int64_t outputChannels, int bytesOfWeights);
};

/// C names of the types: "i32m8", "i16m4", "i8m2".
std::string sumType(int registers);
std::string halfType(int registers);
std::string byteType(int registers);

/// Text and what it costs.
struct TileText {
  std::string text;
  int64_t instructions = 0, loads = 0;
};

/// One statement of assembly that adds all products to the sums `a0`, `a1`, ...
/// (blocks of one pixel, or pixels). Variables around it: `size_t vl`;
/// `weights`, a pointer to the stream at the first channel; with one kernel row
/// `at`, a pointer to the first pixel, else `rows`, an array of pointers to
/// kernel rows, and `ptrdiff_t offset`, the bytes from there to the pixel.
TileText accumulate(const ChannelTile &tile, const std::string &indent);

} // namespace adze::families::rvv

#endif
