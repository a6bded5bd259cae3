//===- Cuda.h - The C side of a program for NVIDIA's GPUs -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CUDA_H
#define ADZE_CUDA_H

#include "adze/CEmitter.h"

#include <string>
#include <vector>

namespace adze {

/// A model compiled for one chip.
struct CudaProgram {
  /// Module after map-to-threads: tile.kernels, constants, and the entry with
  /// tile.launch, memref.copy, views of the arena, scf.if and scf.while.
  mlir::ModuleOp *module = nullptr;
  std::string chip; // "sm_90a"
  std::string ptx;  // all kernels, under their symbols' names
};

/// Prints the host side of one or more programs of one model (equal inputs and
/// outputs; constants of equal names hold equal bytes) as C99: NAME.h, NAME.c,
/// NAME_cuda.h (the runtime), NAME_kernels.c (the PTX, a line a string), the
/// weights. A program without conditions is captured into a CUDA graph, its
/// independent launches on several streams. Fails with a diagnostic on what
/// the host program cannot say.
llvm::LogicalResult emitCudaHost(const std::vector<CudaProgram> &programs,
                                 CSource &out,
                                 const CEmitterOptions &options = {});

} // namespace adze

#endif
