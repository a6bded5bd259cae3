//===- Inspect.cpp - adze inspect -----------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Diagnostics.h"
#include "adze/Driver.h"
#include "tools/adze/Command.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>

using namespace adze;
using namespace adze::cli;
using nlohmann::ordered_json;

namespace {
struct InspectCommand {
  ModelOptions model;
  bool kernels = false;

  int run() const;
  void print(const ModelInfo &info) const;
};
} // namespace

static ordered_json describe(const std::vector<TensorSpec> &specs) {
  ordered_json list = ordered_json::array();
  for (const TensorSpec &spec : specs)
    list.push_back({{"name", spec.name},
                    {"type", elementTypeName(spec.type)},
                    {"shape", spec.shape}});
  return list;
}

static ordered_json describe(const ModelInfo &info) {
  ordered_json json = {{"model", info.path},
                       {"producer", info.producer},
                       {"ir_version", info.irVersion},
                       {"opsets", ordered_json::object()},
                       {"inputs", describe(info.inputs)},
                       {"outputs", describe(info.outputs)},
                       {"free_dimensions", info.freeDimensions},
                       {"nodes", info.nodes},
                       {"parameters", info.parameters},
                       {"weight_bytes", info.weightBytes},
                       {"operators", ordered_json::array()},
                       {"unsupported", ordered_json::array()}};
  for (const auto &[domain, version] : info.opsets)
    json["opsets"][domain.empty() ? "ai.onnx" : domain] = version;
  for (const OperatorCount &row : info.operators)
    json["operators"].push_back({{"domain", row.domain},
                                 {"name", row.name},
                                 {"since_version", row.sinceVersion},
                                 {"count", row.count},
                                 {"supported", row.supported}});
  for (const UnsupportedNode &node : info.unsupported)
    json["unsupported"].push_back({{"node", node.node},
                                   {"domain", node.domain},
                                   {"operator", node.op},
                                   {"opset", node.opset},
                                   {"reason", node.reason}});
  if (!info.notCompiled.empty()) {
    json["not_compiled"] = info.notCompiled;
    return json;
  }
  json["macs"] = info.macs;
  json["arena_bytes"] = info.memory.arenaBytes;
  json["arena_bound_bytes"] = info.memory.arenaBound;
  json["artifact_weight_bytes"] = info.memory.weightBytes;
  json["kernels"] = ordered_json::array();
  for (const KernelInfo &kernel : info.kernels)
    json["kernels"].push_back({{"name", kernel.name},
                               {"doc", kernel.doc},
                               {"macs", kernel.macs},
                               {"calls", kernel.calls}});
  return json;
}

static void printTensors(const char *title,
                         const std::vector<TensorSpec> &specs) {
  fmt::print("{}\n", coloured(title, Colour::Bold));
  Table table({{""}, {""}});
  for (const TensorSpec &spec : specs)
    table.add({printable(spec.name), spec.typeText()});
  table.print(2);
}

void InspectCommand::print(const ModelInfo &info) const {
  std::string opsets;
  for (const auto &[domain, version] : info.opsets)
    opsets +=
        fmt::format("{}{} {}", opsets.empty() ? "" : ", ",
                    domain.empty() ? "ai.onnx" : printable(domain), version);
  fmt::print("{}: by {}, IR version {}, opset {}\n", info.path,
             info.producer.empty() ? "an unnamed producer"
                                   : printable(info.producer),
             info.irVersion, opsets);
  printTensors("inputs", info.inputs);
  printTensors("outputs", info.outputs);
  if (!info.freeDimensions.empty()) {
    fmt::print("{}\n",
               coloured("free dimensions, taken as 1 (--shape fixes them)",
                        Colour::Bold));
    for (const std::string &dimension : info.freeDimensions)
      fmt::print("  {}\n", printable(dimension));
  }
  fmt::print("{}\n", coloured(fmt::format("operators ({} nodes)", info.nodes),
                              Colour::Bold));
  Table operators({{""}, {"", true}, {""}});
  for (const OperatorCount &row : info.operators)
    operators.add(
        {printable(row.domain.empty() ? row.name
                                      : row.domain + "." + row.name) +
             (row.sinceVersion > 0 ? fmt::format("-{}", row.sinceVersion)
                                   : std::string()),
         std::to_string(row.count),
         row.supported ? Table::Cell("")
                       : Table::Cell("not supported", Colour::Red)});
  operators.print(2);
  fmt::print("{}\n", coloured("size", Colour::Bold));
  Table size({{""}, {"", true}});
  size.add({"parameters", grouped(info.parameters)});
  size.add({"weights in the file", byteText(info.weightBytes)});
  if (info.notCompiled.empty()) {
    size.add({"multiply-accumulates", grouped(info.macs)});
    size.add({"kernels", grouped(int64_t(info.kernels.size()))});
    size.add({"arena for " + model.target, byteText(info.memory.arenaBytes)});
    size.add({"least arena of any plan", byteText(info.memory.arenaBound)});
    size.add({"weights in the artifact", byteText(info.memory.weightBytes)});
  }
  size.print(2);
  if (kernels && info.notCompiled.empty()) {
    fmt::print("{}\n", coloured("kernels", Colour::Bold));
    Table table({{""}, {"MACs", true}, {"what it computes"}});
    for (const KernelInfo &kernel : info.kernels)
      table.add({kernel.name, grouped(kernel.macs), printable(kernel.doc)});
    table.print(2);
  }
  if (!info.notCompiled.empty())
    fmt::print("MACs and memory are not known: {}\n", info.notCompiled);
  if (!info.unsupported.empty()) {
    fmt::print("{}\n", coloured("not supported", Colour::Red));
    for (const UnsupportedNode &node : info.unsupported) {
      Problem problem;
      problem.node = node.node;
      problem.op = node.op;
      problem.domain = node.domain;
      problem.opset = node.opset;
      fmt::print("  {}: {}\n", problem.nodeText(), node.reason);
    }
  }
}

int InspectCommand::run() const {
  ModelInfo info;
  {
    ProgressBar progress;
    CompileOptions options = model.compileOptions();
    options.progress = progress.callback();
    check(inspectModel(model.model, options, info));
  }
  if (model.json)
    std::cout << describe(info).dump(2, ' ', false,
                                     ordered_json::error_handler_t::replace)
              << "\n";
  else
    print(info);
  return exitSuccess;
}

Command cli::addInspect(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "inspect", "Show a model's inputs, operators, size and needs");
  auto command = std::make_shared<InspectCommand>();
  addModelOptions(line, *app, command->model, "The ONNX file");
  app->add_flag("-k,--kernels", command->kernels,
                "List the fused kernels that it compiles to");
  app->footer(
      "The exit code is 0 for every file that is a model, whether or not all "
      "of it is\nsupported.\n\n"
      "Examples:\n"
      "  adze inspect resnet50.onnx\n"
      "  adze inspect resnet50.onnx --shape batch=8\n"
      "  adze inspect kws.onnx -t cortex-m4 --kernels\n"
      "  adze inspect kws.onnx --json");
  return {app, [command] { return command->run(); }};
}
