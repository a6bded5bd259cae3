//===- CTarget.cpp - Tests as generated C, compiled in batches --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CTarget.h"
#include "Execute.h"

#include "adze/CEmitter.h"
#include "lib/Pipeline/CompiledModule.h"
#include "runtime/native/Process.h"
#include "runtime/native/TemporaryFolder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

using namespace adze;
using namespace adze::conformance;
using nlohmann::json;

namespace {

constexpr double compilerSeconds = 300;

/// Runs one test of a batch: PROGRAM TEST INPUTS OUTPUTS. The sizes of all
/// arguments are in a table that follows.
const char *const runnerText = R"(#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct test {
  const char *name;
  int (*invoke)(void **args);
  const size_t *sizes; /* of inputs, outputs, arena */
  size_t inputs, outputs;
};
extern const struct test tests[];
extern const size_t number_of_tests;
int main(int argc, char **argv) {
  const struct test *test = tests;
  void *args[256];
  FILE *file;
  size_t i;
  int status;
  if (argc != 4)
    return 2;
  while (test != tests + number_of_tests && strcmp(test->name, argv[1]) != 0)
    ++test;
  if (test == tests + number_of_tests || test->inputs + test->outputs > 255)
    return 2;
  file = fopen(argv[2], "rb");
  if (!file)
    return 3;
  for (i = 0; i <= test->inputs + test->outputs; ++i) {
    if (posix_memalign(&args[i], 16, test->sizes[i]) != 0)
      return 4;
    if (i < test->inputs) {
      if (fread(args[i], 1, test->sizes[i], file) != test->sizes[i])
        return 3;
    } else if (test->sizes[i]) {
      /* what is not written is noticed */
      memset(args[i], 0xa5, test->sizes[i]);
    }
  }
  fclose(file);
  status = test->invoke(args);
  if (status != 0) {
    fprintf(stderr, "the model returned the status %d\n", status);
    return 5;
  }
  file = fopen(argv[3], "wb");
  if (!file)
    return 6;
  for (i = test->inputs; i < test->inputs + test->outputs; ++i)
    if (fwrite(args[i], 1, test->sizes[i], file) != test->sizes[i])
      return 6;
  for (i = 0; i <= test->inputs + test->outputs; ++i)
    free(args[i]);
  return fclose(file) == 0 ? 0 : 6;
}
)";

/// The tests of one run; each is known by its number.
class CRun {
public:
  CRun(const std::vector<Test> &tests, const CTargetOptions &options,
       const PoolOptions &pool)
      : tests(tests), options(options), pool(pool), code(tests.size()),
        program(tests.size()) {}
  Status findCompilers();
  Outcome print(size_t i);
  Outcome compileBatch(const std::vector<size_t> &batch);
  Outcome run(size_t i);
  void all(const std::function<void(size_t, Outcome)> &done);

private:
  const std::vector<Test> &tests;
  const CTargetOptions &options;
  const PoolOptions &pool;
  std::string gcc, clang;
  std::vector<json> code; // sizes, outputs, sources of each test
  std::vector<std::string> program;

  std::string name(size_t i) const { return fmt::format("t{}", i); }
  std::string file(const std::string &name) const {
    return options.folder + "/" + name;
  }
  Status writeEntry(size_t i, const CSource &source) const;
  std::string compile(const std::vector<std::string> &sources) const;
  Status link(const std::vector<size_t> &batch, const std::string &path) const;
};

} // namespace

/// Every warning counts.
static const std::vector<std::string> strictC = {
    "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"};

Status CRun::findCompilers() {
  if (Status status = findTool({"gcc"}, "compile generated C", gcc); !status)
    return status;
  return findTool({"clang-22", "clang"}, "look for warnings in generated C",
                  clang);
}

/// The file that is compiled: the program's source and a function that takes
/// its arguments from an array.
Status CRun::writeEntry(size_t i, const CSource &source) const {
  std::string text =
      fmt::format("/* {0} */\n#include \"{1}\"\nint {2}_invoke(void **args);\n"
                  "int {2}_invoke(void **args) {{\n  return {3}_run(",
                  tests[i].name, source.source.name, name(i), source.model);
  size_t n = 0;
  for (const CArgument &argument : source.arguments)
    text += fmt::format("({}{} *)args[{}], ", argument.isOutput ? "" : "const ",
                        argument.cType, n++);
  text += fmt::format("args[{}], {});\n}}\n", n, source.arenaBytes);
  return writeFile(file(name(i) + "_entry.c"), text);
}

/// Compiles one test down to C; the payload describes it.
Outcome CRun::print(size_t i) {
  Outcome outcome;
  Prepared prepared;
  if (!prepare(tests[i], options.target, options.optLevel, prepared, outcome))
    return outcome;
  CompiledModel::Impl &impl = *prepared.compiled.impl;
  impl.module->getOperation()->setAttr(
      "adze.model", mlir::StringAttr::get(&impl.context, name(i)));
  CSource source;
  CEmitterOptions emitter;
  emitter.maxWeightArrayBytes = UINT64_MAX;
  DiagnosticCollector errors(impl.context, tests[i].name);
  if (llvm::failed(emitC(*impl.module, source, emitter)))
    return failed(errors.status("the C emitter failed"));

  json description;
  description["sources"].push_back(name(i) + "_entry.c");
  Status status = writeEntry(i, source);
  auto write = [&](const CFile &text) {
    if (status)
      status = writeFile(file(text.name), text.text);
  };
  write(source.header);
  write(source.source);
  for (const CFile &weights : source.weightFiles) {
    write(weights);
    if (weights.name.ends_with(".c"))
      description["sources"].push_back(weights.name);
  }
  description["outputs"] = json::array();
  for (const CArgument &argument : source.arguments) {
    description["sizes"].push_back(argument.bytes);
    if (argument.isOutput)
      description["outputs"].push_back({{"name", argument.name},
                                        {"type", argument.type},
                                        {"shape", argument.shape}});
  }
  description["sizes"].push_back(source.arenaBytes);
  description["fixed"] = fmt::format("{}", fmt::join(prepared.fixed, ", "));
  description["sets"] = prepared.sets.size();
  for (size_t set = 0; status && set < prepared.sets.size(); ++set) {
    std::string bytes;
    const std::vector<Tensor> &inputs = prepared.sets[set].inputs;
    size_t given = source.arguments.size() - description["outputs"].size();
    if (inputs.size() != given)
      return failed(Status::failure(fmt::format(
          "the model has {} inputs, but {} were given", given, inputs.size())));
    for (size_t k = 0; k < given; ++k) {
      if (inputs[k].storage.size() != source.arguments[k].bytes)
        return failed(Status::failure(
            fmt::format("input '{}' has {} bytes in C, and its data {}",
                        source.arguments[k].name, source.arguments[k].bytes,
                        inputs[k].storage.size())));
      bytes.append(inputs[k].data(), inputs[k].storage.size());
    }
    status = writeFile(file(fmt::format("{}_{}.in", name(i), set)), bytes);
  }
  if (!status)
    return failed(status);
  outcome.result = Result::Pass;
  outcome.payload = description.dump();
  return outcome;
}

/// Compiles sources to objects beside them, with both compilers; the text is
/// what they say. An object is there for each source without a fault.
std::string CRun::compile(const std::vector<std::string> &sources) const {
  std::vector<std::string> command = {gcc, "-O1", "-g0", "-c"};
  command.insert(command.end(), strictC.begin(), strictC.end());
  // With sanitizers gcc no longer sees that both arms of `c ? (int8_t)x : 0`
  // fit, and warns: that conversion is judged without them.
  if (options.sanitize)
    command.insert(command.end(),
                   {"-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                    "-Wno-conversion"});
  command.insert(command.end(), sources.begin(), sources.end());
  ProcessResult result;
  Status status = runProcess(command, options.folder, compilerSeconds, result);
  if (!status || result.exitCode != 0)
    return "gcc: " +
           (status ? firstErrorLines(result.output, 6) : status.message);
  command = {clang, "-fsyntax-only"};
  command.insert(command.end(), strictC.begin(), strictC.end());
  command.insert(command.end(), sources.begin(), sources.end());
  status = runProcess(command, options.folder, compilerSeconds, result);
  if (!status || result.exitCode != 0)
    return "clang: " +
           (status ? firstErrorLines(result.output, 6) : status.message);
  return "";
}

Status CRun::link(const std::vector<size_t> &batch,
                  const std::string &path) const {
  std::string table = "#include <stddef.h>\n";
  std::string rows;
  std::vector<std::string> objects;
  for (size_t i : batch) {
    const json &sizes = code[i]["sizes"];
    size_t outputs = code[i]["outputs"].size();
    table += fmt::format(
        "int {0}_invoke(void **args);\nstatic const size_t {0}_sizes[] = "
        "{{{1}}};\n",
        name(i), fmt::join(sizes.get<std::vector<uint64_t>>(), ", "));
    rows += fmt::format("  {{\"{0}\", {0}_invoke, {0}_sizes, {1}, {2}}},\n",
                        name(i), sizes.size() - 1 - outputs, outputs);
    for (const json &source : code[i]["sources"])
      objects.push_back(
          std::filesystem::path(source.get<std::string>()).stem().string() +
          ".o");
  }
  table += fmt::format(
      "struct test {{\n  const char *name;\n  int (*invoke)(void **args);\n"
      "  const size_t *sizes;\n  size_t inputs, outputs;\n}};\n"
      "const struct test tests[] = {{\n{}}};\nconst size_t number_of_tests = "
      "{};\n",
      rows, batch.size());
  Status status = writeFile(path + "_table.c", table);
  if (status)
    status = writeFile(path + "_main.c", runnerText);
  if (!status)
    return status;
  std::vector<std::string> command = {gcc, "-o", path, path + "_table.c",
                                      path + "_main.c"};
  if (options.sanitize)
    command.push_back("-fsanitize=address,undefined");
  command.insert(command.end(), objects.begin(), objects.end());
  command.push_back("-lm");
  return runTool(command, options.folder, compilerSeconds,
                 "linking a batch of tests");
}

/// Compiles the tests of a batch and links those without a fault. The payload
/// is an object: the message of each test that has one, and the program.
Outcome CRun::compileBatch(const std::vector<size_t> &batch) {
  auto sourcesOf = [&](size_t i) {
    return code[i]["sources"].get<std::vector<std::string>>();
  };
  std::vector<std::string> sources;
  for (size_t i : batch)
    for (const std::string &source : sourcesOf(i))
      sources.push_back(source);
  json faults = json::object();
  std::vector<size_t> good = batch;
  // After a fault each test is compiled alone, to know whose it is.
  if (!compile(sources).empty()) {
    good.clear();
    for (size_t i : batch) {
      std::string fault = compile(sourcesOf(i));
      if (fault.empty())
        good.push_back(i);
      else
        faults[name(i)] = fault;
    }
  }
  Outcome outcome;
  std::string path = file(fmt::format("batch{}", batch.front()));
  if (!good.empty())
    if (Status status = link(good, path); !status)
      return failed(status);
  outcome.result = Result::Pass;
  outcome.payload = json{{"faults", faults}, {"program", path}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
  return outcome;
}

/// Runs one test in its program.
Outcome CRun::run(size_t i) {
  std::vector<DataSet> sets;
  if (Status status = readDataSets(tests[i], sets); !status)
    return failed(status);
  Outcome outcome;
  for (size_t set = 0; set < sets.size(); ++set) {
    std::string stem = file(fmt::format("{}_{}", name(i), set));
    ProcessResult result;
    if (Status status =
            runProcess({program[i], name(i), stem + ".in", stem + ".out"},
                       options.folder, pool.timeoutSeconds, result);
        !status)
      return failed(status);
    if (result.timedOut || result.exitCode != 0) {
      outcome.result = result.timedOut ? Result::Timeout : Result::Crash;
      outcome.message =
          fmt::format("the program ended with {} {}: {}",
                      result.signal ? "signal" : "exit code",
                      result.signal ? result.signal : result.exitCode,
                      firstErrorLines(result.output, 6));
      return outcome;
    }
    std::string bytes;
    if (Status status = readFile(stem + ".out", bytes); !status)
      return failed(status);
    std::vector<Tensor> got;
    size_t at = 0;
    for (const json &output : code[i]["outputs"]) {
      Tensor tensor({output["name"], elementTypeNamed(output["type"]),
                     output["shape"].get<std::vector<int64_t>>()});
      if (at + tensor.storage.size() > bytes.size())
        return failed(Status::failure("the outputs are too short"));
      std::copy_n(bytes.data() + at, tensor.storage.size(), tensor.data());
      at += tensor.storage.size();
      got.push_back(std::move(tensor));
    }
    outcome.message = compareOutputs(tests[i], got, sets[set]);
    outcome.result = outcome.message.empty() ? Result::Pass : Result::Wrong;
    if (outcome.result != Result::Pass)
      return outcome;
  }
  outcome.payload = code[i]["fixed"];
  return outcome;
}

void CRun::all(const std::function<void(size_t, Outcome)> &done) {
  std::vector<size_t> printed;
  runPool(
      tests.size(), pool, [&](size_t i) { return print(i); },
      [&](size_t i, Outcome outcome) {
        if (outcome.result != Result::Pass)
          return done(i, std::move(outcome));
        code[i] = json::parse(outcome.payload);
        printed.push_back(i);
      });
  std::sort(printed.begin(), printed.end());
  std::vector<std::vector<size_t>> batches;
  for (size_t at = 0; at < printed.size(); at += options.batch)
    batches.emplace_back(
        printed.begin() + long(at),
        printed.begin() + long(std::min(at + options.batch, printed.size())));
  PoolOptions compiling = pool;
  compiling.timeoutSeconds = 2 * compilerSeconds;
  std::vector<size_t> runnable;
  runPool(
      batches.size(), compiling,
      [&](size_t b) { return compileBatch(batches[b]); },
      [&](size_t b, Outcome outcome) {
        if (outcome.result != Result::Pass) {
          for (size_t i : batches[b])
            done(i, outcome);
          return;
        }
        json result = json::parse(outcome.payload);
        for (size_t i : batches[b]) {
          program[i] = result["program"];
          if (!result["faults"].contains(name(i))) {
            runnable.push_back(i);
            continue;
          }
          Outcome fault;
          fault.message = result["faults"][name(i)];
          done(i, fault);
        }
      });
  runPool(
      runnable.size(), pool, [&](size_t k) { return run(runnable[k]); },
      [&](size_t k, Outcome outcome) {
        done(runnable[k], std::move(outcome));
      });
}

Status
conformance::runCTests(const std::vector<Test> &tests,
                       const CTargetOptions &options, const PoolOptions &pool,
                       const std::function<void(size_t, Outcome)> &done) {
  CRun run(tests, options, pool);
  if (Status status = run.findCompilers(); !status)
    return status;
  run.all(done);
  return Status::success();
}
