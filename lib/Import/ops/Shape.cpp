//===- Shape.cpp - Shapes as values -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult shape(NodeLowering &n) {
  int64_t rank = n.rank(0);
  auto clamp = [&](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  int64_t start = clamp(n.attrInt("start", 0));
  int64_t end = clamp(n.attrInt("end", rank));
  SmallVector<int64_t> sizes;
  for (int64_t i = start; i < end; ++i)
    sizes.push_back(n.shape(0)[i]);
  n.set(0, n.constantInts(sizes, n.b.getI64Type()));
  return success();
}

static LogicalResult size(NodeLowering &n) {
  auto type = RankedTensorType::get({}, n.b.getI64Type());
  n.set(0, n.constant(DenseElementsAttr::get(
               type, ArrayRef<int64_t>{n.type(0).getNumElements()})));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Shape", 1, 28, shape},
    {"", "Size", 1, 28, size},
};

Family adze::import::shapeFamily() { return lowerings; }
