//===- Reduce.cpp - linalg.generic with reduction loops -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

/// Parallel loops over the results; the reduction loops inside carry the
/// accumulators in registers.
void roots::reduce(Operation *op, RootContext &context) {
  auto generic = cast<linalg::GenericOp>(op);
  ElementEmitter &e = context.e;
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  SmallVector<int64_t> ranges = generic.getStaticLoopRanges();
  SmallVector<unsigned> parallel, reduction;
  for (auto [dim, kind] : llvm::enumerate(generic.getIteratorTypesArray()))
    (kind == utils::IteratorType::parallel ? parallel : reduction)
        .push_back(dim);

  SmallVector<Value> at(ranges.size());
  auto indicesOf = [&](AffineMap map) {
    Indices source;
    for (AffineExpr expr : map.getResults()) {
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        source.push_back(at[dim.getPosition()]);
      else if (auto constant = dyn_cast<AffineConstantExpr>(expr))
        source.push_back(e.index(constant.getValue()));
      else
        source.push_back(affine::expandAffineExpr(e.b, e.loc, expr, at, {}));
    }
    return source;
  };

  std::function<SmallVector<Value>(size_t, ValueRange)> accumulate =
      [&](size_t depth, ValueRange carried) -> SmallVector<Value> {
    if (depth == reduction.size()) {
      SmallVector<Value> arguments;
      for (OpOperand *input : generic.getDpsInputOperands())
        arguments.push_back(
            generic.getMatchingBlockArgument(input).use_empty()
                ? Value()
                : e.element(input->get(),
                            indicesOf(maps[input->getOperandNumber()])));
      llvm::append_range(arguments, carried);
      return e.inlineScalars(*generic.getBody(), arguments, at, 1);
    }
    unsigned dim = reduction[depth];
    return e.carry(0, ranges[dim], 1, carried,
                   [&](Value i, ValueRange inner) -> SmallVector<Value> {
                     at[dim] = i;
                     return accumulate(depth + 1, inner);
                   });
  };

  std::function<void(size_t)> descend = [&](size_t depth) {
    if (depth == parallel.size()) {
      SmallVector<Value> inits;
      for (OpOperand &init : generic.getDpsInitsMutable())
        inits.push_back(
            e.element(init.get(),
                      indicesOf(generic.getMatchingIndexingMap(&init))));
      SmallVector<Value> results = accumulate(0, inits);
      for (auto [i, init] : llvm::enumerate(generic.getDpsInitsMutable()))
        context.store(i, indicesOf(generic.getMatchingIndexingMap(&init)),
                      results[i]);
      return;
    }
    unsigned dim = parallel[depth];
    e.loop(0, ranges[dim], 1, [&](Value i) {
      at[dim] = i;
      descend(depth + 1);
    });
  };
  descend(0);
}
