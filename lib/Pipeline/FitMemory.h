//===- FitMemory.h - Kernels within budgets of memory -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PIPELINE_FITMEMORY_H
#define ADZE_PIPELINE_FITMEMORY_H

#include "lib/Pipeline/CompiledModule.h"

namespace adze {

/// Runs the kernel stage. Where arena and stack exceed `options.ram`, the first
/// layers are computed in bands (passes/patch): of all ways to do so that can
/// fit, those with the fewest extra multiply-accumulates are tried first. The
/// message of a failure says what is alive at the peak and how much is missing.
Status runKernelStage(CompiledModel::Impl &impl, const CompileOptions &options,
                      const std::string &path);

/// Whether the weights of the lowered program fit `options.flash`.
Status checkFlash(CompiledModel::Impl &impl, const CompileOptions &options,
                  const std::string &path);

/// Fills the figures of memory from the planned program.
void describeMemory(CompiledModel &compiled);

} // namespace adze

#endif
