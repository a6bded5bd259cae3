//===- CompiledModule.h - What a compiled model holds -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PIPELINE_COMPILEDMODULE_H
#define ADZE_PIPELINE_COMPILEDMODULE_H

#include "adze/CEmitter.h"
#include "adze/Driver.h"
#include "lib/Pipeline/Targets.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>

namespace adze {

/// What a report says of a kernel beside KernelInfo.
struct KernelDetail {
  std::string schedule;
  int64_t bytes = 0; // read and written by one call
};

/// A buffer of the memory plan.
struct BufferDetail {
  std::string name;
  int64_t offset = 0, size = 0, first = 0, last = 0;
};

struct CompiledModel::Impl {
  Impl();
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const Target *target = nullptr;
  /// The model for the GPUs after the first one of a list.
  std::vector<std::pair<const Target *, mlir::OwningOpRef<mlir::ModuleOp>>>
      others;
  int optLevel = 2;
  std::string sha256; // of the model file
  std::string modelFile; // its name
  std::map<std::string, KernelDetail> kernelDetails;
  std::vector<BufferDetail> buffers;
  int64_t peakStep = -1; // in which the buffers fill the arena

  /// Runs a textual pass pipeline; the first errors become the message.
  Status runPasses(const std::string &passes, const std::string &path);
};

/// Collects error diagnostics while it lives.
class DiagnosticCollector {
public:
  DiagnosticCollector(mlir::MLIRContext &context, std::string model);
  /// The failure to report: the collected errors, or `otherwise`.
  Status status(const std::string &otherwise) const;

private:
  std::string model;
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

/// "model" for ".../model.onnx"; the folder's name where the file is called
/// model.onnx, as model zoos do.
std::string modelName(const std::string &path);
/// Flags of the target's default C compiler.
std::string compilerFlags(const Target &target);
/// Writes the artifact into a temporary folder, builds it and runs it in the
/// way of its target.
Status loadArtifactExecutable(CompiledModel &compiled,
                              std::unique_ptr<Executable> &executable);
/// The C side of a model for GPUs, PTX included.
Status emitCuda(const CompiledModel &compiled, CSource &source);
/// PTX for one GPU.
Status emitPtxText(mlir::ModuleOp module, const Target &target,
                   std::string &text);
/// Fills kernels and memory figures from the planned program.
void describeKernels(CompiledModel &compiled);
/// Fills inputs, outputs and weight bytes from the entry function.
void describeEntry(CompiledModel &compiled);

} // namespace adze

#endif
