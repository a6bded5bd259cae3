//===- Sinking.h - Transposes move down -------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LAYOUT_SINKING_H
#define ADZE_PASSES_LAYOUT_SINKING_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/PatternMatch.h"

namespace adze::layout {

/// The permutation that undoes `perm`.
llvm::SmallVector<int64_t> inverse(llvm::ArrayRef<int64_t> perm);
/// values[perm[0]], values[perm[1]], ...
llvm::SmallVector<int64_t> permuted(llvm::ArrayRef<int64_t> values,
                                    llvm::ArrayRef<int64_t> perm);
/// The type of a value with its dimensions permuted.
mlir::RankedTensorType permutedType(mlir::Value value,
                                    llvm::ArrayRef<int64_t> perm);

/// Transposes sink through the operations on quantized tensors.
void addQuantizedSinking(mlir::RewritePatternSet &patterns);

} // namespace adze::layout

#endif
