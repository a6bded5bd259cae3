//===- Passes.td - Every pass between import and target ---*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Keep alphabetical.

include "mlir/Pass/PassBase.td"

def ConvertOnnxToNn : Pass<"convert-onnx-to-nn", "::mlir::ModuleOp"> {
  let summary = "turns ONNX nodes into tensor operations";
  let description = [{
    Walks the nodes in order and calls the lowering registered for (domain,
    operator, version). What depends on constants alone is computed on the way,
    so that shapes which a graph computes are known. All nodes without a
    lowering are reported at once.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::nn::NnDialect",
      "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
      "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect",
      "::adze::kernel::KernelDialect", "::mlir::func::FuncDialect"];
  let options = [
    Option<"keepAllValues", "keep-all-values", "bool", "false",
           "make the results of every node outputs of the program">];
}

def FormKernels : Pass<"form-kernels", "::mlir::ModuleOp"> {
  let summary = "groups operations into kernels and outlines them";
  let description = [{
    Every root operation starts a kernel; element-wise consumers of its result
    join as its epilogue, cheap producers are evaluated where they are used.
    Kernels with the same body become one function.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::kernel::KernelDialect"];
  let options = [
    Option<"fuse", "fuse", "bool", "true", "false makes one kernel an operation">];
}

def LowerProgram : Pass<"lower-program", "::mlir::ModuleOp"> {
  let summary = "turns the planned program and its kernels into loops over buffers";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
      "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}
