//===- FunctionBodies.h - Operators that ONNX defines by others -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_FUNCTIONBODIES_H
#define ADZE_IMPORT_FUNCTIONBODIES_H

#include "dialects/onnx/onnx.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace adze::reader {

/// Whether ONNX gives this operator a body of other operators.
bool hasFunctionBody(llvm::StringRef domain, llvm::StringRef name,
                     int64_t version);

/// The body of `node` as `func.func @main` of a module of the onnx dialect.
/// `inputs` are the types of the node's inputs as the onnx dialect writes them
/// (none for an omitted one); the function takes the inputs that are there
/// and returns the outputs that the node does not omit. A null module after a reason in `why` if there is none.
mlir::OwningOpRef<mlir::ModuleOp>
functionBody(onnx::NodeOp node, llvm::ArrayRef<mlir::Type> inputs,
             std::string &why);

} // namespace adze::reader

#endif
