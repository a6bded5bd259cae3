//===- CopyKernels.h - Kernels that only move tensors -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_MEMORY_COPYKERNELS_H
#define ADZE_PASSES_MEMORY_COPYKERNELS_H

#include "dialects/kernel/kernel.h"
#include "dialects/nn/nn.h"

namespace adze::memory {

/// The operation of a kernel that does nothing but take a slice, or null.
nn::SliceOp findSlice(kernel::FuncOp kernel);

/// The operands of a call that a kernel puts one after the other in memory, in
/// the order of the bytes; empty if it does anything else, or if the elements
/// have no bytes of their own.
llvm::SmallVector<mlir::Value> findParts(kernel::CallOp call,
                                         kernel::FuncOp kernel);

/// Whether `part` can be made in the place that a kernel.join before `user`
/// gives it.
bool canBePart(mlir::Value part, mlir::Operation *user);

/// Erases the kernels that nothing calls, with their loops.
void eraseUnusedKernels(mlir::ModuleOp module);

} // namespace adze::memory

#endif
