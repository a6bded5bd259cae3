//===- Columns.h - Input rows as columns of windows -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The input rows below one output row, interleaved in scratch as
/// [x][kernel row][channel] with borders filled in: the window of each output
/// pixel is then one run of bytes, whatever stride and padding, and neighbours
/// share their bytes. (im2col without its copies; compare Im2win, Lu et al.)
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_HELIUM_COLUMNS_H
#define ADZE_CODEGEN_C_FAMILIES_HELIUM_COLUMNS_H

#include "adze/KernelFamily.h"

namespace adze::families::helium {

class Columns {
public:
  explicit Columns(const ConvolutionProblem &p) : p(p) {}

  int64_t count() const { // columns that windows touch
    return (p.outputWidth - 1) * p.strideWidth +
           (p.kernelWidth - 1) * p.dilationWidth + 1;
  }
  int64_t columnBytes() const { return p.kernelHeight * p.inputChannels; }
  /// With room for the last chunk of the last window.
  int64_t scratchBytes() const {
    return (count() * columnBytes() + 31) / 16 * 16;
  }
  int64_t windowBytes() const { return p.kernelWidth * columnBytes(); }
  /// The weight of byte k of a window.
  int8_t weight(int64_t o, int64_t k) const {
    return p.weight(o, k / p.inputChannels % p.kernelHeight, k / columnBytes(),
                    k % p.inputChannels);
  }

  /// Declarations, filling of the borders, and loops over batch and output rows
  /// around `calls`, which see `columns`, `in` (the image), and `out`, which
  /// they have to advance.
  std::string loops(const std::string &declarations, const std::string &calls,
                    KernelCode &code) const;
  /// Instructions of all that, without the calls.
  double instructions() const;

private:
  std::string spreadFunction(KernelCode &code) const;
  std::string fillFunction(KernelCode &code) const;
  int64_t copied() const;    // columns that come from the image
  int64_t perVector() const; // columns that one scatter stores, or 0
  const ConvolutionProblem &p;
};

/// `adze_mve_copy(to, from, bytes)`.
std::string copyFunction(KernelCode &code);

} // namespace adze::families::helium

#endif
