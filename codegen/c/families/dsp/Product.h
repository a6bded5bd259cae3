//===- Product.h - Two pixels times two channels ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The inner product of all convolutions on Arm cores with the DSP extension:
/// windows of two pixels against the weights of all output channels, two
/// channels at a time. Four sums, four words of each operand and two pointers
/// fill the register file, so that two LDM feed sixteen multiplications.
///
/// A window lies in memory as chunks of four taps, two pixels interleaved (the
/// halves of a word are written low, high):
///
///   bytes:  (A0, B0, A1, B1) with A = (x1 - 127, x3 - 127),
///                                 B = 256 * (x0, x2) - A
///   wide:   A = (x0, x2), B = (x1, x3)
///
/// where x0 to x3 are taps of a pixel. Byte weights come in pairs
/// h = 256 * odd + even in the halves of a word; with the low bytes of h
/// extended in place (SXTB16),
///
///   h * A + even * B = 256 * (odd * (x_odd - 127) + even * x_even).
///
/// The 127 go into the bias and the 256 into the multiplier. Wide weights are
/// int16, scaled by a power of two for the sake of the requantization.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_DSP_PRODUCT_H
#define ADZE_CODEGEN_C_FAMILIES_DSP_PRODUCT_H

#include "codegen/c/families/addition/LinearForm.h"
#include "codegen/c/families/requantize/Search.h"

namespace adze::families::dsp {

/// The shape of the windows: what decides the text of the function, and with
/// it the order of the weights.
struct Product {
  bool wide = false;
  int64_t segments = 1; // stretches of memory of which a window consists
  int64_t chunks = 1;   // of each segment, padding included
  int64_t unrolled = 1; // chunks in the text; the loop covers the others
  int64_t channels = 1; // of one call
  /// The channels are not neighbours in memory: where the output of others is
  /// constant, they are left out.
  bool sparse = false;

  Product(bool wide, int64_t segments, int64_t chunks, int64_t channels);

  bool looped() const { return unrolled != chunks; }
  int64_t chunkWords() const { return wide ? 4 : 2; } // of a channel pair
  int64_t pairsOfChannels() const { return (channels + 1) / 2; }
  /// Words of weights, factors and header.
  int64_t constantWords(const ConvolutionProblem &p) const;
  /// Instructions of a call for `pairs` pairs of pixels.
  double instructions(double pairs, const ConvolutionProblem &p) const;
  int64_t codeBytes() const;
};

/// Distances in a call, all in bytes, as the constants begin with them.
struct ProductSteps {
  int64_t secondPixel = 0; // from the output of the first pixel of a pair
  int64_t nextPair = 0;    // from the outputs of a pair to those of the next
  int64_t nextWindow = 0;  // from the windows of a pair to those of the next
};

/// What happens to a sum: requantization, and the addition of the residual
/// input where the problem has one.
struct Epilogue {
  FastRequantization form;
  int64_t scale = 0; // of `form`
  std::optional<LinearForm> addition;
};
/// The epilogue for one of the scales that the weights admit; false where there
/// is none.
bool findEpilogue(const ConvolutionProblem &p, bool wide, Epilogue &epilogue);

/// `taps` says which weight of a channel ([kernelHeight, kernelWidth,
/// groupInputs], flat) stands at a place of the window (segment, chunk, four);
/// -1: none.
struct ProductWeights {
  const ConvolutionProblem &problem;
  const Epilogue &epilogue;
  const std::vector<int64_t> &taps;
};
/// Appends the words of one channel for the four taps from `at` on, and adds up
/// the weights of odd places; channel -1 has no weights. False where a pair
/// does not fit.
bool packChunk(const ProductWeights &weights, bool wide, int64_t channel,
               size_t at, int64_t &oddSum, std::vector<int32_t> &words);
/// What the channel's sum begins with.
int32_t packBias(const ProductWeights &weights, bool wide, int64_t channel,
                 int64_t oddSum);
/// The constants of the product for these channels, in ascending order, whose
/// outputs lie at the distances of their numbers; false where weights do not
/// fit.
bool packProduct(const Product &product, const ProductSteps &steps,
                 const ProductWeights &weights,
                 const std::vector<int64_t> &channels,
                 std::vector<int32_t> &words);
/// The function
///   NAME(const int32_t *const *segments, int8_t *out, int32_t pairs,
///        const int32_t *constants[, const int8_t *residual])
/// whose last argument is where the residual input of the first output lies.
std::string addProduct(KernelCode &code, const Product &product,
                       const Epilogue &epilogue);
/// That argument in a call whose outputs begin at `out`, with a comma in front;
/// nothing where the problem has no residual input.
std::string residualArgument(const ConvolutionProblem &p,
                             const std::string &out);

/// Whether the form will probably be a stepped one.
bool expectsSteps(const Requantization &r);

/// first, first + 1, ...
std::vector<int64_t> channelRange(int64_t first, int64_t count);

/// [segment, chunk, four] for segments that are stretches of `length` taps, one
/// after the other in the channel's weights.
std::vector<int64_t> contiguousTaps(int64_t segments, int64_t chunks,
                                    int64_t length);

} // namespace adze::families::dsp

#endif
