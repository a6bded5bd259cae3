//===- KernelProblem.h - A kernel of integers as plain data -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_SCHEDULE_KERNELPROBLEM_H
#define ADZE_PASSES_SCHEDULE_KERNELPROBLEM_H

#include "adze/KernelFamily.h"
#include "dialects/kernel/kernel.h"

namespace adze {

/// What a call of a kernel computes, if a family could be asked for it.
struct KernelProblem {
  Problem problem;
  /// Operands of the call that are the problem's inputs, in its order.
  llvm::SmallVector<unsigned> inputs;
};

/// Reads the problem of `call` out of the body of its kernel and the constants
/// that it is called with: nn.conv or nn.matmul with nn.requantize (and
/// nn.quantized_add behind it), nn.quantized_add, nn.quantized_mul, nn.pool,
/// nn.lookup, nn.quantized_softmax. Nothing for any other body.
std::optional<KernelProblem> readKernelProblem(kernel::FuncOp kernel,
                                               kernel::CallOp call);

/// A convolution with a residual addition as the two problems that it is.
std::pair<ConvolutionProblem, AdditionProblem>
splitResidual(const ConvolutionProblem &problem);

} // namespace adze

#endif
