//===- Patterns.h - From the loops level to the LLVM dialect ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_HOST_PATTERNS_H
#define ADZE_CODEGEN_HOST_PATTERNS_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/StringRef.h"

namespace adze::host {

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

} // namespace adze::host

#endif
