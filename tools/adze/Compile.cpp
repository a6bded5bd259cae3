//===- Compile.cpp - adze compile -----------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Driver.h"
#include "lib/Support/Files.h"
#include "runtime/native/TemporaryFolder.h"
#include "tools/adze/Command.h"
#include "tools/adze/QuantizeOptions.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <iostream>

using namespace adze;
using namespace adze::cli;

namespace {
struct CompileCommand {
  ModelOptions model;
  std::string output, emit;
  std::string quantize; // empty: as the model is
  CalibrationOptions calibration;
  bool force = false;

  int run() const;
  int runQuantized() const;
  int emitLevel() const;
  int writeFolder() const;
};

/// The levels by the names that --emit knows, in the order of the data's way.
constexpr struct {
  const char *name;
  EmitLevel level;
} emitLevels[] = {
    {"onnx", EmitLevel::Onnx},     {"nn", EmitLevel::Nn},
    {"kernel", EmitLevel::Kernel}, {"loops", EmitLevel::Loops},
    {"tile", EmitLevel::Tile},     {"llvm", EmitLevel::Llvm},
    {"ptx", EmitLevel::Ptx},       {"c", EmitLevel::C},
};
} // namespace

int CompileCommand::emitLevel() const {
  EmitLevel level = EmitLevel::Onnx;
  for (const auto &row : emitLevels)
    if (emit == row.name)
      level = row.level;
  std::string text;
  {
    ProgressBar progress;
    CompileOptions options = model.compileOptions();
    options.progress = progress.callback();
    check(emitText(model.model, options, level, text));
  }
  if (output.empty() || output == "-") {
    std::cout << text << std::flush;
    return exitSuccess;
  }
  WholeFile file(output);
  file.write(text.data(), text.size());
  check(file.commit());
  return exitSuccess;
}

/// What the plan proves, what makes the peak, and what bands cost.
static void printMemory(const MemoryFigures &memory) {
  std::string proof;
  if (memory.isProved())
    proof = "= bound (proved: no order and no offsets need less)";
  else if (memory.arenaBytes == memory.arenaBound)
    proof = fmt::format("= bound for this order (any order: {} or more)",
                        grouped(memory.orderBound));
  else
    proof = fmt::format("bound {}, gap {}", grouped(memory.arenaBound),
                        grouped(memory.arenaBytes - memory.arenaBound));
  fmt::print("  arena {} B {}; without fusion {} or more\n",
             grouped(memory.arenaBytes), proof, grouped(memory.unfusedBound));
  if (!memory.peakTensors.empty()) {
    fmt::print("  peak in {}:", memory.peakAt);
    for (size_t i = 0; i < memory.peakTensors.size(); ++i)
      fmt::print("{} {} {}", i ? "," : "", memory.peakTensors[i].first,
                 grouped(memory.peakTensors[i].second));
    fmt::print("\n");
  }
  const PatchFigures &patches = memory.patches;
  if (patches.bands)
    fmt::print("  the first {} layers in {} bands of rows: {} extra "
               "multiply-accumulates, {:.1f} % of {}\n",
               patches.layers, patches.bands, grouped(patches.extraMacs),
               patches.macs
                   ? 100.0 * double(patches.extraMacs) / double(patches.macs)
                   : 0.0,
               grouped(patches.macs));
}

int CompileCommand::writeFolder() const {
  auto start = std::chrono::steady_clock::now();
  CompiledModel compiled;
  std::vector<WrittenFile> files;
  std::string folder = output;
  {
    ProgressBar progress;
    CompileOptions options = model.compileOptions();
    options.progress = progress.callback();
    check(compileModel(model.model, options, compiled));
    if (folder.empty())
      folder = compiled.name;
    check(writeArtifact(compiled, folder, files, force));
  }
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  int64_t total = 0;
  for (const WrittenFile &file : files)
    total += file.bytes;

  if (model.json) {
    nlohmann::ordered_json json = {
        {"name", compiled.name},
        {"target", compiled.target},
        {"folder", folder},
        {"seconds", seconds},
        {"kernels", compiled.kernels.size()},
        {"arena_bytes", compiled.memory.arenaBytes},
        {"arena_bound_bytes", compiled.memory.arenaBound},
        {"any_order_bound_bytes", compiled.memory.orderBound},
        {"proved", compiled.memory.isProved()},
        {"unfused_bound_bytes", compiled.memory.unfusedBound},
        {"input_output_bytes", compiled.memory.ioBytes},
        {"extra_macs_of_bands", compiled.memory.patches.extraMacs},
        {"weight_bytes", compiled.memory.weightBytes},
        {"float_fallbacks", compiled.floatFallbacks},
        {"files", nlohmann::ordered_json::array()}};
    for (const WrittenFile &file : files)
      json["files"].push_back({{"name", file.name}, {"bytes", file.bytes}});
    std::cout << json.dump(2) << "\n";
    return exitSuccess;
  }
  fmt::print("{} for {}: {} kernels, weights {}\n",
             coloured(compiled.name, Colour::Bold), compiled.target,
             compiled.kernels.size(), byteText(compiled.memory.weightBytes));
  printMemory(compiled.memory);
  if (!compiled.floatFallbacks.empty()) {
    fmt::print("  in float, between quantized tensors:\n");
    for (const std::string &line : compiled.floatFallbacks)
      fmt::print("    {}\n", line);
  }
  Table table({{""}, {"", true}});
  for (const WrittenFile &file : files)
    table.add({folder + "/" + file.name, byteText(file.bytes)});
  table.print(2);
  fmt::print("{} in {} files, {}\n", byteText(total), files.size(),
             timeText(seconds));
  return exitSuccess;
}

/// Compiles a quantized copy of the model in its place.
int CompileCommand::runQuantized() const {
  QuantizeOptions options = calibration.quantizeOptions();
  if (!model.fixed.empty())
    throw UsageError("--fix does not go with --quantize: quantize the model "
                     "first, with 'adze quantize'");
  CompileOptions compileOptions = model.compileOptions();
  options.shapes = compileOptions.shapes;
  options.perLayer = false;
  std::string name = compileOptions.name;
  if (name.empty())
    name = std::filesystem::path(model.model).stem().string();
  TemporaryFolder folder;
  check(folder.create());
  CompileCommand next = *this;
  next.model.name = name;
  next.model.model = folder.file("quantized.onnx");
  next.model.shapes.clear(); // the copy has them
  QuantizeReport report;
  {
    ProgressBar progress;
    options.progress = progress.callback();
    check(quantizeModel(model.model, next.model.model, options, report));
  }
  fmt::print(stderr, "quantized to {}: {:.1f} dB against float on {} samples\n",
             quantize, report.sqnr, report.checked);
  return next.emit.empty() ? next.writeFolder() : next.emitLevel();
}

int CompileCommand::run() const {
  if (!quantize.empty())
    return runQuantized();
  if (!calibration.data.empty())
    throw UsageError("--calibrate is for --quantize=int8");
  return emit.empty() ? writeFolder() : emitLevel();
}

Command cli::addCompile(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "compile", "Compile a model into a folder of code");
  auto command = std::make_shared<CompileCommand>();
  addModelOptions(line, *app, command->model, "The ONNX file");
  app->add_option("-o,--output", command->output,
                  "The folder to write (default: the model's name); with "
                  "--emit, the file (default: standard output)")
      ->type_name("DIR");
  app->add_flag("--force", command->force,
                "Write into a folder that adze did not make, too");
  app->add_option("-n,--name", command->model.name,
                  "Prefix of files and functions (default: the file's name)")
      ->type_name("NAME");
  line.restrict(app->add_option("-q,--quantize", command->quantize,
                                "Quantize the model first: int8 (see 'adze "
                                "quantize')")
                    ->type_name("TYPE"),
                {"int8"});
  addCalibrationOptions(line, *app, command->calibration);
  std::vector<std::string> names;
  for (const auto &row : emitLevels)
    names.push_back(row.name);
  line.restrict(
      app->add_option("-e,--emit", command->emit,
                      "Print one level of the compilation instead: onnx, nn, "
                      "kernel, loops, tile, llvm, ptx or c")
          ->type_name("LEVEL"),
      names);
  app->footer(
      "The folder holds NAME.h, NAME.c, the weights, metadata (NAME.json), a "
      "report, a\nCMakeLists.txt and an example program. It depends on nothing "
      "else. A folder that\nexists is replaced only if adze wrote it.\n\n"
      "Examples:\n"
      "  adze compile kws.onnx -t c -o kws\n"
      "      portable C99\n"
      "  adze compile resnet50.onnx --shape input=1x3x224x224\n"
      "      an object file for this machine, dynamic input fixed\n"
      "  adze compile kws.onnx -t cortex-m4 -O3 --json\n"
      "      figures for a script\n"
      "  adze compile kws.onnx --emit=kernel\n"
      "      the fused kernels and the memory plan, as text");
  return {app, [command] { return command->run(); }};
}
