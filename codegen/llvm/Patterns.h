//===- Patterns.h - What machine code and PTX share ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_LLVM_PATTERNS_H
#define ADZE_CODEGEN_LLVM_PATTERNS_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/StringRef.h"

namespace adze::codegen {

/// What the symbol of a weight begins with; the name of its memref.global
/// follows.
inline constexpr llvm::StringLiteral weightPrefix = "adze.weight.";
/// On the LLVM global of a weight: its `#adze.weight`.
inline constexpr llvm::StringLiteral weightAttr = "adze.weight";
/// The uniform entry point of every module.
inline constexpr llvm::StringLiteral invokeName = "adze_invoke";

/// Memory at the loops level is always a static shape with static strides, so a
/// memref becomes a plain pointer to its first element; upstream's descriptors
/// would only be built to be taken apart again.
void useBarePointers(mlir::LLVMTypeConverter &converter);

/// memref and the memory operations of vector, onto bare pointers. Booleans are
/// read as any byte but zero and written as 0 or 1.
void populateMemoryPatterns(const mlir::LLVMTypeConverter &converter,
                            mlir::RewritePatternSet &patterns);

/// func: kernels, entry and calls between them.
void populateFunctionPatterns(const mlir::LLVMTypeConverter &converter,
                              mlir::RewritePatternSet &patterns);

/// The operations of math that need no function of the runtime.
void populateMathPatterns(const mlir::LLVMTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);

/// Replaces the math operations that the runtime computes by calls of its
/// functions (`math.exp` on f32: `adze_expf`, on f64: `adze_exp`), lane by lane
/// for vectors. What is left has an instruction or an LLVM intrinsic.
void callMathFunctions(mlir::ModuleOp module);

/// Moves local arrays to the entry block of their function: inside a loop they
/// would take new stack in each iteration.
void hoistLocalArrays(mlir::ModuleOp module);

/// Integer powers (math.ipowi) become loops in functions of their own.
mlir::LogicalResult expandIntegerPowers(mlir::ModuleOp module);

/// Vectors of rank above one, transfers, steps and the like become what LLVM
/// has.
mlir::LogicalResult simplifyVectors(mlir::ModuleOp module);

/// scf becomes branches, in every function.
mlir::LogicalResult lowerControlFlow(mlir::ModuleOp module);

/// Everything that code of the loops level consists of, after the steps above:
/// memory, functions, vector, arith, math, index, ub, cf.
void populateLoopsPatterns(const mlir::LLVMTypeConverter &converter,
                           mlir::RewritePatternSet &patterns);

} // namespace adze::codegen

#endif
