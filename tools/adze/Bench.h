//===- Bench.h - The two kinds of benchmarks ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_BENCH_H
#define ADZE_TOOLS_ADZE_BENCH_H

#include "adze/Machine.h"
#include "adze/Qemu.h"
#include "tools/adze/Command.h"

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace adze::cli {

struct BenchOptions {
  ModelOptions model;
  std::string inputs;   // an .npz file; empty: made up
  std::string compiler; // of the emulated machine; empty: all it has
  unsigned runs = 0;    // timed runs; 0: as many as take about two seconds
  bool noPeer = false;  // no onnxruntime
  bool byLayer = true;  // a row for each layer and function
  std::string peers;    // a JSON file of figures to show beside ours
  bool simulate = false; // counts of ptxsim instead of times
};

/// Wall-clock times on this machine, with onnxruntime in turns.
int benchTimes(const BenchOptions &options);

/// Instructions and memory of an emulated machine.
int benchCounts(const BenchOptions &options, const Machine &machine);

/// What ptxsim counts of each kernel of a GPU, in one inference.
int benchGpu(const BenchOptions &options);

/// What NAME.json says of a kernel.
struct KernelNote {
  std::string doc, schedule;
  double macs = 0;
};

/// Another library's counts for the layers of a model, by the description of
/// the layer as NAME.json has it.
struct PeerFigures {
  std::string name; // empty: no peer
  std::map<std::string, FunctionStats> layers;
  FunctionStats total; // instructions 0: not known
};

/// Reads the figures of `model` on `machine`; a message if the file is not one
/// of peers. A model that it lacks gives no figures.
PeerFigures readPeers(const std::string &file, const std::string &model,
                      const std::string &machine);

/// The calls of one inference in order, each beside the peer's layers that it
/// stands for (a residual addition is one of its own there).
void printLayers(const RunStats &stats, const std::string &prefix,
                 const std::map<std::string, KernelNote> &notes,
                 const PeerFigures &peers);
nlohmann::ordered_json
describeLayers(const RunStats &stats,
               const std::map<std::string, KernelNote> &notes,
               const PeerFigures &peers);

} // namespace adze::cli

#endif
