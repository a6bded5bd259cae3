//===- ConvertTypes.h - Changes the types of values in place -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_CONVERTTYPES_H
#define ADZE_PASSES_LOWER_CONVERTTYPES_H

#include "mlir/IR/BuiltinOps.h"

namespace adze::lower {

/// Whether an operation is a function of another kind than the module's own:
/// code for a device, which computes with types that the host has to legalize.
/// Legalization leaves it alone.
bool isDeviceCode(mlir::Operation *op);

/// Gives every result, block argument, function and global of a module the
/// type that `convert` makes of its type. The caller has replaced the
/// operations whose meaning depends on the old type before. Code for a device
/// stays as it is.
void convertTypes(mlir::ModuleOp module,
                  llvm::function_ref<mlir::Type(mlir::Type)> convert);

} // namespace adze::lower

#endif
