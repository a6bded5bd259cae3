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

/// Gives every result, block argument, function and global of a module the
/// type that `convert` makes of its type. The caller has replaced the
/// operations whose meaning depends on the old type before.
void convertTypes(mlir::ModuleOp module,
                  llvm::function_ref<mlir::Type(mlir::Type)> convert);

} // namespace adze::lower

#endif
