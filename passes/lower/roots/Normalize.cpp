//===- Normalize.cpp - Layer and RMS normalization -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

/// Mean first, then the mean of squared differences (two passes: the one-pass
/// form cancels), then the scaled elements.
void roots::normalize(Operation *op, RootContext &context) {
  auto norm = cast<nn::NormalizeOp>(op);
  ElementEmitter &e = context.e;
  Value input = norm.getInput();
  ArrayRef<int64_t> shape = shapeOf(input);
  size_t axis = norm.getAxis();
  Type type = elementTypeOf(input);
  ArrayRef<int64_t> outer = shape.take_front(axis);
  ArrayRef<int64_t> inner = shape.drop_front(axis);
  int64_t count = 1;
  for (int64_t size : inner)
    count *= size;

  e.nest(outer, [&](ArrayRef<Value> line) {
    auto sumOf = [&](function_ref<Value(Value)> term) {
      std::function<Value(Indices, Value)> descend = [&](Indices at,
                                                         Value sum) -> Value {
        if (at.size() == shape.size())
          return e.make<arith::AddFOp>(sum, term(e.element(input, at)));
        return e.carry(0, shape[at.size()], 1, sum,
                       [&](Value i, ValueRange s) -> SmallVector<Value> {
                         Indices next(at);
                         next.push_back(i);
                         return {descend(next, s[0])};
                       })[0];
      };
      return descend(Indices(line), e.constant(type, 0));
    };
    Value size = e.constant(type, double(count));
    Value mean;
    if (!norm.getRms())
      mean = e.make<arith::DivFOp>(sumOf([](Value x) { return x; }), size);
    Value squares = sumOf([&](Value x) -> Value {
      Value d = mean ? e.make<arith::SubFOp>(x, mean).getResult() : x;
      return e.make<arith::MulFOp>(d, d);
    });
    Value variance = e.make<arith::AddFOp>(
        e.make<arith::DivFOp>(squares, size),
        e.constant(type, norm.getEpsilon().convertToDouble()));
    Value inverse = e.make<arith::DivFOp>(e.constant(type, 1),
                                          e.make<math::SqrtOp>(variance));
    auto affine = [&](Value tensor, ArrayRef<Value> at) {
      Indices source;
      ArrayRef<int64_t> sizes = shapeOf(tensor);
      for (auto [i, s] : llvm::zip(at.take_back(sizes.size()), sizes))
        source.push_back(s == 1 ? e.index(0) : i);
      return e.element(tensor, source);
    };
    e.nest(inner, [&](ArrayRef<Value> rest) {
      Indices at(line);
      at.append(rest.begin(), rest.end());
      Value x = e.element(input, at);
      Value d = mean ? e.make<arith::SubFOp>(x, mean).getResult() : x;
      Value y = e.make<arith::MulFOp>(d, inverse);
      if (norm.getScale())
        y = e.make<arith::MulFOp>(y, affine(norm.getScale(), at));
      if (norm.getBias())
        y = e.make<arith::AddFOp>(y, affine(norm.getBias(), at));
      context.store(0, at, y);
    });
    Indices at(line);
    at.resize(shape.size(), e.index(0));
    std::array<Value, 2> statistics{mean, inverse};
    for (auto [i, value] : llvm::enumerate(statistics))
      if (norm.getOutputs().size() > i + 1)
        context.store(i + 1, at, value ? value : e.constant(type, 0));
  });
}
