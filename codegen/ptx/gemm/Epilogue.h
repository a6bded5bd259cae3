//===- Epilogue.h - From accumulators to results ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Everything behind a matrix product - bias, activation, residual, scale,
/// cast, change of layout - is evaluated for the accumulators that a thread
/// holds, by the element rules that make the loops of all other targets
/// (passes/lower/ElementEmitter.h), and stored. Numbers of 16 bits are computed
/// with in f32 and rounded where they are stored; a cast that the model itself
/// asks for rounds as well.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_GEMM_EPILOGUE_H
#define ADZE_CODEGEN_PTX_GEMM_EPILOGUE_H

#include "codegen/ptx/gemm/Problem.h"

namespace adze::gemm {

class Epilogue {
public:
  /// `arguments` are the buffers of the tile.kernel: memrefs of the kernel's
  /// arguments, then of its results (what follows is not looked at).
  Epilogue(const GemmProblem &problem, mlir::ValueRange arguments)
      : problem(problem), arguments(arguments.begin(), arguments.end()) {}

  /// How many neighbouring columns can be stored at once: a power of two such
  /// that a group which starts at a multiple of it lies wholly inside the
  /// result and is aligned in memory; 1 where the layout changes. At most 16
  /// bytes of the widest output.
  int64_t maxWidth() const;

  /// Emits code at the builder's insertion point that stores the results of
  /// product elements (batch, m, n), (batch, m, n + 1), ... of f32
  /// `accumulators`. All have to lie inside the result. `batch` holds one index
  /// for each batch dimension. More than one accumulator: their number divides
  /// maxWidth(), and `n` is a multiple of it.
  void store(mlir::OpBuilder &builder, mlir::Location loc,
             llvm::ArrayRef<mlir::Value> batch, mlir::Value m, mlir::Value n,
             mlir::ValueRange accumulators) const;

  /// The two results of product elements (batch, m, n) and (batch, m, n + 1)
  /// as they lie in memory, in an i32. For one output of 16-bit numbers in the
  /// order of the product.
  mlir::Value pair(mlir::OpBuilder &builder, mlir::Location loc,
                   llvm::ArrayRef<mlir::Value> batch, mlir::Value m,
                   mlir::Value n, mlir::ValueRange accumulators) const;

private:
  /// What to do with the elements of an output at the indices of the product.
  using UseResult = llvm::function_ref<void(const Output &, mlir::Value,
                                            llvm::ArrayRef<mlir::Value>)>;
  void evaluate(mlir::OpBuilder &builder, mlir::Location loc,
                llvm::ArrayRef<mlir::Value> batch, mlir::Value m, mlir::Value n,
                mlir::ValueRange accumulators, UseResult use) const;

  const GemmProblem &problem;
  llvm::SmallVector<mlir::Value> arguments;
};

} // namespace adze::gemm

#endif
