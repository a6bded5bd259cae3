//===- FunctionEmitter.h - One function as C statements --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FUNCTIONEMITTER_H
#define ADZE_CODEGEN_C_FUNCTIONEMITTER_H

#include "codegen/c/Expression.h"
#include "codegen/c/Inlining.h"
#include "codegen/c/LinearForm.h"
#include "codegen/c/ModuleContext.h"
#include "codegen/c/Ranges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <optional>

namespace adze::c {

/// A memref: a pointer, and a constant number of elements from there to the
/// first one. Strides are in the type.
struct Buffer {
  Expression pointer;
  LinearForm offset;
  bool isConst = false;
};

/// A variable that a region assigns when it ends.
struct Destination {
  std::string name;
  mlir::Type type;
  /// The loop argument that is this variable too; null if nobody reads it.
  mlir::Value carried;
};

/// `name = value;`, or `name += x;` where that says the same.
std::string assignment(const std::string &name, const Expression &value);

/// Walks a function and appends C statements to a text. Vector values are
/// local arrays; vector operations become loops over the lane `l` with a
/// constant number of rounds, in which elementwise operations fuse. gcc and
/// clang at -O3 keep such arrays in registers and vectorise the loops as well
/// as individually named scalars (4x16 and 6x16 GEMM micro kernels, x86).
class FunctionEmitter {
public:
  FunctionEmitter(mlir::func::FuncOp function, ModuleContext &context,
                  NameScopes &scopes, std::string &out)
      : function(function), context(context), scopes(scopes), plan(function),
        out(out) {}

  mlir::LogicalResult emitBody(llvm::ArrayRef<Expression> arguments);

private:
  // Statements (Statements.cpp).
  void line(const std::string &text);
  mlir::LogicalResult emitBlock(mlir::Block &block,
                                llvm::ArrayRef<Destination> destinations);
  mlir::LogicalResult emitOperation(mlir::Operation *op);
  mlir::LogicalResult emitValue(mlir::Operation *op);
  mlir::LogicalResult emitFor(mlir::scf::ForOp op);
  mlir::LogicalResult emitIf(mlir::scf::IfOp op);
  mlir::LogicalResult emitWhile(mlir::scf::WhileOp op);
  mlir::LogicalResult emitCall(mlir::func::CallOp op);
  mlir::LogicalResult emitReturn(mlir::func::ReturnOp op);
  void passDestinations(mlir::Block &block,
                        llvm::ArrayRef<Destination> destinations);
  bool readsBefore(mlir::Value variable, mlir::Operation *user,
                   mlir::Operation *op);
  void assign(llvm::ArrayRef<Destination> destinations,
              mlir::ValueRange values);
  void assignOne(const Destination &destination, const Expression &value);
  /// Defines a local for a value: `const float v = ...;`.
  void define(mlir::Value value, const Expression &expression);
  /// Declares a variable without a value.
  void declareVariable(mlir::Type type, const std::string &name);
  bool startsAccumulation(mlir::Operation *op);
  void bind(mlir::Value value, const std::string &name, bool isMutable);
  std::string nameHint(mlir::Operation *op);

  // Expressions (Arithmetic.cpp, MathFunctions.cpp).
  std::optional<Expression> expressionOf(mlir::Operation *op);
  std::optional<Expression> arithmetic(mlir::Operation *op);
  std::optional<Expression> wraparound(mlir::Operation *op,
                                       llvm::StringRef symbol);
  std::optional<Expression> minMax(mlir::Operation *op);
  std::optional<Expression> compare(mlir::arith::CmpIOp op);
  std::optional<Expression> compare(mlir::arith::CmpFOp op);
  std::optional<Expression> convert(mlir::Operation *op);
  std::optional<Expression> constant(mlir::arith::ConstantOp op);
  std::optional<Expression> constantTable(mlir::arith::ConstantOp op);
  std::optional<Expression> mathFunction(mlir::Operation *op);
  Expression operand(mlir::Operation *op, unsigned index);
  Expression use(mlir::Value value);
  Expression asUnsigned(mlir::Value value);
  LinearForm linear(mlir::Value value);

  // Memory (Memory.cpp).
  mlir::LogicalResult emitMemory(mlir::Operation *op);
  std::optional<Expression> element(mlir::Operation *op, mlir::Value memref,
                                    mlir::ValueRange indices, bool lanes);
  std::optional<Buffer> buffer(mlir::Operation *op, mlir::Value memref);
  Expression pointerTo(const Buffer &buffer);
  mlir::LogicalResult emitAlloca(mlir::memref::AllocaOp op);
  mlir::LogicalResult emitCopy(mlir::memref::CopyOp op);
  mlir::LogicalResult emitView(mlir::memref::ViewOp op);
  mlir::LogicalResult emitReinterpretCast(mlir::memref::ReinterpretCastOp op);
  mlir::LogicalResult emitSubView(mlir::memref::SubViewOp op);
  std::string viewName(mlir::memref::ViewOp op);

  // Vectors (Vectors.cpp).
  mlir::LogicalResult emitVector(mlir::Operation *op);
  mlir::LogicalResult emitReduction(mlir::vector::ReductionOp op);
  void laneLoop(mlir::VectorType type, const std::string &statement);

  mlir::func::FuncOp function;
  ModuleContext &context;
  NameScopes &scopes;
  InliningPlan plan;
  RangeAnalysis ranges;
  std::string &out;
  unsigned indent = 1;
  llvm::DenseMap<mlir::Value, Expression> expressions;
  llvm::DenseMap<mlir::Value, LinearForm> linearForms;
  llvm::DenseMap<mlir::Value, Buffer> buffers;
  llvm::DenseMap<mlir::Value, Destination> passed;
  /// Operations that write their result into a loop's variable right away.
  llvm::DenseMap<mlir::Operation *, std::string> inPlace;
  /// Those of them whose variable is not a loop's.
  llvm::DenseSet<mlir::Operation *> accumulations;
};

} // namespace adze::c

#endif
