//===- KernelLowering.h - A fused kernel becomes loops over buffers -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_KERNELLOWERING_H
#define ADZE_PASSES_LOWER_KERNELLOWERING_H

#include "dialects/kernel/kernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace adze::lower {

struct LoweredKernel {
  /// (inputs..., outputs..., scratch...) over buffers.
  mlir::func::FuncOp function;
  /// The size of each scratch argument in bytes.
  llvm::SmallVector<int64_t> scratchBytes;
};

/// Lowers one kernel at the insertion point of `builder` (module level).
void lowerKernel(kernel::FuncOp kernel, mlir::OpBuilder &builder,
                 LoweredKernel &lowered);

/// Declares the function of a kernel that is C text (`adze.code`) or a
/// tile.kernel (`adze.tile`), with its scratch buffers behind the outputs.
void declareTextKernel(kernel::FuncOp kernel, mlir::OpBuilder &builder);

/// The name under which the loops of a kernel stand beside it until
/// lower-program puts them in its place.
std::string loopsName(llvm::StringRef kernel);

} // namespace adze::lower

#endif
