//===- Interpreter.h - Running loops without code generation -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_INTERPRETER_H
#define ADZE_INTERPRETER_H

#include "adze/Compiler.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <memory>

namespace adze {

struct InterpreterOptions {
  /// The run fails after about so many steps (a step is one operation on one
  /// number); 0: no limit.
  uint64_t stepLimit = 0;
  /// The most memory that the program may ask for, in bytes.
  uint64_t memoryLimit = uint64_t(4) << 30;
};

/// Executes a function of a module at the loops level. `buffers` has one
/// pointer for each argument and then one for each result: to the bytes of a
/// memref (row major; the caller vouches for their size), or to a scalar of
/// its type (i1 and other odd widths as the next whole bytes, index as 64
/// bits). Deterministic: equal inputs give equal bytes on any host. What the
/// program does wrong (an index out of bounds, a division by zero, an
/// operation that is not of the level) is a failed status, never undefined.
Status interpret(mlir::ModuleOp module, llvm::StringRef function,
                 llvm::ArrayRef<void *> buffers,
                 const InterpreterOptions &options = {});

/// The name of the function that carries `adze.entry`; empty if there is none.
llvm::StringRef entryPoint(mlir::ModuleOp module);

/// Makes a module at the loops level runnable: its entry point's arguments say
/// by `adze.name`, `adze.kind` and `adze.type` what they are. Null, and a
/// message in `status`, if the module cannot be translated.
std::unique_ptr<Executable>
makeInterpreted(mlir::OwningOpRef<mlir::ModuleOp> module, Status &status,
                const InterpreterOptions &options = {});

} // namespace adze

#endif
