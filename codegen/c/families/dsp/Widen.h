//===- Widen.h - From int8 pixels to the windows of products ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The two ways in which windows (Product.h) are made: from words of the tensor
/// itself, where pixels are whole words, and from any bytes of a copy with
/// borders.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_DSP_WIDEN_H
#define ADZE_CODEGEN_C_FAMILIES_DSP_WIDEN_H

#include "adze/KernelFamily.h"

namespace adze::families::dsp {

/// Constants of a call of widen: `pairs` times, `groups` words of both pixels
/// are written, and both pointers then move on by `skip` more bytes.
struct WidenPlan {
  int64_t pairs = 1, groups = 1, skip = 0;
  static constexpr int64_t words = 3;
  void append(std::vector<int32_t> &constants) const;
  /// Instructions of a call.
  double instructions(bool wide) const;
};

/// NAME(int32_t *to, const int8_t *first, const int8_t *second,
///      const int32_t *plan)
/// The pixels are aligned to 4 bytes.
std::string addWiden(KernelCode &code, bool wide);

/// NAME(int32_t *to, const int8_t *from, int32_t words): one pixel, two words
/// of a window for each word.
std::string addWidenSingle(KernelCode &code, bool wide);
double widenSingleInstructions(int64_t words, bool wide);

/// Which bytes make a window: chunks that are words (at any alignment), then
/// chunks of four single bytes; offsets from the window's first byte.
struct GatherPlan {
  int64_t secondPixel = 0, nextPair = 0; // distances in bytes
  std::vector<int64_t> wordOffsets;
  std::vector<int64_t> byteOffsets; // four a chunk
  /// The window's taps in the order of the chunks; -1: any byte.
  std::vector<int64_t> taps;

  int64_t chunks() const {
    return int64_t(wordOffsets.size() + byteOffsets.size() / 4);
  }
  int64_t words() const {
    return 4 + int64_t(wordOffsets.size() + byteOffsets.size());
  }
  /// Fills up with chunks that hold no taps.
  void pad(int64_t total);
  void append(std::vector<int32_t> &constants) const;
  double instructions(double pairs, bool wide) const;
};

/// The plan for windows of a copy whose rows are `pitch` bytes long, without
/// its distances.
GatherPlan planGather(const ConvolutionProblem &p, int64_t pitch);

/// NAME(int32_t *to, const int8_t *from, int32_t pairs, const int32_t *plan)
std::string addGather(KernelCode &code, bool wide);

} // namespace adze::families::dsp

#endif
