//===- Codegen.h - From the LLVM dialect to machine code --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_HOST_CODEGEN_H
#define ADZE_CODEGEN_HOST_CODEGEN_H

#include "adze/Host.h"
#include "codegen/llvm/Translate.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace adze::host {

using codegen::makeError;
using codegen::runStep;

/// A weight that the code refers to.
struct WeightSymbol {
  std::string symbol; ///< of the LLVM global
  std::string name;   ///< in the weight store
  uint64_t bytes = 0; ///< its size in memory
  uint64_t alignment = 1;
};

/// The weights of a module in the LLVM dialect; an error if the store does not
/// hold one in its size.
llvm::Expected<std::vector<WeightSymbol>> findWeights(mlir::ModuleOp module);

/// The machine for which code is made. Code in this process is for the
/// processor we run on, an object for the baseline of its architecture, unless
/// the options name another.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const HostOptions &options, bool inProcess);

/// Translates the LLVM dialect to LLVM IR for a machine.
llvm::Expected<std::unique_ptr<llvm::Module>>
translate(mlir::ModuleOp module, llvm::LLVMContext &context,
          const llvm::TargetMachine &machine);

/// Links the functions of runtime/core that a module calls into it, as internal
/// functions.
llvm::Error linkRuntime(llvm::Module &module);

/// LLVM's pass pipeline.
void optimize(llvm::Module &module, llvm::TargetMachine &machine,
              const HostOptions &options);

/// Machine code or assembly of an optimised module.
llvm::Error emit(llvm::Module &module, llvm::TargetMachine &machine,
                 llvm::CodeGenFileType kind, llvm::raw_pwrite_stream &out);

/// Optimises a module and generates code in several independent parts, which
/// threads share. The parts depend on the module alone.
llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
compileInParts(std::unique_ptr<llvm::Module> module,
               const HostOptions &options);

/// Measures a phase.
class Stopwatch {
public:
  /// Seconds since the last call, or since construction.
  double lap() {
    auto now = std::chrono::steady_clock::now();
    std::chrono::duration<double> elapsed = now - last;
    last = now;
    return elapsed.count();
  }

private:
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

} // namespace adze::host

#endif
