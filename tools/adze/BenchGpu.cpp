//===- BenchGpu.cpp - What a GPU's kernels cost, counted by ptxsim --------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/CudaDriver.h"
#include "runtime/native/TemporaryFolder.h"
#include "tools/adze/Bench.h"
#include "tools/adze/ModelRun.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>

using namespace adze;
using namespace adze::cli;
using nlohmann::ordered_json;

/// A number of the report, which is ptxsim's: what it lacks is 0.
static double number(const ordered_json &kernel, const char *group,
                     const char *name) {
  const ordered_json &object =
      *group ? kernel.value(group, ordered_json::object()) : kernel;
  auto it = object.find(name);
  return it != object.end() && it->is_number() ? it->get<double>() : 0;
}

static void printKernels(const ordered_json &report) {
  Table table({{"kernel"},
               {"launches", true},
               {"grid"},
               {"block", true},
               {"warp instructions", true},
               {"mma", true},
               {"wgmma", true},
               {"read B", true},
               {"written B", true},
               {"sector use", true},
               {"shared B", true},
               {"conflicts", true},
               {"~us", true},
               {"bound by"}});
  double microseconds = 0;
  for (const ordered_json &kernel : report.at("kernels")) {
    double read = number(kernel, "global", "read_bytes") +
                  number(kernel, "global", "cp_async_bytes") +
                  number(kernel, "global", "tma_load_bytes");
    double written = number(kernel, "global", "write_bytes") +
                     number(kernel, "global", "tma_store_bytes");
    double plain = number(kernel, "global", "read_bytes") +
                   number(kernel, "global", "write_bytes");
    double sectors = number(kernel, "global", "read_sectors") +
                     number(kernel, "global", "write_sectors");
    double ideal = number(kernel, "shared", "ideal_wavefronts");
    double taken = number(kernel, "shared", "wavefronts");
    double launches = std::max(1.0, number(kernel, "", "launches"));
    double time = number(kernel, "estimate", "microseconds");
    microseconds += time * launches;
    ordered_json estimate = kernel.value("estimate", ordered_json::object());
    table.add(
        {{kernel.value("kernel", std::string()), Colour::Bold},
         fmt::format("{}", launches),
         fmt::format(
             "{}",
             fmt::join(kernel.value("grid", std::vector<int64_t>()), "x")),
         fmt::format(
             "{}",
             fmt::join(kernel.value("block", std::vector<int64_t>()), "x")),
         grouped(int64_t(number(kernel, "", "warp_instructions"))),
         grouped(int64_t(number(kernel, "tensor", "mma"))),
         grouped(int64_t(number(kernel, "tensor", "wgmma"))),
         grouped(int64_t(read)),
         grouped(int64_t(written)),
         sectors > 0 ? fmt::format("{:.0f} %", plain / (32 * sectors) * 100)
                     : std::string("-"),
         grouped(int64_t(number(kernel, "shared", "read_bytes") +
                         number(kernel, "shared", "write_bytes") +
                         number(kernel, "shared", "wgmma_bytes"))),
         ideal > 0 ? fmt::format("{:.2f}", taken / ideal) : std::string("-"),
         fmt::format("{:.2f}", time),
         estimate.value("bound", std::string("-"))});
  }
  table.print();
  fmt::print("estimated {:.1f} us of kernels in one inference, without gaps "
             "between them; counts repeat exactly, the times are an estimate\n"
             "sector use: bytes asked for of those that 32-byte sectors move; "
             "conflicts: wavefronts of shared memory over the least\n",
             microseconds);
}

int cli::benchGpu(const BenchOptions &options) {
  check(useCudaSimulator());
  TemporaryFolder folder;
  check(folder.create());
  std::string file = folder.file("report.json");
  ::setenv("ADZE_PTXSIM_REPORT", file.c_str(), 1);
  InputFiles files;
  if (!options.inputs.empty())
    files.addNpz(options.inputs);
  CompileOptions compileOptions = options.model.compileOptions();
  files.addShapes(compileOptions);
  Runnable runnable = makeRunnable(options.model, compileOptions);
  const std::vector<TensorSpec> &specs = runnable.executable->inputs();
  std::vector<Tensor> in =
      files.empty() ? randomInputs(specs, 0) : files.read(specs);
  std::vector<Tensor> out;
  check(runnable.executable->run(pointersTo(in), out));
  runnable.executable.reset(); // the session ends, and the report is whole
  std::ifstream stream(file);
  ordered_json report = ordered_json::parse(stream, nullptr, false);
  if (!report.is_object() || !report.contains("kernels"))
    throw Failure("the simulator wrote no report; are simulator and adze of "
                  "one version?");
  if (options.model.json) {
    ordered_json json = {{"model", options.model.model},
                         {"target", options.model.target},
                         {"device", runnable.device},
                         {"compile_seconds", runnable.compileSeconds}};
    json.update(report);
    std::cout << json.dump(2) << "\n";
    return exitSuccess;
  }
  printKernels(report);
  return exitSuccess;
}
