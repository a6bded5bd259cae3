//===- Passes.td - Passes between the kernel level and PTX -*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def LowerGemm : Pass<"lower-gemm", "::mlir::ModuleOp"> {
  let summary = "scheduled matrix products become tile.kernels";
  let description = [{
    Each `kernel.func` with a schedule of a GEMM family loses its body to a
    `tile.kernel` beside it, which its attribute `adze.tile` names; `scratch`
    holds the bytes of the working buffer, if the schedule needs one. Where
    blocks share a sum over K, `adze.tile` is a list of two kernels, which run
    one after the other.
  }];
  let dependentDialects = ["::adze::tile::TileDialect",
      "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
      "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_90a\"", "for whom: sm_80, ...">];
}

def MapToThreads : Pass<"map-to-threads", "::mlir::ModuleOp"> {
  let summary = "kernels of the loops level become grids of threads";
  let description = [{
    The function of each kernel becomes one or more `tile.kernel`s and each call
    of it in the entry function their launches. A function that stands for a
    tile.kernel already (`adze.tile`) only has its calls replaced.

    A loop is parallel where an analysis proves it: it carries no values, each
    element that it writes is written by one iteration alone, and no iteration
    reads what another one writes. Nests of parallel loops become threads;
    a sum or maximum below them belongs to one thread, or, where a row is long
    and rows are few, to a block (partial results of its threads are combined in
    a fixed order). What cannot be proved runs in one thread and is listed in
    the module's attribute `adze.gpu_serial`.
  }];
  let dependentDialects = ["::adze::tile::TileDialect",
      "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
      "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
      "::mlir::vector::VectorDialect"];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_90a\"", "for whom: sm_80, ...">];
}

def PrintPtx : Pass<"print-ptx", "::mlir::ModuleOp"> {
  let summary = "prints the PTX of the tile.kernels to standard error, for tests";
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_90a\"", "for whom: sm_80, ...">];
}

def SelectGemm : Pass<"select-gemm", "::mlir::ModuleOp"> {
  let summary = "kernels of matrix products get the schedules of GEMM families";
  let description = [{
    Lists the legal schedules of each kernel whose root is an nn.matmul of
    floats (shared memory and registers fit the chip), ranks them by a roofline
    over the table of machines and writes the best as `#kernel.schedule`.
    `schedule` names one by some of its parameters, for tests; kernels without
    such a schedule get the best. `list` prints them all.
  }];
  let dependentDialects = ["::adze::kernel::KernelDialect"];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_90a\"", "for whom: sm_80, ...">,
    Option<"schedule", "schedule", "std::string", "\"\"",
           "e.g. gemm.mma_sync,tile=64x64x32,stages=3">,
    Option<"list", "list", "bool", "false", "print all legal schedules">];
}
