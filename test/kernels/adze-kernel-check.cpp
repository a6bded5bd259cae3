//===- adze-kernel-check.cpp - Kernel families, bit for bit -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Generates the kernels of the families that match a problem, runs each in the
/// machine's emulator, compares with the reference bit for bit, and prints what
/// it took.
///
//===----------------------------------------------------------------------===//
#include "adze/CostModel.h"
#include "lib/Kernels/Sample.h"
#include "test/kernels/Check.h"

#include "CLI/CLI.hpp"
#include "nlohmann/json.hpp"
#include <fmt/format.h>

#include <cstdio>

using namespace adze;

namespace {

struct Options {
  std::string chip = "cortex-m4", family, model;
  std::vector<std::string> problem;
  unsigned seed = 1, random = 0;
  bool all = false, json = false, text = false, list = false, rank = false;
  CheckOptions check;
};

class Runner {
public:
  Runner(const Options &options, const Machine &machine)
      : options(options), machine(machine) {}

  bool run(const std::string &text, unsigned seed);
  int finish();

private:
  /// `layer` is the problem's line of text, by which scripts know it.
  bool runCandidate(const std::string &layer, const std::string &title,
                    const Problem &problem, const Candidate &candidate);

  const Options &options;
  const Machine &machine;
  std::unique_ptr<CostModel> model = makeAnalyticCostModel();
  nlohmann::json rows = nlohmann::json::array();
  uint64_t best = 0, code = 0;
  int64_t constants = 0;
  unsigned failures = 0, checked = 0, unmatched = 0;
};

} // namespace

bool Runner::runCandidate(const std::string &layer, const std::string &title,
                          const Problem &problem, const Candidate &candidate) {
  KernelCode kernel;
  if (!candidate.family->generate(problem, candidate.schedule, machine,
                                  kernel)) {
    if (!options.json)
      fmt::print("{:<44} {:<40} refused\n", title, candidate.schedule.text());
    return false;
  }
  if (options.text) {
    for (const auto &[name, definition] : kernel.functions)
      fmt::print("{}\n", definition);
    fmt::print("{}\n", kernel.body);
  }
  if (options.rank) {
    rows.push_back({{"layer", layer},
                    {"problem", title},
                    {"schedule", candidate.schedule.text()},
                    {"predicted", candidate.features.instructions}});
    return true;
  }
  CheckResult result;
  Status status = checkKernel(problem, kernel, machine, options.check, result);
  ++checked;
  std::string verdict = !status        ? status.message
                        : result.equal ? "ok"
                                       : "WRONG: " + result.difference;
  if (!status || !result.equal)
    ++failures;
  auto *conv = std::get_if<ConvolutionProblem>(&problem);
  double macs = conv ? double(conv->multiplyAccumulates()) : 0;
  const KernelFeatures &features = candidate.features;
  if (options.json)
    rows.push_back({{"layer", layer},
                    {"problem", title},
                    {"schedule", candidate.schedule.text()},
                    {"instructions", result.instructions},
                    {"predicted", features.instructions},
                    {"loads", result.loads},
                    {"cycles", result.cycles},
                    {"code_bytes", result.codeBytes},
                    {"constant_bytes", result.constantBytes},
                    {"scratch_bytes", result.scratchBytes},
                    {"stack_bytes", result.stackBytes},
                    {"verdict", verdict}});
  else
    fmt::print("{:<44} {:<40} {:>9} {:>6} {:>9} {:>8} {:>9} {:>6} {:>7} {:>6} "
               "{:>5}  {}\n",
               title, candidate.schedule.text(), result.instructions,
               macs ? fmt::format("{:.3f}", double(result.instructions) / macs)
                    : "",
               int64_t(features.instructions), result.loads, result.cycles,
               result.codeBytes, result.constantBytes, result.scratchBytes,
               result.stackBytes, verdict);
  std::fflush(stdout);
  if (status && result.equal) {
    best += result.instructions;
    code += result.codeBytes;
    constants += result.constantBytes;
  }
  return true;
}

bool Runner::run(const std::string &text, unsigned seed) {
  Problem problem;
  if (Status status = sampleProblem(text, seed, problem); !status) {
    if (options.random) // a random text may make no sense
      return true;
    fmt::print(stderr, "{}\n", status.message);
    ++failures;
    return false;
  }
  std::vector<Candidate> candidates =
      rankedCandidates(cKernelFamilies(), problem, machine, {}, *model);
  bool any = false;
  for (const Candidate &candidate : candidates) {
    if (candidate.schedule.text().find(options.family) == std::string::npos)
      continue;
    any |= runCandidate(text, options.random ? text : describe(problem),
                        problem, candidate);
    if (any && !options.all)
      break;
  }
  if (!any) {
    ++unmatched;
    if (!options.json && !options.random)
      fmt::print("{:<44} no family\n", describe(problem));
  }
  return true;
}

int Runner::finish() {
  if (options.json)
    fmt::print("{}\n", rows.dump(2));
  else
    fmt::print("{} kernels checked, {} failed, {} problems without a family; "
               "{} instructions, {} B code, {} B constants\n",
               checked, failures, unmatched, best, code, constants);
  return failures ? 1 : 0;
}

/// The families as a page of the documentation.
static void listFamilies() {
  fmt::print(
      "# Kernel families\n\n"
      "<!-- Written by adze-kernel-check --list; edit the families. -->\n"
      "\nGenerators of integer kernels for C targets "
      "(`codegen/c/families`). `adze bench MODEL -t CHIP` shows which one "
      "computes which layer\nand what it costs; `adze-kernel-check --chip "
      "CHIP PROBLEM --all` compares all schedules of one layer, bit for bit "
      "and in\ninstructions.\n\n| family | what it does |\n|---|---|\n");
  for (const KernelFamily *family : cKernelFamilies())
    fmt::print("| `{}` | {} |\n", family->name(), family->summary());
}

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Generates kernels, runs them in an emulator, and compares them "
               "with the reference bit for bit.");
  app.add_option(
      "problem", options.problem,
      "conv in=32x32x16 out=16 kernel=3x3 ... (lib/Kernels/Sample.h)");
  app.add_option("--chip", options.chip, "the machine (adze targets)");
  app.add_option("--compiler", options.check.compiler, "gcc or clang");
  app.add_option("--opt", options.check.optimization, "-O2, -O3, -Os");
  app.add_option("--family", options.family,
                 "only schedules whose text contains this");
  app.add_option("--model", options.model,
                 "the layers of resnet8, kws, vww or ad01");
  app.add_option("--random", options.random, "this many random problems");
  app.add_option("--seed", options.seed, "of weights and of random problems");
  app.add_option("--keep", options.check.keep, "folder for the C files");
  app.add_flag("--all", options.all,
               "every schedule, not only the one ranked first");
  app.add_flag("--host", options.check.host,
               "the plain C on this machine, under sanitizers");
  app.add_flag("--print", options.text, "print the generated C");
  app.add_flag("--json", options.json, "print a list of objects");
  app.add_flag("--rank", options.rank,
               "print every schedule that a family accepts as --json, in the "
               "order of the estimates, and run none");
  app.add_flag("--list", options.list,
               "print docs/reference/kernels.md: the families");
  CLI11_PARSE(app, argc, argv);
  if (options.rank)
    options.all = options.json = true;
  if (options.list) {
    listFamilies();
    return 0;
  }
  const Machine *machine = findMachine(options.chip);
  if (!machine) {
    fmt::print(stderr, "there is no machine '{}'\n", options.chip);
    return 1;
  }
  Runner runner(options, *machine);
  if (!options.json)
    fmt::print("{:<44} {:<40} {:>9} {:>6} {:>9} {:>8} {:>9} {:>6} {:>7} {:>6} "
               "{:>5}\n",
               "problem", "schedule", "insns", "/MAC", "predicted", "loads",
               "~cycles", "code", "const", "scratch", "stack");
  if (!options.problem.empty())
    runner.run(fmt::format("{}", fmt::join(options.problem, " ")),
               options.seed);
  if (!options.model.empty()) {
    std::vector<std::string> layers = modelLayers(options.model);
    if (layers.empty()) {
      fmt::print(stderr, "the models are resnet8, kws, vww and ad01\n");
      return 1;
    }
    for (const std::string &layer : layers)
      runner.run(layer, options.seed);
  }
  std::mt19937_64 random(options.seed);
  for (unsigned i = 0; i < options.random; ++i)
    runner.run(randomProblemText(random), options.seed + i);
  return runner.finish();
}
