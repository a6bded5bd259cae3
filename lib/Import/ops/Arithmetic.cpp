//===- Arithmetic.cpp - Element-wise arithmetic -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

using BinaryFn = Value (*)(OpBuilder &, Location, Value, Value, bool);

/// Operands of versions before 7 broadcast b along `axis` only if told to;
/// numpy's rule covers what they may say once b has trailing ones.
static LogicalResult binary(NodeLowering &n, BinaryFn body) {
  bool isUnsigned = n.isUnsigned(0);
  Value result = n.elementwise({n.in(0), n.in(1)}, n.element(0),
                               [&](OpBuilder &b, Location loc, ValueRange x) {
                                 return body(b, loc, x[0], x[1], isUnsigned);
                               });
  if (!result)
    return failure();
  n.set(0, result, isUnsigned);
  return success();
}

template <typename FloatOp, typename SignedOp, typename UnsignedOp = SignedOp>
static Value byType(OpBuilder &b, Location loc, Value x, Value y,
                    bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return FloatOp::create(b, loc, x, y);
  if (isUnsigned)
    return UnsignedOp::create(b, loc, x, y);
  return SignedOp::create(b, loc, x, y);
}

static LogicalResult add(NodeLowering &n) {
  return binary(n, byType<arith::AddFOp, arith::AddIOp>);
}
static LogicalResult sub(NodeLowering &n) {
  return binary(n, byType<arith::SubFOp, arith::SubIOp>);
}
static LogicalResult mul(NodeLowering &n) {
  return binary(n, byType<arith::MulFOp, arith::MulIOp>);
}
static LogicalResult div(NodeLowering &n) {
  return binary(n, byType<arith::DivFOp, arith::DivSIOp, arith::DivUIOp>);
}

static const OpLowering lowerings[] = {
    {"", "Add", 7, 99, add},
    {"", "Div", 7, 99, div},
    {"", "Mul", 7, 99, mul},
    {"", "Sub", 7, 99, sub},
};

Family adze::import::arithmeticFamily() { return lowerings; }
