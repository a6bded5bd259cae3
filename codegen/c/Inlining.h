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
};

/// Can this operation be printed as an expression at all?
bool isExpression(mlir::Operation *op);
/// An index sum, difference or product with a constant.
bool isLinear(mlir::Operation *op);
/// Does printing this operation write its operands more than once?
bool repeatsOperands(mlir::Operation *op);

} // namespace adze::c

#endif
