//===- Completion.cpp - adze completion -----------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The scripts are made from the declared options, so they cannot be stale.
//
//===----------------------------------------------------------------------===//

#include "tools/adze/Command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace adze::cli;

namespace {
/// What completion needs to know of an option.
struct OptionWords {
  std::vector<std::string> names;   // "--target", "-t"
  std::vector<std::string> choices; // words that it takes
  std::string help;
  bool takesValue = false;
};

struct CommandWords {
  std::string name, help;
  std::vector<OptionWords> options;
};
} // namespace

static std::vector<CommandWords> collect(const CommandLine &line) {
  std::vector<CommandWords> commands;
  for (const Command &command : line.commands) {
    CommandWords words;
    words.name = command.app->get_name();
    words.help = command.app->get_description();
    for (const CLI::Option *option : command.app->get_options()) {
      OptionWords entry;
      for (const std::string &name : option->get_lnames())
        entry.names.push_back("--" + name);
      for (const std::string &name : option->get_snames())
        entry.names.push_back("-" + name);
      if (auto found = line.choices.find(option); found != line.choices.end())
        entry.choices = found->second;
      entry.help = option->get_description();
      entry.takesValue = option->get_items_expected_max() > 0;
      if (!entry.names.empty() || !entry.choices.empty())
        words.options.push_back(std::move(entry));
    }
    commands.push_back(std::move(words));
  }
  return commands;
}

/// Text inside single quotes of a shell.
static std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result;
}

static std::string bashScript(const std::vector<CommandWords> &commands) {
  std::vector<std::string> names;
  std::string cases;
  for (const CommandWords &command : commands) {
    names.push_back(command.name);
    std::vector<std::string> options, words;
    std::string values;
    for (const OptionWords &option : command.options) {
      options.insert(options.end(), option.names.begin(), option.names.end());
      if (option.names.empty())
        words = option.choices;
      else if (!option.choices.empty())
        values += fmt::format("        {}) words='{}' ;;\n",
                              fmt::join(option.names, "|"),
                              fmt::join(option.choices, " "));
    }
    cases += fmt::format("    {})\n"
                         "      case \"$previous\" in\n"
                         "{}"
                         "        *)\n"
                         "          case \"$current\" in\n"
                         "            -*) words='{}' ;;\n"
                         "            *) words='{}' ;;\n"
                         "          esac ;;\n"
                         "      esac ;;\n",
                         command.name, values, fmt::join(options, " "),
                         fmt::join(words, " "));
  }
  return fmt::format(
      R"(# bash completion for adze: source <(adze completion bash)
_adze() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}"
  local previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local words=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _adze adze
)",
      fmt::join(names, " "), cases);
}

static std::string zshScript(const std::vector<CommandWords> &commands) {
  std::string names, cases;
  // _arguments takes '[' ']' and ':' for itself.
  auto plain = [](const std::string &text) {
    std::string result;
    for (char c : escaped(text)) {
      if (c == '[' || c == ']' || c == ':')
        result += '\\';
      result += c;
    }
    return result;
  };
  for (const CommandWords &command : commands) {
    names += fmt::format("    '{}:{}'\n", command.name, plain(command.help));
    std::string specs;
    for (const OptionWords &option : command.options) {
      std::string action =
          option.choices.empty()
              ? std::string("_files")
              : fmt::format("({})", fmt::join(option.choices, " "));
      for (const std::string &name : option.names)
        specs +=
            fmt::format(" \\\n        '*{}[{}]{}'", name, plain(option.help),
                        option.takesValue ? ":value:" + action : "");
      if (option.names.empty())
        specs +=
            fmt::format(" \\\n        ':{}:{}'", plain(option.help), action);
    }
    cases += fmt::format("    {})\n"
                         "      _arguments{} \\\n        '*:file:_files' ;;\n",
                         command.name, specs);
  }
  return fmt::format(
      R"(#compdef adze
# zsh completion for adze: adze completion zsh > "${{fpath[1]}}/_adze"
_adze() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
{}  esac
}}
compdef _adze adze
)",
      names, cases);
}

static std::string fishScript(const std::vector<CommandWords> &commands) {
  std::string script =
      "# fish completion for adze: adze completion fish | source\n";
  for (const CommandWords &command : commands) {
    script += fmt::format("complete -c adze -n __fish_use_subcommand -f -a {} "
                          "-d '{}'\n",
                          command.name, escaped(command.help));
    for (const OptionWords &option : command.options) {
      std::string words;
      for (const std::string &name : option.names)
        words += name.rfind("--", 0) == 0 ? " -l " + name.substr(2)
                                          : " -s " + name.substr(1);
      if (!option.choices.empty())
        words += fmt::format(" {} -a '{}'", option.names.empty() ? "-f" : "-x",
                             fmt::join(option.choices, " "));
      else if (option.takesValue)
        words += " -r";
      script += fmt::format(
          "complete -c adze -n '__fish_seen_subcommand_from {}'{} -d '{}'\n",
          command.name, words, escaped(option.help));
    }
  }
  return script;
}

Command adze::cli::addCompletion(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "completion", "Print a script that completes adze's words in a shell");
  auto shell = std::make_shared<std::string>();
  line.restrict(app->add_option("shell", *shell, "bash, zsh or fish")
                    ->required()
                    ->type_name("SHELL"),
                {"bash", "zsh", "fish"});
  app->footer("Examples:\n"
              "  source <(adze completion bash)\n"
              "  adze completion zsh > \"${fpath[1]}/_adze\"\n"
              "  adze completion fish > ~/.config/fish/completions/adze.fish");
  return {app, [shell, &line] {
            std::vector<CommandWords> commands = collect(line);
            fmt::print("{}", *shell == "bash"  ? bashScript(commands)
                             : *shell == "zsh" ? zshScript(commands)
                                               : fishScript(commands));
            return exitSuccess;
          }};
}
