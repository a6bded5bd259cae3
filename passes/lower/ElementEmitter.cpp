//===- ElementEmitter.cpp - Evaluates one element of a tensor where it is used
//-*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/ElementEmitter.h"

#include "dialects/adze/adze.h"
#include "dialects/nn/nn.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace adze::lower;

ArrayRef<int64_t> adze::lower::shapeOf(Value value) {
  return cast<ShapedType>(value.getType()).getShape();
}

Type adze::lower::elementTypeOf(Value value) {
  return cast<ShapedType>(value.getType()).getElementType();
}

bool adze::lower::isElementwise(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumReductionLoops() != 0)
    return false;
  for (OpOperand &init : generic.getDpsInitsMutable())
    if (!generic.getMatchingIndexingMap(&init).isIdentity())
      return false;
  return true;
}

bool adze::lower::readsSameElement(OpOperand &use) {
  Operation *user = use.getOwner();
  if (auto generic = dyn_cast<linalg::GenericOp>(user))
    return isElementwise(user) &&
           generic.getMatchingIndexingMap(&use).isIdentity();
  if (isa<nn::RequantizeOp, nn::RequantizePreluOp, nn::LookupOp,
          nn::InterpolateOp>(user))
    return use.getOperandNumber() == 0;
  return isa<nn::QuantizedAddOp, nn::QuantizedMulOp, nn::RebaseOp>(user);
}

/// Two index lists name the same element if they are the same values or the
/// same constants.
static bool sameIndices(ArrayRef<Value> a, ArrayRef<Value> b) {
  if (a.size() != b.size())
    return false;
  for (auto [x, y] : llvm::zip(a, b)) {
    if (x == y)
      continue;
    auto cx = constantIndex(x), cy = constantIndex(y);
    if (!cx || !cy || *cx != *cy)
      return false;
  }
  return true;
}

/// Code is only ever appended, so a value is usable if its block encloses the
/// insertion point.
bool ElementEmitter::dominates(Value value) {
  Block *home = value.getParentBlock();
  for (Block *block = b.getInsertionBlock(); block;
       block = block->getParentOp() ? block->getParentOp()->getBlock()
                                    : nullptr)
    if (block == home)
      return true;
  return false;
}

Value ElementEmitter::lookup(Value tensor, ArrayRef<Value> indices,
                             int64_t lanes) {
  auto it = known.find(tensor);
  if (it == known.end())
    return nullptr;
  for (Known &entry : llvm::reverse(it->second))
    if (entry.lanes == lanes && sameIndices(entry.indices, indices) &&
        dominates(entry.value))
      return entry.value;
  return nullptr;
}

void ElementEmitter::define(Value tensor, ArrayRef<Value> indices,
                            int64_t lanes, Value value) {
  known[tensor].push_back({Indices(indices), lanes, value});
}

Type ElementEmitter::laneType(Type element, int64_t lanes) {
  return lanes == 1 ? element : VectorType::get({lanes}, element);
}

Value ElementEmitter::broadcast(Value scalar, int64_t lanes) {
  if (lanes == 1 || isa<VectorType>(scalar.getType()))
    return scalar;
  return make<vector::BroadcastOp>(laneType(scalar.getType(), lanes), scalar);
}

Value ElementEmitter::element(Value tensor, ArrayRef<Value> indices,
                              int64_t lanes) {
  if (Value value = lookup(tensor, indices, lanes))
    return value;
  if (Value buffer = buffers.lookup(tensor)) {
    // Loads are not remembered across stores: a buffer may be written through
    // an overlapping one. Common loads are merged by CSE where that is legal.
    if (lanes == 1)
      return make<memref::LoadOp>(buffer, indices);
    return make<vector::LoadOp>(laneType(elementTypeOf(tensor), lanes), buffer,
                                indices);
  }
  Operation *op = tensor.getDefiningOp();
  assert(op && "a kernel argument without a buffer");
  ElementFn emit = findElementRule(op);
  assert(emit && "a root must be materialised before it is read");
  unsigned result = cast<OpResult>(tensor).getResultNumber();
  Value value = emit(op, result, indices, lanes, *this);
  if (!value) {
    assert(lanes > 1 && "every rule yields single elements");
    SmallVector<Value> parts;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      Indices at(indices);
      at.back() = add(at.back(), lane);
      // What is known as a vector here is known lane by lane.
      for (auto &[other, entries] : known)
        for (size_t i = 0, n = entries.size(); i < n; ++i)
          if (entries[i].lanes == lanes &&
              sameIndices(entries[i].indices, indices) &&
              dominates(entries[i].value))
            entries.push_back(
                {at, 1, make<vector::ExtractOp>(entries[i].value, lane)});
      parts.push_back(element(tensor, at));
    }
    value = make<vector::FromElementsOp>(
        VectorType::get({lanes}, elementTypeOf(tensor)), parts);
  }
  define(tensor, indices, lanes, value);
  return value;
}

SmallVector<Value>
ElementEmitter::inlineScalars(Block &body, ArrayRef<Value> arguments,
                              ArrayRef<Value> iterationIndices, int64_t lanes) {
  IRMapping map;
  for (auto [argument, value] : llvm::zip(body.getArguments(), arguments))
    map.map(argument, value);
  // Canonicalisation moves scalar constants out of the bodies.
  auto bringIn = [&](Operation &op) {
    for (Value operand : op.getOperands())
      if (Operation *def = operand.getDefiningOp();
          def && !map.contains(operand) && def->getBlock() != &body)
        map.map(operand, b.clone(*def)->getResult(0));
  };
  for (Operation &op : body.without_terminator()) {
    bringIn(op);
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      Value at = iterationIndices[index.getDim()];
      if (lanes > 1 && index.getDim() + 1 == iterationIndices.size()) {
        SmallVector<Value> parts;
        for (int64_t lane = 0; lane < lanes; ++lane)
          parts.push_back(add(at, lane));
        at = make<vector::FromElementsOp>(
            VectorType::get({lanes}, b.getIndexType()), parts);
      }
      map.map(index.getResult(), at);
      continue;
    }
    bool vectorised =
        lanes > 1 && llvm::any_of(op.getOperands(), [&](Value operand) {
          return isa<VectorType>(map.lookupOrDefault(operand).getType());
        });
    if (!vectorised) {
      b.clone(op, map);
      continue;
    }
    if (!OpTrait::hasElementwiseMappableTraits(&op) || op.getNumRegions())
      return {};
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(broadcast(map.lookupOrDefault(operand), lanes));
    SmallVector<Type> types;
    for (Type type : op.getResultTypes())
      types.push_back(laneType(type, lanes));
    OperationState state(loc, op.getName(), operands, types, op.getAttrs());
    state.propertiesAttr = op.getPropertiesAsAttribute();
    Operation *clone = b.create(state);
    map.map(op.getResults(), clone->getResults());
  }
  bringIn(*body.getTerminator());
  SmallVector<Value> yielded;
  for (Value value : body.getTerminator()->getOperands())
    yielded.push_back(broadcast(map.lookupOrDefault(value), lanes));
  return yielded;
}
