//===- main.cpp - The command line of adze --------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Spelling.h"
#include "tools/adze/Command.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <iostream>

using namespace adze;
using namespace adze::cli;

static int reportError(const std::string &message, int code) {
  fmt::print(stderr, "{} {}\n",
             coloured("adze: error:", Colour::Red, /*onError=*/true), message);
  return code;
}

/// The clause with a full stop, unless it is a question.
static std::string sentence(std::string clause) {
  while (!clause.empty() && (clause.back() == '.' || clause.back() == '\n'))
    clause.pop_back();
  return clause.empty() || clause.back() == '?' ? clause : clause + ".";
}

/// The subcommand that the arguments name, or the program itself.
static CLI::App *activeApp(CommandLine &line) {
  for (const Command &command : line.commands)
    if (command.app->parsed())
      return command.app;
  return &line.app;
}

/// What is left when the known options are taken away.
static std::string describeExtras(const CLI::App &app,
                                  const std::vector<std::string> &extras) {
  std::vector<std::string> known;
  for (const CLI::Option *option : app.get_options())
    for (const std::string &name : option->get_lnames())
      known.push_back("--" + name);
  const std::string &first = extras.front();
  std::string word = first.substr(0, first.find('='));
  if (first[0] == '-')
    return fmt::format("there is no option '{}'{}", word,
                       didYouMean(word, known));
  return fmt::format("'{}' is one argument too many", first);
}

/// Turns the parser's complaints into ours.
static int reportUsage(CommandLine &line, const CLI::ParseError &error) {
  CLI::App *app = activeApp(line);
  std::string message = error.what();
  // An option that is missing may be one that was misspelt: say that first.
  std::vector<std::string> extras = line.app.remaining(/*recurse=*/true);
  extras.erase(std::remove(extras.begin(), extras.end(), "--"), extras.end());
  if (!extras.empty())
    message = describeExtras(*app, extras);
  std::string name = app == &line.app ? "" : " " + app->get_name();
  return reportError(
      fmt::format("{} See 'adze{} --help'.", sentence(message), name),
      exitUsage);
}

/// A first word that is no subcommand, which the parser would take for an
/// argument of nothing in particular.
static bool hasWrongCommand(CommandLine &line, int argc, char **argv,
                            std::string &message) {
  if (argc < 2 || argv[1][0] == '-')
    return false;
  std::vector<std::string> names;
  for (const Command &command : line.commands)
    names.push_back(command.app->get_name());
  std::string word = argv[1];
  if (std::find(names.begin(), names.end(), word) != names.end())
    return false;
  message = fmt::format("{} See 'adze --help'.",
                        sentence(fmt::format("there is no command '{}'{}", word,
                                             didYouMean(word, names))));
  return true;
}

static void declare(CommandLine &line) {
  CLI::App &app = line.app;
  app.name("adze");
  app.formatter(makeHelpFormatter());
  app.description("adze shapes neural networks into code: it reads an ONNX "
                  "model and writes, ahead of time,\nC or machine code that "
                  "needs nothing but itself.");
  app.footer("Start here:\n"
             "  adze inspect model.onnx                         what is in it\n"
             "  adze compile model.onnx -t c -o out             C99 in out/\n"
             "  adze run model.onnx -i inputs.npz -o result.npz run it here\n"
             "  adze verify model.onnx -t cortex-m4 --io io.npz is it right?\n"
             "'adze COMMAND --help' explains each command with examples.");
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("-V,--version", std::string("adze ") + ADZE_VERSION,
                       "Print the version");
  line.commands = {addCompile(line), addRun(line),     addVerify(line),
                   addInspect(line), addBench(line),   addQuantize(line),
                   addTargets(line), addVersion(line), addCompletion(line)};
}

int main(int argc, char **argv) {
  // A reader that goes away (adze ... | head) is no crash.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    CommandLine line;
    declare(line);
    if (argc == 1) { // a lost user
      std::cerr << line.app.help();
      return exitUsage;
    }
    std::string message;
    if (hasWrongCommand(line, argc, argv, message))
      return reportError(message, exitUsage);
    try {
      line.app.parse(argc, argv);
    } catch (const CLI::Success &request) { // --help, --version
      return line.app.exit(request);
    } catch (const CLI::ParseError &error) {
      return reportUsage(line, error);
    }
    for (const Command &command : line.commands)
      if (command.app->parsed())
        return command.run();
    return exitUsage;
  } catch (const UsageError &error) {
    return reportError(sentence(error.what()), exitUsage);
  } catch (const Failure &error) {
    return reportError(error.what(), exitFailure);
  } catch (const std::bad_alloc &) {
    return reportError("out of memory.", exitFailure);
  } catch (const std::exception &error) {
    return reportError(fmt::format("unexpected failure: {}.", error.what()),
                       exitFailure);
  }
}
