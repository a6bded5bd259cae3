//===- ChannelWindows.h - Depthwise convolution on Helium -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Depthwise convolution by windows of one channel. VST4 interleaves four input
/// rows of up to 16 channels into words, [x][channel][row]; one gather of four
/// words is then a window of 4x4 bytes of one channel, and one VMLADAV its
/// product with a filter of up to 4x4 taps. Without strides the four shifted
/// filters of 3x3 taps give the 2x2 outputs of a window (`square`).
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_HELIUM_CHANNELWINDOWS_H
#define ADZE_CODEGEN_C_FAMILIES_HELIUM_CHANNELWINDOWS_H

#include "codegen/c/families/helium/RequantizationForm.h"

#include <set>

namespace adze::families::helium {

class ChannelWindows {
public:
  /// `bands`: rows of windows that are interleaved before they are used;
  /// `line`: requantization along a searched line.
  ChannelWindows(const ConvolutionProblem &p, bool square, int64_t bands,
                 bool line);

  bool fits() const;
  /// The most bands that keep the scratch within `bytes`; at least 1.
  static int64_t bandsWithin(const ConvolutionProblem &p, bool square,
                             int64_t bytes);

  /// False where there is no line.
  bool generate(KernelCode &code);
  double instructions() const;
  int64_t codeBytes() const;
  int64_t constantBytes() const;
  int64_t scratchBytes() const;

private:
  const ConvolutionProblem &p;
  bool square;
  int64_t bands;
  RequantizationForm form;

  int64_t channels() const { return p.inputChannels; }
  /// Filters of more than 4x4 taps are cut into blocks.
  int64_t rowBlocks() const { return (p.kernelHeight + 3) / 4; }
  int64_t columnBlocks() const { return (p.kernelWidth + 3) / 4; }
  bool single() const { return rowBlocks() * columnBlocks() == 1; }
  /// Fewer than 16 channels that divide 16: several pixels a vector.
  int64_t pixelsPerVector() const;
  int64_t groupChannels() const {
    return pixelsPerVector() > 1 ? channels() : 16;
  }
  int64_t columnBytes() const { return 4 * groupChannels(); }
  int64_t columns() const;
  int64_t planeBytes() const { return columns() * columnBytes(); }
  int64_t bandBytes() const { return rowBlocks() * planeBytes(); }
  int64_t outputRowsPerBand() const { return square ? 2 : 1; }
  int64_t wholeBands() const { return p.outputHeight / outputRowsPerBand(); }
  bool overlappedBand() const { return square && p.outputHeight % 2 != 0; }
  int64_t copied() const;
  int64_t filterBytes() const;
  int64_t streamBytes() const { return filterBytes() + 4 * form.words(); }
  /// Which rows of row block b lie in the image, for output row y.
  int rowMask(int64_t y, int64_t b) const;
  std::set<int> rowMasks() const;

  std::string interleaveName(bool masked) const;
  AsmText interleaveText(bool masked) const;
  std::string interleavePlain(bool masked) const;
  std::string computeName() const;
  AsmText computeText() const;
  std::string computePlain() const;
  std::vector<char> pack() const;
  std::string bandText(const std::string &indent, const std::string &y,
                       const std::string &count, bool masked) const;
};

} // namespace adze::families::helium

#endif
