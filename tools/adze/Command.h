//===- Command.h - What the subcommands share ---------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each subcommand is one file with one function `add...`, which declares its
// options and returns the command. Failures travel as exceptions to main.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_COMMAND_H
#define ADZE_TOOLS_ADZE_COMMAND_H

#include "adze/Compiler.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace adze::cli {

constexpr int exitSuccess = 0;
constexpr int exitFailure = 1; // the model, its data or the machine said no
constexpr int exitUsage = 2;   // the command line said nothing that we know

/// A failure that the user reads: one paragraph.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A command line that means nothing.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void check(const Status &status) {
  if (!status)
    throw Failure(status.message);
}

/// A subcommand: its options, and what it does. `run` returns the exit code.
struct Command {
  CLI::App *app = nullptr;
  std::function<int()> run;
};

/// The words that an option takes, for typos and for shell completion.
using Choices = std::map<const CLI::Option *, std::vector<std::string>>;

/// The command line as it is being declared.
struct CommandLine {
  CLI::App app;
  Choices choices;
  std::vector<Command> commands;

  /// Restricts an option to words; a wrong one is answered with the nearest.
  void restrict(CLI::Option *option, std::vector<std::string> words);
};

/// The layout of --help; subcommands inherit it from the program.
std::shared_ptr<CLI::Formatter> makeHelpFormatter();

Command addCompile(CommandLine &line);
Command addRun(CommandLine &line);
Command addVerify(CommandLine &line);
Command addInspect(CommandLine &line);
Command addBench(CommandLine &line);
Command addTargets(CommandLine &line);
Command addQuantize(CommandLine &line);
Command addCompletion(CommandLine &line);
Command addVersion(CommandLine &line);

/// Options of every command that takes a model.
struct ModelOptions {
  std::string model;
  std::string target = "host";
  std::string name;
  int optLevel = 2;
  std::vector<std::string> shapes, fixed;
  std::string ram, flash, stack; // sizes as they were typed
  std::string memories;          // "dtcm=64K,sram=256K"
  std::vector<std::string> accelerators;
  bool json = false;

  /// As the compiler takes them; a shape or file that cannot be read throws.
  CompileOptions compileOptions() const;
};

/// Declares MODEL, --target, -O, --shape, --fix, --ram, --flash, --stack,
/// --memory and --json.
void addModelOptions(CommandLine &line, CLI::App &app, ModelOptions &options,
                     const std::string &modelHelp);
void addJsonOption(CLI::App &app, bool &json);

/// Reads "65536", "64K" or "1M" (units of 1024); `option` names it in the
/// message about anything else.
int64_t parseBytes(const std::string &text, const std::string &option);

/// Reads the values of --shape: NAME=1x3x224x224 for an input or a dimension,
/// 1x3x224x224 for the only input (under the empty name).
std::map<std::string, std::vector<int64_t>>
parseShapes(const std::vector<std::string> &texts);

} // namespace adze::cli

#endif
