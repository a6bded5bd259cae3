//===- Matmul.cpp - Matrix product -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/RegisterTile.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

/// A register tile of `rows` x `columns` results walks down each panel of
/// columns, so that a panel of b stays in the nearest cache while all rows of
/// a pass over it. A b with its columns apart in memory (`trans_b`) is first
/// copied the other way round.
void roots::matmul(Operation *op, RootContext &context) {
  auto matmul = cast<nn::MatmulOp>(op);
  ElementEmitter &e = context.e;
  ArrayRef<int64_t> out = shapeOf(matmul.getOutput());
  size_t rank = out.size();
  int64_t m = out[rank - 2], n = out[rank - 1];
  ArrayRef<int64_t> aShape = shapeOf(matmul.getA());
  int64_t k = aShape[rank - (matmul.getTransA() ? 2 : 1)];
  int64_t lanes = context.param("lanes", 1);
  int64_t rows = std::min(context.param("rows", 1), m);
  int64_t columns = std::max(context.param("columns", lanes), lanes);
  int64_t unroll = context.param("unroll", 1);
  Type type = elementTypeOf(matmul.getOutput());

  bool repack = matmul.getTransB() && m >= 4 && k * n > 1 &&
                context.param("repack", 1);
  Value packed;
  if (repack)
    packed = context.scratch({k, n}, elementTypeOf(matmul.getB()));

  e.nest(out.drop_back(2), [&](ArrayRef<Value> batch) {
    auto operand = [&](Value tensor, Value i, Value j, bool transposed) {
      Indices at;
      for (auto [index, size] : llvm::zip(batch, shapeOf(tensor)))
        at.push_back(size == 1 ? e.index(0) : index);
      at.push_back(transposed ? j : i);
      at.push_back(transposed ? i : j);
      return at;
    };
    if (repack)
      e.nest({k, n}, [&](ArrayRef<Value> at) {
        Value b = e.element(matmul.getB(),
                            operand(matmul.getB(), at[0], at[1], true));
        e.make<memref::StoreOp>(b, packed, at);
      });
    ColumnReader reader(e, matmul.getB());
    auto loadB = [&](Value i, Value first, int64_t offset,
                     int64_t width) -> Value {
      if (repack) {
        Value j = e.add(first, offset);
        if (width == 1)
          return e.make<memref::LoadOp>(packed, ValueRange{i, j});
        return e.make<vector::LoadOp>(
            e.laneType(elementTypeOf(matmul.getB()), width), packed,
            ValueRange{i, j});
      }
      if (!matmul.getTransB()) {
        Indices row = operand(matmul.getB(), i, e.index(0), false);
        row.pop_back();
        return reader.at(row, first, offset, width);
      }
      // Neighbouring columns are apart in memory: one by one.
      SmallVector<Value> parts;
      for (int64_t k = 0; k < width; ++k)
        parts.push_back(e.element(
            matmul.getB(),
            operand(matmul.getB(), i, e.add(first, offset + k), true)));
      if (width == 1)
        return parts[0];
      return e.make<vector::FromElementsOp>(
          VectorType::get({width}, elementTypeOf(matmul.getB())), parts);
    };
    forBlocks(e, n, columns, lanes, [&](Value j0, int64_t width, int64_t lane) {
      forBlocks(e, m, rows, 1, [&](Value i0, int64_t height, int64_t) {
        RegisterTile tile(e, type, height, width, lane);
        auto biasAt = [&](int64_t i, int64_t j) -> Value {
          ArrayRef<int64_t> sizes = shapeOf(matmul.getBias());
          Indices full(batch);
          full.push_back(e.add(i0, i));
          full.push_back(e.add(j0, j));
          Indices at;
          for (auto [index, size] :
               llvm::zip(ArrayRef<Value>(full).take_back(sizes.size()), sizes))
            at.push_back(size == 1 ? e.index(0) : index);
          bool spread = sizes.empty() || sizes.back() == 1;
          return e.broadcast(
              e.element(matmul.getBias(), at, spread ? 1 : lane), lane);
        };
        SmallVector<Value> accumulators =
            matmul.getBias() ? tile.start(biasAt) : tile.start(nullptr);
        accumulators = unrolledCarry(
            e, k, unroll, accumulators,
            [&](Value kk, ValueRange carried) -> SmallVector<Value> {
              return tile.step(
                  carried,
                  [&](int64_t i) {
                    return e.element(matmul.getA(),
                                     operand(matmul.getA(), e.add(i0, i), kk,
                                             matmul.getTransA()));
                  },
                  [&](int64_t j) { return loadB(kk, j0, j, lane); });
            });
        tile.finish(accumulators, [&](int64_t i, int64_t j, Value value) {
          Indices at(batch);
          at.push_back(e.add(i0, i));
          at.push_back(e.add(j0, j));
          context.store(0, at, value, lane);
        });
      });
    });
  });
}
