//===- Quantized.cpp - Elements of quantized tensors ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The arithmetic of include/adze/Requantization.h, operation by operation.
///
//===----------------------------------------------------------------------===//
#include "passes/lower/elements/Elements.h"

#include "passes/lower/FixedPointBuilder.h"

#include "dialects/nn/nn.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

Value elements::requantize(Operation *op, unsigned, ArrayRef<Value> at,
                           int64_t lanes, ElementEmitter &e) {
  auto requantize = cast<nn::RequantizeOp>(op);
  int64_t axis = requantize.getAxis();
  bool one = shapeOf(requantize.getMultiplier())[0] == 1;
  bool alongLanes = lanes > 1 && !one && axis + 1 == int64_t(at.size());
  auto factor = [&](Value table) {
    Value index = one ? e.index(0) : at[axis];
    return e.broadcast(e.element(table, {index}, alongLanes ? lanes : 1),
                       lanes);
  };
  Value x = e.element(requantize.getInput(), at, lanes);
  FixedPointBuilder f(e, lanes, requantize.getRounding());
  Value multiplier = factor(requantize.getMultiplier()),
        shift = factor(requantize.getShift());
  Type type = elementTypeOf(requantize.getOutput());
  if (elementTypeOf(requantize.getInput()).isInteger(64))
    return f.narrow(f.multiplyWide(x, multiplier, shift),
                    requantize.getZeroPoint(), requantize.getLow(),
                    requantize.getHigh(), type);
  return f.narrow(f.multiply(x, multiplier, shift), requantize.getZeroPoint(),
                  requantize.getLow(), requantize.getHigh(), type);
}

Value elements::requantizePrelu(Operation *op, unsigned, ArrayRef<Value> at,
                                int64_t lanes, ElementEmitter &e) {
  auto prelu = cast<nn::RequantizePreluOp>(op);
  if (lanes > 1)
    return nullptr;
  bool one = shapeOf(prelu.getMultiplier())[0] == 1;
  auto factor = [&](Value table) {
    return e.element(table, {one ? e.index(0) : at[prelu.getAxis()]});
  };
  Value x = e.element(prelu.getInput(), at);
  FixedPointBuilder f(e, 1, prelu.getRounding());
  Type type = elementTypeOf(prelu.getOutput());
  bool isWide = elementTypeOf(prelu.getInput()).isInteger(64);
  Value zero =
      e.make<arith::ConstantOp>(e.b.getIntegerAttr(x.getType(), int64_t(0)));
  Value isNegative = e.compare(arith::CmpIPredicate::slt, x, zero);
  auto select = [&](Value otherwise, Value negative) -> Value {
    return e.make<arith::SelectOp>(isNegative, factor(negative),
                                   factor(otherwise));
  };
  Value multiplier =
      select(prelu.getMultiplier(), prelu.getNegativeMultiplier());
  Value shift = select(prelu.getShift(), prelu.getNegativeShift());
  Value y = isWide ? f.multiplyWide(x, multiplier, shift)
                   : f.multiply(x, multiplier, shift);
  return f.narrow(y, prelu.getZeroPoint(), prelu.getLow(), prelu.getHigh(),
                  type);
}

Value elements::interpolate(Operation *op, unsigned, ArrayRef<Value> at,
                            int64_t lanes, ElementEmitter &e) {
  if (lanes > 1)
    return nullptr;
  auto op16 = cast<nn::InterpolateOp>(op);
  FixedPointBuilder f(e, 1, nn::Rounding::once);
  auto number = [&](ArrayRef<Value> where) -> Value {
    return f.centred(e.element(op16.getTable(), where), 0);
  };
  int64_t bits = 16 - llvm::Log2_64(shapeOf(op16.getTable())[0] - 1);
  Value x = f.centred(e.element(op16.getInput(), at), -32768);
  Value k = e.make<arith::IndexCastOp>(e.b.getIndexType(),
                                       e.make<arith::ShRUIOp>(x, f.i32(bits)));
  Value fraction = e.make<arith::AndIOp>(x, f.i32((int64_t(1) << bits) - 1));
  Value low = number({k}), high = number({e.add(k, 1)});
  Value y = e.make<arith::AddIOp>(
      e.make<arith::MulIOp>(low, f.i32(int64_t(1) << bits)),
      e.make<arith::MulIOp>(e.make<arith::SubIOp>(high, low), fraction));
  if (int64_t shift = op16.getShift())
    y = e.make<arith::ShRSIOp>(
        e.make<arith::AddIOp>(y, f.i32(int64_t(1) << (shift - 1))),
        f.i32(shift));
  return f.narrow(y, op16.getZeroPoint(), op16.getLow(), op16.getHigh(),
                  elementTypeOf(op16.getOutput()));
}

Value elements::quantizedAdd(Operation *op, unsigned, ArrayRef<Value> at,
                             int64_t lanes, ElementEmitter &e) {
  auto add = cast<nn::QuantizedAddOp>(op);
  FixedPointBuilder f(e, lanes, add.getRounding());
  auto scaled = [&](Value tensor, int64_t zeroPoint, int64_t multiplier,
                    int64_t shift) {
    Value x = f.centred(e.element(tensor, at, lanes), zeroPoint);
    x = e.make<arith::ShLIOp>(x, f.i32(add.getLeftShift()));
    return f.multiply(x, f.i32(multiplier), f.i32(shift));
  };
  Value a = scaled(add.getA(), add.getZeroPointA(), add.getMultiplierA(),
                   add.getShiftA());
  Value b = scaled(add.getB(), add.getZeroPointB(), add.getMultiplierB(),
                   add.getShiftB());
  Value sum = add.getSubtract() ? e.make<arith::SubIOp>(a, b).getResult()
                                : e.make<arith::AddIOp>(a, b).getResult();
  Value y = f.multiply(sum, f.i32(add.getMultiplier()), f.i32(add.getShift()));
  return f.narrow(y, add.getZeroPoint(), add.getLow(), add.getHigh(),
                  elementTypeOf(add.getOutput()));
}

Value elements::quantizedMul(Operation *op, unsigned, ArrayRef<Value> at,
                             int64_t lanes, ElementEmitter &e) {
  auto mul = cast<nn::QuantizedMulOp>(op);
  FixedPointBuilder f(e, lanes, mul.getRounding());
  Value a = f.centred(e.element(mul.getA(), at, lanes), mul.getZeroPointA());
  Value b = f.centred(e.element(mul.getB(), at, lanes), mul.getZeroPointB());
  Value y = f.multiply(e.make<arith::MulIOp>(a, b), f.i32(mul.getMultiplier()),
                       f.i32(mul.getShift()));
  return f.narrow(y, mul.getZeroPoint(), mul.getLow(), mul.getHigh(),
                  elementTypeOf(mul.getOutput()));
}

Value elements::lookup(Operation *op, unsigned, ArrayRef<Value> at,
                       int64_t lanes, ElementEmitter &e) {
  if (lanes > 1)
    return nullptr;
  auto lookup = cast<nn::LookupOp>(op);
  Value x = e.make<arith::IndexCastOp>(e.b.getIndexType(),
                                       e.element(lookup.getInput(), at));
  return e.element(lookup.getTable(), {e.add(x, 128)});
}

Value elements::rebase(Operation *op, unsigned, ArrayRef<Value> at,
                       int64_t lanes, ElementEmitter &e) {
  auto rebase = cast<nn::RebaseOp>(op);
  Type type = elementTypeOf(rebase.getOutput());
  APInt top = APInt::getSignMask(type.getIntOrFloatBitWidth());
  Value mask = e.broadcast(
      e.make<arith::ConstantOp>(e.b.getIntegerAttr(type, top)), lanes);
  return e.make<arith::XOrIOp>(e.element(rebase.getInput(), at, lanes), mask);
}
