//===- Softmax.cpp - Softmax and its logarithm -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

/// Three passes over each line along the axis: maximum, sum of exponentials
/// of the differences (kept in a line of scratch), scaling.
void roots::softmax(Operation *op, RootContext &context) {
  auto softmax = cast<nn::SoftmaxOp>(op);
  ElementEmitter &e = context.e;
  ArrayRef<int64_t> shape = shapeOf(softmax.getOutput());
  size_t axis = softmax.getAxis();
  int64_t length = shape[axis];
  // f16 and bf16 are computed in f32 and rounded once, at the end.
  Type stored = elementTypeOf(softmax.getInput());
  Type type =
      stored.getIntOrFloatBitWidth() < 32 ? Type(e.b.getF32Type()) : stored;
  Value line = context.scratch({length}, type);

  SmallVector<int64_t> outer(shape);
  outer[axis] = 1;
  e.nest(outer, [&](ArrayRef<Value> at) {
    auto source = [&](Value i) {
      Indices indices(at);
      indices[axis] = i;
      return indices;
    };
    Value lowest = e.make<arith::ConstantOp>(e.b.getFloatAttr(
        type, APFloat::getInf(cast<FloatType>(type).getFloatSemantics(),
                              /*Negative=*/true)));
    Value maximum = e.carry(
        0, length, 1, lowest, [&](Value i, ValueRange m) -> SmallVector<Value> {
          Value x = e.element(softmax.getInput(), source(i));
          if (type != stored)
            x = e.make<arith::ExtFOp>(type, x);
          e.make<memref::StoreOp>(x, line, i);
          return {e.make<arith::MaximumFOp>(m[0], x)};
        })[0];
    Value sum =
        e.carry(0, length, 1, e.constant(type, 0),
                [&](Value i, ValueRange s) -> SmallVector<Value> {
                  Value x = e.make<memref::LoadOp>(line, i);
                  Value difference = e.make<arith::SubFOp>(x, maximum);
                  Value exponential = e.make<math::ExpOp>(difference);
                  e.make<memref::StoreOp>(
                      softmax.getLog() ? difference : exponential, line, i);
                  return {e.make<arith::AddFOp>(s[0], exponential)};
                })[0];
    Value scale =
        softmax.getLog()
            ? e.make<math::LogOp>(sum).getResult()
            : e.make<arith::DivFOp>(e.constant(type, 1), sum).getResult();
    e.loop(0, length, 1, [&](Value i) {
      Value x = e.make<memref::LoadOp>(line, i);
      Value y = softmax.getLog() ? e.make<arith::SubFOp>(x, scale).getResult()
                                 : e.make<arith::MulFOp>(x, scale).getResult();
      if (type != stored)
        y = e.make<arith::TruncFOp>(stored, y);
      context.store(0, source(i), y);
    });
  });
}
