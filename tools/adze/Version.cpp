//===- Version.cpp - adze version -----------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/adze/Command.h"

#include "llvm/Config/llvm-config.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>

using namespace adze::cli;

Command adze::cli::addVersion(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "version", "Print the versions of adze and of the LLVM it is built on");
  app->footer("Examples:\n"
              "  adze version --json");
  auto json = std::make_shared<bool>(false);
  addJsonOption(*app, *json);
  return {
      app, [json] {
        if (*json)
          std::cout << nlohmann::ordered_json({{"adze", ADZE_VERSION},
                                               {"llvm", LLVM_VERSION_STRING}})
                           .dump(2)
                    << "\n";
        else
          fmt::print("adze {} (LLVM {})\n", ADZE_VERSION, LLVM_VERSION_STRING);
        return exitSuccess;
      }};
}
