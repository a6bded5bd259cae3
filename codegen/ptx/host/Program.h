//===- Program.h - The launches of one chip's program as C ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_HOST_PROGRAM_H
#define ADZE_CODEGEN_PTX_HOST_PROGRAM_H

#include "adze/CEmitter.h"
#include "adze/Cuda.h"
#include "codegen/ptx/host/Places.h"

#include "llvm/ADT/StringMap.h"

namespace adze::cuda {

/// Where everything lies in the session's memory, and what C calls it.
struct DeviceMemory {
  llvm::StringMap<uint64_t> constants; // offset of each
  uint64_t constantBytes = 0;
};

struct ProgramText {
  std::string tables;  // kernels and their tensors
  std::string enqueue; // the function that launches them
  std::string row;     // the initializer of its adze_cuda_program
  bool hasConditions = false;
  std::vector<CKernel> kernels;
};

/// Prints a program. `model` is the prefix of names, `tensors` the number of
/// inputs and outputs of the entry.
llvm::FailureOr<ProgramText> printProgram(const CudaProgram &program,
                                          llvm::StringRef model,
                                          const DeviceMemory &memory);

/// The arguments of the entry that are inputs or outputs are numbered, inputs
/// first; the arena is -1.
int tensorNumber(mlir::func::FuncOp entry, mlir::BlockArgument argument);
mlir::func::FuncOp entryOf(mlir::ModuleOp module);

} // namespace adze::cuda

#endif
