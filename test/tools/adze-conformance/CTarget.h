//===- CTarget.h - Tests as generated C, compiled in batches ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One program holds the code of many tests: starting a linker for each would
/// take longer than all the rest. Every test is a source file of its own, and
/// the program runs the one that it is asked for, in exactly sized heap blocks
/// so that a sanitizer sees every access outside of them.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CONFORMANCE_CTARGET_H
#define ADZE_CONFORMANCE_CTARGET_H

#include "Pool.h"
#include "Suite.h"

namespace adze::conformance {

struct CTargetOptions {
  std::string target = "c"; // any that is printed as C
  int optLevel = 1;
  bool sanitize = false; // address and undefined behaviour
  size_t batch = 64;     // tests in a program
  std::string folder;    // for sources and programs; exists
};

/// Runs tests: prints the code of all of them, compiles it with gcc, has clang
/// look for warnings too (any warning is a failure of that test), runs the
/// programs. `done` is called once a test.
Status runCTests(const std::vector<Test> &tests, const CTargetOptions &options,
                 const PoolOptions &pool,
                 const std::function<void(size_t, Outcome)> &done);

} // namespace adze::conformance

#endif
