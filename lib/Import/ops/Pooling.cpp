//===- Pooling.cpp - Pooling -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"
#include "lib/Import/ops/Products.h"
#include "lib/Import/ops/Window.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

nn::PoolOp adze::import::poolingOf(NodeLowering &n, Value input,
                                   nn::PoolKind kind, bool global,
                                   bool wantsIndices) {
  ArrayRef<int64_t> x = shapeOf(input);
  if (x.size() < 3) {
    (void)n.fail("the input needs at least 3 dimensions, found " +
                 Twine(x.size()));
    return nullptr;
  }
  WindowAttributes window;
  if (global) {
    window.window.assign(x.begin() + 2, x.end());
    window.strides.assign(x.size() - 2, 1);
    window.dilations.assign(x.size() - 2, 1);
    window.pads.assign(2 * (x.size() - 2), 0);
    window.output.assign(x.size() - 2, 1);
  } else {
    auto kernel = n.attrInts("kernel_shape");
    if (!kernel) {
      (void)n.fail("kernel_shape is missing");
      return nullptr;
    }
    if (failed(readWindow(n, x.drop_front(2), *kernel, window)))
      return nullptr;
  }
  SmallVector<int64_t> shape{x[0], x[1]};
  llvm::append_range(shape, window.output);
  SmallVector<Type> types{RankedTensorType::get(shape, elementOf(input))};
  if (wantsIndices)
    types.push_back(RankedTensorType::get(shape, n.b.getI64Type()));
  return n.make<nn::PoolOp>(
      types, input, kind, window.window, window.strides, window.dilations,
      window.pads, n.attrInt("count_include_pad", 0) != 0, n.attrInt("p", 2),
      n.attrInt("storage_order", 0) != 0, n.isUnsigned(0),
      nn::Layout::channels_first);
}

static LogicalResult poolOf(NodeLowering &n, nn::PoolKind kind, bool global) {
  nn::PoolOp pool = poolingOf(n, n.in(0), kind, global, n.wants(1));
  if (!pool)
    return failure();
  n.set(0, pool.getOutputs()[0], n.isUnsigned(0));
  if (n.wants(1))
    n.set(1, pool.getOutputs()[1]);
  return success();
}

static LogicalResult maxPool(NodeLowering &n) {
  return poolOf(n, nn::PoolKind::max, false);
}
static LogicalResult averagePool(NodeLowering &n) {
  return poolOf(n, nn::PoolKind::average, false);
}
static LogicalResult lpPool(NodeLowering &n) {
  return poolOf(n, nn::PoolKind::lp, false);
}
static LogicalResult globalMaxPool(NodeLowering &n) {
  return poolOf(n, nn::PoolKind::max, true);
}
static LogicalResult globalAveragePool(NodeLowering &n) {
  return poolOf(n, nn::PoolKind::average, true);
}
static LogicalResult globalLpPool(NodeLowering &n) {
  return poolOf(n, nn::PoolKind::lp, true);
}

static const OpLowering lowerings[] = {
    {"", "AveragePool", 1, 99, averagePool},
    {"", "GlobalAveragePool", 1, 99, globalAveragePool},
    {"", "GlobalLpPool", 2, 99, globalLpPool},
    {"", "GlobalMaxPool", 1, 99, globalMaxPool},
    {"", "LpPool", 2, 99, lpPool},
    {"", "MaxPool", 1, 99, maxPool},
};

Family adze::import::poolingFamily() { return lowerings; }
