//===- Help.cpp - How --help is laid out ----------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/adze/Command.h"

#include <sstream>

using namespace adze::cli;

namespace {

/// CLI11's layout with the descriptions wrapped to the width of a terminal.
class WrappingFormatter final : public CLI::Formatter {
public:
  std::string make_option(const CLI::Option *option,
                          bool isPositional) const override {
    std::string text = "  " + make_option_name(option, isPositional) +
                       make_option_opts(option);
    return layOut(std::move(text), make_option_desc(option));
  }

  std::string make_subcommand(const CLI::App *command) const override {
    return layOut("  " + command->get_name(), command->get_description());
  }

  std::string make_footer(const CLI::App *app) const override {
    return app->get_footer() + "\n";
  }

private:
  static constexpr size_t lineWidth = 90, descriptionColumn = 30;

  static std::string layOut(std::string text, const std::string &description) {
    if (text.size() + 1 > descriptionColumn)
      text += '\n' + std::string(descriptionColumn, ' ');
    else
      text.resize(descriptionColumn, ' ');
    size_t column = descriptionColumn;
    std::istringstream words(description);
    std::string word;
    bool first = true;
    while (words >> word) {
      if (!first && column + 1 + word.size() > lineWidth) {
        text += '\n' + std::string(descriptionColumn, ' ');
        column = descriptionColumn;
      } else if (!first) {
        text += ' ';
        ++column;
      }
      text += word;
      column += word.size();
      first = false;
    }
    return text + '\n';
  }
};

} // namespace

std::shared_ptr<CLI::Formatter> adze::cli::makeHelpFormatter() {
  return std::make_shared<WrappingFormatter>();
}
