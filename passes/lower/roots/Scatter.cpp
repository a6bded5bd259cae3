//===- Scatter.cpp - Updates at indices that are data -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"
#include "passes/lower/elements/Elements.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

/// What an element becomes when an update meets it. Truth values add as or and
/// multiply as and.
static Value combine(nn::ScatterKind kind, bool isUnsigned, Value old,
                     Value update, ElementEmitter &e) {
  Type type = update.getType();
  bool isFloat = isa<FloatType>(type), isBool = type.isInteger(1);
  switch (kind) {
  case nn::ScatterKind::set:
    return update;
  case nn::ScatterKind::add:
    if (isBool)
      return e.make<arith::OrIOp>(old, update);
    return isFloat ? e.make<arith::AddFOp>(old, update).getResult()
                   : e.make<arith::AddIOp>(old, update).getResult();
  case nn::ScatterKind::mul:
    if (isBool)
      return e.make<arith::AndIOp>(old, update);
    return isFloat ? e.make<arith::MulFOp>(old, update).getResult()
                   : e.make<arith::MulIOp>(old, update).getResult();
  case nn::ScatterKind::min:
    if (isFloat)
      return e.make<arith::MinimumFOp>(old, update);
    return isUnsigned || isBool
               ? e.make<arith::MinUIOp>(old, update).getResult()
               : e.make<arith::MinSIOp>(old, update).getResult();
  case nn::ScatterKind::max:
    if (isFloat)
      return e.make<arith::MaximumFOp>(old, update);
    return isUnsigned || isBool
               ? e.make<arith::MaxUIOp>(old, update).getResult()
               : e.make<arith::MaxSIOp>(old, update).getResult();
  }
  llvm_unreachable("a kind of scatter without a rule");
}

static Value copyInput(Value input, RootContext &context) {
  ElementEmitter &e = context.e;
  Value memory = context.buffer(0);
  e.nest(shapeOf(input), [&](ArrayRef<Value> at) {
    e.make<memref::StoreOp>(e.element(input, at), memory, at);
  });
  return memory;
}

static void update(Value memory, ArrayRef<Value> at, Value value,
                   nn::ScatterKind kind, bool isUnsigned, ElementEmitter &e) {
  if (kind != nn::ScatterKind::set) {
    Value old = e.make<memref::LoadOp>(memory, at);
    value = combine(kind, isUnsigned, old, value, e);
  }
  e.make<memref::StoreOp>(value, memory, at);
}

/// The updates are applied one after the other: indices may repeat.
void roots::scatterElements(Operation *op, RootContext &context) {
  auto scatter = cast<nn::ScatterElementsOp>(op);
  ElementEmitter &e = context.e;
  Value memory = copyInput(scatter.getInput(), context);
  int64_t axis = scatter.getAxis();
  int64_t size = shapeOf(scatter.getInput())[axis];
  e.nest(shapeOf(scatter.getUpdates()), [&](ArrayRef<Value> from) {
    Indices at(from);
    at[axis] =
        elements::safeIndex(e.element(scatter.getIndices(), from), size, e);
    update(memory, at, e.element(scatter.getUpdates(), from), scatter.getKind(),
           scatter.getIsUnsigned(), e);
  });
}

void roots::scatterNd(Operation *op, RootContext &context) {
  auto scatter = cast<nn::ScatterNdOp>(op);
  ElementEmitter &e = context.e;
  Value memory = copyInput(scatter.getInput(), context);
  ArrayRef<int64_t> in = shapeOf(scatter.getInput());
  ArrayRef<int64_t> indices = shapeOf(scatter.getIndices());
  ArrayRef<int64_t> updates = shapeOf(scatter.getUpdates());
  size_t outer = indices.size() - 1, depth = indices.back();
  e.nest(updates.take_front(outer), [&](ArrayRef<Value> which) {
    Indices at;
    for (size_t k = 0; k < depth; ++k) {
      Indices place(which);
      place.push_back(e.index(k));
      at.push_back(elements::safeIndex(e.element(scatter.getIndices(), place),
                                       in[k], e));
    }
    Indices from(which);
    e.nest(updates.drop_front(outer), [&](ArrayRef<Value> inner) {
      Indices target(at), source(from);
      llvm::append_range(target, inner);
      llvm::append_range(source, inner);
      update(memory, target, e.element(scatter.getUpdates(), source),
             scatter.getKind(), scatter.getIsUnsigned(), e);
    });
  });
}
