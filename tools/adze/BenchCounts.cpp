//===- BenchCounts.cpp - What one inference does on a microcontroller -----===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Qemu.h"
#include "runtime/native/TemporaryFolder.h"
#include "tools/adze/Bench.h"
#include "tools/adze/ModelRun.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

using namespace adze;
using namespace adze::cli;
using nlohmann::ordered_json;

namespace {
/// One inference of the code that one compiler made.
struct Measurement {
  std::string compiler;    // as the table names it
  std::string version;     // the compiler's own line
  std::string model;       // the artifact's name
  int64_t callerBytes = 0; // inputs and outputs
  uint64_t stackBound = 0; // 0: not known
  RunStats stats;
};
} // namespace

/// The kernels of an artifact by the names of their functions. Metadata that
/// cannot be read costs the notes only: the folder has been built by then.
static std::map<std::string, KernelNote> readNotes(const std::string &folder,
                                                   const std::string &model) {
  std::map<std::string, KernelNote> notes;
  std::ifstream file(folder + "/" + model + ".json");
  ordered_json json = ordered_json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("kernels"))
    return notes;
  for (const ordered_json &kernel : json["kernels"])
    if (kernel.is_object())
      notes[kernel.value("name", "")] = {kernel.value("doc", ""),
                                         kernel.value("schedule", ""),
                                         kernel.value("macs", 0.0)};
  return notes;
}

static Measurement measure(const std::string &folder, const Machine &machine,
                           const std::string &compiler,
                           const InputFiles &files) {
  ImageOptions options;
  options.compiler = compiler;
  Image image;
  check(buildImage(folder, machine, options, image));
  std::vector<Tensor> in =
      files.empty() ? randomInputs(image.inputs, 0) : files.read(image.inputs);
  std::vector<Tensor> out;
  Measurement result;
  result.compiler = compiler;
  result.version = image.compiler;
  result.model = image.model;
  result.stackBound = image.stackBound;
  for (const std::vector<TensorSpec> *specs : {&image.inputs, &image.outputs})
    for (const TensorSpec &spec : *specs)
      result.callerBytes += spec.byteSize();
  check(runImage(image, pointersTo(in), out, result.stats));
  return result;
}

static ordered_json describe(const FunctionStats &stats) {
  return {{"name", stats.name},
          {"calls", stats.calls},
          {"instructions", stats.instructions},
          {"load_instructions", stats.loadInstructions},
          {"store_instructions", stats.storeInstructions},
          {"load_bytes", stats.loadBytes},
          {"store_bytes", stats.storeBytes},
          {"estimated_cycles", stats.cycles},
          {"code_bytes", stats.codeBytes}};
}

static ordered_json describe(const Measurement &measurement, bool byLayer,
                             const std::map<std::string, KernelNote> &notes,
                             const PeerFigures &peers) {
  const RunStats &stats = measurement.stats;
  ordered_json json = describe(stats.total);
  json.erase("name");
  json.erase("calls");
  ordered_json result = {{"compiler", measurement.compiler},
                         {"compiler_version", measurement.version}};
  result.update(json);
  result["arena_bytes"] = stats.memory.arena;
  result["stack_bytes"] = stats.stackBytes;
  result["stack_bound_bytes"] = measurement.stackBound;
  result["ram_bytes"] = stats.ram();
  result["flash_bytes"] = stats.flash();
  result["text_bytes"] = stats.memory.text;
  result["input_output_bytes"] = measurement.callerBytes;
  result["weight_bytes"] = stats.memory.constants;
  if (byLayer) {
    result["layers"] = describeLayers(stats, notes, peers);
    result["functions"] = ordered_json::array();
    for (const FunctionStats &function : stats.functions)
      result["functions"].push_back(describe(function));
  }
  return result;
}

static void printFunctions(const Measurement &measurement,
                           const std::map<std::string, KernelNote> &notes) {
  // The prefix says nothing within one model.
  std::string prefix = measurement.model + "_";
  Table table({{"function"},
               {"calls", true},
               {"instructions", true},
               {"/MAC", true},
               {"loads", true},
               {"stores", true},
               {"bytes read", true},
               {"written", true},
               {"~cycles", true},
               {"code", true},
               {"what it computes"}});
  for (const FunctionStats &row : measurement.stats.functions) {
    auto note = notes.find(row.name);
    bool known = note != notes.end();
    double macs = known ? note->second.macs * double(row.calls) : 0;
    std::string name = row.name.rfind(prefix, 0) == 0
                           ? row.name.substr(prefix.size())
                           : row.name;
    table.add({{name, Colour::Bold},
               std::to_string(row.calls),
               grouped(int64_t(row.instructions)),
               macs > 0 ? fmt::format("{:.2f}", double(row.instructions) / macs)
                        : std::string("-"),
               grouped(int64_t(row.loadInstructions)),
               grouped(int64_t(row.storeInstructions)),
               grouped(int64_t(row.loadBytes)),
               grouped(int64_t(row.storeBytes)),
               grouped(int64_t(row.cycles)),
               grouped(int64_t(row.codeBytes)),
               known ? note->second.doc : std::string()});
  }
  table.print();
}

static void printTotals(const std::vector<Measurement> &measurements) {
  Table table({{"compiler"},
               {"instructions", true},
               {"loads", true},
               {"stores", true},
               {"~cycles", true}});
  for (const Measurement &measurement : measurements) {
    const RunStats &stats = measurement.stats;
    table.add({{measurement.compiler, Colour::Bold},
               grouped(int64_t(stats.total.instructions)),
               grouped(int64_t(stats.total.loadInstructions)),
               grouped(int64_t(stats.total.storeInstructions)),
               grouped(int64_t(stats.total.cycles))});
  }
  table.print();
}

/// RAM = arena (tensors and scratch) + variables + stack; flash = code +
/// constants + initial values of variables. Inputs and outputs are memory of
/// the caller.
static void printMemory(const std::vector<Measurement> &measurements) {
  Table table({{"compiler"},
               {"arena B", true},
               {"variables", true},
               {"stack", true},
               {"= RAM B", true},
               {"stack at most", true},
               {"code B", true},
               {"constants", true},
               {"= flash B", true},
               {"caller's B", true}});
  for (const Measurement &measurement : measurements) {
    const RunStats &stats = measurement.stats;
    const ImageMemory &memory = stats.memory;
    table.add({{measurement.compiler, Colour::Bold},
               grouped(int64_t(memory.arena)),
               grouped(int64_t(memory.data + memory.bss)),
               grouped(int64_t(stats.stackBytes)),
               grouped(int64_t(stats.ram())),
               measurement.stackBound ? grouped(int64_t(measurement.stackBound))
                                      : std::string("-"),
               grouped(int64_t(memory.text)),
               grouped(int64_t(memory.constants + memory.data)),
               grouped(int64_t(stats.flash())),
               grouped(measurement.callerBytes)});
  }
  table.print();
}

int cli::benchCounts(const BenchOptions &options, const Machine &machine) {
  std::vector<std::string> compilers;
  for (const MachineCompiler &compiler : machine.compilers)
    if (options.compiler.empty() || options.compiler == compiler.name)
      compilers.push_back(compiler.name);
  if (compilers.empty()) {
    std::string known;
    for (const MachineCompiler &compiler : machine.compilers)
      known += (known.empty() ? "" : ", ") + compiler.name;
    throw UsageError(fmt::format("{} has no compiler '{}' (known: {})",
                                 machine.name, options.compiler, known));
  }
  InputFiles files;
  if (!options.inputs.empty())
    files.addNpz(options.inputs);

  TemporaryFolder temporary;
  std::string folder = options.model.model;
  std::vector<Measurement> measurements;
  std::vector<std::string> failures;
  {
    ProgressBar progress;
    Progress report = progress.callback();
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error)) {
      CompileOptions compileOptions = options.model.compileOptions();
      compileOptions.progress = report;
      files.addShapes(compileOptions);
      CompiledModel compiled;
      check(compileModel(options.model.model, compileOptions, compiled));
      check(temporary.create());
      folder = temporary.file(compiled.name);
      std::vector<WrittenFile> written;
      check(writeArtifact(compiled, folder, written));
    }
    for (const std::string &compiler : compilers) {
      report("running the code of " + compiler,
             double(measurements.size()) / double(compilers.size()));
      try {
        measurements.push_back(measure(folder, machine, compiler, files));
      } catch (const Failure &failure) {
        failures.push_back(compiler + ": " + failure.what());
      }
    }
  }
  if (measurements.empty())
    throw Failure(failures.front());
  std::sort(measurements.begin(), measurements.end(),
            [](const Measurement &a, const Measurement &b) {
              return a.stats.total.instructions < b.stats.total.instructions;
            });
  std::map<std::string, KernelNote> notes =
      readNotes(folder, measurements.front().model);
  PeerFigures peers;
  if (!options.peers.empty())
    peers = readPeers(options.peers, measurements.front().model, machine.name);
  if (options.model.json) {
    ordered_json json = {{"model", options.model.model},
                         {"target", options.model.target},
                         {"measurements", ordered_json::array()},
                         {"failures", failures}};
    for (const Measurement &measurement : measurements)
      json["measurements"].push_back(
          describe(measurement, options.byLayer, notes, peers));
    std::cout << json.dump(2) << "\n";
    return exitSuccess;
  }
  if (options.byLayer) {
    fmt::print("by layer, {}\n", measurements.front().version);
    printLayers(measurements.front().stats, measurements.front().model + "_",
                notes, peers);
    fmt::print("\nby function\n");
    printFunctions(measurements.front(), notes);
    fmt::print("\n");
  }
  fmt::print("one inference on {}\n", machine.name);
  printTotals(measurements);
  fmt::print("\nmemory; the caller's are inputs and outputs; the stack is "
             "what this run took\n");
  printMemory(measurements);
  for (const std::string &failure : failures)
    fmt::print("{}\n", failure);
  if (!machine.cycles.source.empty())
    fmt::print("cycles are estimated ({}), not measured\n",
               machine.cycles.source);
  return exitSuccess;
}
