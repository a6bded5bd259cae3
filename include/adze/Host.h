//===- Host.h - Code for the machine that adze runs on ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The host backend: a module at the loops level becomes machine code, either
/// inside this process (`jitCompile`) or as an object file (`writeObject`).
/// Every function here consumes its module: it is lowered in place.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_HOST_H
#define ADZE_HOST_H

#include "adze/Compiler.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
class raw_pwrite_stream;
} // namespace llvm

namespace adze {

/// How machine code is made. The defaults are those of an in-process run.
struct HostOptions {
  /// -O0 .. -O3 of LLVM's pass pipeline; loop and SLP vectorisation from -O2.
  unsigned optLevel = 2;
  /// The processor, as LLVM names it; "native" is the one we run on. An empty
  /// name is native in process and the architecture's baseline in an object.
  std::string cpu;
  /// Target triple of an object; empty: this machine's. In-process code is
  /// always for this machine.
  std::string triple;
  /// Kernels are optimised on this many threads; 0: one per core. The code does
  /// not depend on it.
  unsigned threads = 0;
  /// Fuse the `math.fma` and `vector.fma` that the module holds where the
  /// processor can; never anything else. Off, each is a multiply and an add, so
  /// that a result is the same on every machine.
  bool fuseMultiplyAdd = true;
};

/// Wall-clock seconds of each phase of a compilation.
struct HostTimes {
  double lower = 0;     ///< loops level to the LLVM dialect
  double translate = 0; ///< LLVM dialect to LLVM IR
  double generate = 0;  ///< optimisation and code generation
  double link = 0;      ///< weights, relocation, symbol look-up
};

/// Lowers a module of the loops level to the LLVM dialect, in place. Kernels
/// and the entry become internal functions with bare pointers as arguments;
/// weight globals become external symbols `adze.weight.NAME`; the one exported
/// function is `int adze_invoke(void **args)` with args = inputs, outputs,
/// arena.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module);

/// A model compiled into this process.
class HostExecutable final : public Executable {
public:
  ~HostExecutable() override;
  const std::vector<TensorSpec> &inputs() const override;
  const std::vector<TensorSpec> &outputs() const override;
  /// Runs once in the executable's own arena; calls from several threads wait
  /// for each other.
  Status run(const std::vector<const Tensor *> &in,
             std::vector<Tensor> &out) override;

  /// Bytes of arena that `invoke` needs, aligned to 64.
  size_t arenaSize() const;
  /// The bare entry point: pointers to inputs, outputs and arena, unchecked.
  int invoke(void **args) const;
  const HostTimes &times() const;

private:
  friend llvm::Expected<std::unique_ptr<HostExecutable>>
  jitCompile(mlir::ModuleOp, const HostOptions &);
  HostExecutable();
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// Compiles a module of the loops level into this process.
llvm::Expected<std::unique_ptr<HostExecutable>>
jitCompile(mlir::ModuleOp module, const HostOptions &options = {});

/// Writes an object file that exports NAME_run, NAME_arena_size and
/// NAME_status_text for the C API of an artifact; NAME is the module's
/// `adze.model`. Weights lie in its read-only data.
llvm::Error writeObject(mlir::ModuleOp module, const HostOptions &options,
                        llvm::raw_pwrite_stream &out);

/// What `printCode` prints.
enum class HostCode {
  Dialect,   ///< the LLVM dialect
  LLVM,      ///< LLVM IR before optimisation
  Optimized, ///< LLVM IR after optimisation
  Assembly,
};

/// Prints a module at one of the stages on the way to an object.
llvm::Error printCode(mlir::ModuleOp module, const HostOptions &options,
                      HostCode stage, llvm::raw_pwrite_stream &out);

} // namespace adze

#endif
