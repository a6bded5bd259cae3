//===- adze-conformance.cpp - Runs ONNX's node tests ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CTarget.h"
#include "Execute.h"

#include "runtime/native/TemporaryFolder.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>

#include <unistd.h>

using namespace adze;
using namespace adze::conformance;

namespace {

struct CommandLine {
  std::string suite;
  std::string target = "host";
  int optLevel = 1;
  std::string filter, op;
  std::string json;
  bool listFailures = false, listPasses = false;
  PoolOptions pool;
  CTargetOptions c;
};

int parse(CLI::App &app, CommandLine &options, int argc, char **argv) {
  app.add_option("SUITE_DIR", options.suite,
                 "folder with test_*/ (and index.json)")
      ->required();
  app.add_option("-t,--target", options.target,
                 "host, c, interp, or another target of adze")
      ->capture_default_str();
  app.add_option("-O", options.optLevel, "level of optimisation, 0 to 3")
      ->capture_default_str()
      ->check(CLI::Range(0, 3));
  app.add_option("-f,--filter", options.filter,
                 "only tests whose name holds this regular expression");
  app.add_option("--op", options.op, "only tests of this operator");
  app.add_option("-j,--jobs", options.pool.jobs, "tests at a time")
      ->capture_default_str();
  app.add_option("--timeout", options.pool.timeoutSeconds,
                 "seconds for each test")
      ->capture_default_str();
  app.add_option("--json", options.json, "file for the results");
  app.add_flag("-l,--list-failures", options.listFailures,
               "print each test that does not pass, and why");
  app.add_flag("--list-passes", options.listPasses,
               "print the name of each test that passes");
  app.add_flag("--in-process", options.pool.inProcess,
               "run in this process, for a debugger");
  app.add_flag("--sanitize", options.c.sanitize,
               "target c: with address and undefined behaviour sanitizers");
  app.add_option("--batch", options.c.batch, "target c: tests in one program")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--keep", options.c.folder,
                 "target c: leave the generated C in this folder");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error);
  }
  return 0;
}

std::vector<Test> selected(const std::vector<Test> &tests,
                           const CommandLine &options) {
  std::vector<Test> some;
  std::regex pattern(options.filter);
  for (const Test &test : tests)
    if ((options.filter.empty() || std::regex_search(test.name, pattern)) &&
        (options.op.empty() || test.op == options.op))
      some.push_back(test);
  return some;
}

/// A message on one line, of bearable length.
std::string oneLine(std::string text) {
  for (size_t at; (at = text.find('\n')) != std::string::npos;)
    text.replace(at, 1, " | ");
  return text.size() > 700 ? text.substr(0, 700) + "..." : text;
}

void writeJson(const CommandLine &options, const std::vector<Test> &tests,
               const std::vector<Outcome> &outcomes) {
  nlohmann::ordered_json document;
  document["target"] = options.target;
  for (size_t i = 0; i < tests.size(); ++i) {
    const Test &test = tests[i];
    nlohmann::ordered_json entry;
    entry["name"] = test.name;
    entry["op"] = test.op;
    entry["domain"] = test.domain;
    entry["opset"] = test.opset;
    entry["expanded"] = test.expanded;
    entry["result"] = resultName(outcomes[i].result);
    entry["message"] = outcomes[i].message;
    entry["fixed"] = outcomes[i].payload; // inputs made constants
    entry["seconds"] = outcomes[i].seconds;
    document["tests"].push_back(std::move(entry));
  }
  std::ofstream(options.json)
      << document.dump(1, ' ', false,
                       nlohmann::ordered_json::error_handler_t::replace)
      << "\n";
}

int complain(const Status &status) {
  fmt::print(stderr, "adze-conformance: {}\n", status.message);
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Runs ONNX's node tests through the compiler");
  CommandLine options;
  if (int code = parse(app, options, argc, argv); code || options.suite.empty())
    return code;
  std::vector<Test> all;
  if (Status status = readSuite(options.suite, all); !status)
    return complain(status);
  std::vector<Test> tests = selected(all, options);
  std::vector<Outcome> outcomes(tests.size());
  std::unique_ptr<TemporaryFolder> temporary;
  if (options.target == "c" && options.c.folder.empty()) {
    temporary = std::make_unique<TemporaryFolder>();
    if (Status status = temporary->create(); !status)
      return complain(status);
    options.c.folder = temporary->path();
  } else if (options.target == "c") {
    std::error_code error;
    std::filesystem::create_directories(options.c.folder, error);
    options.c.folder = std::filesystem::absolute(options.c.folder).string();
  }
  // What every child would do for itself is done once, before the first fork:
  // binding symbols, registering passes, operators and targets.
  if (!tests.empty() && !options.pool.inProcess) {
    bool isInProcess = options.target == "host";
    (void)runTest(all.front(), isInProcess ? "host" : interpreterTarget,
                  options.optLevel);
  }

  auto started = std::chrono::steady_clock::now();
  size_t finished = 0;
  bool isTerminal = ::isatty(2);
  auto done = [&](size_t i, Outcome outcome) {
    outcomes[i] = std::move(outcome);
    ++finished;
    if (isTerminal)
      fmt::print(stderr, "\r{}/{} {:60.60}", finished, tests.size(),
                 finished == tests.size() ? "" : tests[i].name);
  };
  auto work = [&](size_t i) {
    return runTest(tests[i], options.target, options.optLevel);
  };
  if (options.target == "c") {
    options.c.optLevel = options.optLevel;
    if (Status status = runCTests(tests, options.c, options.pool, done);
        !status)
      return complain(status);
  } else {
    runPool(tests.size(), options.pool, work, done);
  }
  if (isTerminal)
    fmt::print(stderr, "\r{:80}\r", "");

  std::map<Result, size_t> counts;
  for (size_t i = 0; i < tests.size(); ++i) {
    ++counts[outcomes[i].result];
    if (outcomes[i].result == Result::Pass ? options.listPasses
                                           : options.listFailures)
      fmt::print("{:12}{} [{}] {}\n", resultName(outcomes[i].result),
                 tests[i].name, tests[i].op, oneLine(outcomes[i].message));
  }
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - started;
  fmt::print("{} of {} tests pass on {}", counts[Result::Pass], tests.size(),
             options.target);
  for (auto [result, count] : counts)
    if (result != Result::Pass && count)
      fmt::print(", {} {}", count, resultName(result));
  fmt::print(" ({:.1f} s)\n", seconds.count());
  if (!options.json.empty())
    writeJson(options, tests, outcomes);
  return counts[Result::Pass] == tests.size() ? 0 : 1;
}
