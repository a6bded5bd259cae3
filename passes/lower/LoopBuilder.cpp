//===- LoopBuilder.cpp - Small builders for loops and indices -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/LoopBuilder.h"

using namespace mlir;
using namespace adze::lower;

std::optional<int64_t> adze::lower::constantIndex(Value value) {
  if (auto constant = value.getDefiningOp<arith::ConstantIndexOp>())
    return constant.value();
  return std::nullopt;
}

Value LoopBuilder::index(int64_t value) {
  return make<arith::ConstantIndexOp>(value);
}

Value LoopBuilder::add(Value x, Value y) {
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (cx && cy)
    return index(*cx + *cy);
  if (cx && *cx == 0)
    return y;
  if (cy && *cy == 0)
    return x;
  return make<arith::AddIOp>(x, y);
}

Value LoopBuilder::sub(Value x, Value y) {
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (cx && cy)
    return index(*cx - *cy);
  if (cy && *cy == 0)
    return x;
  return make<arith::SubIOp>(x, y);
}

Value LoopBuilder::mul(Value x, int64_t y) {
  if (auto cx = constantIndex(x))
    return index(*cx * y);
  if (y == 1)
    return x;
  return make<arith::MulIOp>(x, index(y));
}

Value LoopBuilder::div(Value x, int64_t y) {
  if (auto cx = constantIndex(x))
    return index(*cx / y);
  if (y == 1)
    return x;
  return make<arith::DivUIOp>(x, index(y));
}

Value LoopBuilder::rem(Value x, int64_t y) {
  if (auto cx = constantIndex(x))
    return index(*cx % y);
  if (y == 1)
    return index(0);
  return make<arith::RemUIOp>(x, index(y));
}

Value LoopBuilder::max(Value x, Value y) {
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (cx && cy)
    return index(std::max(*cx, *cy));
  return make<arith::MaxSIOp>(x, y);
}

Value LoopBuilder::min(Value x, Value y) {
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (cx && cy)
    return index(std::min(*cx, *cy));
  return make<arith::MinSIOp>(x, y);
}

Value LoopBuilder::constant(Type type, double value) {
  if (auto vector = dyn_cast<VectorType>(type)) {
    Type element = vector.getElementType();
    Attribute attr = isa<FloatType>(element)
                         ? Attribute(b.getFloatAttr(element, value))
                         : Attribute(b.getIntegerAttr(element, int64_t(value)));
    return make<arith::ConstantOp>(DenseElementsAttr::get(vector, attr));
  }
  if (isa<FloatType>(type))
    return make<arith::ConstantOp>(b.getFloatAttr(type, value));
  return make<arith::ConstantOp>(b.getIntegerAttr(type, int64_t(value)));
}

Value LoopBuilder::compare(arith::CmpIPredicate predicate, Value x, Value y) {
  return make<arith::CmpIOp>(predicate, x, y);
}

void LoopBuilder::loop(int64_t from, int64_t to, int64_t step,
                       function_ref<void(Value)> body) {
  if (from >= to)
    return;
  if (from + step >= to)
    return body(index(from));
  auto loop = make<scf::ForOp>(index(from), index(to), index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

void LoopBuilder::loop(Value from, Value to, function_ref<void(Value)> body) {
  auto cf = constantIndex(from), ct = constantIndex(to);
  if (cf && ct)
    return loop(*cf, *ct, 1, body);
  auto loop = make<scf::ForOp>(from, to, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

SmallVector<Value> LoopBuilder::carry(int64_t from, int64_t to, int64_t step,
                                      ValueRange inits, CarryBody body) {
  if (from >= to)
    return llvm::to_vector(inits);
  if (from + step >= to)
    return body(index(from), inits);
  auto loop = make<scf::ForOp>(index(from), index(to), index(step), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  auto next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  make<scf::YieldOp>(next);
  return llvm::to_vector_of<Value>(loop.getResults());
}

SmallVector<Value> LoopBuilder::carry(Value from, Value to, ValueRange inits,
                                      CarryBody body) {
  auto cf = constantIndex(from), ct = constantIndex(to);
  if (cf && ct)
    return carry(*cf, *ct, 1, inits, body);
  auto loop = make<scf::ForOp>(from, to, index(1), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  auto next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  make<scf::YieldOp>(next);
  return llvm::to_vector_of<Value>(loop.getResults());
}

void LoopBuilder::nest(ArrayRef<int64_t> shape,
                       function_ref<void(ArrayRef<Value>)> body) {
  SmallVector<Value> indices;
  std::function<void(size_t)> descend = [&](size_t dim) {
    if (dim == shape.size())
      return body(indices);
    loop(0, shape[dim], 1, [&](Value i) {
      indices.push_back(i);
      descend(dim + 1);
      indices.pop_back();
    });
  };
  descend(0);
}

SmallVector<Value>
LoopBuilder::choose(Value condition, TypeRange types,
                    function_ref<SmallVector<Value>()> then,
                    function_ref<SmallVector<Value>()> otherwise) {
  auto op = make<scf::IfOp>(types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(&op.getThenRegion().front());
  make<scf::YieldOp>(then());
  b.setInsertionPointToEnd(&op.getElseRegion().front());
  make<scf::YieldOp>(otherwise());
  return llvm::to_vector_of<Value>(op.getResults());
}

void LoopBuilder::when(Value condition, function_ref<void()> then) {
  auto op = make<scf::IfOp>(condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.getThenRegion().front().getTerminator());
  then();
}
