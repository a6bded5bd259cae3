//===- RegisterTile.cpp - Accumulators of a register tile -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/RegisterTile.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

RegisterTile::RegisterTile(ElementEmitter &emitter, Type resultType,
                           int64_t rows, int64_t columns, int64_t lanes)
    : rows(rows), vectors(columns / lanes), lanes(lanes),
      accumulator(resultType), e(emitter), result(resultType) {
  assert(columns % lanes == 0 && "a tile holds whole vectors");
  if (isa<FloatType>(resultType) && resultType.getIntOrFloatBitWidth() < 32)
    accumulator = e.b.getF32Type();
}

Value RegisterTile::widen(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element == accumulator)
    return value;
  Type wide = accumulator;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    wide = vector.clone(accumulator);
  if (isa<FloatType>(accumulator))
    return e.make<arith::ExtFOp>(wide, value);
  return e.make<arith::ExtSIOp>(wide, value);
}

SmallVector<Value>
RegisterTile::start(function_ref<Value(int64_t, int64_t)> bias) {
  SmallVector<Value> values;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < vectors; ++j)
      values.push_back(
          bias ? e.broadcast(widen(bias(i, j * lanes)), lanes)
               : e.constant(e.laneType(accumulator, lanes), 0));
  return values;
}

Value RegisterTile::multiplyAdd(Value acc, Value a, Value b) {
  if (isa<FloatType>(accumulator))
    return e.make<math::FmaOp>(a, b, acc);
  return e.make<arith::AddIOp>(acc, e.make<arith::MulIOp>(a, b));
}

SmallVector<Value> RegisterTile::step(ValueRange accumulators,
                                      function_ref<Value(int64_t)> a,
                                      function_ref<Value(int64_t)> b) {
  SmallVector<Value> columns, next(accumulators.size());
  for (int64_t j = 0; j < vectors; ++j)
    columns.push_back(e.broadcast(widen(b(j * lanes)), lanes));
  for (int64_t i = 0; i < rows; ++i) {
    Value row = e.broadcast(widen(a(i)), lanes);
    for (int64_t j = 0; j < vectors; ++j)
      next[i * vectors + j] =
          multiplyAdd(accumulators[i * vectors + j], row, columns[j]);
  }
  return next;
}

void RegisterTile::finish(ValueRange accumulators,
                          function_ref<void(int64_t, int64_t, Value)> store) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < vectors; ++j) {
      Value value = accumulators[i * vectors + j];
      if (accumulator != result)
        value = e.make<arith::TruncFOp>(e.laneType(result, lanes), value);
      store(i, j * lanes, value);
    }
}

ColumnReader::ColumnReader(ElementEmitter &emitter, Value operand)
    : e(emitter), operand(operand) {
  Value matrix = operand;
  if (auto reshape = matrix.getDefiningOp<nn::ReshapeOp>())
    matrix = reshape.getInput();
  if (auto unpack = matrix.getDefiningOp<nn::UnpackOp>())
    panels = unpack.getPanels();
}

Value ColumnReader::at(ArrayRef<Value> row, Value first, int64_t offset,
                       int64_t lanes) {
  if (panels) {
    int64_t columns = shapeOf(panels)[2];
    // `first` is a multiple of the tile's columns, and so of a panel's, or a
    // constant in the last panel.
    Value panel, column;
    if (auto constant = constantIndex(first)) {
      panel = e.index((*constant + offset) / columns);
      column = e.index((*constant + offset) % columns);
    } else if (offset < columns) {
      panel = e.div(first, columns);
      column = e.index(offset);
    }
    if (panel) {
      Value linear = e.index(0);
      ArrayRef<int64_t> shape = shapeOf(operand);
      for (auto [i, index] : llvm::enumerate(row))
        linear = e.add(e.mul(linear, shape[i]), index);
      return e.element(panels, {panel, linear, column}, lanes);
    }
  }
  Indices indices(row);
  indices.push_back(e.add(first, offset));
  return e.element(operand, indices, lanes);
}

void adze::lower::forBlocks(ElementEmitter &e, int64_t size, int64_t tile,
                            int64_t lanes,
                            function_ref<void(Value, int64_t, int64_t)> body) {
  int64_t whole = size / tile * tile;
  e.loop(0, whole, tile, [&](Value first) { body(first, tile, lanes); });
  // The rest in vectors of half the lanes, of a quarter, ...: a scalar for each
  // column would take more code than all columns before.
  for (; whole < size; lanes = std::max<int64_t>(1, lanes / 2)) {
    int64_t vectors = (size - whole) / lanes * lanes;
    if (vectors)
      body(e.index(whole), vectors, lanes);
    whole += vectors;
  }
}

SmallVector<Value> adze::lower::unrolledCarry(ElementEmitter &e, int64_t size,
                                              int64_t unroll, ValueRange inits,
                                              LoopBuilder::CarryBody body) {
  unroll = std::max<int64_t>(1, std::min(unroll, size));
  int64_t whole = size / unroll * unroll;
  SmallVector<Value> values =
      e.carry(0, whole, unroll, inits,
              [&](Value i, ValueRange carried) -> SmallVector<Value> {
                SmallVector<Value> inner = llvm::to_vector(carried);
                for (int64_t u = 0; u < unroll; ++u)
                  inner = body(e.add(i, u), inner);
                return inner;
              });
  for (int64_t i = whole; i < size; ++i)
    values = body(e.index(i), values);
  return values;
}
