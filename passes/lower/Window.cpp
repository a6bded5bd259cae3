//===- Window.cpp - Windows that reach over the border -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Window.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace adze::lower;

std::pair<int64_t, int64_t> WindowDim::taps(int64_t o) const {
  int64_t origin = o * stride - pad;
  int64_t begin = origin >= 0 ? 0 : llvm::divideCeil(-origin, dilation);
  int64_t room = input - origin;
  int64_t end =
      room <= 0 ? 0 : std::min<int64_t>(window, llvm::divideCeil(room, dilation));
  return {std::min(begin, end), end};
}

std::pair<int64_t, int64_t> WindowDim::interior() const {
  auto whole = [&](int64_t o) {
    auto [begin, end] = taps(o);
    return begin == 0 && end == window;
  };
  int64_t begin = 0, end = output;
  while (begin < end && !whole(begin))
    ++begin;
  while (end > begin && !whole(end - 1))
    --end;
  return {begin, end};
}

WindowRange adze::lower::windowRange(LoopBuilder &b, const WindowDim &dim,
                                     Value out) {
  Value origin = b.sub(b.mul(out, dim.stride), b.index(dim.pad));
  Value first = b.index(0), last = b.index(dim.window);
  if (auto o = constantIndex(out)) {
    auto [begin, end] = dim.taps(*o);
    return {b.index(begin), b.index(end), origin};
  }
  // The smallest k with origin + k * dilation >= 0.
  if (dim.pad > 0) {
    Value behind =
        b.sub(b.index(dim.pad + dim.dilation - 1), b.mul(out, dim.stride));
    first = b.div(b.max(behind, b.index(0)), dim.dilation);
  }
  // One past the largest k with origin + k * dilation < input.
  int64_t reach = (dim.output - 1) * dim.stride - dim.pad +
                  (dim.window - 1) * dim.dilation;
  if (reach >= dim.input) {
    Value room = b.sub(b.index(dim.input + dim.pad + dim.dilation - 1),
                       b.mul(out, dim.stride));
    last = b.min(b.div(b.max(room, b.index(0)), dim.dilation),
                 b.index(dim.window));
  }
  return {first, last, origin};
}
