//===- Entry.h - The entry point of a loops module --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_HOST_ENTRY_H
#define ADZE_CODEGEN_HOST_ENTRY_H

#include "adze/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace adze::host {

/// What the arguments of the function marked `adze.entry` are: inputs, outputs
/// and last the arena, if the model needs one.
struct Entry {
  std::string symbol; ///< of the function
  std::string model;  ///< `adze.model`, a C identifier
  std::vector<TensorSpec> inputs, outputs;
  bool hasArena = false;
  uint64_t arenaBytes = 0;
};

/// The function marked `adze.entry`; null if there is none.
mlir::func::FuncOp findEntry(mlir::ModuleOp module);

/// Reads the entry point; says what is wrong with it otherwise.
mlir::FailureOr<Entry> readEntry(mlir::ModuleOp module);

} // namespace adze::host

#endif
