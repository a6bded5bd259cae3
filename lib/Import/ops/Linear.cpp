//===- Linear.cpp - Matrix products -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"
#include "lib/Import/ops/Products.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

/// numpy's matmul: vectors are rows on the left, columns on the right, batch
/// dimensions broadcast.
Value adze::import::matmulOf(NodeLowering &n, Value a, Value b, Type result) {
  SmallVector<int64_t> left(shapeOf(a)), right(shapeOf(b));
  if (left.empty() || right.empty()) {
    (void)n.fail("operands need at least one dimension");
    return nullptr;
  }
  bool row = left.size() == 1, column = right.size() == 1;
  if (row)
    left.insert(left.begin(), 1);
  if (column)
    right.push_back(1);
  if (left.back() != right[right.size() - 2]) {
    (void)n.fail("the inner sizes " + Twine(left.back()) + " and " +
                 Twine(right[right.size() - 2]) + " differ");
    return nullptr;
  }
  size_t rank = std::max(left.size(), right.size());
  left.insert(left.begin(), rank - left.size(), 1);
  right.insert(right.begin(), rank - right.size(), 1);
  SmallVector<int64_t> shape;
  for (size_t i = 0; i + 2 < rank; ++i) {
    if (left[i] != right[i] && left[i] != 1 && right[i] != 1) {
      (void)n.fail("batch dimensions " + Twine(left[i]) + " and " +
                   Twine(right[i]) + " do not broadcast");
      return nullptr;
    }
    shape.push_back(std::max(left[i], right[i]));
    if (left[i] == 0 || right[i] == 0)
      shape.back() = 0;
  }
  shape.push_back(left[rank - 2]);
  shape.push_back(right[rank - 1]);
  // A matrix times shared weights is one product over all rows.
  bool shared = llvm::all_of(ArrayRef<int64_t>(right).drop_back(2),
                             [](int64_t size) { return size == 1; });
  Value x = n.reshape(a, left), w = n.reshape(b, right);
  Value y;
  if (shared && rank > 2) {
    int64_t rows = 1;
    for (int64_t size : ArrayRef<int64_t>(left).drop_back())
      rows *= size;
    x = n.reshape(x, {rows, left.back()});
    w = n.reshape(w, {right[rank - 2], right[rank - 1]});
    y = n.make<nn::MatmulOp>(
        RankedTensorType::get({rows, right[rank - 1]}, result), x, w, Value(),
        false, false);
  } else {
    y = n.make<nn::MatmulOp>(RankedTensorType::get(shape, result), x, w,
                             Value(), false, false);
  }
  if (row)
    shape.erase(shape.end() - 2);
  if (column)
    shape.pop_back();
  return n.reshape(y, shape);
}

static LogicalResult matmul(NodeLowering &n) {
  Value y = matmulOf(n, n.in(0), n.in(1), n.element(0));
  if (!y)
    return failure();
  n.set(0, y, n.isUnsigned(0));
  return success();
}

static LogicalResult gemm(NodeLowering &n) {
  bool transA = n.attrInt("transA", 0) != 0,
       transB = n.attrInt("transB", 0) != 0;
  double alpha = n.attrFloat("alpha", 1), beta = n.attrFloat("beta", 1);
  if (n.rank(0) != 2 || n.rank(1) != 2)
    return n.fail("A and B need two dimensions, found " + Twine(n.rank(0)) +
                  " and " + Twine(n.rank(1)));
  int64_t m = n.shape(0)[transA], k = n.shape(0)[!transA];
  int64_t kb = n.shape(1)[transB], columns = n.shape(1)[!transB];
  if (k != kb)
    return n.fail("the inner sizes " + Twine(k) + " and " + Twine(kb) +
                  " differ");
  auto type = RankedTensorType::get({m, columns}, n.element(0));
  auto scaled = [&](Value x, double factor) {
    if (factor == 1)
      return x;
    return n.elementwise(
        {x}, elementOf(x),
        [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
          Type element = v[0].getType();
          if (isa<FloatType>(element)) {
            Value f = arith::ConstantOp::create(
                b, loc, b.getFloatAttr(element, factor));
            return arith::MulFOp::create(b, loc, v[0], f);
          }
          Value f = arith::ConstantOp::create(
              b, loc, b.getIntegerAttr(element, int64_t(factor)));
          return arith::MulIOp::create(b, loc, v[0], f);
        });
  };
  Value bias;
  if (n.has(2) && beta != 0)
    bias = scaled(n.in(2), beta);
  bool fuses = alpha == 1 && bias && n.rank(2) <= 2;
  Value y = n.make<nn::MatmulOp>(type, n.in(0), n.in(1), fuses ? bias : Value(),
                                 transA, transB);
  y = scaled(y, alpha);
  if (bias && !fuses)
    y = n.elementwise({y, bias}, n.element(0),
                      [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                        if (isa<FloatType>(v[0].getType()))
                          return arith::AddFOp::create(b, loc, v[0], v[1]);
                        return arith::AddIOp::create(b, loc, v[0], v[1]);
                      });
  if (!y)
    return failure();
  n.set(0, y, n.isUnsigned(0));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Gemm", 7, 99, gemm},
    {"", "MatMul", 1, 99, matmul},
};

Family adze::import::linearFamily() { return lowerings; }
