//===- Accesses.h - Where a loop nest reads and writes ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_GENERIC_ACCESSES_H
#define ADZE_CODEGEN_PTX_GENERIC_ACCESSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/MapVector.h"

namespace adze::ptx {

/// A closed interval of 64-bit integers; the limits of the type are "no bound".
struct Interval {
  int64_t low = INT64_MIN, high = INT64_MAX;
  bool isBounded() const { return low != INT64_MIN && high != INT64_MAX; }
};

/// An index as a sum of multiples of values (induction variables, or whatever
/// is not a sum) and a constant.
struct LinearIndex {
  llvm::MapVector<mlir::Value, int64_t> terms;
  int64_t constant = 0;
};

LinearIndex linearIndex(mlir::Value index);

/// The values that an index may have, from constant bounds of loops and the
/// operations on them.
Interval rangeOf(mlir::Value index);

/// One load or store.
struct Access {
  mlir::Operation *op;
  mlir::Value buffer; ///< as the operation names it, perhaps a view
  mlir::Value root;   ///< what the buffer is a view of
  llvm::SmallVector<LinearIndex> indices;
  int64_t lanes = 1; ///< elements in a row from the indices on
  bool isWrite = false;
};

/// Behind views of the same memory.
mlir::Value rootOf(mlir::Value buffer);

/// A call of a function of runtime/core, which computes from its arguments
/// alone.
bool isRuntimeCall(mlir::Operation *op);

/// The accesses in an operation and all regions of it; nothing if one of the
/// operations has effects that cannot be told.
std::optional<llvm::SmallVector<Access>> accessesIn(mlir::Operation *op);

/// Multiples of an access's linear address per step of `variable`, in
/// elements of the root; nothing if that is not one number.
std::optional<int64_t> strideOf(const Access &access, mlir::Value variable);

/// What a function allows to assume about its buffers.
class Buffers {
public:
  explicit Buffers(mlir::func::FuncOp function);
  /// Whether two roots may share memory of which one is written.
  bool mayAlias(mlir::Value a, mlir::Value b) const;
  /// A working buffer whose contents nobody needs after the call.
  bool isScratch(mlir::Value root) const;

private:
  bool restrict;
  unsigned firstScratch;
};

/// What is known of a loop.
struct LoopFacts {
  /// Its iterations may run at the same time.
  bool parallel = false;
  /// Provided that each has its own copy of these buffers.
  llvm::SetVector<mlir::Value> privates;
};

/// Whether the iterations of a loop without carried values are independent:
/// different iterations write different elements and none reads what another
/// one writes. Buffers that each iteration fills before it reads them, and that
/// nothing else uses, may be private to it. Carried values are not looked at.
LoopFacts analyze(mlir::scf::ForOp loop, const Buffers &buffers);

/// How a carried value of a loop is combined from the iterations.
enum class Combine {
  none,
  addf,
  mulf,
  maximumf,
  minimumf,
  maxnumf,
  minnumf,
  addi,
  muli,
  maxsi,
  minsi,
  maxui,
  minui,
  andi,
  ori,
  xori
};

/// Carried value `index` = carried value (op) something that does not depend
/// on carried values, in every iteration; `none` otherwise.
Combine combineOf(mlir::scf::ForOp loop, unsigned index);

} // namespace adze::ptx

#endif
