//===- Quantize.cpp - adze quantize ---------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Diagnostics.h"
#include "tools/adze/QuantizeOptions.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>

using namespace adze;
using namespace adze::cli;
using nlohmann::ordered_json;

namespace {

struct QuantizeCommand {
  std::string model, output;
  std::vector<std::string> shapes, keep;
  CalibrationOptions calibration;
  bool noReport = false, json = false;

  int run() const;
  QuantizeOptions options() const;
};

constexpr struct {
  const char *name;
  Calibration method;
} methods[] = {
    {"minmax", Calibration::MinMax},   {"percentile", Calibration::Percentile},
    {"entropy", Calibration::Entropy}, {"mse", Calibration::Mse},
    {"cosine", Calibration::Cosine},
};

} // namespace

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

void cli::addCalibrationOptions(CommandLine &line, CLI::App &app,
                                CalibrationOptions &options) {
  app.add_option("-c,--calibrate", options.data,
                 "Sample inputs: an .npz file with arrays named by input (or "
                 "in/NAME) that hold the samples along their first dimension, "
                 "or a folder of .npz files, one a sample")
      ->type_name("DATA");
  std::vector<std::string> names;
  for (const auto &row : methods)
    names.push_back(row.name);
  line.restrict(
      app.add_option("-m,--method", options.method,
                     "How ranges are chosen: minmax, percentile, entropy (KL "
                     "divergence), mse or cosine (EasyQuant)")
          ->type_name("METHOD")
          ->capture_default_str(),
      names);
  app.add_option("--limit", options.limit, "Use at most so many samples")
      ->type_name("N");
}

QuantizeOptions CalibrationOptions::quantizeOptions() const {
  if (data.empty())
    throw UsageError(
        "quantization needs sample inputs, from which it learns the range of "
        "every value: give --calibrate DATA.npz, with an array for each input "
        "that holds the samples along its first dimension (20 or more, like "
        "those the model will meet)");
  if (limit < 0)
    throw UsageError("--limit is a number of samples");
  QuantizeOptions result;
  result.calibrate = data;
  result.limit = limit;
  for (const auto &row : methods)
    if (method == row.name)
      result.method = row.method;
  return result;
}

/// Reads NODE=int16 and NODE=float.
static std::map<std::string, Keep>
readKeep(const std::vector<std::string> &texts) {
  std::map<std::string, Keep> keep;
  for (const std::string &text : texts) {
    size_t equals = text.rfind('='); // names may hold anything
    std::string type =
        equals == std::string::npos ? "" : text.substr(equals + 1);
    if (equals == 0 || (type != "int16" && type != "float"))
      throw UsageError(fmt::format("--keep '{}' cannot be read: expected "
                                   "NODE=int16 or NODE=float",
                                   text));
    Keep what = type == "float" ? Keep::Float : Keep::Int16;
    if (!keep.emplace(text.substr(0, equals), what).second)
      throw UsageError(
          fmt::format("--keep names '{}' twice", text.substr(0, equals)));
  }
  return keep;
}

QuantizeOptions QuantizeCommand::options() const {
  QuantizeOptions result = calibration.quantizeOptions();
  result.shapes = parseShapes(shapes);
  result.check = calibration.check;
  result.percentile = calibration.percentile;
  if (!(result.percentile > 50 && result.percentile <= 100))
    throw UsageError("--percentile is a number above 50, at most 100");
  result.perChannel = !calibration.perTensor;
  result.correctBias = !calibration.noBiasCorrection;
  result.equalize = calibration.equalize;
  result.keep = readKeep(keep);
  result.perLayer = !noReport;
  return result;
}

//===----------------------------------------------------------------------===//
// What is printed
//===----------------------------------------------------------------------===//

static std::string decibels(double value) {
  return std::isinf(value) ? value > 0 ? "exact" : "-inf"
                           : fmt::format("{:.1f}", value);
}

/// JSON has no infinity: an exact result is null.
static ordered_json jsonOf(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json();
}

static ordered_json describe(const QuantizeReport &report) {
  ordered_json json = {{"samples", report.samples},
                       {"checked", report.checked},
                       {"float_bytes", report.floatBytes},
                       {"quantized_bytes", report.quantizedBytes},
                       {"sqnr_db", jsonOf(report.sqnr)},
                       {"outputs", ordered_json::array()},
                       {"layers", ordered_json::array()},
                       {"float_nodes", ordered_json::array()}};
  for (const auto &[name, value] : report.outputs)
    json["outputs"].push_back({{"name", name}, {"sqnr_db", jsonOf(value)}});
  for (const LayerError &layer : report.layers)
    json["layers"].push_back(
        {{"name", layer.name},
         {"op", layer.op},
         {"type", layer.type},
         {"sqnr_equal_inputs_db", jsonOf(layer.local)},
         {"sqnr_accumulated_db", jsonOf(layer.accumulated)},
         {"proposed", layer.proposed}});
  for (const QuantizeReport::Kept &node : report.kept)
    json["float_nodes"].push_back(
        {{"name", node.name}, {"op", node.op}, {"reason", node.reason}});
  return json;
}

static void print(const QuantizeReport &report, const std::string &output,
                  double seconds) {
  if (!report.layers.empty()) {
    Table table({{"layer"},
                 {"operator"},
                 {"type"},
                 {"equal inputs", true},
                 {"accumulated", true},
                 {""}});
    for (const LayerError &layer : report.layers)
      table.add({printable(layer.name, 60), layer.op, layer.type,
                 decibels(layer.local), decibels(layer.accumulated),
                 layer.proposed ? Table::Cell("poor", Colour::Yellow)
                                : Table::Cell("")});
    table.print();
    fmt::print("signal-to-quantization-noise ratio of each result, in dB, when "
               "the layer reads what it\nreads in the float model, and when it "
               "reads what the layers before it made\n\n");
  }
  if (!report.kept.empty()) {
    fmt::print("{}\n", coloured("in float", Colour::Bold));
    for (const QuantizeReport::Kept &node : report.kept)
      fmt::print("  {} ({}): {}\n", adze::quoted(node.name), node.op,
                 node.reason);
  }
  std::string proposals;
  for (const LayerError &layer : report.layers)
    if (layer.proposed)
      proposals += fmt::format(" --keep '{}={}'", printable(layer.name),
                               layer.type == "int16" ? "float" : "int16");
  if (!proposals.empty())
    fmt::print("the layers marked may be better off with more bits: try\n {}\n",
               proposals);
  if (report.outputs.size() > 1)
    for (const auto &[name, value] : report.outputs)
      fmt::print("output {}: {} dB\n", adze::quoted(name), decibels(value));
  fmt::print("{}: {} dB against float on {} samples; constants {} before, {} "
             "after; {}\n",
             coloured(output, Colour::Bold), decibels(report.sqnr),
             report.checked, byteText(report.floatBytes),
             byteText(report.quantizedBytes), timeText(seconds));
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

int QuantizeCommand::run() const {
  QuantizeOptions chosen = options();
  if (output.empty())
    throw UsageError("where is the quantized model to go? Give --output "
                     "FILE.onnx");
  std::error_code error;
  if (std::filesystem::equivalent(model, output, error))
    throw UsageError("--output is the model itself");
  auto start = std::chrono::steady_clock::now();
  QuantizeReport report;
  {
    ProgressBar progress;
    chosen.progress = progress.callback();
    check(quantizeModel(model, output, chosen, report));
  }
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  if (json)
    std::cout << describe(report).dump(2, ' ', false,
                                       ordered_json::error_handler_t::replace)
              << "\n";
  else
    print(report, output, seconds);
  return exitSuccess;
}

Command cli::addQuantize(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "quantize", "Make an int8 model of a float one, with sample inputs");
  auto command = std::make_shared<QuantizeCommand>();
  app->add_option("model", command->model, "The ONNX file, float32")
      ->required()
      ->type_name("MODEL");
  app->add_option("-o,--output", command->output, "The ONNX file to write")
      ->type_name("FILE");
  CalibrationOptions &calibration = command->calibration;
  addCalibrationOptions(line, *app, calibration);
  app->add_option("--check", calibration.check,
                  "Other samples, on which the result is judged (default: "
                  "those of --calibrate)")
      ->type_name("DATA");
  app->add_option("--percentile", calibration.percentile,
                  "With --method=percentile, how much of what was seen is "
                  "within the range")
      ->type_name("P")
      ->capture_default_str();
  app->add_option("-k,--keep", command->keep,
                  "Keep a node at more bits: NODE=int16 or NODE=float; may be "
                  "repeated")
      ->type_name("NODE=TYPE")
      ->allow_extra_args(false);
  app->add_flag("--per-tensor", calibration.perTensor,
                "One scale for all weights of a layer, in place of one for "
                "each output channel");
  app->add_flag("--equalize", calibration.equalize,
                "Even out the ranges of channels between layers (cross-layer "
                "equalization)");
  app->add_flag("--no-bias-correction", calibration.noBiasCorrection,
                "Leave the mean error of each channel where it is");
  app->add_flag("--no-report", command->noReport,
                "Measure the model as a whole only, which is faster");
  app->add_option("-s,--shape", command->shapes,
                  "Shape of an input or value of a free dimension, as in "
                  "'adze compile'; may be repeated")
      ->type_name("SHAPE")
      ->allow_extra_args(false);
  addJsonOption(*app, command->json);
  app->footer(
      "The file holds QuantizeLinear and DequantizeLinear around each layer "
      "(QDQ): onnxruntime\nruns it, and 'adze compile' makes integer code of "
      "it. Its inputs and outputs stay float32.\n\n"
      "Examples:\n"
      "  adze quantize kws.onnx --calibrate samples.npz -o kws_int8.onnx\n"
      "  adze quantize kws.onnx -c samples.npz --check others.npz --json -o "
      "q.onnx\n"
      "      figures for a script, on samples it has not seen\n"
      "  adze quantize kws.onnx -c samples.npz --keep conv1=int16 -o q.onnx\n"
      "  adze compile kws.onnx --quantize=int8 --calibrate samples.npz -t "
      "cortex-m4\n"
      "      both steps in one");
  return {app, [command] { return command->run(); }};
}
