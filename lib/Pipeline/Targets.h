//===- Targets.h - What differs from target to target -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PIPELINE_TARGETS_H
#define ADZE_PIPELINE_TARGETS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace adze {

/// cuda: PTX kernels with a host program in C.
enum class Backend { host, c, cuda };

/// A row of the target table. What a chip can do stands in lib/Machine.
struct Target {
  llvm::StringLiteral name;
  llvm::StringLiteral summary;
  llvm::StringLiteral runsIn;
  llvm::StringLiteral machine; // a file of lib/Machine/chips; "" for host
  Backend backend;
  int64_t alignment; // of buffers in the arena
};

llvm::ArrayRef<Target> allTargets();
const Target *findTarget(llvm::StringRef name);
/// The rows that a name stands for: one, or those of a list of GPUs
/// ("cuda:sm_80,sm_90a"); "cuda" is cuda:sm_90a. Empty if a name is unknown or
/// a GPU is named twice.
std::vector<const Target *> findTargets(llvm::StringRef name);

/// A stage of the way of the data: where it can be stopped and printed.
enum class Stage { nn, kernel, loops, tile };

/// The passes of a stage for a target, in the textual pipeline syntax of
/// adze-opt. Without `textKernels` every kernel is loops.
std::string passesOf(Stage stage, const Target &target, int optLevel,
                     bool textKernels = true);

} // namespace adze

#endif
