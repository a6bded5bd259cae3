//===- adze-opt.cpp - Runs every pass -------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/KernelFamily.h"
#include "dialects/tile/tile.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "codegen/ptx/Passes.h"
#include "passes/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<adze::AdzeDialect, adze::kernel::KernelDialect,
                  adze::nn::NnDialect, adze::onnx::OnnxDialect,
                  adze::tile::TileDialect, mlir::gpu::GPUDialect,
                  mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::linalg::LinalgDialect, mlir::math::MathDialect,
                  mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                  mlir::tensor::TensorDialect, mlir::vector::VectorDialect,
                  adze::tile::TileDialect, mlir::gpu::GPUDialect,
                  mlir::cf::ControlFlowDialect>();
  registry.addExtension(+[](mlir::MLIRContext *, adze::AdzeDialect *dialect) {
    dialect->setKernelFamilies(&adze::cKernelFamilies());
  });
  adze::registerAdzePasses();
  adze::registerAdzePtxPasses();
  mlir::registerTransformsPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "adze pass driver\n", registry));
}
