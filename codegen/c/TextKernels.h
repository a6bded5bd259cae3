//===- TextKernels.h - Kernels that come as C text --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A private function without a body but with `adze.code` was written by a
/// kernel family (adze/KernelFamily.h, KernelCode): a dictionary of `body`,
/// `functions` (pairs of name and definition), `headers`, `inputs` (how many of
/// the parameters are tensors that it reads; constants follow), `restricted`
/// and `io_alignment`.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_TEXTKERNELS_H
#define ADZE_CODEGEN_C_TEXTKERNELS_H

#include "codegen/c/ModuleContext.h"

namespace adze::c {

bool isTextKernel(mlir::func::FuncOp function);

/// The names of its parameters, in order: in0, c0, out0, scratch0, ...
llvm::SmallVector<std::string> textParameters(mlir::func::FuncOp function);

/// Prints the functions that it needs and that are not printed yet, and the
/// kernel.
void emitTextKernel(mlir::func::FuncOp function, ModuleContext &context,
                    std::string &out);

/// The alignment that text kernels of the module ask of inputs and outputs.
int64_t textAlignment(mlir::ModuleOp module);

/// The macro under which the functions of text kernels are defined.
std::string textHelperMacro(const ModuleContext &context);

/// The lines that include the headers of intrinsics, each behind the feature
/// that it is there for.
std::string textHeaders(mlir::ModuleOp module);

} // namespace adze::c

#endif
