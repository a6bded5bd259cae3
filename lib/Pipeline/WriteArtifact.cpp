//===- WriteArtifact.cpp - A compiled model becomes a folder -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/Artifact.h"

#include "adze/CEmitter.h"
#include "adze/Host.h"
#include "adze/Machine.h"
#include "adze/Native.h"
#include "adze/Qemu.h"
#include "lib/Pipeline/CompiledModule.h"
#include "runtime/native/TemporaryFolder.h"

using namespace mlir;
using namespace adze;

/// What the report says beside the source. Kernels get the names of their C
/// functions, by which a profile or a debugger knows them.
static ArtifactInfo describeArtifact(const CompiledModel &compiled,
                                     const CSource &source) {
  llvm::StringMap<std::string> functions;
  for (const CKernel &kernel : source.kernels) {
    llvm::StringRef symbol = kernel.symbol;
    symbol.consume_back(".loops"); // lower-kernels' name for the lowered form
    functions[symbol] = kernel.name;
  }
  const CompiledModel::Impl &impl = *compiled.impl;
  ArtifactInfo info;
  info.adzeVersion = ADZE_VERSION;
  info.target = compiled.target;
  info.compilerFlags = compilerFlags(*impl.target);
  info.modelFile = impl.modelFile;
  info.modelSha256 = impl.sha256;
  info.options = {{"-O", std::to_string(impl.optLevel)}};
  info.floatFallbacks = compiled.floatFallbacks;
  const MemoryFigures &memory = compiled.memory;
  info.memory = {
      memory.arenaBound,     memory.orderBound,   memory.unfusedBound,
      impl.peakStep,         memory.peakAt,       memory.patches.bands,
      memory.patches.layers, memory.patches.macs, memory.patches.extraMacs,
      memory.patches.upTo};
  for (const KernelInfo &kernel : compiled.kernels) {
    ArtifactKernel row;
    auto function = functions.find(kernel.name);
    row.name = function == functions.end() ? kernel.name : function->second;
    row.doc = kernel.doc;
    row.macs = kernel.macs;
    row.calls = kernel.calls;
    auto it = impl.kernelDetails.find(kernel.name);
    if (it != impl.kernelDetails.end()) {
      row.schedule = it->second.schedule;
      row.bytes = it->second.bytes;
    }
    info.kernels.push_back(std::move(row));
  }
  for (const BufferDetail &buffer : impl.buffers)
    info.buffers.push_back(
        {buffer.name, buffer.offset, buffer.size, buffer.first, buffer.last});
  return info;
}

Status adze::writeArtifact(const CompiledModel &compiled,
                           const std::string &directory,
                           std::vector<WrittenFile> &files, bool force) {
  CompiledModel::Impl &impl = *compiled.impl;
  DiagnosticCollector errors(impl.context, compiled.name);
  CSource source;
  if (impl.target->backend == Backend::cuda) {
    if (Status status = emitCuda(compiled, source); !status)
      return status;
    return writeArtifact(describeArtifact(compiled, source), source, directory,
                         force, files);
  }
  CEmitterOptions options;
  // An object holds its weights; only the header is C.
  options.headerOnly = impl.target->backend == Backend::host;
  if (failed(emitC(*impl.module, source, options)))
    return errors.status("the C emitter failed");
  ArtifactInfo info = describeArtifact(compiled, source);
  if (impl.target->backend == Backend::host) {
    llvm::SmallVector<char, 0> buffer;
    llvm::raw_svector_ostream stream(buffer);
    source.weightsBytes = compiled.memory.weightBytes;
    HostOptions host;
    host.optLevel = impl.optLevel;
    host.cpu = "native";
    OwningOpRef<ModuleOp> copy = impl.module->clone();
    if (llvm::Error error = writeObject(*copy, host, stream))
      return errors.status(llvm::toString(std::move(error)));
    info.object.assign(buffer.begin(), buffer.end());
  }
  return writeArtifact(info, source, directory, force, files);
}

namespace {
/// Runs an artifact in a temporary folder that lives as long as it does.
class TemporaryExecutable final : public Executable {
public:
  TemporaryExecutable(std::unique_ptr<TemporaryFolder> folder,
                      std::unique_ptr<Executable> inner)
      : folder(std::move(folder)), inner(std::move(inner)) {}
  const std::vector<TensorSpec> &inputs() const override {
    return inner->inputs();
  }
  const std::vector<TensorSpec> &outputs() const override {
    return inner->outputs();
  }
  Status run(const std::vector<const Tensor *> &in,
             std::vector<Tensor> &out) override {
    return inner->run(in, out);
  }

private:
  std::unique_ptr<TemporaryFolder> folder;
  std::unique_ptr<Executable> inner;
};
} // namespace

Status adze::loadArtifactExecutable(CompiledModel &compiled,
                                    std::unique_ptr<Executable> &executable) {
  auto folder = std::make_unique<TemporaryFolder>();
  if (Status status = folder->create(); !status)
    return status;
  std::string directory = folder->path() + "/" + compiled.name;
  std::vector<WrittenFile> files;
  if (Status status = writeArtifact(compiled, directory, files); !status)
    return status;
  const Machine *machine = findMachine(compiled.impl->target->machine.str());
  if (!machine)
    return Status::failure("the target '" + compiled.target +
                           "' has no machine description");
  std::unique_ptr<Executable> inner;
  Status status = machine->isEmulated()
                      ? makeQemuExecutable(directory, *machine, inner)
                      : makeNativeExecutable(directory, inner);
  if (!status)
    return status;
  executable = std::make_unique<TemporaryExecutable>(std::move(folder),
                                                     std::move(inner));
  return Status::success();
}
