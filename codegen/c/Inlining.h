//===- Inlining.h - Which values become part of an expression --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_INLINING_H
#define ADZE_CODEGEN_C_INLINING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace adze::c {

/// Decides for each operation of a function whether its result is printed
/// where it is used or as a named local. A value is printed at its use if
/// that is its only use, the evaluation moves over no write that could change
/// a load, it does not get into a loop that would repeat costly work, and the
/// user writes it once. Sums of index values also go into several subscripts.
class InliningPlan {
public:
  explicit InliningPlan(mlir::func::FuncOp function);
  bool isInlined(mlir::Operation *op) const { return inlined.contains(op); }

private:
  void visit(mlir::Region &region);
  bool decide(mlir::Operation *op);
  bool decideIndexSum(mlir::Operation *op);
  mlir::Operation *statementOf(mlir::Operation *op) const;
  bool isDuplicated(mlir::Operation *op) const;
  bool mayMoveTo(mlir::Operation *op, mlir::Operation *user) const;
  bool writesBetween(mlir::Operation *from, mlir::Operation *to) const;

  llvm::DenseSet<mlir::Operation *> inlined;
  /// Position of every operation in its block.
  llvm::DenseMap<mlir::Operation *, unsigned> position;
};

/// Can this operation be printed as an expression at all?
bool isExpression(mlir::Operation *op);
/// An index sum, difference or product with a constant.
bool isLinear(mlir::Operation *op);
/// If `value` goes by a chain of operations, each the only user of the one
/// before and all in `block`, from `value` to `last`, the operations in order;
/// else none. Every step may then overwrite one variable.
llvm::SmallVector<mlir::Operation *> accumulationChain(mlir::Value value,
                                                       mlir::Value last,
                                                       mlir::Block *block);
/// The operand that an accumulation adds to, takes the maximum with, ...; null
/// if the operation is none.
mlir::Value accumulated(mlir::Operation *op);
/// Does printing this operation write its operands more than once?
bool repeatsOperands(mlir::Operation *op);

} // namespace adze::c

#endif
