//===- Ptx.h - PTX text of tile kernels -------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_PTX_H
#define ADZE_CODEGEN_PTX_PTX_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace adze {

/// One `.entry` of a PTX module.
struct PtxKernel {
  std::string name;    ///< symbol of the tile.kernel and of the entry
  int64_t grid[3];     ///< blocks in x, y, z
  int64_t block;       ///< threads of a block
  int64_t cluster[3];  ///< blocks of a cluster; all 1: no cluster
  int64_t sharedBytes; ///< dynamic shared memory of a block
};

/// The kernels of a module for one chip.
struct PtxModule {
  std::string chip;               ///< "sm_90a"
  int isa = 0;                    ///< PTX ISA of the text: 80 for 8.0
  std::string text;               ///< depends on the module and the chip alone
  std::vector<PtxKernel> kernels; ///< in the order of the module
};

/// The least PTX ISA that knows a chip ("sm_80": 70); 0 if adze makes no code
/// for it.
int leastPtxIsa(llvm::StringRef chip);

/// PTX of all tile.kernels of a module; the module stays as it is. The ISA is
/// the least that the chip and the kernels (`min_ptx`) need, so that old
/// drivers load the text. Parameters of an entry are 64-bit addresses of global
/// memory in the order of the kernel's arguments, or 128-byte tensor maps
/// (`tile.tensor_map`), aligned to 64. Addresses are aligned to 16 bytes at
/// least.
///
/// Errors: an unknown chip; an operation that has no code for GPUs, with its
/// location.
llvm::Expected<PtxModule> emitPtx(mlir::ModuleOp module, llvm::StringRef chip);

} // namespace adze

#endif
