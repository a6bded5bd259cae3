//===- main.cpp - The command line of adze-reduce -------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Driver.h"
#include "tools/adze-reduce/ReduceModel.h"
#include "tools/adze-reduce/ReduceModule.h"
#include "tools/adze/Command.h"

#include <fmt/format.h>

#include <filesystem>
#include <unistd.h>

using namespace adze;
using namespace adze::cli;
using namespace adze::reduce;

namespace {

struct Options {
  std::string input, output;
  std::string script, message;
  bool crash = false, mismatch = false;
  CriterionOptions criterion;
  std::vector<std::string> shapes;
};

} // namespace

static constexpr const char *footer =
    "A fault is told to adze-reduce by exactly one of --test, --crash, "
    "--message and\n--mismatch. What is left need not compute what the input "
    "computed: it shows the same\nfault, and no step that adze-reduce knows "
    "makes it smaller.\n\n"
    "The script of --test is called with the path of a candidate and exits "
    "with 0 if the\ncandidate is still interesting, with anything else if it "
    "is not, as for llvm-reduce\nand C-Reduce. Make it ask for the very fault: "
    "one that accepts any failure ends\nwith a model that fails for another "
    "reason. For example:\n"
    "    #!/bin/sh\n"
    "    adze compile \"$1\" -t cortex-m4 -o /tmp/out 2>&1 | grep -q 'arena "
    "of'\n\n"
    "Models (.onnx) lose nodes and outputs; values where a cut goes through "
    "become inputs\nof the type and shape that inference finds, so fix free "
    "dimensions with --shape.\nModules (.mlir, at any level of 'adze compile "
    "--emit') lose operations, whose\nresults become operands or zeros, "
    "and results and arguments of functions; they need\n--test.\n\n"
    "Examples:\n"
    "  adze-reduce big.onnx --message 'operator Frobnicate' -o small.onnx\n"
    "      the nodes without which the message does not appear\n"
    "  adze-reduce big.onnx --crash -t cortex-m4 -o small.onnx\n"
    "      the nodes on which the compiler dies\n"
    "  adze-reduce big.onnx --mismatch -O 3 -o small.onnx\n"
    "      the nodes that -O3 computes differently from -O0\n"
    "  adze-reduce module.mlir --test still-fails.sh -o small.mlir\n"
    "      a module of any of adze's dialects";

static void declare(CommandLine &line, Options &options) {
  CLI::App &app = line.app;
  app.name("adze-reduce");
  app.formatter(makeHelpFormatter());
  app.description("Shrinks a model or module that makes adze fail to the part "
                  "that matters, by trying\nsmaller and smaller ones.");
  app.add_option("input", options.input, "The ONNX model or MLIR module")
      ->required()
      ->type_name("FILE");
  app.add_option("-o,--output", options.output,
                 "The file to write (default: NAME.reduced.onnx or .mlir, "
                 "here)")
      ->type_name("FILE");
  app.add_option("--test", options.script,
                 "An executable that exits with 0 for what is interesting")
      ->type_name("SCRIPT");
  app.add_flag("--crash", options.crash,
               "Interesting is what the compiler dies on by a signal (the one "
               "of the first death)");
  app.add_option("--message", options.message,
                 "Interesting is what fails to compile with a message that "
                 "contains TEXT")
      ->type_name("TEXT");
  app.add_flag("--mismatch", options.mismatch,
               "Interesting is what gives results that differ from those of "
               "host at -O0 on random inputs, beyond the tolerances of 'adze "
               "verify'");
  std::vector<std::string> names;
  for (const TargetInfo &row : targets())
    names.push_back(row.name);
  line.restrict(app.add_option("-t,--target", options.criterion.target,
                               "What to compile for (see 'adze targets')")
                    ->type_name("TARGET")
                    ->capture_default_str(),
                names);
  line.restrict(app.add_option("-O", options.criterion.optLevel,
                               "Effort to optimise, -O0 to -O3")
                    ->type_name("0-3")
                    ->capture_default_str(),
                {"0", "1", "2", "3"});
  app.add_option("-s,--shape", options.shapes,
                 "Shape of an input (NAME=1x3x224x224), or value of a free "
                 "dimension (batch=1); may be repeated")
      ->type_name("SHAPE")
      ->allow_extra_args(false);
  app.add_option("--seed", options.criterion.seed,
                 "Of the random inputs of --mismatch")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--timeout", options.criterion.timeLimit,
                 "Seconds for a candidate; one that takes longer is not "
                 "interesting")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.footer(footer);
}

static bool isModule(const std::string &path) {
  std::string extension = std::filesystem::path(path).extension().string();
  return extension == ".mlir" || extension == ".mlirbc";
}

static Fault chosenFault(const Options &options) {
  int given = !options.script.empty() + options.crash +
              !options.message.empty() + options.mismatch;
  if (given != 1)
    throw UsageError(fmt::format(
        "{} given: say what makes a candidate interesting with exactly one of "
        "--test SCRIPT, --crash, --message TEXT and --mismatch",
        given == 0 ? "no criterion is" : "several criteria are"));
  if (isModule(options.input) && options.script.empty())
    throw UsageError("--crash, --message and --mismatch compile ONNX models; "
                     "for a module give a script with --test");
  return !options.script.empty()    ? Fault::Script
         : options.crash            ? Fault::Crash
         : !options.message.empty() ? Fault::Message
                                    : Fault::Mismatch;
}

/// The script may be run in any folder.
static std::string resolveScript(const std::string &script) {
  std::error_code error;
  std::string path = std::filesystem::absolute(script, error).string();
  if (error || !std::filesystem::is_regular_file(path, error))
    throw Failure(fmt::format("{}: there is no such script. --test takes the "
                              "path of one executable file, without arguments.",
                              script));
  if (access(path.c_str(), X_OK) != 0)
    throw Failure(fmt::format(
        "{}: the script is not executable. Try chmod +x {}", script, script));
  return path;
}

static void run(Options &options) {
  options.criterion.fault = chosenFault(options);
  options.criterion.message = options.message;
  bool module = isModule(options.input);
  if (!options.script.empty())
    options.criterion.script = resolveScript(options.script);
  if (options.output.empty())
    options.output = std::filesystem::path(options.input).stem().string() +
                     (module ? ".reduced.mlir" : ".reduced.onnx");
  Criterion criterion(options.criterion);
  if (module)
    check(reduceModule({options.input, options.output}, criterion));
  else
    check(reduceModel(
        {options.input, options.output, parseShapes(options.shapes)},
        criterion));
}

int main(int argc, char **argv) {
  CommandLine line;
  Options options;
  declare(line, options);
  auto report = [](const std::string &message, int code) {
    fmt::print(stderr, "adze-reduce: error: {}\n", message);
    return code;
  };
  try {
    line.app.parse(argc, argv);
    run(options);
    return exitSuccess;
  } catch (const CLI::CallForHelp &help) {
    return line.app.exit(help);
  } catch (const CLI::ParseError &error) {
    return report(fmt::format("{}. See 'adze-reduce --help'.", error.what()),
                  exitUsage);
  } catch (const UsageError &error) {
    return report(fmt::format("{}. See 'adze-reduce --help'.", error.what()),
                  exitUsage);
  } catch (const std::exception &error) {
    return report(error.what(), exitFailure);
  }
}
