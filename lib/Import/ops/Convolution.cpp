//===- Convolution.cpp - Convolutions -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"
#include "lib/Import/ops/Window.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult conv(NodeLowering &n) {
  ArrayRef<int64_t> x = n.shape(0), w = n.shape(1);
  if (x.size() < 3 || w.size() != x.size())
    return n.fail("input and filter need the same rank of at least 3, found " +
                  Twine(x.size()) + " and " + Twine(w.size()));
  int64_t group = n.attrInt("group", 1);
  if (group < 1 || x[1] != w[1] * group || w[0] % group != 0)
    return n.fail("the input has " + Twine(x[1]) + " channels, the filter " +
                  Twine(w[1]) + " for each of " + Twine(group) +
                  " groups and " + Twine(w[0]) + " outputs");
  WindowAttributes window;
  if (failed(readWindow(n, x.drop_front(2), w.drop_front(2), window)))
    return failure();
  SmallVector<int64_t> shape{x[0], w[0]};
  llvm::append_range(shape, window.output);
  n.set(0, n.make<nn::ConvOp>(
               RankedTensorType::get(shape, n.element(0)), n.in(0), n.in(1),
               n.has(2) ? n.in(2) : Value(), window.strides, window.dilations,
               window.pads, group, nn::Layout::channels_first));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Conv", 1, 99, conv},
};

Family adze::import::convolutionFamily() { return lowerings; }
