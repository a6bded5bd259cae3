//===- Normalization.cpp - Normalizations and softmax -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult softmaxOf(NodeLowering &n, bool log) {
  auto axis = n.axis(n.attrInt("axis", n.version() < 13 ? 1 : -1), n.rank(0));
  if (failed(axis))
    return failure();
  Value x = n.in(0);
  if (n.version() < 13) { // over all dimensions from the axis on
    int64_t rows = 1, columns = 1;
    for (auto [i, size] : llvm::enumerate(n.shape(0)))
      (int64_t(i) < *axis ? rows : columns) *= size;
    x = n.reshape(x, {rows, columns});
    axis = 1;
  }
  Value y = n.make<nn::SoftmaxOp>(x.getType(), x, *axis, log);
  n.set(0, n.reshape(y, n.shape(0)));
  return success();
}
static LogicalResult softmax(NodeLowering &n) { return softmaxOf(n, false); }
static LogicalResult logSoftmax(NodeLowering &n) { return softmaxOf(n, true); }

/// Inference: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, as
/// one multiplication and one addition with folded constants.
static LogicalResult batchNormalization(NodeLowering &n) {
  if (n.attrInt("training_mode", 0) != 0)
    return n.fail("training_mode is not supported");
  Type type = n.element(0);
  double epsilon = n.attrFloat("epsilon", 1e-5);
  SmallVector<int64_t> channel(n.rank(0), 1);
  channel[n.rank(0) > 1 ? 1 : 0] = n.shape(1)[0];
  auto shaped = [&](size_t i) { return n.reshape(n.in(i), channel); };
  Value factor = n.elementwise(
      {shaped(1), shaped(4)}, type,
      [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
        Value eps = arith::ConstantOp::create(b, loc,
                                              b.getFloatAttr(type, epsilon));
        Value sum = arith::AddFOp::create(
            b, loc, castScalar(b, loc, x[1], type, false, false), eps);
        Value root = math::SqrtOp::create(b, loc, sum);
        return arith::DivFOp::create(
            b, loc, castScalar(b, loc, x[0], type, false, false), root);
      });
  Value offset = n.elementwise(
      {shaped(2), shaped(3), factor}, type,
      [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
        Value mean = castScalar(b, loc, x[1], type, false, false);
        Value bias = castScalar(b, loc, x[0], type, false, false);
        return arith::SubFOp::create(b, loc, bias,
                                     arith::MulFOp::create(b, loc, mean, x[2]));
      });
  Value y = n.elementwise(
      {n.in(0), factor, offset}, type,
      [](OpBuilder &b, Location loc, ValueRange x) -> Value {
        Value scaled = arith::MulFOp::create(b, loc, x[0], x[1]);
        return arith::AddFOp::create(b, loc, scaled, x[2]);
      });
  if (!y)
    return failure();
  n.set(0, y);
  return success();
}

static const OpLowering lowerings[] = {
    {"", "BatchNormalization", 7, 99, batchNormalization},
    {"", "LogSoftmax", 1, 99, logSoftmax},
    {"", "Softmax", 1, 99, softmax},
};

Family adze::import::normalizationFamily() { return lowerings; }
