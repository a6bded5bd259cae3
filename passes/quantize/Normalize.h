//===- Normalize.h - Quantized graphs in one form ---------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_QUANTIZE_NORMALIZE_H
#define ADZE_PASSES_QUANTIZE_NORMALIZE_H

#include "mlir/IR/Operation.h"

namespace adze::quantize {

/// Brings the operations inside of `root` into the form that the patterns of
/// form-integer-ops expect: quantized tensors are signed (nn.rebase at the
/// borders), nn.dequantize stands below data movement and nn.quantize above it,
/// next to what computes.
mlir::LogicalResult normalize(mlir::Operation *root);

} // namespace adze::quantize

#endif
