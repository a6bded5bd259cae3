//===- KernelName.h - What kernels are called -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_FUSE_KERNELNAME_H
#define ADZE_PASSES_FUSE_KERNELNAME_H

#include "mlir/IR/Operation.h"

#include <string>

namespace adze {

/// A C identifier after the ONNX node that made the operation.
std::string kernelName(mlir::Operation *op);
/// The node name behind a location; empty if there is none.
std::string nodeName(mlir::Location loc);
/// One line for people: "conv 3x3/2 [1,32,32,16] -> [1,16,16,32] + relu".
std::string kernelDoc(llvm::ArrayRef<mlir::Operation *> ops,
                      mlir::Operation *head);

} // namespace adze

#endif
