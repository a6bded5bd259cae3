//===- Verify.cpp - adze verify -------------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Compare.h"
#include "adze/Diagnostics.h"
#include "lib/Support/Spelling.h"
#include "runtime/native/TemporaryFolder.h"
#include "tools/adze/Command.h"
#include "tools/adze/ModelRun.h"
#include "tools/adze/Python.h"
#include "tools/adze/QuantizedLayers.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <set>

using namespace adze;
using namespace adze::cli;

namespace {

/// A tensor beside its reference.
struct Row {
  TensorSpec spec;
  Tolerance tolerance;
  Comparison figures;
};

struct VerifyCommand {
  ModelOptions model;
  std::string io;
  std::optional<double> rtol, atol;
  bool elementwise = false, perLayer = false;

  int run() const;
  Tolerance toleranceFor(ElementType type) const;
  std::vector<Row> compareWith(const NpzReader &reference,
                               const std::vector<Tensor> &outputs) const;
  std::vector<Row> compareLayers(const InputFiles &files) const;
  void print(const Runnable &runnable, const std::vector<Row> &rows,
             const std::vector<Row> &layers,
             const std::vector<QuantizedLayer> &quantized) const;
};

} // namespace

/// What the user gave wins; with only one of the two given, only that counts.
Tolerance VerifyCommand::toleranceFor(ElementType type) const {
  if (!rtol && !atol)
    return defaultTolerance(type);
  Tolerance tolerance;
  if (elementwise) {
    tolerance.relative = rtol.value_or(0);
    tolerance.absolute = atol.value_or(0);
    return tolerance;
  }
  // A relative error says nothing of integers: --rtol leaves their default.
  if (!isFloat(type) && !atol)
    return defaultTolerance(type);
  if (isFloat(type))
    tolerance.relativeL2 = rtol;
  tolerance.absolute = atol;
  return tolerance;
}

std::vector<Row>
VerifyCommand::compareWith(const NpzReader &reference,
                           const std::vector<Tensor> &outputs) const {
  std::vector<Row> rows;
  std::set<std::string> used;
  for (const Tensor &output : outputs) {
    std::string array = "out/" + output.spec.name;
    if (!reference.contains(array)) {
      fmt::print(stderr, "{} holds no {}: that output is not compared\n", io,
                 adze::quoted(array));
      continue;
    }
    used.insert(array);
    Tensor want;
    check(reference.read(array, want, output.spec.type));
    Tolerance tolerance = toleranceFor(output.spec.type);
    rows.push_back(
        {output.spec, tolerance, compareTensors(output, want, tolerance)});
  }
  std::vector<std::string> names;
  for (const Tensor &output : outputs)
    names.push_back("out/" + output.spec.name);
  for (const std::string &name : reference.names())
    if (name.rfind("out/", 0) == 0 && !used.count(name))
      throw Failure(fmt::format(
          "{} holds {}, but the model has no output of that name{}. Its "
          "outputs are {}.",
          io, adze::quoted(name), didYouMean(name, names), [&] {
            std::string list;
            for (const Tensor &output : outputs)
              list +=
                  (list.empty() ? "" : ", ") + adze::quoted(output.spec.name);
            return list;
          }()));
  if (rows.empty())
    throw Failure(fmt::format(
        "{} holds no reference outputs (arrays out/NAME), so there is nothing "
        "to compare with. Write them with numpy.savez, for example from "
        "onnxruntime's outputs.",
        io));
  return rows;
}

/// Compares the result of every node with onnxruntime's.
std::vector<Row> VerifyCommand::compareLayers(const InputFiles &files) const {
  TemporaryFolder folder;
  check(folder.create());
  std::string layers = folder.file("layers.npz");
  std::string absolute = std::filesystem::absolute(io).string();
  check(runEveryLayer(model.model, absolute, layers));
  NpzReader reference;
  check(NpzReader::open(layers, reference));

  CompileOptions options = model.compileOptions();
  options.keepAllValues = true;
  files.addShapes(options);
  Runnable runnable = makeRunnable(model, options);
  std::vector<Tensor> in = files.read(runnable.executable->inputs()), out;
  check(runnable.executable->run(pointersTo(in), out));
  std::vector<Row> rows;
  for (const Tensor &value : out) {
    Tensor want;
    std::string array = "out/" + value.spec.name;
    if (!reference.contains(array))
      continue;
    check(reference.read(array, want, value.spec.type));
    Tolerance tolerance = defaultTolerance(value.spec.type);
    rows.push_back(
        {value.spec, tolerance, compareTensors(value, want, tolerance)});
  }
  return rows;
}

static void printRows(const std::vector<Row> &rows, const char *title) {
  Table table({{title},
               {"type"},
               {"max abs", true},
               {"rel L2", true},
               {"ulp", true},
               {"cosine", true},
               {"differ", true},
               {"verdict"}});
  for (const Row &row : rows) {
    const Comparison &c = row.figures;
    Table::Cell verdict =
        c.passed
            ? Table::Cell("ok (" + row.tolerance.text() + ")", Colour::Green)
            : Table::Cell("WRONG: " + c.reason, Colour::Red);
    table.add({printable(row.spec.name), row.spec.typeText(),
               fmt::format("{:.3g}", c.maxAbsolute),
               fmt::format("{:.3g}", c.relativeL2),
               c.maxUlp < 0 ? "-" : fmt::format("{}", c.maxUlp),
               fmt::format("{:.7f}", c.cosine),
               fmt::format("{}/{}", c.different, c.elements), verdict});
  }
  table.print();
  for (const Row &row : rows)
    if (!row.figures.passed && row.figures.worst >= 0)
      fmt::print("{}: worst at element {}: {:.9g}, reference {:.9g}\n",
                 printable(row.spec.name), row.figures.worst,
                 row.figures.worstGot, row.figures.worstWant);
}

static nlohmann::ordered_json describe(const std::vector<Row> &rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row &row : rows) {
    const Comparison &c = row.figures;
    list.push_back({{"name", row.spec.name},
                    {"type", elementTypeName(row.spec.type)},
                    {"shape", row.spec.shape},
                    {"passed", c.passed},
                    {"reason", c.reason},
                    {"tolerance", row.tolerance.text()},
                    {"elements", c.elements},
                    {"different", c.different},
                    {"max_abs", c.maxAbsolute},
                    {"rel_l2", c.relativeL2},
                    {"cosine", c.cosine},
                    {"max_ulp", c.maxUlp},
                    {"non_finite", c.nonFinite},
                    {"worst", c.worst}});
  }
  return list;
}

template <typename T> static bool allPassed(const std::vector<T> &rows) {
  return std::all_of(rows.begin(), rows.end(),
                     [](const T &row) { return row.figures.passed; });
}

//===----------------------------------------------------------------------===//
// Quantized layers
//===----------------------------------------------------------------------===//

/// The fraction of elements that are equal.
static double equalFraction(int64_t elements, int64_t different) {
  return elements ? double(elements - different) / double(elements) : 1;
}

namespace {
/// What all layers with steps have together.
struct StepTotals {
  int64_t layers = 0, elements = 0, different = 0;
  double largest = 0; // in steps

  explicit StepTotals(const std::vector<QuantizedLayer> &quantized) {
    for (const QuantizedLayer &layer : quantized)
      if (layer.hasSteps()) {
        ++layers;
        elements += layer.figures.elements;
        different += layer.figures.different;
        largest = std::max(largest, layer.figures.maxAbsolute);
      }
  }
};
} // namespace

static void printQuantized(const std::vector<QuantizedLayer> &quantized) {
  Table table({{"layer, on equal inputs"},
               {"operators"},
               {"type"},
               {"bit-equal", true},
               {"largest", true},
               {"verdict"}});
  for (const QuantizedLayer &layer : quantized) {
    const Comparison &c = layer.figures;
    Table::Cell verdict =
        c.passed
            ? Table::Cell("ok (" + layer.tolerance.text() + ")", Colour::Green)
            : Table::Cell("WRONG: " + c.reason, Colour::Red);
    table.add({printable(layer.spec.name), printable(layer.nodes),
               layer.spec.typeText(),
               fmt::format("{:.6f}", equalFraction(c.elements, c.different)),
               layer.hasSteps() ? fmt::format("{:.0f}", c.maxAbsolute)
                                : fmt::format("{:.3g}", c.maxAbsolute),
               verdict});
  }
  table.print();
  StepTotals totals(quantized);
  fmt::print("{} quantized layers on equal inputs: {} of {} elements equal "
             "(fraction {:.6f}), largest difference {:.0f}\n\n",
             totals.layers, totals.elements - totals.different, totals.elements,
             equalFraction(totals.elements, totals.different), totals.largest);
}

static nlohmann::ordered_json
describe(const std::vector<QuantizedLayer> &quantized) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const QuantizedLayer &layer : quantized) {
    const Comparison &c = layer.figures;
    list.push_back({{"name", layer.spec.name},
                    {"operators", layer.nodes},
                    {"type", elementTypeName(layer.spec.type)},
                    {"shape", layer.spec.shape},
                    {"passed", c.passed},
                    {"reason", c.reason},
                    {"tolerance", layer.tolerance.text()},
                    {"elements", c.elements},
                    {"different", c.different},
                    {"fraction_equal", equalFraction(c.elements, c.different)},
                    {"max_abs", c.maxAbsolute}});
  }
  return list;
}

void VerifyCommand::print(const Runnable &runnable,
                          const std::vector<Row> &rows,
                          const std::vector<Row> &layers,
                          const std::vector<QuantizedLayer> &quantized) const {
  bool passed = allPassed(rows);
  if (model.json) {
    nlohmann::ordered_json json = {{"model", model.model},
                                   {"target", model.target},
                                   {"device", runnable.device},
                                   {"passed", passed},
                                   {"compile_seconds", runnable.compileSeconds},
                                   {"outputs", describe(rows)}};
    if (!quantized.empty()) {
      StepTotals totals(quantized);
      json["layers_passed"] = allPassed(quantized);
      json["fraction_equal"] = equalFraction(totals.elements, totals.different);
      json["largest_difference"] = totals.largest;
      json["layers"] = describe(quantized);
    } else if (perLayer) {
      json["layers"] = describe(layers);
    }
    std::cout << json.dump(2, ' ', false,
                           nlohmann::ordered_json::error_handler_t::replace)
              << "\n";
    return;
  }
  if (!quantized.empty()) {
    printQuantized(quantized);
  } else if (perLayer) {
    printRows(layers, "layer");
    auto first = std::find_if(layers.begin(), layers.end(), [](const Row &row) {
      return !row.figures.passed;
    });
    fmt::print("{}\n\n",
               first == layers.end()
                   ? std::string("every layer agrees with onnxruntime")
                   : fmt::format("the first layer that is wrong makes {}",
                                 adze::quoted(first->spec.name)));
  }
  printRows(rows, "output");
  auto verdict = [](bool passed) {
    return passed ? coloured("verified", Colour::Green)
                  : coloured("NOT verified", Colour::Red);
  };
  if (quantized.empty())
    fmt::print("{} on {}: {}\n", model.model, model.target, verdict(passed));
  else
    fmt::print("{} on {}: layers {}, outputs {}\n", model.model, model.target,
               verdict(allPassed(quantized)), verdict(passed));
}

int VerifyCommand::run() const {
  if (elementwise && !rtol && !atol)
    throw UsageError("--elementwise needs --rtol, --atol or both");
  for (std::optional<double> bound : {rtol, atol})
    if (bound && !(*bound >= 0))
      throw UsageError("a tolerance is a number of at least 0");
  InputFiles files;
  files.addNpz(io);
  CompileOptions options = model.compileOptions();
  files.addShapes(options);
  Runnable runnable = makeRunnable(model, options);
  std::vector<Tensor> in = files.read(runnable.executable->inputs()), out;
  check(runnable.executable->run(pointersTo(in), out));
  std::vector<Row> rows = compareWith(files.archive(), out);
  std::vector<Row> layers;
  std::vector<QuantizedLayer> quantized;
  if (perLayer) {
    if (std::filesystem::is_directory(model.model))
      throw Failure(fmt::format("--per-layer needs the ONNX file, and {} is a "
                                "folder of compiled code.",
                                model.model));
    quantized = compareQuantizedLayers(model, io);
  }
  if (perLayer && quantized.empty()) {
    layers = compareLayers(files);
    // In the order of the graph, which ends with the model's own outputs.
    std::stable_partition(layers.begin(), layers.end(), [&](const Row &layer) {
      return std::none_of(rows.begin(), rows.end(), [&](const Row &row) {
        return row.spec.name == layer.spec.name;
      });
    });
  }
  print(runnable, rows, layers, quantized);
  // Steps within which each layer of a quantized model is right add up over
  // the network: there the layers are the judge.
  bool passed = quantized.empty() ? allPassed(rows) : allPassed(quantized);
  return passed ? exitSuccess : exitFailure;
}

Command cli::addVerify(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "verify", "Compile, run, and compare with reference outputs");
  auto command = std::make_shared<VerifyCommand>();
  addModelOptions(line, *app, command->model,
                  "The ONNX file, or a folder written by 'adze compile'");
  app->add_option("-i,--io", command->io,
                  "An .npz file with inputs in/NAME and references out/NAME")
      ->required()
      ->type_name("IO.npz");
  app->add_option("--rtol", command->rtol,
                  "Relative L2 error allowed in floating-point outputs")
      ->type_name("X");
  app->add_option("--atol", command->atol,
                  "Largest absolute difference allowed")
      ->type_name("X");
  app->add_flag("--elementwise", command->elementwise,
                "Judge each element as numpy.allclose does: "
                "|difference| <= atol + rtol |reference|");
  app->add_flag("-l,--per-layer", command->perLayer,
                "Compare the result of every node with onnxruntime's too; of a "
                "quantized model every layer, on equal inputs");
  app->footer(
      "Without --rtol and --atol the bounds are, by type of output: relative "
      "L2 "
      "error 1e-4\n(float32), 1e-6 (float64), 5e-3 (float16), 2e-2 (bfloat16), "
      "5e-2 (8 bits and less);\none step for int8 and uint8; other integers "
      "and bool exact. A NaN equals a NaN.\nThe exit code is 0 if all outputs "
      "are within their bounds, else 1.\n"
      "With --per-layer, each layer of a quantized model gets onnxruntime's "
      "tensors as inputs\nand may differ by one step of its scale; the exit "
      "code is then 0 if all layers do.\n\n"
      "Examples:\n"
      "  adze verify kws.onnx --io io.npz\n"
      "  adze verify kws.onnx -t cortex-m4 --io io.npz --json\n"
      "      in QEMU, figures for a script\n"
      "  adze verify kws.onnx -t c --io io.npz --rtol 1e-5\n"
      "  adze verify kws.onnx --io io.npz --per-layer\n"
      "      find the first node that is wrong");
  return {app, [command] { return command->run(); }};
}
