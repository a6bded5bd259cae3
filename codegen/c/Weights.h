//===- Weights.h - Constants as C arrays or one binary ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_WEIGHTS_H
#define ADZE_CODEGEN_C_WEIGHTS_H

#include "adze/CEmitter.h"
#include "codegen/c/ModuleContext.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace adze::c {

/// Decides for every memref.global where its bytes go, and prints them.
/// Arrays of at most 64 elements are `static const` in NAME.c right before
/// the first kernel that reads them; larger ones are in NAME_weights*.c, or,
/// if together they exceed the limit, in NAME_weights.bin.
class Weights {
public:
  Weights(mlir::ModuleOp module, ModuleContext &context,
          const CEmitterOptions &options);

  /// Names the globals; fails on a global that has no bytes or no C type.
  llvm::LogicalResult place(llvm::ArrayRef<mlir::func::FuncOp> order);
  /// Definitions to print before `function`.
  std::string smallArrays(mlir::func::FuncOp function) const;
  /// Declarations for NAME.c; empty if there is no file of arrays.
  bool hasFiles() const { return !large.empty(); }
  bool hasBinary() const { return !binary.empty(); }
  /// Prints the files into `out`.
  void print(CSource &out);

private:
  struct Constant {
    mlir::memref::GlobalOp op;
    std::string name;
    std::string type;
    uint64_t elements = 0, bytes = 0, offset = 0;
  };
  bool isReadByKernel(mlir::memref::GlobalOp op) const;
  mlir::Operation *firstReader(mlir::memref::GlobalOp op,
                               llvm::ArrayRef<mlir::func::FuncOp> order) const;
  std::string declaration(const Constant &constant) const;

  mlir::ModuleOp module;
  ModuleContext &context;
  const CEmitterOptions &options;
  llvm::SmallVector<Constant> large, binary;
  llvm::DenseMap<mlir::Operation *, std::string> small;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Operation *>>
      readers;
  uint64_t totalBytes = 0, binaryBytes = 0;
};

} // namespace adze::c

#endif
