//===- Problem.h - What a matrix product kernel computes --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A fused kernel whose root is an nn.matmul of floats, read once, so that the
/// choice of a schedule and the builders of all GEMM families look at numbers
/// instead of at operations:
///
///   D[batch, m, n] = epilogue(sum over k of A[batch, m, k] * B[batch, k, n])
///
/// A and B are arguments of the kernel as they lie in memory; everything behind
/// the product (its bias included) is the epilogue, see Epilogue.h.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_GEMM_PROBLEM_H
#define ADZE_CODEGEN_PTX_GEMM_PROBLEM_H

#include "dialects/kernel/kernel.h"
#include "dialects/nn/nn.h"
#include "passes/lower/LoopBuilder.h"

namespace adze::gemm {

/// A or B as it lies in memory: row-major matrices, batch dimensions in front.
struct Operand {
  /// The number of the argument of the kernel that holds it.
  unsigned argument = 0;
  /// bf16, f16 or f32.
  mlir::Type element;
  /// Stored shape, batch dimensions included (1 where it is broadcast).
  llvm::SmallVector<int64_t> shape;
  /// A is stored [K, M] instead of [M, K]; B is stored [N, K] instead of [K,
  /// N].
  bool transposed = false;
  /// The dimension whose neighbours are neighbours in memory is K.
  bool isKContiguous = false;
  /// Elements from one stored row to the next.
  int64_t leading = 0;
  /// Elements from one matrix to the next, one stride for each batch dimension
  /// of the result; 0 where the operand is broadcast.
  llvm::SmallVector<int64_t> batchStrides;
  /// The largest power of two (at most 256) of bytes that divides the address
  /// of the first element of every stored row of every matrix.
  int64_t alignment = 1;

  int64_t elementBytes() const { return element.getIntOrFloatBitWidth() / 8; }
  int64_t elements() const;
  /// Whether all batches read one matrix.
  bool isShared() const;
};

/// One result of the kernel.
struct Output {
  /// The number of the result of the kernel.
  unsigned result = 0;
  /// What is computed at the indices of the product.
  mlir::Value computed;
  mlir::Type element;
  /// Dimension i of the stored tensor is dimension perm[i] of the product;
  /// empty: the same order.
  llvm::SmallVector<int64_t> perm;
  /// Of the start of the buffer, in bytes (at most 256).
  int64_t startAlignment = 1;
  /// As Operand::alignment, of the rows of the stored tensor.
  int64_t alignment = 1;
};

struct GemmProblem {
  kernel::FuncOp kernel;
  nn::MatmulOp root;
  /// Batch dimensions of the result; their product is batchCount().
  llvm::SmallVector<int64_t> batch;
  int64_t m = 0, n = 0, k = 0;
  Operand a, b;
  /// Sums are kept in it: f32.
  mlir::Type accumulator;
  /// The element type of nn.matmul's result, to which the model rounds.
  mlir::Type product;
  llvm::SmallVector<Output> outputs;
  /// Of the epilogue, for the cost model: bytes of memory that it reads, bytes
  /// written by all outputs, and scalar operations for each element.
  int64_t epilogueReadBytes = 0;
  int64_t outputBytes = 0;
  int64_t epilogueOps = 0;
  /// Alignment in bytes (at most 256) of the start of each argument.
  llvm::SmallVector<int64_t> argumentAlignment;

  int64_t batchCount() const;
  double multiplyAdds() const {
    return double(batchCount()) * double(m) * double(n) * double(k);
  }
  /// "4x128x256x64 bf16 tn" with the transposes of A and B as BLAS names them
  /// for row-major data (n: as it is).
  std::string describe() const;
};

/// Reads a kernel; fails (without a message) if its root is no matrix product
/// of floats, if its operands are computed in the kernel, or if the operations
/// behind the product are not element by element. Alignments hold for every
/// call of the kernel in its module.
mlir::FailureOr<GemmProblem> readGemmProblem(kernel::FuncOp kernel);

/// The indices of each batch dimension of number `linear` of all batches.
lower::Indices batchIndices(lower::LoopBuilder &e, const GemmProblem &problem,
                            mlir::Value linear);
/// The indices with which the operand's buffer is read at stored (row, column)
/// of the matrix of a batch; broadcast dimensions have index 0.
lower::Indices operandIndices(lower::LoopBuilder &e, const Operand &operand,
                              llvm::ArrayRef<mlir::Value> batch,
                              mlir::Value row, mlir::Value column);

} // namespace adze::gemm

#endif
