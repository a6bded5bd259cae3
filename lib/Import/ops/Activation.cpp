//===- Activation.cpp - Activation functions -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static Value scalar(OpBuilder &b, Location loc, Type type, double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

static LogicalResult relu(NodeLowering &n) {
  Type type = n.element(0);
  n.set(0, n.elementwise({n.in(0)}, type,
                         [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
                           if (isa<FloatType>(type))
                             return arith::MaximumFOp::create(
                                 b, loc, x[0], scalar(b, loc, type, 0));
                           Value zero = arith::ConstantOp::create(
                               b, loc, b.getIntegerAttr(type, 0));
                           return arith::MaxSIOp::create(b, loc, x[0], zero);
                         }));
  return success();
}

static LogicalResult sigmoid(NodeLowering &n) {
  Type type = n.element(0);
  n.set(0, n.elementwise({n.in(0)}, type,
                         [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
                           Value negated = arith::NegFOp::create(b, loc, x[0]);
                           Value e = math::ExpOp::create(b, loc, negated);
                           Value one = scalar(b, loc, type, 1);
                           Value sum = arith::AddFOp::create(b, loc, one, e);
                           return arith::DivFOp::create(b, loc, one, sum);
                         }));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Relu", 1, 99, relu},
    {"", "Sigmoid", 1, 99, sigmoid},
};

Family adze::import::activationFamily() { return lowerings; }
