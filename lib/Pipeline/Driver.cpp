//===- Driver.cpp - From a model file to text, folder or executable -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/Driver.h"

#include "adze/CEmitter.h"
#include "adze/Host.h"
#include "adze/Names.h"
#include "adze/Reader.h"
#include "dialects/kernel/kernel.h"
#include "lib/Pipeline/CompiledModule.h"
#include "lib/Pipeline/FitMemory.h"
#include "lib/Pipeline/Targets.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace adze;

CompiledModel::CompiledModel() = default;
CompiledModel::~CompiledModel() = default;
CompiledModel::CompiledModel(CompiledModel &&) noexcept = default;
CompiledModel &CompiledModel::operator=(CompiledModel &&) noexcept = default;

std::vector<TargetInfo> adze::targets() {
  std::vector<TargetInfo> infos;
  for (const Target &target : allTargets())
    infos.push_back({target.name.str(), target.summary.str(),
                     target.runsIn.str(), compilerFlags(target)});
  return infos;
}

bool adze::isTarget(const std::string &name) {
  return !findTargets(name).empty();
}

std::vector<std::string> adze::chipsOf(const std::string &target) {
  std::vector<std::string> chips;
  for (const Target *row : findTargets(target))
    if (row->backend == Backend::cuda)
      chips.push_back(row->machine.str());
  return chips;
}

/// Runs the stages behind the graph for one target, on `impl.module`.
static Status compileStages(CompiledModel &compiled, const Target &target,
                            const std::string &path,
                            const CompileOptions &options, EmitLevel level,
                            bool describes) {
  struct Step {
    Stage stage;
    EmitLevel level;
    const char *label;
    double done;
  };
  std::vector<Step> steps = {
      {Stage::kernel, EmitLevel::Kernel, "forming kernels", 0.3},
      {Stage::loops, EmitLevel::Loops, "lowering to loops", 0.5},
  };
  if (target.backend == Backend::cuda)
    steps.push_back({Stage::tile, EmitLevel::Tile, "mapping to threads", 0.7});
  CompiledModel::Impl &impl = *compiled.impl;
  impl.target = &target;
  for (const Step &step : steps) {
    if (options.progress)
      options.progress(step.label, step.done);
    Status status =
        step.stage == Stage::kernel
            ? runKernelStage(impl, options, path)
            : impl.runPasses(passesOf(step.stage, target, options.optLevel),
                             path);
    if (!status)
      return status;
    if (step.stage == Stage::kernel && describes) {
      describeKernels(compiled);
      describeMemory(compiled);
    }
    if (step.level == level)
      return Status::success();
  }
  return Status::success();
}

/// Reads and compiles up to a level; the module at that level is in `impl`.
static Status compileTo(const std::string &path, const CompileOptions &options,
                        EmitLevel level, CompiledModel &compiled) {
  std::vector<const Target *> rows = findTargets(options.target);
  if (rows.empty()) {
    std::string names;
    for (const Target &t : allTargets())
      names += (names.empty() ? "" : ", ") + t.name.str();
    return Status::failure("there is no target '" + options.target +
                           "'; there are: " + names +
                           "; GPUs can be listed, as cuda:sm_80,sm_90a");
  }
  const Target *target = rows.front();
  bool isGpu = target->backend == Backend::cuda;
  if ((level == EmitLevel::Tile || level == EmitLevel::Ptx) && !isGpu)
    return Status::failure("the levels tile and ptx are of GPUs, and the "
                           "target is '" +
                           options.target + "'; add -t cuda");
  if (level == EmitLevel::Llvm && isGpu)
    return Status::failure("a GPU's code is printed as ptx, not as llvm; use "
                           "--emit=ptx");
  compiled.target = options.target;
  compiled.name = cIdentifier(options.name.empty()
                                  ? modelName(path)
                                  : llvm::StringRef(options.name));
  compiled.impl = std::make_unique<CompiledModel::Impl>();
  CompiledModel::Impl &impl = *compiled.impl;
  impl.target = target;
  impl.optLevel = options.optLevel;
  auto progress = [&](const char *label, double fraction) {
    if (options.progress)
      options.progress(label, fraction);
  };

  progress("reading", 0.0);
  ReadOptions read;
  read.shapes = options.shapes;
  read.constants = options.constants;
  read.keepAllValues = options.keepAllValues;
  if (Status status = readOnnx(path, read, impl.context, impl.module); !status)
    return status;
  impl.module->getOperation()->setAttr(
      "adze.model", StringAttr::get(&impl.context, compiled.name));
  // Budgets that passes choose by; plan-memory takes its own as an option.
  if (!options.accelerators.empty())
    impl.module->getOperation()->setAttr(
        "adze.accelerators",
        Builder(&impl.context)
            .getStrArrayAttr(llvm::to_vector_of<StringRef>(
                options.accelerators)));
  if (options.flash > 0)
    impl.module->getOperation()->setAttr(
        "adze.flash_budget",
        IntegerAttr::get(IntegerType::get(&impl.context, 64), options.flash));
  if (level == EmitLevel::Onnx)
    return Status::success();

  progress("simplifying the graph", 0.1);
  if (Status status = impl.runPasses(
          passesOf(Stage::nn, *target, options.optLevel), path);
      !status || level == EmitLevel::Nn)
    return status;
  std::vector<OwningOpRef<ModuleOp>> graphs; // for the GPUs of a list
  for (size_t i = 1; i < rows.size(); ++i)
    graphs.push_back(impl.module->clone());
  if (Status status = compileStages(compiled, *target, path, options, level,
                                    /*describes=*/true);
      !status || level == EmitLevel::Kernel || level == EmitLevel::Loops)
    return status;
  for (size_t i = 1; i < rows.size(); ++i) {
    std::swap(impl.module, graphs[i - 1]);
    Status status =
        compileStages(compiled, *rows[i], path, options, level, false);
    std::swap(impl.module, graphs[i - 1]);
    if (!status)
      return status;
    impl.others.push_back({rows[i], std::move(graphs[i - 1])});
  }
  impl.target = target;
  if (level == EmitLevel::Tile)
    return Status::success();
  describeEntry(compiled);
  return checkFlash(impl, options, path);
}

Status adze::compileModel(const std::string &path,
                          const CompileOptions &options,
                          CompiledModel &compiled) {
  Status status = compileTo(path, options, EmitLevel::C, compiled);
  if (status && options.progress)
    options.progress("compiled", 1.0);
  return status;
}

Status adze::emitText(const std::string &path, const CompileOptions &options,
                      EmitLevel level, std::string &text) {
  CompiledModel compiled;
  if (Status status = compileTo(path, options, level, compiled); !status)
    return status;
  CompiledModel::Impl &impl = *compiled.impl;
  if (level == EmitLevel::Ptx) {
    std::string first;
    if (Status status = emitPtxText(*impl.module, *impl.target, text); !status)
      return status;
    for (auto &[target, module] : impl.others) {
      if (Status status = emitPtxText(*module, *target, first); !status)
        return status;
      text += "\n" + first;
    }
    return Status::success();
  }
  if (level == EmitLevel::C && impl.target->backend == Backend::cuda) {
    CSource source;
    if (Status status = emitCuda(compiled, source); !status)
      return status;
    text = source.header.text + "\n" + source.source.text;
    return Status::success();
  }
  if (level == EmitLevel::C) {
    CSource source;
    DiagnosticCollector errors(impl.context, path);
    if (failed(emitC(*impl.module, source)))
      return errors.status("the C emitter failed");
    text = source.header.text + "\n" + source.source.text;
    return Status::success();
  }
  if (level == EmitLevel::Llvm) {
    llvm::SmallVector<char> buffer;
    llvm::raw_svector_ostream stream(buffer);
    HostOptions host;
    host.optLevel = options.optLevel;
    if (llvm::Error error =
            printCode(*impl.module, host, HostCode::Optimized, stream))
      return Status::failure(llvm::toString(std::move(error)));
    text.assign(buffer.begin(), buffer.end());
    return Status::success();
  }
  llvm::raw_string_ostream stream(text);
  impl.module->print(stream, OpPrintingFlags().elideLargeElementsAttrs(64));
  for (auto &[target, module] : impl.others) {
    stream << "\n// -----\n";
    module->print(stream, OpPrintingFlags().elideLargeElementsAttrs(64));
  }
  stream << "\n";
  return Status::success();
}
