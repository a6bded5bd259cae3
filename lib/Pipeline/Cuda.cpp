//===- Cuda.cpp - A compiled model as PTX and C -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/Cuda.h"

#include "codegen/ptx/Ptx.h"
#include "lib/Pipeline/CompiledModule.h"

using namespace mlir;
using namespace adze;

Status adze::emitPtxText(ModuleOp module, const Target &target,
                         std::string &text) {
  DiagnosticCollector errors(*module.getContext(), target.name.str());
  auto ptx = emitPtx(module, target.machine);
  if (!ptx)
    return errors.status(llvm::toString(ptx.takeError()));
  text = std::move(ptx->text);
  return Status::success();
}

Status adze::emitCuda(const CompiledModel &compiled, CSource &source) {
  CompiledModel::Impl &impl = *compiled.impl;
  std::vector<CudaProgram> programs;
  std::vector<ModuleOp> modules{*impl.module};
  std::vector<const Target *> targets{impl.target};
  for (auto &[target, module] : impl.others) {
    modules.push_back(*module);
    targets.push_back(target);
  }
  for (size_t i = 0; i < modules.size(); ++i) {
    CudaProgram program;
    program.module = &modules[i];
    program.chip = targets[i]->machine.str();
    if (Status status = emitPtxText(modules[i], *targets[i], program.ptx);
        !status)
      return status;
    programs.push_back(std::move(program));
  }
  DiagnosticCollector errors(impl.context, compiled.name);
  if (failed(emitCudaHost(programs, source)))
    return errors.status("the host program cannot be printed");
  return Status::success();
}
