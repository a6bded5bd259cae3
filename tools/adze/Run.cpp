//===- Run.cpp - adze run -------------------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Diagnostics.h"
#include "tools/adze/Command.h"
#include "tools/adze/ModelRun.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <iostream>

using namespace adze;
using namespace adze::cli;

namespace {
struct RunCommand {
  ModelOptions model;
  std::string inputs, outputs;
  std::vector<std::string> singles;
  bool random = false;

  int run() const;
};

/// What is shown of a tensor that nobody wants to read whole.
struct Summary {
  double low = 0, high = 0, mean = 0;
  int64_t notFinite = 0, top = -1;

  explicit Summary(const Tensor &tensor) {
    int64_t counted = 0;
    for (int64_t i = 0, e = tensor.spec.numElements(); i < e; ++i) {
      double value = tensor.get(i);
      if (!std::isfinite(value)) {
        ++notFinite;
        continue;
      }
      if (counted == 0 || value < low)
        low = value;
      if (counted == 0 || value > high) {
        high = value;
        top = i;
      }
      mean += value;
      ++counted;
    }
    if (counted)
      mean /= double(counted);
  }
};
} // namespace

static void printSummary(const std::vector<Tensor> &outputs) {
  Table table({{"output"},
               {"type"},
               {"smallest", true},
               {"largest", true},
               {"at", true},
               {"mean", true},
               {"first elements"}});
  for (const Tensor &tensor : outputs) {
    Summary summary(tensor);
    std::string first;
    int64_t count = tensor.spec.numElements();
    for (int64_t i = 0; i < std::min<int64_t>(count, 5); ++i)
      first += fmt::format("{}{:.5g}", i ? " " : "", tensor.get(i));
    if (count > 5)
      first += " ...";
    if (summary.notFinite)
      first += fmt::format(" ({} not finite)", summary.notFinite);
    table.add({{printable(tensor.spec.name), Colour::Bold},
               tensor.spec.typeText(),
               fmt::format("{:.5g}", summary.low),
               fmt::format("{:.5g}", summary.high),
               fmt::format("{}", summary.top),
               fmt::format("{:.5g}", summary.mean),
               first});
  }
  table.print();
}

static nlohmann::ordered_json describe(const std::vector<Tensor> &outputs) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Tensor &tensor : outputs) {
    Summary summary(tensor);
    rows.push_back({{"name", tensor.spec.name},
                    {"type", elementTypeName(tensor.spec.type)},
                    {"shape", tensor.spec.shape},
                    {"smallest", summary.low},
                    {"largest", summary.high},
                    {"largest_at", summary.top},
                    {"mean", summary.mean},
                    {"not_finite", summary.notFinite}});
  }
  return rows;
}

int RunCommand::run() const {
  if (inputs.empty() && singles.empty() && !random)
    throw UsageError("the model needs inputs: give --inputs IO.npz, --input "
                     "NAME=FILE.npy, or --random");
  InputFiles files;
  if (!inputs.empty())
    files.addNpz(inputs);
  for (const std::string &single : singles)
    files.addNpy(single);
  CompileOptions options = model.compileOptions();
  files.addShapes(options);
  Runnable runnable = makeRunnable(model, options);
  const std::vector<TensorSpec> &specs = runnable.executable->inputs();
  std::vector<Tensor> in =
      random && files.empty() ? randomInputs(specs, 0) : files.read(specs);
  std::vector<Tensor> out;
  auto start = std::chrono::steady_clock::now();
  check(runnable.executable->run(pointersTo(in), out));
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  if (!outputs.empty()) {
    std::vector<Tensor> named = out;
    for (Tensor &tensor : named)
      tensor.spec.name = "out/" + tensor.spec.name;
    check(writeNpz(outputs, named));
  }
  if (model.json)
    std::cout << nlohmann::ordered_json(
                     {{"target", model.target},
                      {"device", runnable.device},
                      {"compile_seconds", runnable.compileSeconds},
                      {"run_seconds", seconds},
                      {"outputs", describe(out)}})
                     .dump(2, ' ', false,
                           nlohmann::ordered_json::error_handler_t::replace)
              << "\n";
  else
    printSummary(out);
  return exitSuccess;
}

Command cli::addRun(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "run", "Run a model or an artifact's folder once, on inputs from files");
  auto command = std::make_shared<RunCommand>();
  addModelOptions(line, *app, command->model,
                  "The ONNX file, or a folder written by 'adze compile'");
  app->add_option("-i,--inputs", command->inputs,
                  "An .npz file with arrays in/NAME (or NAME)")
      ->type_name("IO.npz");
  app->add_option("--input", command->singles,
                  "One input: NAME=FILE.npy, or FILE.npy if there is one; may "
                  "be repeated")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  app->add_option("-o,--outputs", command->outputs,
                  "Write the outputs to this .npz file, as arrays out/NAME")
      ->type_name("OUT.npz");
  app->add_flag("-r,--random", command->random,
                "Make the inputs up (always the same ones)");
  app->footer("Shapes that the model leaves free are those of the arrays.\n\n"
              "Examples:\n"
              "  adze run kws.onnx --inputs io.npz --outputs result.npz\n"
              "  adze run kws.onnx --input audio=sample.npy\n"
              "  adze run out/kws -t cortex-m4 -i io.npz\n"
              "      a compiled folder, on an emulated Cortex-M4\n"
              "  adze run kws.onnx --random --shape batch=4");
  return {app, [command] { return command->run(); }};
}
