//===- Bench.h - The two kinds of benchmarks ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_BENCH_H
#define ADZE_TOOLS_ADZE_BENCH_H

#include "adze/Machine.h"
#include "tools/adze/Command.h"

#include <string>

namespace adze::cli {

struct BenchOptions {
  ModelOptions model;
  std::string inputs;   // an .npz file; empty: made up
  std::string compiler; // of the emulated machine; empty: all it has
  unsigned runs = 0;    // timed runs; 0: as many as take about two seconds
  bool noPeer = false;  // no onnxruntime
  bool byLayer = true;  // a row for each function
};

/// Wall-clock times on this machine, with onnxruntime in turns.
int benchTimes(const BenchOptions &options);

/// Instructions and memory of an emulated machine.
int benchCounts(const BenchOptions &options, const Machine &machine);

} // namespace adze::cli

#endif
