//===- Passes.h - Passes between the kernel level and PTX -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_PASSES_H
#define ADZE_CODEGEN_PTX_PASSES_H

#include "dialects/kernel/kernel.h"
#include "dialects/tile/tile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace adze {

#define GEN_PASS_DECL
#include "codegen/ptx/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "codegen/ptx/Passes.h.inc"

} // namespace adze

#endif
