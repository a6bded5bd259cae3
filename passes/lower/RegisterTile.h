//===- RegisterTile.h - Accumulators of a register tile -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_REGISTERTILE_H
#define ADZE_PASSES_LOWER_REGISTERTILE_H

#include "passes/lower/Roots.h"

namespace adze::lower {

/// A tile of `rows` x `columns` results that lives in registers while a
/// reduction runs: row i multiplies a scalar a[i], columns are vectors of
/// `lanes` (or scalars). Small floats accumulate in f32.
class RegisterTile {
public:
  RegisterTile(ElementEmitter &emitter, mlir::Type resultType, int64_t rows,
               int64_t columns, int64_t lanes);

  int64_t rows, vectors, lanes;
  mlir::Type accumulator; // scalar type

  /// Zero, or `bias(row, column)` where it is given (scalar or lane type of
  /// the result's element type).
  llvm::SmallVector<mlir::Value>
  start(llvm::function_ref<mlir::Value(int64_t row, int64_t column)> bias);
  /// One step of the reduction: acc[i][j] += a(i) * b(column of j).
  llvm::SmallVector<mlir::Value>
  step(mlir::ValueRange accumulators,
       llvm::function_ref<mlir::Value(int64_t row)> a,
       llvm::function_ref<mlir::Value(int64_t column)> b);
  /// Hands the results over, converted back.
  void finish(mlir::ValueRange accumulators,
              llvm::function_ref<void(int64_t row, int64_t column,
                                      mlir::Value value)>
                  store);
  /// acc + a * b in the accumulator's type.
  mlir::Value multiplyAdd(mlir::Value acc, mlir::Value a, mlir::Value b);
  /// A value of the element type as accumulator (vectors stay vectors).
  mlir::Value widen(mlir::Value value);

private:
  ElementEmitter &e;
  mlir::Type result;
};

/// The right-hand operand of a register tile: a matrix [K, N] (or a filter
/// [taps..., K, N]) read row by row, directly or out of panels of columns
/// (nn.unpack) where the tile's columns are those of a panel.
class ColumnReader {
public:
  ColumnReader(ElementEmitter &emitter, mlir::Value operand);

  /// The elements at column `first` + `offset` (a multiple of the lanes), with
  /// `row` the indices of the other dimensions.
  mlir::Value at(llvm::ArrayRef<mlir::Value> row, mlir::Value first,
                 int64_t offset, int64_t lanes);

private:
  ElementEmitter &e;
  mlir::Value operand;
  mlir::Value panels; // null: no panels
};

/// Splits [0, size) into blocks of `tile` and one rest; calls
/// body(first index, columns, lanes). Rests narrower than a vector go by
/// scalars. `tile` is a multiple of `lanes`.
void forBlocks(ElementEmitter &e, int64_t size, int64_t tile, int64_t lanes,
               llvm::function_ref<void(mlir::Value, int64_t, int64_t)> body);

/// A reduction loop over [0, size), unrolled by `unroll`.
llvm::SmallVector<mlir::Value> unrolledCarry(
    ElementEmitter &e, int64_t size, int64_t unroll, mlir::ValueRange inits,
    LoopBuilder::CarryBody body);

} // namespace adze::lower

#endif
