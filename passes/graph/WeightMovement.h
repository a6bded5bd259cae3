//===- WeightMovement.h - Moves the elements of constants -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_GRAPH_WEIGHTMOVEMENT_H
#define ADZE_PASSES_GRAPH_WEIGHTMOVEMENT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace adze {

/// A constant (dense or #adze.weight) with its dimensions permuted, as a recipe
/// of the weight store; null where elements are not whole bytes.
mlir::TypedAttr transposeConstant(mlir::TypedAttr constant,
                                  llvm::ArrayRef<int64_t> perm);

/// The rows of a constant [.., K, N] as panels [P, K', C] (see nn.unpack), K'
/// the product of all dimensions but the last; zeros fill the last panel.
mlir::TypedAttr packColumns(mlir::TypedAttr constant,
                            mlir::RankedTensorType panels);

} // namespace adze

#endif
