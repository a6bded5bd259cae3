//===- Lowering.h - From tile kernels to the LLVM dialect -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_LOWERING_H
#define ADZE_CODEGEN_PTX_LOWERING_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace adze::ptx {

/// The address space of global memory, which is that of memrefs of the default
/// memory space; shared memory has space 3 on both sides.
inline constexpr unsigned globalSpace = 1;

/// Memory space of memrefs that belong to one thread. LLVM's stack has generic
/// addresses, which become local ones again where that is known.
inline constexpr unsigned localSpace = 5;

/// The symbol of dynamic shared memory: `[0 x i8]` in space 3, aligned to 1024
/// bytes; part of every module with a kernel that has `shared_bytes`. (Upstream
/// would make a static array of it, twice.)
inline constexpr llvm::StringLiteral dynamicShared = "adze_shared";

/// A module with copies of the tile.kernels, of the functions that they call
/// and of the constants that they read.
mlir::OwningOpRef<mlir::ModuleOp> deviceModule(mlir::ModuleOp module);

/// Converts a device module to the LLVM and NVVM dialects: a tile.kernel
/// becomes an `nvvm.kernel` with `nvvm.reqntid`, memrefs become pointers.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp device);

} // namespace adze::ptx

#endif
