//===- ProgramBuffers.h - The buffers of a kernel program -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Which values of a kernel program share a buffer by construction, which
/// buffers lie in the arena, and when they are live.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_MEMORY_PROGRAMBUFFERS_H
#define ADZE_PASSES_MEMORY_PROGRAMBUFFERS_H

#include "adze/MemoryPlan.h"
#include "dialects/kernel/kernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace adze::memory {

/// The bytes of a tensor: bits of its elements packed, i1 one byte each.
/// Nothing for types without a static size, or beyond 2^48 bytes.
std::optional<int64_t> byteSize(mlir::Type type);

/// The value whose buffer `value` is, all of it: a kernel.view of the whole is
/// the buffer of its operand, a carried value of kernel.while that of the
/// loop's result.
mlir::Value rootOf(mlir::Value value);

/// Where a value lies: `offset` bytes from the begin of the buffer of `root`. A
/// piece that kernel.view takes lies in its operand, a part of kernel.join in
/// the whole; everything else at the begin of its own root.
struct Place {
  mlir::Value root;
  int64_t offset = 0;
};
Place placeOf(mlir::Value value);
/// The kernel.join that `value` is a part of, or null.
kernel::JoinOp joinOf(mlir::Value value);

/// The leave that a kernel gives its first output to overlap an input.
struct InputOverlap {
  unsigned input;
  int64_t distance; ///< as adze::memory::Overlap
};

/// Reads the attribute `overlap` of a kernel: pairs [input, bytes].
mlir::FailureOr<llvm::SmallVector<InputOverlap>>
readOverlap(kernel::FuncOp kernel);
/// The bytes of the scratch buffers of a kernel: the attribute `scratch`.
llvm::ArrayRef<int64_t> readScratch(kernel::FuncOp kernel);

/// A name for reports: that of the ONNX value if the location holds one,
/// else the kernel that makes it.
std::string describeValue(mlir::Value value);

/// The arena buffers of a program. Steps number the operations in the order of
/// the text, nested ones included, without constants and views; kernel.if and
/// kernel.while have one step at their begin and one at their end. The branches
/// of kernel.if lie one after the other, and so never count as live together.
class ProgramBuffers {
public:
  struct Entry {
    mlir::Value value;     ///< the first of the values (none: scratch)
    mlir::Operation *user; ///< the operation that makes it
    int64_t size = 0;
    int64_t first = 0, last = 0;
  };

  /// Fails with a message if the program holds what cannot be planned.
  static mlir::FailureOr<ProgramBuffers> compute(mlir::func::FuncOp program);

  /// The index of the arena buffer that `value` lies in (at placeOf's offset),
  /// -1 if it lives elsewhere: in an input, an output or a constant, or is a
  /// size.
  int find(mlir::Value value) const;

  std::vector<Entry> entries;
  std::vector<Overlap> overlaps;
  /// The scratch buffers of a kernel.call, in order.
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<int>> scratch;
  /// For kernel.while, by carried value: the buffer in which the next value
  /// waits until all were read, -1 where it can be copied at once.
  llvm::MapVector<mlir::Operation *, llvm::SmallVector<int>> rotated;
  /// The operation of a step, for reports.
  std::vector<mlir::Operation *> steps;

private:
  struct Builder;
  llvm::DenseMap<mlir::Value, int> bufferOf; ///< by root
};

} // namespace adze::memory

#endif
