//===- Places.h - What memory a launch names --------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_HOST_PLACES_H
#define ADZE_CODEGEN_PTX_HOST_PLACES_H

#include "dialects/tile/tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <string>

namespace adze::cuda {

/// Device memory behind a buffer of the host program.
struct Place {
  enum Kind { Tensor, Arena, Constant } kind = Arena;
  unsigned tensor = 0;  // number among inputs and outputs
  std::string constant; // symbol of the memref.global
  int64_t offset = 0;   // bytes from the beginning
  int64_t bytes = 0;

  bool overlaps(const Place &other) const;
};

/// Bytes of an element in memory (i1 and smaller: one).
int64_t elementBytes(mlir::Type type);

/// Follows views back to an argument or a constant. `tensorOf` numbers the
/// arguments of the entry that are inputs or outputs; another one is the arena.
mlir::FailureOr<Place>
placeOf(mlir::Value buffer,
        llvm::function_ref<int(mlir::BlockArgument)> tensorOf);

/// For each argument of a kernel whether it may be written: all but those that
/// are only loaded from.
llvm::SmallVector<bool> writtenArguments(tile::KernelOp kernel);

} // namespace adze::cuda

#endif
