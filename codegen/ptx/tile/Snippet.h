//===- Snippet.h - One piece of PTX -----------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_TILE_SNIPPET_H
#define ADZE_CODEGEN_PTX_TILE_SNIPPET_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/PatternMatch.h"

namespace adze::ptx {

/// Collects the operands of one piece of inline PTX and emits it. Operands are
/// numbered in the order in which they are added, results first.
class Snippet {
public:
  Snippet(mlir::Operation *op, mlir::OpBuilder &builder)
      : op(op), builder(builder) {}

  /// A result register; returns "$N". Only before the first operand.
  std::string result(mlir::Type type);
  /// An operand in a register; returns "$N".
  std::string operand(mlir::Value value);
  /// An operand that lies in the register of result number `result`.
  void tied(mlir::Value value, unsigned result);

  /// What the snippet may do besides computing its results.
  enum class Effect {
    Registers, ///< nothing, but all threads of the warp take part in it
    Memory,    ///< reads or writes memory, or orders it
  };

  /// Emits `text`; the comment ends its first line. One result register is the
  /// value itself, several are a struct, none: a null value.
  mlir::Value emit(llvm::StringRef text, Effect effect = Effect::Memory);

private:
  mlir::Operation *op;
  mlir::OpBuilder &builder;
  llvm::SmallVector<mlir::Type> results;
  llvm::SmallVector<mlir::Value> operands;
  std::string constraints;

  void constrain(llvm::StringRef constraint);
};

/// "{a, b, c}".
std::string registerList(llvm::ArrayRef<std::string> names);

/// An address in shared memory as the sum of a 32-bit value and a constant.
struct SharedAddress {
  mlir::Value base; ///< i32
  int64_t offset;   ///< bytes

  mlir::Value value(mlir::OpBuilder &builder, mlir::Location loc) const;
};

/// The address of element `indices` of the shared memory at `pointer`:
/// `original` are the indices before the conversion, of which constants go to
/// the offset.
SharedAddress sharedAddress(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::MemRefType type, mlir::Value pointer,
                            mlir::ValueRange original,
                            mlir::ValueRange indices);

/// The same in global memory, as a pointer.
mlir::Value globalAddress(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::MemRefType type, mlir::Value pointer,
                          mlir::ValueRange indices);

mlir::Value constantI32(mlir::OpBuilder &builder, mlir::Location loc,
                        int64_t value);

} // namespace adze::ptx

#endif
