//===- ConstantEvaluation.h - Computes what depends on constants alone -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_GRAPH_CONSTANTEVALUATION_H
#define ADZE_PASSES_GRAPH_CONSTANTEVALUATION_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"

namespace adze {

/// The operands of an operation and what its regions read from outside. Unlike
/// upstream's function it works in regions that no operation holds yet.
llvm::SmallVector<mlir::Value> valuesReadBy(mlir::Operation *op);

/// The bytes of a dense attribute as buffers hold them (i1 one byte each).
std::vector<char> bytesOf(mlir::DenseElementsAttr dense);
/// The dense attribute of such bytes.
mlir::DenseElementsAttr denseOf(mlir::RankedTensorType type,
                                llvm::ArrayRef<char> bytes);

/// The operations behind `value` in an order in which they can run, if they
/// end at constants alone; nothing otherwise.
std::optional<llvm::SmallVector<mlir::Operation *>>
constantSlice(mlir::Value value);

/// Whether an operation makes floats of constant integers of fewer than eight
/// bits for products of few rows: those are computed where they are read, and
/// the weights stay as small as they are.
bool staysPacked(mlir::Operation *op);

/// Evaluates `value` by lowering what is behind it to loops and interpreting
/// them; the result replaces the value. Null if it depends on anything but
/// constants, or needs more than `limit` bytes.
mlir::DenseElementsAttr evaluateConstant(mlir::Value value, int64_t limit);

/// Replaces `value`, which depends on constants alone, by a constant: small
/// ones are computed now, larger ones become a recipe of the weight store that
/// is run when the bytes are needed. False if it depends on anything else.
bool foldToConstant(mlir::Value value);

} // namespace adze

#endif
