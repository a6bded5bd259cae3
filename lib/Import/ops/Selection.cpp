//===- Selection.cpp - Largest elements, one-hot vectors, running sums -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

/// Integer indices of the loops of `generate`.
static Value loopIndex(Scalars &s, int64_t dimension) {
  return s.make<arith::IndexCastOp>(s.b.getI64Type(),
                                    s.make<linalg::IndexOp>(dimension));
}

static Value number(Scalars &s, Type type, int64_t value) {
  return isa<FloatType>(type) ? s.constant(type, double(value))
                              : s.integer(type, value);
}

static Value argReduce(NodeLowering &n, Value x, int64_t axis, bool smallest,
                       bool last) {
  SmallVector<int64_t> shape(shapeOf(x));
  shape[axis] = 1;
  auto type = RankedTensorType::get(shape, n.b.getI64Type());
  return n.make<nn::ArgReduceOp>(type, x, axis, smallest, last,
                                 n.isUnsigned(0));
}

template <bool smallest> static LogicalResult argExtreme(NodeLowering &n) {
  if (n.rank(0) == 0) {
    n.set(0, n.splat({}, n.b.getI64Type(), 0));
    return success();
  }
  auto axis = n.axis(n.attrInt("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  SmallVector<int64_t> shape(n.shape(0));
  if (shape[*axis] == 0)
    return n.fail("dimension " + Twine(*axis) + " is empty");
  Value y = argReduce(n, n.in(0), *axis, smallest,
                      n.attrInt("select_last_index", 0) != 0);
  shape.erase(shape.begin() + *axis);
  if (n.attrInt("keepdims", 1) == 0)
    y = n.reshape(y, shape);
  n.set(0, y);
  return success();
}

/// k is an attribute until version 1, then an operand. Whether sorted or not,
/// the result is sorted.
static LogicalResult topK(NodeLowering &n) {
  auto axis = n.axis(n.attrInt("axis", -1), n.rank(0));
  if (failed(axis))
    return failure();
  int64_t k = n.attrInt("k", -1);
  if (n.version() >= 10) {
    auto value = n.ints(1);
    if (!value || value->size() != 1)
      return n.fail("k is only known at run time; the shape of the result must "
                    "be known when the model is compiled");
    k = value->front();
  }
  if (k < 0 || k > n.shape(0)[*axis])
    return n.fail("k is " + Twine(k) + ", dimension " + Twine(*axis) + " has " +
                  Twine(n.shape(0)[*axis]) + " elements");
  SmallVector<int64_t> shape(n.shape(0));
  shape[*axis] = k;
  auto values = RankedTensorType::get(shape, n.element(0));
  auto indices = RankedTensorType::get(shape, n.b.getI64Type());
  auto topk = n.make<nn::TopkOp>(values, indices, n.in(0), *axis,
                                 n.attrInt("largest", 1) == 0, n.isUnsigned(0));
  n.set(0, topk.getValues(), n.isUnsigned(0));
  n.set(1, topk.getIndices());
  return success();
}

template <nn::CumulativeKind kind>
static LogicalResult cumulative(NodeLowering &n) {
  auto given = n.ints(1);
  if (!given || given->size() != 1)
    return n.fail("the axis is only known at run time");
  auto axis = n.axis(given->front(), n.rank(0));
  if (failed(axis) || failed(expectOperands(n, 1, Elements::numbers)))
    return failure();
  n.set(0,
        n.make<nn::CumulativeOp>(n.type(0), n.in(0), kind, *axis,
                                 n.attrInt("exclusive", 0) != 0,
                                 n.attrInt("reverse", 0) != 0),
        n.isUnsigned(0));
  return success();
}

/// One at the first of the largest elements, zero elsewhere. Until version 11
/// all dimensions from the axis on count as one.
static LogicalResult hardmax(NodeLowering &n) {
  SmallVector<int64_t> shape(n.shape(0));
  int64_t rank = n.rank(0),
          given = n.attrInt("axis", n.version() < 13 ? 1 : -1);
  Value x = n.in(0);
  int64_t axis = 0;
  if (n.version() < 13) {
    if (given < -rank || given > rank)
      return n.fail("axis " + Twine(given) + " is outside [-" + Twine(rank) +
                    ", " + Twine(rank) + "]");
    int64_t rows = 1, columns = 1;
    for (int64_t i = 0; i < rank; ++i)
      (i < (given < 0 ? given + rank : given) ? rows : columns) *= shape[i];
    x = n.reshape(x, {rows, columns});
    axis = 1;
  } else {
    auto checked = n.axis(given, rank);
    if (failed(checked))
      return failure();
    axis = *checked;
  }
  if (n.type(0).getNumElements() == 0) {
    n.set(0, n.in(0), n.isUnsigned(0));
    return success();
  }
  Type type = elementOf(x);
  Value place = argReduce(n, x, axis, /*smallest=*/false, /*last=*/false);
  Value y =
      n.generate(shapeOf(x), type, {place},
                 [&](OpBuilder &b, Location loc, ValueRange at) -> Value {
                   Scalars s(b, loc);
                   return s.select(s.equal(loopIndex(s, axis), at[0]),
                                   number(s, type, 1), number(s, type, 0));
                 });
  n.set(0, n.reshape(y, shape), n.isUnsigned(0));
  return success();
}

/// The second of two values where the index along the new axis is the one
/// given, else the first; an index out of range is nowhere.
static LogicalResult oneHot(NodeLowering &n) {
  auto depths = n.floats(1);
  if (!depths || depths->size() != 1)
    return n.fail("the depth is only known at run time; the shape of the "
                  "result must be known when the model is compiled");
  if (!(depths->front() >= 1 && depths->front() < double(1 << 30)))
    return n.fail("the depth must be positive");
  int64_t depth = int64_t(depths->front());
  auto axis = n.axis(n.attrInt("axis", -1), n.rank(0) + 1);
  if (failed(axis))
    return failure();
  if (n.rank(2) != 1 || n.shape(2)[0] != 2)
    return n.fail("expected two values, for off and on");
  SmallVector<int64_t> shape(n.shape(0)), column(n.shape(0));
  shape.insert(shape.begin() + *axis, depth);
  column.insert(column.begin() + *axis, 1);
  Value off = n.reshape(n.slice(n.in(2), {0}, {1}), {});
  Value on = n.reshape(n.slice(n.in(2), {1}, {1}), {});
  Type wide = n.b.getI64Type();
  bool isUnsigned = n.isUnsigned(0);
  Value y =
      n.generate(shape, n.element(2), {n.reshape(n.in(0), column), off, on},
                 [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
                   Scalars s(b, loc);
                   Value i = castScalar(b, loc, x[0], wide, isUnsigned, false);
                   Value wrapped = s.add(i, s.integer(wide, depth));
                   i = s.select(s.less(i, s.integer(wide, 0)), wrapped, i);
                   return s.select(s.equal(loopIndex(s, *axis), i), x[2], x[1]);
                 });
  n.set(0, y, n.isUnsigned(2));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "ArgMax", 1, 28, argExtreme<false>},
    {"", "ArgMin", 1, 28, argExtreme<true>},
    {"", "CumProd", 26, 28, cumulative<nn::CumulativeKind::prod>},
    {"", "CumSum", 11, 28, cumulative<nn::CumulativeKind::sum>},
    {"", "Hardmax", 1, 28, hardmax},
    {"", "OneHot", 9, 28, oneHot},
    {"", "TopK", 1, 28, topK},
};

Family adze::import::selectionFamily() { return lowerings; }
