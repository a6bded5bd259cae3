//===- Resize.cpp - Elements of resized tensors -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/elements/Elements.h"

#include "dialects/nn/nn.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

Value elements::resize(Operation *op, unsigned, ArrayRef<Value> at,
                       int64_t lanes, ElementEmitter &e) {
  auto resize = cast<nn::ResizeOp>(op);
  ArrayRef<int64_t> axes = resize.getAxes();
  if (lanes > 1 && llvm::is_contained(axes, int64_t(at.size()) - 1))
    return nullptr;
  Value input = resize.getInput();
  Indices source(at);
  // Tables hold indices that the compiler computed: they are in bounds.
  auto indexAt = [&](Value table, Value o, Value tap) {
    return e.make<arith::IndexCastOp>(e.b.getIndexType(),
                                      e.element(table, {o, tap}));
  };
  if (!resize.getWeighted()) {
    auto table = resize.getTables().begin();
    for (auto [axis, repeat] : llvm::zip(axes, resize.getRepeats()))
      source[axis] = repeat > 0 ? e.div(at[axis], repeat)
                                : indexAt(*table++, at[axis], e.index(0));
    return e.element(input, source, lanes);
  }

  Type type = elementTypeOf(input);
  Type inner = elementTypeOf(resize.getTables()[1]);
  bool widens = type != inner;
  Type wide = e.laneType(inner, lanes);
  std::function<Value(size_t)> sample = [&](size_t k) -> Value {
    if (k == axes.size()) {
      Value x = e.element(input, source, lanes);
      return widens ? e.make<arith::ExtFOp>(wide, x).getResult() : x;
    }
    Value places = resize.getTables()[2 * k];
    Value weights = resize.getTables()[2 * k + 1];
    int64_t axis = axes[k], taps = shapeOf(weights)[1];
    Value o = at[axis];
    auto term = [&](Value tap) -> Value {
      source[axis] = indexAt(places, o, tap);
      Value weight = e.broadcast(e.element(weights, {o, tap}), lanes);
      return e.make<arith::MulFOp>(weight, sample(k + 1));
    };
    constexpr int64_t unrolled = 4; // cubic
    if (taps > unrolled)
      return e.carry(0, taps, 1, e.constant(wide, 0),
                     [&](Value tap, ValueRange sum) -> SmallVector<Value> {
                       return {e.make<arith::AddFOp>(sum[0], term(tap))};
                     })[0];
    Value sum = term(e.index(0));
    for (int64_t tap = 1; tap < taps; ++tap)
      sum = e.make<arith::AddFOp>(sum, term(e.index(tap)));
    return sum;
  };
  Value y = sample(0);
  return widens
             ? e.make<arith::TruncFOp>(e.laneType(type, lanes), y).getResult()
             : y;
}
