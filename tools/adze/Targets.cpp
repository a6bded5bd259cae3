//===- Targets.cpp - adze targets -----------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Driver.h"
#include "tools/adze/Command.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>

using namespace adze;
using namespace adze::cli;

static int listTargets(bool json) {
  if (json) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const TargetInfo &row : targets())
      rows.push_back({{"name", row.name},
                      {"summary", row.summary},
                      {"runs_in", row.runsIn},
                      {"compiler_flags", row.compilerFlags}});
    std::cout << rows.dump(2) << "\n";
    return exitSuccess;
  }
  Table table({{"target"}, {"runs here"}, {"what it is"}});
  for (const TargetInfo &row : targets())
    table.add({{row.name, Colour::Bold}, row.runsIn, row.summary});
  table.print();
  return exitSuccess;
}

Command cli::addTargets(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "targets", "List what adze compiles for, and how it runs here");
  app->footer("Examples:\n"
              "  adze targets\n"
              "  adze targets --json");
  auto json = std::make_shared<bool>(false);
  addJsonOption(*app, *json);
  return {app, [json] { return listTargets(*json); }};
}
