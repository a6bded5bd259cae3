//===- Load.cpp - A compiled model becomes runnable -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/Driver.h"
#include "adze/Host.h"
#include "lib/Pipeline/CompiledModule.h"

using namespace mlir;
using namespace adze;

Status adze::loadExecutable(CompiledModel &compiled,
                            std::unique_ptr<Executable> &executable) {
  CompiledModel::Impl &impl = *compiled.impl;
  if (impl.target->backend == Backend::host) {
    HostOptions options;
    options.optLevel = impl.optLevel;
    DiagnosticCollector errors(impl.context, compiled.name);
    auto made = jitCompile(*impl.module, options);
    if (!made)
      return errors.status(llvm::toString(made.takeError()));
    executable = std::move(*made);
    return Status::success();
  }
  return loadArtifactExecutable(compiled, executable);
}
