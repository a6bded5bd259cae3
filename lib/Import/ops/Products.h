//===- Products.h - Matrix products and convolutions shared by families -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_OPS_PRODUCTS_H
#define ADZE_IMPORT_OPS_PRODUCTS_H

#include "lib/Import/ops/NodeLowering.h"

namespace adze::import {

/// numpy's matmul with results of type `result`; null after a message if the
/// shapes do not fit. In Linear.cpp.
mlir::Value matmulOf(NodeLowering &n, mlir::Value a, mlir::Value b,
                     mlir::Type result);

/// The convolution that the node's attributes describe, with results of type
/// `result`; `bias` may be null. Null after a message if the shapes do not
/// fit. In Convolution.cpp.
mlir::Value convolutionOf(NodeLowering &n, mlir::Value x, mlir::Value w,
                          mlir::Value bias, mlir::Type result);

/// The pooling of `x` that the node's attributes describe (`global`: over all
/// spatial dimensions); null after a message if the shapes do not fit. In
/// Pooling.cpp.
nn::PoolOp poolingOf(NodeLowering &n, mlir::Value x, nn::PoolKind kind,
                     bool global, bool wantsIndices = false);

} // namespace adze::import

#endif
