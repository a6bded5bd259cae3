//===- LowerKernels.cpp - The loops of each kernel -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "passes/lower/KernelLowering.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_LOWERKERNELS
#include "passes/Passes.h.inc"
} // namespace adze

namespace {
struct LowerKernelsPass final
    : adze::impl::LowerKernelsBase<LowerKernelsPass> {
  void runOnOperation() override {
    OpBuilder builder(&getContext());
    for (auto kernel : llvm::to_vector(getOperation().getOps<kernel::FuncOp>())) {
      builder.setInsertionPointAfter(kernel);
      if (kernel.isExternal()) {
        lower::declareTextKernel(kernel, builder);
        continue;
      }
      lower::LoweredKernel lowered;
      lower::lowerKernel(kernel, builder, lowered);
      if (!lowered.scratchBytes.empty())
        kernel.setScratch(lowered.scratchBytes);
    }
  }
};
} // namespace
