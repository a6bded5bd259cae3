//===- Check.h - One generated kernel against the reference -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TEST_KERNELS_CHECK_H
#define ADZE_TEST_KERNELS_CHECK_H

#include "adze/Compiler.h"
#include "adze/KernelFamily.h"

namespace adze {

struct CheckOptions {
  std::string compiler; // of the machine; empty: its default
  std::string optimization = "-O3";
  /// Run the plain C on this machine under address and undefined sanitizers
  /// instead of in the emulator.
  bool host = false;
  /// Where the C is kept; empty: nowhere.
  std::string keep;
};

struct CheckResult {
  bool equal = false;
  std::string difference; // the first one
  uint64_t instructions = 0, loads = 0, stores = 0, cycles = 0;
  uint64_t stackBytes = 0, codeBytes = 0;
  int64_t constantBytes = 0, scratchBytes = 0;
};

/// Builds the kernel into an image of its own, runs it between guard bytes
/// (overlapping as far as it allows) and compares. A failure is one of tools
/// or of the emulated program.
Status checkKernel(const Problem &problem, const KernelCode &code,
                   const Machine &machine, const CheckOptions &options,
                   CheckResult &result);

} // namespace adze

#endif
