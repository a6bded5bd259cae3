//===- PrintPtx.cpp - PTX for tests -----------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/ptx/Passes.h"
#include "codegen/ptx/Ptx.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_PRINTPTX
#include "codegen/ptx/Passes.h.inc"
} // namespace adze

namespace {
struct PrintPtxPass final : adze::impl::PrintPtxBase<PrintPtxPass> {
  using PrintPtxBase::PrintPtxBase;
  void runOnOperation() override {
    llvm::Expected<PtxModule> ptx = emitPtx(getOperation(), chip);
    if (ptx) {
      llvm::errs() << ptx->text;
      return;
    }
    getOperation().emitError(llvm::toString(ptx.takeError()));
    signalPassFailure();
  }
};
} // namespace
