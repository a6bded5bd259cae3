//===- AccessOrder.h - What loops still read after a write ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// How far an output of a loop nest must lie below an input so that no byte is
/// written that is read later.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_MEMORY_ACCESSORDER_H
#define ADZE_PASSES_MEMORY_ACCESSORDER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace adze::memory {

/// The order of the accesses of one kernel at the loops level.
class AccessOrder {
public:
  explicit AccessOrder(mlir::func::FuncOp function);
  ~AccessOrder();

  /// The largest (end of a write to argument `output`) - (begin of a read of
  /// argument `input` that comes later), in bytes from the begins of the two.
  /// If offset(output) + distance <= offset(input) with a distance not below
  /// it, every input byte is read before it is overwritten. INT64_MIN if
  /// nothing is read after a write; nothing where the order cannot be told.
  std::optional<int64_t> distance(unsigned output, unsigned input) const;

private:
  struct Collector;
  struct Access;
  /// By argument; nothing for arguments that are not only loaded and stored.
  std::vector<std::optional<std::vector<Access>>> accesses;
};

} // namespace adze::memory

#endif
