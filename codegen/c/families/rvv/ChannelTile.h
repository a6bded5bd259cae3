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

#include "codegen/c/families/rvv/Assembly.h"

namespace adze::families::rvv {

struct ChannelTile {
  int sumRegisters = 8; // vector registers of a pixel's sums: 8, 4 or 2
  int pixels = 3;       // of the tile
  int blocks = 1;       // blocks of channels: two only for one pixel
  /// Rows of weights whose elements are interleaved, so that one segment load
  /// fetches them all: [group][channel][segment].
  int segment = 2;
  int weightBytes = 2; // 2, or 1 and widened in registers
  int inputBytes = 1;  // 1, or 2 for transformed activations
  int64_t kernelRows = 1, taps = 1, channels = 1;
  int64_t pixelStride = 1, tapStride = 1; // elements of the input
  /// Taps of a row where `taps` are those of all rows of the kernel, rowStride
  /// elements apart; 0: they are of one row.
  int64_t tapColumns = 0, rowStride = 0;
  int64_t outputs = 1; // channels of a row of weights

  /// Rows of weights of one kernel row, [channel][tap], and the segments that
  /// hold them; rows beyond are zero.
  int64_t weightRows() const { return channels * taps; }
  int64_t segments() const { return (weightRows() + segment - 1) / segment; }
  int64_t weightElements() const {
    return kernelRows * segments() * segment * outputs;
  }
  /// Elements from a pixel to its tap.
  int64_t tapOffset(int64_t tap) const {
    return tapColumns
               ? tap / tapColumns * rowStride + tap % tapColumns * tapStride
               : tap * tapStride;
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

/// Lines that add all products to the sums, which lie in groups of
/// `sumRegisters` registers from v8 on, one for each pixel or block. They leave
/// v0 to v7 free. Variables around: `size_t vl`; `weights`, a pointer to the
/// stream at the first channel; with one kernel row `at`, a pointer to the
/// first pixel, else `rows`, an array of pointers to kernel rows, and
/// `ptrdiff_t offset`, the bytes from there to the pixel.
void accumulate(const ChannelTile &tile, Assembly &assembly);

/// The registers of a sum: "v16".
std::string sumRegister(int registers, int index);

} // namespace adze::families::rvv

#endif
