//===- Expand.h - Quantization as float arithmetic --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_QUANTIZE_EXPAND_H
#define ADZE_PASSES_QUANTIZE_EXPAND_H

#include "mlir/IR/Operation.h"

namespace adze {

/// Turns every nn.quantize and nn.dequantize inside of `root` into
/// element-wise linalg operations.
void expandQuantization(mlir::Operation *root);

} // namespace adze

#endif
