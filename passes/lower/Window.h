//===- Window.h - Windows that reach over the border -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_WINDOW_H
#define ADZE_PASSES_LOWER_WINDOW_H

#include "passes/lower/LoopBuilder.h"

namespace adze::lower {

/// One spatial dimension of a convolution or pooling: output o reads input
/// o * stride - pad + k * dilation for k in [0, window).
struct WindowDim {
  int64_t input, output, window, stride, dilation, pad;

  /// The outputs whose whole window lies inside the input: [begin, end).
  std::pair<int64_t, int64_t> interior() const;
  /// The taps of output `o` inside the input: [begin, end).
  std::pair<int64_t, int64_t> taps(int64_t o) const;
};

/// The taps inside the input of an output that is known at run time.
struct WindowRange {
  mlir::Value first, last;
  mlir::Value origin; // input position of tap 0 (may be negative)
};
WindowRange windowRange(LoopBuilder &b, const WindowDim &dim, mlir::Value out);

} // namespace adze::lower

#endif
