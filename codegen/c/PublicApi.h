//===- PublicApi.h - The header and the entry function ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_PUBLICAPI_H
#define ADZE_CODEGEN_C_PUBLICAPI_H

#include "adze/CEmitter.h"
#include "codegen/c/ModuleContext.h"

namespace adze::c {

/// An argument of the entry with its place in the IR.
struct Border {
  CArgument argument;
  mlir::BlockArgument value;
};

/// The arguments of the entry by role.
struct EntryArguments {
  llvm::SmallVector<Border> borders; // inputs, then outputs
  std::optional<mlir::BlockArgument> arena;
  uint64_t arenaBytes = 0;
};

/// Reads the attributes of an entry's arguments and names them for C.
llvm::FailureOr<EntryArguments> readArguments(mlir::func::FuncOp entry,
                                              NameScopes &scopes);

/// The memories that the arena is spread over: the module's `adze.arenas`.
/// Empty: it is one block.
llvm::SmallVector<CArena> readArenas(mlir::ModuleOp module);

/// What the body of NAME_run calls the begin of such a memory.
std::string arenaPointer(const CArena &arena);

/// The memory in which a view of the entry's arena lies; none where the arena
/// is one block, or `view` is one of something else.
std::optional<CArena> arenaOfView(mlir::memref::ViewOp view);

/// One line of a comment for each input or output, as a table.
std::string argumentTable(llvm::ArrayRef<CArgument> arguments, bool isOutput);

/// Prints NAME.h into `out.header` and fills in the arguments and sizes, and
/// appends the status functions, the size function and NAME_run to `source`.
llvm::LogicalResult emitEntry(mlir::func::FuncOp entry, ModuleContext &context,
                              bool hasBinary, const CEmitterOptions &options,
                              CSource &out, std::string &source);

/// Prints NAME.h alone, for code that comes as an object file.
llvm::LogicalResult emitHeader(mlir::func::FuncOp entry, ModuleContext &context,
                               CSource &out);

/// The header of a module without entry: prototypes of its public functions.
void printPrototypes(llvm::ArrayRef<mlir::func::FuncOp> functions,
                     ModuleContext &context, CSource &out);

} // namespace adze::c

#endif
