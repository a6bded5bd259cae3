//===- GraphBuilder.h - From messages to the onnx dialect -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_GRAPHBUILDER_H
#define ADZE_IMPORT_GRAPHBUILDER_H

#include "Model.h"
#include "ValueTypes.h"

#include "adze/Reader.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace adze::reader {

/// Writes a checked model as a module of the onnx dialect (Reader.h says what
/// it looks like).
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const Model &model,
                                              const ValueTypes &types,
                                              const ReadOptions &options,
                                              mlir::MLIRContext &context);

} // namespace adze::reader

#endif
