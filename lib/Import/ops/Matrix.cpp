//===- Matrix.cpp - Determinants -*- C++ -*-===//
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

/// Elimination is written out, one step for each row.
static constexpr int64_t maxOrder = 32;

/// Gaussian elimination with the largest element of the first column as
/// pivot. The pivot's row trades places with the first one.
static LogicalResult determinant(NodeLowering &n) {
  ArrayRef<int64_t> shape = n.shape(0);
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2])
    return n.fail("the input needs square matrices");
  int64_t order = shape.back(), batch = 1;
  for (int64_t size : shape.drop_back(2))
    batch *= size;
  if (order > maxOrder)
    return n.fail("matrices of more than " + Twine(maxOrder) +
                  " rows are not supported, found " + Twine(order));
  Type type = n.element(0), index = n.b.getI64Type();
  Type inner = type.getIntOrFloatBitWidth() < 32 ? n.b.getF32Type() : type;
  Value a = n.cast(n.reshape(n.in(0), {batch, order, order}), inner);
  Value det = n.splat({batch, 1, 1}, inner, 1);
  using Body = function_ref<Value(Scalars &, ValueRange)>;
  auto map = [&](ArrayRef<Value> operands, Type result, Body body) {
    return n.elementwise(operands, result,
                         [&](OpBuilder &b, Location loc, ValueRange v) {
                           Scalars s(b, loc);
                           return body(s, v);
                         });
  };
  for (int64_t m = order; m > 0; --m) {
    Value column = n.slice(a, {0, 0, 0}, {batch, m, 1});
    Value size = map({column}, inner, [](Scalars &s, ValueRange v) -> Value {
      return s.make<math::AbsFOp>(v[0]);
    });
    Value at =
        n.make<nn::ArgReduceOp>(RankedTensorType::get({batch, 1, 1}, index),
                                size, 1, false, false, false);
    SmallVector<int64_t> counting;
    for (int64_t i = 0; i < m; ++i)
      counting.push_back(i);
    Value rows = n.reshape(n.constantInts(counting, index), {1, m, 1});
    Value top = n.slice(a, {0, 0, 0}, {batch, 1, m});
    Value chosen = map({a, rows, at}, inner, [](Scalars &s, ValueRange v) {
      return s.select(s.equal(v[1], v[2]), v[0], s.constant(v[0].getType(), 0));
    });
    Value pivotRow =
        n.reduce(chosen, {1}, n.b.getFloatAttr(inner, 0),
                 [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                   return Scalars(b, loc).add(v[1], v[0]);
                 });
    Value pivot = n.slice(pivotRow, {0, 0, 0}, {batch, 1, 1});
    det = map({det, pivot, at}, inner, [](Scalars &s, ValueRange v) {
      Value factor = s.select(s.equal(v[2], int64_t(0)), v[1], s.negate(v[1]));
      return s.mul(v[0], factor);
    });
    if (m == 1)
      break;
    a = map({a, rows, at, top}, inner, [](Scalars &s, ValueRange v) {
      return s.select(s.equal(v[1], v[2]), v[3], v[0]);
    });
    Value below = n.slice(a, {0, 1, 1}, {batch, m - 1, m - 1});
    Value left = n.slice(a, {0, 1, 0}, {batch, m - 1, 1});
    Value right = n.slice(pivotRow, {0, 0, 1}, {batch, 1, m - 1});
    a = map({below, left, right, pivot}, inner, [](Scalars &s, ValueRange v) {
      // Without a pivot the determinant is zero already.
      Value zero = s.constant(v[3].getType(), 0);
      Value safe =
          s.select(s.equal(v[3], zero), s.constant(v[3].getType(), 1), v[3]);
      return s.sub(v[0], s.mul(s.div(v[1], safe), v[2]));
    });
  }
  n.set(0, n.cast(n.reshape(det, shape.drop_back(2)), type));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Det", 11, 99, determinant},
};

Family adze::import::matrixFamily() { return lowerings; }
