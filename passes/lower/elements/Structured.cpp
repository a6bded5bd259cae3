//===- Structured.cpp - Elements of constants and linalg operations -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/elements/Elements.h"

#include "dialects/adze/adze.h"
#include "dialects/nn/nn.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

Value elements::constant(Operation *op, unsigned, ArrayRef<Value>,
                         int64_t lanes, ElementEmitter &e) {
  DenseElementsAttr dense;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    dense = cast<DenseElementsAttr>(constant.getValue());
  else
    dense = cast<DenseElementsAttr>(cast<ConstantOp>(op).getValue());
  assert(dense.isSplat() && "other constants come as kernel arguments");
  Value scalar =
      e.make<arith::ConstantOp>(cast<TypedAttr>(dense.getSplatValue<Attribute>()));
  return e.broadcast(scalar, lanes);
}

Value elements::empty(Operation *op, unsigned, ArrayRef<Value>, int64_t lanes,
                      ElementEmitter &e) {
  return e.constant(e.laneType(elementTypeOf(op->getResult(0)), lanes), 0);
}

Value elements::fill(Operation *op, unsigned, ArrayRef<Value>, int64_t lanes,
                     ElementEmitter &e) {
  Value scalar = cast<linalg::FillOp>(op).getInputs()[0];
  if (Operation *def = scalar.getDefiningOp())
    scalar = e.b.clone(*def)->getResult(0);
  return e.broadcast(scalar, lanes);
}

/// How an operand of a generic moves with the innermost loop.
enum class LaneMotion { contiguous, fixed, other };

static LaneMotion laneMotion(AffineMap map) {
  AffineExpr lane =
      getAffineDimExpr(map.getNumDims() - 1, map.getContext());
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(map.getNumDims() - 1))
      continue;
    bool last = i + 1 == map.getNumResults();
    return last && expr == lane ? LaneMotion::contiguous : LaneMotion::other;
  }
  return LaneMotion::fixed;
}

Value elements::generic(Operation *op, unsigned result, ArrayRef<Value> at,
                        int64_t lanes, ElementEmitter &e) {
  auto generic = cast<linalg::GenericOp>(op);
  assert(isElementwise(op) && "reductions are roots");
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  SmallVector<Value> arguments;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = generic.getMatchingBlockArgument(&operand);
    if (argument.use_empty()) {
      arguments.push_back(nullptr);
      continue;
    }
    AffineMap map = maps[operand.getOperandNumber()];
    Indices source;
    for (AffineExpr expr : map.getResults()) {
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        source.push_back(at[dim.getPosition()]);
      else if (auto constant = dyn_cast<AffineConstantExpr>(expr))
        source.push_back(e.index(constant.getValue()));
      else
        source.push_back(
            affine::expandAffineExpr(e.b, e.loc, expr, at, /*symbols=*/{}));
    }
    int64_t wanted = 1;
    if (lanes > 1) {
      LaneMotion motion = laneMotion(map);
      if (motion == LaneMotion::other)
        return nullptr;
      wanted = motion == LaneMotion::contiguous ? lanes : 1;
    }
    arguments.push_back(e.element(operand.get(), source, wanted));
  }
  SmallVector<Value> values =
      e.inlineScalars(*generic.getBody(), arguments, at, lanes);
  if (values.empty())
    return nullptr;
  for (auto [i, value] : llvm::enumerate(values))
    if (i != result)
      e.define(op->getResult(i), at, lanes, value);
  return values[result];
}

/// The table of element rules; an operation that is in none is a root.
static const ElementRule rules[] = {
    {"adze.constant", elements::constant},
    {"arith.constant", elements::constant},
    {"linalg.fill", elements::fill},
    {"linalg.generic", elements::generic},
    {"nn.broadcast", elements::broadcast},
    {"nn.concat", elements::concat},
    {"nn.gather", elements::gather},
    {"nn.gather_elements", elements::gatherElements},
    {"nn.gather_nd", elements::gatherNd},
    {"nn.interpolate", elements::interpolate},
    {"nn.lookup", elements::lookup},
    {"nn.pad", elements::pad},
    {"nn.quantized_add", elements::quantizedAdd},
    {"nn.quantized_mul", elements::quantizedMul},
    {"nn.rebase", elements::rebase},
    {"nn.requantize", elements::requantize},
    {"nn.requantize_prelu", elements::requantizePrelu},
    {"nn.reshape", elements::reshape},
    {"nn.resize", elements::resize},
    {"nn.slice", elements::slice},
    {"nn.transpose", elements::transpose},
    {"nn.unpack", elements::unpack},
    {"tensor.empty", elements::empty},
};

ElementFn adze::lower::findElementRule(Operation *op) {
  if (isa<linalg::GenericOp>(op) && !isElementwise(op))
    return nullptr;
  StringRef name = op->getName().getStringRef();
  for (const ElementRule &rule : rules)
    if (rule.op == name)
      return rule.emit;
  return nullptr;
}
