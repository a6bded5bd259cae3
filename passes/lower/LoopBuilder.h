//===- LoopBuilder.h - Small builders for loops and indices -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_LOOPBUILDER_H
#define ADZE_PASSES_LOWER_LOOPBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

namespace adze::lower {

using Indices = llvm::SmallVector<mlir::Value, 6>;

/// An OpBuilder that appends, with a fixed location, and folds index
/// arithmetic on constants at once, so that generated loops are readable
/// before any clean-up.
class LoopBuilder {
public:
  LoopBuilder(mlir::OpBuilder &builder, mlir::Location loc)
      : b(builder), loc(loc) {}

  mlir::OpBuilder &b;
  mlir::Location loc;

  template <typename Op, typename... Args> auto make(Args &&...args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }

  /// The index constant `value`.
  mlir::Value index(int64_t value);
  /// a + b, a - b, a * b on indices; constants are folded.
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, index(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  /// Quotient and remainder of a non-negative index by a positive constant.
  mlir::Value div(mlir::Value a, int64_t b);
  mlir::Value rem(mlir::Value a, int64_t b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  /// The scalar constant of a type (float types: `value`, integers: truncated).
  mlir::Value constant(mlir::Type type, double value);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a,
                      mlir::Value b);

  /// for (i = from; i < to; i += step) body(i). A loop of one trip is only its
  /// body; of none, nothing.
  void loop(int64_t from, int64_t to, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  void loop(mlir::Value from, mlir::Value to,
            llvm::function_ref<void(mlir::Value)> body);
  /// The same with values carried from trip to trip; returns the last ones.
  using CarryBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> carry(int64_t from, int64_t to, int64_t step,
                                       mlir::ValueRange inits, CarryBody body);
  llvm::SmallVector<mlir::Value> carry(mlir::Value from, mlir::Value to,
                                       mlir::ValueRange inits, CarryBody body);
  /// A nest over all of `shape`.
  void nest(llvm::ArrayRef<int64_t> shape,
            llvm::function_ref<void(llvm::ArrayRef<mlir::Value>)> body);
  /// condition ? then() : otherwise(), evaluated lazily.
  llvm::SmallVector<mlir::Value>
  choose(mlir::Value condition, mlir::TypeRange types,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> then,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);
  void when(mlir::Value condition, llvm::function_ref<void()> then);
};

/// The constant behind an index value, if it is one.
std::optional<int64_t> constantIndex(mlir::Value value);

} // namespace adze::lower

#endif
