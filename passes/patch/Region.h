//===- Region.h - Layers whose rows can be computed apart -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Which operations can be computed row by row, which rows of their operands
/// some rows of a result need, and the parts of a program that end in one value
/// and hold nothing else.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_PATCH_REGION_H
#define ADZE_PASSES_PATCH_REGION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

#include <optional>

namespace adze::patch {

/// Rows [begin, end) of a tensor [1, rows, columns, channels].
struct Rows {
  int64_t begin = 0, end = 0;
  int64_t count() const { return end - begin; }
  bool operator==(const Rows &) const = default;
};

/// How the rows of a result depend on those of the operands: row y on the rows
/// from y * stride - padBegin on, `window` of them. Element-wise operations
/// have a window of one row.
struct RowRule {
  int64_t window = 1, stride = 1, padBegin = 0;
};

/// The rule of an operation whose operands are images or do not depend on the
/// row; nothing for any other.
std::optional<RowRule> rowRule(mlir::Operation *op);

/// Whether a type is [1, rows, columns, channels] with more than no rows.
bool isImage(mlir::Type type);
int64_t rowsOf(mlir::Value image);
/// Whether it is made out of nothing: a constant or an empty tensor.
bool isConstant(mlir::Value value);
/// Multiply-accumulates of a convolution when `rows` of the result are
/// computed; 0 for anything else.
int64_t macsOf(mlir::Operation *op, int64_t rows);

/// Whether a value is an image that a region starts from: an input of the
/// program, or one in another order of dimensions.
bool isSource(mlir::Value value);

/// All that is computed from the program's inputs on the way to `cut`, in
/// order.
struct ImageRegion {
  mlir::Value cut;
  llvm::SmallVector<mlir::Operation *> ops;

  /// The rows of every image, the inputs included, that some rows of the cut
  /// need.
  llvm::MapVector<mlir::Value, Rows> rowsFor(Rows rows) const;
};

/// The regions of a program, the smallest first: those that nothing but their
/// cut leaves, and whose cut no element-wise operation would join.
std::vector<ImageRegion> findRegions(mlir::func::FuncOp program);

/// Band number `index` of `bands` of an image with so many rows.
Rows bandOf(int64_t rows, int index, int bands);

} // namespace adze::patch

#endif
