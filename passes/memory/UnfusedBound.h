//===- UnfusedBound.h - Memory that fusion saves ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_MEMORY_UNFUSEDBOUND_H
#define ADZE_PASSES_MEMORY_UNFUSEDBOUND_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace adze::memory {

/// The bytes below which no plan of a program at the nn level goes, in any
/// order, if every operation is a kernel of its own: element-wise ones may work
/// in place, reshapes move nothing, all others have inputs and outputs apart,
/// as in the interpreters of other runtimes.
int64_t unfusedBound(mlir::func::FuncOp program);

} // namespace adze::memory

#endif
