//===- ElementEmitter.h - Evaluates one element of a tensor where it is used -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_ELEMENTEMITTER_H
#define ADZE_PASSES_LOWER_ELEMENTEMITTER_H

#include "passes/lower/LoopBuilder.h"

namespace adze::lower {

class ElementEmitter;

/// How one kind of operation yields an element of its result: it asks the
/// emitter for the elements of its operands and combines them. `lanes` > 1
/// asks for a vector of that many elements, contiguous along the last
/// dimension and starting at `indices`; a null value means "cannot", and the
/// emitter then goes lane by lane. Elements have the tensor's element type.
using ElementFn = mlir::Value (*)(mlir::Operation *op, unsigned result,
                                  llvm::ArrayRef<mlir::Value> indices,
                                  int64_t lanes, ElementEmitter &emitter);

struct ElementRule {
  llvm::StringLiteral op; // operation name
  ElementFn emit;
};

/// The rule for an operation; null if it only exists as a loop nest (a root).
ElementFn findElementRule(mlir::Operation *op);

/// Emits scalar (or vector) code for single elements of tensor values, pulling
/// through the producers inside a kernel: this is how prologues, epilogues and
/// views cost no buffers. Values are remembered per element and reused where
/// they dominate.
class ElementEmitter : public LoopBuilder {
public:
  using LoopBuilder::LoopBuilder;

  /// The buffer that holds a tensor: a kernel argument or scratch.
  void setBuffer(mlir::Value tensor, mlir::Value buffer) {
    buffers[tensor] = buffer;
  }
  mlir::Value getBuffer(mlir::Value tensor) const {
    return buffers.lookup(tensor);
  }

  /// The element at `indices` (see ElementFn for lanes).
  mlir::Value element(mlir::Value tensor, llvm::ArrayRef<mlir::Value> indices,
                      int64_t lanes = 1);
  /// Makes `value` known as the element of `tensor` at `indices`.
  void define(mlir::Value tensor, llvm::ArrayRef<mlir::Value> indices,
              int64_t lanes, mlir::Value value);

  /// A scalar as a vector of `lanes` (itself for one lane).
  mlir::Value broadcast(mlir::Value scalar, int64_t lanes);
  /// The type of one element, or a vector of it.
  mlir::Type laneType(mlir::Type element, int64_t lanes);
  /// Clones the scalar operations of `body` (arith, math, ...) with its
  /// arguments mapped to `arguments`; returns the yielded values, or nothing
  /// if they cannot be said for this many lanes.
  llvm::SmallVector<mlir::Value>
  inlineScalars(mlir::Block &body, llvm::ArrayRef<mlir::Value> arguments,
                llvm::ArrayRef<mlir::Value> iterationIndices, int64_t lanes);

private:
  struct Known {
    Indices indices;
    int64_t lanes;
    mlir::Value value;
  };
  bool dominates(mlir::Value value);
  mlir::Value lookup(mlir::Value tensor, llvm::ArrayRef<mlir::Value> indices,
                     int64_t lanes);

  llvm::DenseMap<mlir::Value, mlir::Value> buffers;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Known, 2>> known;
};

/// The dimensions of a ranked tensor or memref value.
llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
mlir::Type elementTypeOf(mlir::Value value);
/// Whether a generic operation computes each result element from single
/// elements of its operands (all loops parallel, identity results).
bool isElementwise(mlir::Operation *op);
/// Whether each element of the user's results needs only that element of the
/// operand which has the same indices.
bool readsSameElement(mlir::OpOperand &use);

} // namespace adze::lower

#endif
