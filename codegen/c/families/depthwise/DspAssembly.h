//===- DspAssembly.h - Depthwise 3x3 on paired 16-bit planes ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Two functions with the loops of a depthwise convolution for Arm's DSP
/// extension, as assembly in naked C functions with plain C beside it.
///
/// `widen` turns rows of four neighbouring channels into four planes. A word of
/// a plane holds two horizontal neighbours as int16, the first of them at an
/// even distance from the left end of the padded row:
///
///   pixel   -1 0   1 2   3 4        (one column of padding to the left)
///   word    [ 0 ]  [ 1 ]  [ 2 ]
///
/// `strip` computes output rows of one channel from its plane. SMLAD takes two
/// taps of a row, SMLABT and SMLATB the third one; the weights of the channel
/// stay in six registers:
///
///   output 2x:     (w0, w1) . word x      + w2 * low half of word x + 1
///   output 2x + 1: w0 * high half of word x + (w1, w2) . word x + 1
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_DEPTHWISE_DSPASSEMBLY_H
#define ADZE_CODEGEN_C_FAMILIES_DEPTHWISE_DSPASSEMBLY_H

#include "codegen/c/families/requantize/Search.h"

#include <string>

namespace adze::families::depthwise {

/// Everything on which the text of the two functions depends.
struct Shape {
  int64_t inputWidth = 0, outputWidth = 0, channels = 0, padLeft = 0;
  int64_t strideHeight = 1, strideWidth = 1;
  int64_t pairs = 0;     // words of a plane's row
  int64_t planeRows = 0; // rows of a plane
  bool oddRows = false;  // some strip has an odd number of output rows
  int32_t zeroPoint = 0;
  /// Requantization: shift, the stepped form, the clamp, the addend where it is
  /// the same for all channels.
  int shift = 0;
  bool stepped = false, clamps = false, sharedAddend = false;
  int32_t addend = 0;
  int32_t clampSubtract = 0, clampAdd = 0;

  int64_t rowBytes() const { return 4 * pairs; }
  /// Output rows that `strip` computes at once: as many as accumulators and the
  /// offsets of LDRD and STRB allow; 0: not even one.
  int64_t tileRows() const;
};

/// Words of constants for a channel: multiplier, start of the sum, [addend,]
/// [step,] three rows of weights as bytes w1, w0, w2, w1.
int64_t channelWords(const Shape &shape);

struct Function {
  std::string name, text;
  int64_t codeBytes = 0;
  double perCall = 0, perRow = 0; // instructions; a row of `strip` is of output
  double loadsPerRow = 0;
};

/// void NAME(const int8_t *from, uint32_t *to, int32_t rows)
Function widenFunction(const Shape &shape);
/// void NAME(const uint32_t *plane, const int32_t *constants, int8_t *to,
///           int32_t rows)
Function stripFunction(const Shape &shape);
/// The plain C of `widenFunction` for the last `channels % 4` channels.
Function widenRestFunction(const Shape &shape);

} // namespace adze::families::depthwise

#endif
