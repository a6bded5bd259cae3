//===- Helpers.h - Small C functions printed where they are used -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_HELPERS_H
#define ADZE_CODEGEN_C_HELPERS_H

#include "codegen/c/ModuleContext.h"

#include <string>

namespace adze::c {

/// "i32", "index", "f64": ends the name of a helper.
std::string shortTypeName(mlir::Type type);
/// "f32_to_i32" as a function name.
std::string bitcastHelper(mlir::Type from, mlir::Type to);
/// The definitions of all helpers that the context names: macros first.
std::string helperDefinitions(const ModuleContext &context);

} // namespace adze::c

#endif
