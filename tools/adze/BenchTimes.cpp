//===- BenchTimes.cpp - Wall-clock times, beside onnxruntime --------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Npz.h"
#include "runtime/native/TemporaryFolder.h"
#include "tools/adze/Bench.h"
#include "tools/adze/ModelRun.h"
#include "tools/adze/Python.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>

using namespace adze;
using namespace adze::cli;

namespace {

/// Figures of a sample of times, in seconds.
struct Times {
  double median = 0, least = 0;
  double spread = 0; // 10th to 90th percentile, relative to the median
  size_t runs = 0;

  explicit Times(std::vector<double> sample) : runs(sample.size()) {
    if (sample.empty())
      return;
    std::sort(sample.begin(), sample.end());
    auto quantile = [&](double q) {
      return sample[size_t(q * double(sample.size() - 1) + 0.5)];
    };
    median = quantile(0.5);
    least = sample.front();
    spread = (quantile(0.9) - quantile(0.1)) / median;
  }

  nlohmann::ordered_json json() const {
    return {{"median_seconds", median},
            {"least_seconds", least},
            {"spread", spread},
            {"runs", runs}};
  }
};

} // namespace

static double timeRun(Executable &executable,
                      const std::vector<const Tensor *> &in,
                      std::vector<Tensor> &out) {
  auto start = std::chrono::steady_clock::now();
  check(executable.run(in, out));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

int cli::benchTimes(const BenchOptions &options) {
  InputFiles files;
  if (!options.inputs.empty())
    files.addNpz(options.inputs);
  CompileOptions compileOptions = options.model.compileOptions();
  files.addShapes(compileOptions);
  Runnable runnable = makeRunnable(options.model, compileOptions);
  Executable &executable = *runnable.executable;
  std::vector<Tensor> in = files.empty() ? randomInputs(executable.inputs(), 0)
                                         : files.read(executable.inputs());
  std::vector<const Tensor *> pointers = pointersTo(in);
  std::vector<Tensor> out;

  // The peer gets the very same inputs, through a file.
  TemporaryFolder folder;
  OnnxRuntimePeer peer;
  Status peerStatus = Status::failure("not asked for.");
  if (!options.noPeer) {
    std::vector<Tensor> named = in;
    for (Tensor &tensor : named)
      tensor.spec.name = "in/" + tensor.spec.name;
    check(folder.create());
    check(writeNpz(folder.file("inputs.npz"), named));
    peerStatus =
        std::filesystem::is_directory(options.model.model)
            ? Status::failure("it runs models, not folders.")
            : peer.start(options.model.model, folder.file("inputs.npz"));
  }

  // Two runs warm caches and memory up; the second one sets the number.
  timeRun(executable, pointers, out);
  double once = timeRun(executable, pointers, out);
  size_t runs =
      options.runs
          ? options.runs
          : size_t(std::clamp(2.0 / std::max(once, 1e-9), 5.0, 2000.0));
  // In turns, so that both see the same moods of the machine.
  size_t rounds = std::min<size_t>(runs, 10);
  std::vector<double> ours, theirs;
  {
    ProgressBar progress;
    Progress report = progress.callback();
    for (size_t round = 0; round < rounds; ++round) {
      report("timing", double(round) / double(rounds));
      size_t count = runs * (round + 1) / rounds - runs * round / rounds;
      for (size_t i = 0; i < count; ++i)
        ours.push_back(timeRun(executable, pointers, out));
      if (peerStatus)
        peerStatus = peer.time(unsigned(count), theirs);
    }
  }
  Times adzeTimes(ours), peerTimes(theirs);
  int64_t macs = 0;
  for (const KernelInfo &kernel : runnable.compiled.kernels)
    macs += kernel.macs * kernel.calls;
  double ratio = peerStatus ? peerTimes.median / adzeTimes.median : 0;

  if (options.model.json) {
    nlohmann::ordered_json json = {{"model", options.model.model},
                                   {"target", options.model.target},
                                   {"compile_seconds", runnable.compileSeconds},
                                   {"macs", macs},
                                   {"adze", adzeTimes.json()}};
    if (peerStatus) {
      json["onnxruntime"] = peerTimes.json();
      json["onnxruntime"]["version"] = peer.version();
      json["onnxruntime_over_adze"] = ratio;
    }
    std::cout << json.dump(2) << "\n";
    return exitSuccess;
  }
  Table table({{""},
               {"median", true},
               {"least", true},
               {"spread", true},
               {"runs", true},
               {"GMAC/s", true}});
  auto addRow = [&](const std::string &name, const Times &times) {
    table.add({{name, Colour::Bold},
               timeText(times.median),
               timeText(times.least),
               fmt::format("{:.1f} %", times.spread * 100),
               std::to_string(times.runs),
               macs > 0
                   ? fmt::format("{:.2f}", double(macs) / times.median * 1e-9)
                   : std::string("-")});
  };
  addRow("adze " + options.model.target, adzeTimes);
  if (peerStatus)
    addRow("onnxruntime " + peer.version(), peerTimes);
  table.print();
  if (peerStatus)
    fmt::print("adze takes {:.2f} times onnxruntime's time (one thread each)\n",
               1 / ratio);
  else if (!options.noPeer)
    fmt::print("onnxruntime is not beside it: {}\n", peerStatus.message);
  return exitSuccess;
}
