//===- Window.h - Sliding windows -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_OPS_WINDOW_H
#define ADZE_IMPORT_OPS_WINDOW_H

#include "lib/Import/ops/NodeLowering.h"

namespace adze::import {

/// The attributes that convolution and pooling share, with `auto_pad` and
/// `ceil_mode` resolved against the input's spatial shape.
struct WindowAttributes {
  llvm::SmallVector<int64_t> window, strides, dilations;
  llvm::SmallVector<int64_t> pads; // begins, then ends
  llvm::SmallVector<int64_t> output;
};

/// Reads strides, dilations, pads, auto_pad and ceil_mode; fails with a
/// message where they do not fit `spatial` and `window`.
mlir::LogicalResult readWindow(NodeLowering &n,
                               llvm::ArrayRef<int64_t> spatial,
                               llvm::ArrayRef<int64_t> window,
                               WindowAttributes &attributes);

} // namespace adze::import

#endif
