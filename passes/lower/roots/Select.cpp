//===- Select.cpp - The largest elements along an axis, and running sums -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

/// Whether x comes strictly before y: it is larger (or smaller). NaN counts as
/// larger than all numbers, as numpy sorts it.
static Value comesBefore(Value x, Value y, bool smallest, bool isUnsigned,
                         ElementEmitter &e) {
  Type type = x.getType();
  if (isa<FloatType>(type)) {
    Value unordered = e.make<arith::CmpFOp>(
        smallest ? arith::CmpFPredicate::ULT : arith::CmpFPredicate::UGT, x, y);
    Value number = smallest ? x : y;
    Value ordered =
        e.make<arith::CmpFOp>(arith::CmpFPredicate::ORD, number, number);
    return e.make<arith::AndIOp>(unordered, ordered);
  }
  if (isUnsigned || type.isInteger(1))
    return e.compare(
        smallest ? arith::CmpIPredicate::ult : arith::CmpIPredicate::ugt, x, y);
  return e.compare(
      smallest ? arith::CmpIPredicate::slt : arith::CmpIPredicate::sgt, x, y);
}

void roots::argReduce(Operation *op, RootContext &context) {
  auto reduce = cast<nn::ArgReduceOp>(op);
  ElementEmitter &e = context.e;
  Value input = reduce.getInput();
  size_t axis = reduce.getAxis();
  int64_t length = shapeOf(input)[axis];
  Type indexType = elementTypeOf(reduce.getOutput());
  e.nest(shapeOf(reduce.getOutput()), [&](ArrayRef<Value> at) {
    auto read = [&](Value i) {
      Indices source(at);
      source[axis] = i;
      return e.element(input, source);
    };
    Value zero = e.index(0);
    SmallVector<Value> best =
        e.carry(1, length, 1, {read(zero), zero},
                [&](Value i, ValueRange held) -> SmallVector<Value> {
                  Value x = read(i);
                  // The last of several: whatever does not come after takes
                  // over.
                  bool last = reduce.getSelectLast();
                  Value before = comesBefore(
                      last ? held[0] : x, last ? x : held[0],
                      reduce.getSmallest(), reduce.getIsUnsigned(), e);
                  Value kept[] = {held[0], held[1]}, taken[] = {x, i};
                  Value *yes = last ? kept : taken, *no = last ? taken : kept;
                  return {e.make<arith::SelectOp>(before, yes[0], no[0]),
                          e.make<arith::SelectOp>(before, yes[1], no[1])};
                });
    context.store(0, at, e.make<arith::IndexCastOp>(indexType, best[1]));
  });
}

/// The k best so far are kept in order; an element that comes before the last
/// of them is inserted and pushes those behind it on. Of equal elements the
/// first comes first.
void roots::topk(Operation *op, RootContext &context) {
  auto topk = cast<nn::TopkOp>(op);
  ElementEmitter &e = context.e;
  Value input = topk.getInput();
  size_t axis = topk.getAxis();
  ArrayRef<int64_t> shape = shapeOf(input);
  int64_t length = shape[axis], k = shapeOf(topk.getValues())[axis];
  if (k == 0)
    return;
  Type type = elementTypeOf(input),
       indexType = elementTypeOf(topk.getIndices());
  Value values = context.scratch({k}, type);
  Value places = context.scratch({k}, indexType);
  auto before = [&](Value x, Value y) {
    return comesBefore(x, y, topk.getSmallest(), topk.getIsUnsigned(), e);
  };

  SmallVector<int64_t> outer(shape);
  outer[axis] = 1;
  e.nest(outer, [&](ArrayRef<Value> line) {
    auto along = [&](Value i) {
      Indices at(line);
      at[axis] = i;
      return at;
    };
    // Inserts into the first `held` entries; returns what falls off the end.
    auto insert = [&](Value x, Value place, Value held) {
      Value no = e.make<arith::ConstantOp>(e.b.getBoolAttr(false));
      return e.carry(
          e.index(0), held, {x, place, no},
          [&](Value j, ValueRange c) -> SmallVector<Value> {
            Value oldValue = e.make<memref::LoadOp>(values, j);
            Value oldPlace = e.make<memref::LoadOp>(places, j);
            Value moves = e.make<arith::OrIOp>(c[2], before(c[0], oldValue));
            auto pick = [&](Value a, Value b) {
              return e.make<arith::SelectOp>(moves, a, b).getResult();
            };
            e.make<memref::StoreOp>(pick(c[0], oldValue), values, j);
            e.make<memref::StoreOp>(pick(c[1], oldPlace), places, j);
            return {pick(oldValue, c[0]), pick(oldPlace, c[1]), moves};
          });
    };
    e.loop(0, k, 1, [&](Value i) {
      Value place = e.make<arith::IndexCastOp>(indexType, i);
      SmallVector<Value> last = insert(e.element(input, along(i)), place, i);
      e.make<memref::StoreOp>(last[0], values, i);
      e.make<memref::StoreOp>(last[1], places, i);
    });
    e.loop(k, length, 1, [&](Value i) {
      Value x = e.element(input, along(i));
      Value worst = e.make<memref::LoadOp>(values, e.index(k - 1));
      e.when(before(x, worst), [&] {
        insert(x, e.make<arith::IndexCastOp>(indexType, i), e.index(k));
      });
    });
    e.loop(0, k, 1, [&](Value i) {
      context.store(0, along(i), e.make<memref::LoadOp>(values, i));
      context.store(1, along(i), e.make<memref::LoadOp>(places, i));
    });
  });
}

/// Floats of 16 bits and less are accumulated in f32.
void roots::cumulative(Operation *op, RootContext &context) {
  auto cumulative = cast<nn::CumulativeOp>(op);
  ElementEmitter &e = context.e;
  Value input = cumulative.getInput();
  size_t axis = cumulative.getAxis();
  ArrayRef<int64_t> shape = shapeOf(input);
  int64_t length = shape[axis];
  Type type = elementTypeOf(input), wide = type;
  bool isFloat = isa<FloatType>(type);
  if (isFloat && type.getIntOrFloatBitWidth() < 32)
    wide = e.b.getF32Type();
  bool isSum = cumulative.getKind() == nn::CumulativeKind::sum;

  SmallVector<int64_t> outer(shape);
  outer[axis] = 1;
  e.nest(outer, [&](ArrayRef<Value> line) {
    e.carry(0, length, 1, e.constant(wide, isSum ? 0 : 1),
            [&](Value i, ValueRange held) -> SmallVector<Value> {
              Indices at(line);
              at[axis] =
                  cumulative.getReverse() ? e.sub(e.index(length - 1), i) : i;
              Value x = e.element(input, at);
              if (wide != type)
                x = e.make<arith::ExtFOp>(wide, x);
              Value next =
                  isFloat
                      ? (isSum ? e.make<arith::AddFOp>(held[0], x).getResult()
                               : e.make<arith::MulFOp>(held[0], x).getResult())
                      : (isSum ? e.make<arith::AddIOp>(held[0], x).getResult()
                               : e.make<arith::MulIOp>(held[0], x).getResult());
              Value y = cumulative.getExclusive() ? held[0] : next;
              if (wide != type)
                y = e.make<arith::TruncFOp>(type, y);
              context.store(0, at, y);
              return {next};
            });
  });
}
