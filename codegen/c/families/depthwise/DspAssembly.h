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

#include "codegen/c/families/ArmAssembly.h"
#include "codegen/c/families/requantize/Search.h"

#include <string>
#include <utility>

namespace adze::families::depthwise {

/// Everything on which the text of the two functions depends.
struct Shape {
  int64_t inputWidth = 0, outputWidth = 0, padLeft = 0;
  int64_t channels = 0, outputChannels = 0;
  int64_t strideHeight = 1, strideWidth = 1;
  /// Smaller kernels are 3x3 with weights of zero.
  int64_t kernelHeight = 3, kernelWidth = 3, dilationHeight = 1;
  int64_t pairs = 0;     // words of a plane's row
  int64_t planeRows = 0; // rows of a plane
  bool oddRows = false;  // some strip has an odd number of output rows
  int32_t zeroPoint = 0;
  /// Requantization: shift, the stepped form, the clamp, the addend where it is
  /// the same for all channels.
  int shift = 0;
  bool stepped = false, clamps = false, sharedAddend = false;
  /// The form of exactRequantization: `step` is a shift.
  bool exact = false, twice = false;
  int32_t addend = 0;
  int32_t clampSubtract = 0, clampAdd = 0;

  int64_t rowBytes() const { return 4 * pairs; }
  /// Input rows of one output row.
  int64_t window() const { return dilationHeight * (kernelHeight - 1) + 1; }
  /// Whether the weights of a channel stay in registers.
  bool resident() const {
    return kernelHeight == 3 && kernelWidth == 3 && dilationHeight == 1;
  }
  /// Words of constants for a row of the kernel.
  int64_t weightWords() const {
    return strideWidth == 1 ? kernelWidth / 2 + 1 : (kernelWidth + 3) / 4;
  }
  bool hasStep() const { return stepped || exact; }
  /// Output rows that `strip` computes at once: as many as accumulators and the
  /// offsets of LDRD and STRB allow; 0: not even one.
  int64_t tileRows() const;
};

/// Words of constants for a channel: multiplier, start of the sum, [addend,]
/// [step,] rows of weights. A word of weights holds two pairs of int16 as bytes
/// y0, x0, y1, x1: (x0, x1) and (y0, y1) times 256 by a mask, and by a shift
/// and the mask.
int64_t channelWords(const Shape &shape);

/// The pair (x0, x1) or (y0, y1) of word `word` in a row of the kernel as the
/// numbers of its taps; a number outside of the kernel stands for zero. Without
/// a stride x is what an even column multiplies with pair `word`, y an odd one;
/// with a stride of 2 all columns are even.
std::pair<int64_t, int64_t> tapsOf(const Shape &shape, int64_t word, bool y);

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
/// The same with weights read for each tile: larger kernels, dilated rows.
Function generalStripFunction(const Shape &shape);
/// Sums in registers to outputs in int8. Without a step `step` and `spare` are
/// not used.
void requantize(ArmAssembly &assembly, const Shape &shape,
                const std::vector<std::string> &sums, const char *multiplier,
                const char *addend, const char *step, const char *spare);
/// C that clamps and stores `y` after its high multiply.
std::string plainRequantize(const Shape &shape);
/// The end of the name of a strip function: what requantization depends on.
std::string requantizationName(const Shape &shape);
std::string shapeName(const Shape &shape);
/// The plain C of `widenFunction` for the last `channels % 4` channels.
Function widenRestFunction(const Shape &shape);

} // namespace adze::families::depthwise

#endif
