//===- Window.cpp - Sliding windows -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Window.h"

using namespace mlir;
using namespace adze::import;

LogicalResult adze::import::readWindow(NodeLowering &n,
                                       ArrayRef<int64_t> spatial,
                                       ArrayRef<int64_t> window,
                                       WindowAttributes &w) {
  size_t rank = spatial.size();
  if (window.size() != rank)
    return n.fail("kernel_shape has " + Twine(window.size()) +
                  " dimensions, the input has " + Twine(rank) +
                  " spatial ones");
  w.window.assign(window.begin(), window.end());
  w.strides = n.attrInts("strides").value_or(SmallVector<int64_t>(rank, 1));
  w.dilations = n.attrInts("dilations").value_or(SmallVector<int64_t>(rank, 1));
  w.pads = n.attrInts("pads").value_or(SmallVector<int64_t>(2 * rank, 0));
  if (w.strides.size() != rank || w.dilations.size() != rank ||
      w.pads.size() != 2 * rank)
    return n.fail("strides, dilations and pads need " + Twine(rank) + ", " +
                  Twine(rank) + " and " + Twine(2 * rank) + " values");
  bool ceil = n.attrInt("ceil_mode", 0) != 0;
  std::string automatic = n.attrString("auto_pad", "NOTSET");
  for (size_t d = 0; d < rank; ++d) {
    int64_t stride = w.strides[d], dilation = w.dilations[d];
    if (stride < 1 || dilation < 1 || window[d] < 1 || w.pads[d] < 0 ||
        w.pads[d + rank] < 0)
      return n.fail("strides, dilations and kernel_shape must be positive and "
                    "pads not negative (spatial dimension " +
                    Twine(d) + ")");
    int64_t extent = (window[d] - 1) * dilation + 1;
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
      int64_t out = (spatial[d] + stride - 1) / stride;
      int64_t total =
          std::max<int64_t>(0, (out - 1) * stride + extent - spatial[d]);
      int64_t small = total / 2, large = total - small;
      w.pads[d] = automatic == "SAME_UPPER" ? small : large;
      w.pads[d + rank] = total - w.pads[d];
      w.output.push_back(out);
      continue;
    }
    if (automatic == "VALID")
      w.pads[d] = w.pads[d + rank] = 0;
    else if (automatic != "NOTSET")
      return n.fail("auto_pad is '" + automatic +
                    "', which is none of NOTSET, SAME_UPPER, SAME_LOWER, VALID");
    int64_t room = spatial[d] + w.pads[d] + w.pads[d + rank] - extent;
    if (room < 0)
      return n.fail("the window of " + Twine(extent) + " is larger than the " +
                    Twine(room + extent) + " padded elements in spatial "
                    "dimension " + Twine(d));
    int64_t out = (ceil ? (room + stride - 1) / stride : room / stride) + 1;
    // A window that starts in the padding behind the input is left away.
    if (ceil && (out - 1) * stride >= spatial[d] + w.pads[d])
      --out;
    w.output.push_back(out);
  }
  return success();
}
