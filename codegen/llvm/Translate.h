//===- Translate.h - Steps around the translation to LLVM IR ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_LLVM_TRANSLATE_H
#define ADZE_CODEGEN_LLVM_TRANSLATE_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <string_view>

namespace adze::codegen {

/// One paragraph for the user.
llvm::Error makeError(const llvm::Twine &text);

/// An error with the text in which MLIR complains while `step` runs.
llvm::Error runStep(mlir::MLIRContext *context, llvm::StringRef what,
                    llvm::function_ref<mlir::LogicalResult()> step);

/// Links the functions of runtime/core (`bitcode`) that a module calls into it,
/// as internal functions.
llvm::Error linkRuntime(llvm::Module &module, std::string_view bitcode);

} // namespace adze::codegen

#endif
