//===- Command.cpp - What the subcommands share ---------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/adze/Command.h"
#include "adze/Driver.h"
#include "adze/Npz.h"
#include "lib/Kernels/Accelerator.h"
#include "lib/Support/Spelling.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

using namespace adze;
using namespace adze::cli;

void CommandLine::restrict(CLI::Option *option,
                           std::vector<std::string> words) {
  choices[option] = words;
  option->check(
      [words](const std::string &word) -> std::string {
        if (std::find(words.begin(), words.end(), word) != words.end())
          return {};
        return fmt::format("'{}' is not known{} (known: {})", word,
                           didYouMean(word, words), fmt::join(words, ", "));
      },
      "", "");
}

void cli::addJsonOption(CLI::App &app, bool &json) {
  app.add_flag("-j,--json", json, "Print the figures as JSON");
}

/// What is wrong with a list of GPUs.
static std::string wrongChips(const std::string &word) {
  std::vector<std::string> known;
  for (const TargetInfo &row : targets())
    if (row.name.rfind("cuda:", 0) == 0)
      known.push_back(row.name.substr(5));
  std::string list = word.substr(5) + ",";
  std::set<std::string> seen;
  for (size_t at = 0, end; (end = list.find(',', at)) != std::string::npos;
       at = end + 1) {
    std::string chip = list.substr(at, end - at);
    if (std::find(known.begin(), known.end(), chip) == known.end())
      return fmt::format("the GPU '{}' of '{}' is not known{} (known: {}; a "
                         "list is written cuda:sm_80,sm_90a)",
                         chip, word, didYouMean(chip, known),
                         fmt::join(known, ", "));
    if (!seen.insert(chip).second)
      return fmt::format("'{}' names the GPU '{}' twice", word, chip);
  }
  return fmt::format("'{}' is no list of GPUs", word);
}

void cli::addModelOptions(CommandLine &line, CLI::App &app,
                          ModelOptions &options, const std::string &modelHelp) {
  app.add_option("model", options.model, modelHelp)
      ->required()
      ->type_name("MODEL");
  CLI::Option *target =
      app.add_option("-t,--target", options.target,
                     "What to compile for (see 'adze targets')")
          ->type_name("TARGET")
          ->capture_default_str();
  std::vector<std::string> names;
  for (const TargetInfo &row : targets())
    names.push_back(row.name);
  names.push_back("cuda");
  line.choices[target] = names;
  target->check(
      [names](const std::string &word) -> std::string {
        if (isTarget(word))
          return {};
        if (word.rfind("cuda:", 0) == 0)
          return wrongChips(word);
        return fmt::format("'{}' is not known{} (known: {})", word,
                           didYouMean(word, names), fmt::join(names, ", "));
      },
      "", "");
  CLI::Option *level =
      app.add_option("-O", options.optLevel, "Effort to optimise, -O0 to -O3")
          ->type_name("0-3")
          ->capture_default_str();
  line.restrict(level, {"0", "1", "2", "3"});
  app.add_option("-s,--shape", options.shapes,
                 "Shape of an input (NAME=1x3x224x224, or 1x3x224x224 if there "
                 "is one input), or value of a free dimension (batch=1); may "
                 "be repeated")
      ->type_name("SHAPE")
      ->allow_extra_args(false);
  app.add_option("-f,--fix", options.fixed,
                 "Value of an input that is known now (NAME=FILE.npy): it "
                 "becomes a constant; may be repeated")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  app.add_option("--accelerate", options.accelerators,
                 "Quantized layers that a C function of yours computes, by "
                 "their description: 'conv 3x3*=npu_conv'; may be repeated")
      ->type_name("PATTERN=FUNCTION")
      ->allow_extra_args(false);
  app.add_option("--ram", options.ram,
                 "Memory for arena and stack (64K, 1M); where it is too little "
                 "the first layers are computed in patches")
      ->type_name("BYTES");
  app.add_option("--flash", options.flash,
                 "Memory for weights (256K, 1M); kernels are chosen to fit")
      ->type_name("BYTES");
  app.add_option("--stack", options.stack,
                 "The stack's part of --ram (default: 1K)")
      ->type_name("BYTES");
  app.add_option("--memory", options.memories,
                 "Memories of the chip that the arena is spread over, the "
                 "fastest first (dtcm=64K,sram=256K)")
      ->type_name("NAME=BYTES,...");
  addJsonOption(app, options.json);
}

int64_t cli::parseBytes(const std::string &text, const std::string &option) {
  int64_t number = 0;
  const char *end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number);
  int shift = 0;
  if (error == std::errc() && end - rest == 1)
    shift = *rest == 'K' || *rest == 'k'   ? 10
            : *rest == 'M' || *rest == 'm' ? 20
                                           : -1;
  // 2^40 bytes are more than any machine has, and leave room for sums.
  if (error != std::errc() || shift < 0 || end - rest > (shift ? 1 : 0) ||
      number < 0 || number > (int64_t(1) << 40))
    throw UsageError(fmt::format("{} '{}' cannot be read: expected a number of "
                                 "bytes such as 65536, 64K or 1M",
                                 option, text));
  return number << shift;
}

/// Reads the arrays that --fix names.
static std::map<std::string, Tensor>
readFixed(const std::vector<std::string> &texts) {
  std::map<std::string, Tensor> constants;
  for (const std::string &text : texts) {
    size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      throw UsageError(fmt::format(
          "--fix '{}' cannot be read: expected NAME=FILE.npy", text));
    std::string name = text.substr(0, equals);
    Tensor tensor;
    tensor.spec.name = name;
    check(readNpy(text.substr(equals + 1), tensor));
    if (!constants.emplace(name, std::move(tensor)).second)
      throw UsageError(fmt::format("--fix gives '{}' twice", name));
  }
  return constants;
}

/// Reads "dtcm=64K,sram=256K".
static std::vector<std::pair<std::string, int64_t>>
parseMemories(const std::string &text) {
  std::vector<std::pair<std::string, int64_t>> memories;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(',', at), text.size());
    std::string item = text.substr(at, end - at);
    at = end + 1;
    size_t equals = std::min(item.find('='), item.size());
    std::string name = item.substr(0, equals);
    bool isName = !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
                  name.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                         "0123456789") == std::string::npos;
    if (!isName || equals == item.size())
      throw UsageError(fmt::format(
          "--memory '{}' cannot be read: expected the memories of the chip, "
          "the fastest first, with names of lower case letters and digits, "
          "such as dtcm=64K,sram=256K",
          text));
    for (const auto &[other, bytes] : memories)
      if (other == name)
        throw UsageError(fmt::format("--memory gives '{}' twice", name));
    memories.push_back({name, parseBytes(item.substr(equals + 1), "--memory")});
  }
  return memories;
}

CompileOptions ModelOptions::compileOptions() const {
  CompileOptions result;
  result.target = target;
  result.optLevel = optLevel;
  result.shapes = parseShapes(shapes);
  result.constants = readFixed(fixed);
  result.name = name;
  for (const std::string &text : accelerators) {
    AcceleratorRule rule;
    if (Status status = parseAcceleratorRule(text, rule); !status)
      throw UsageError(status.message);
  }
  result.accelerators = accelerators;
  if (!ram.empty())
    result.ram = parseBytes(ram, "--ram");
  if (!flash.empty())
    result.flash = parseBytes(flash, "--flash");
  if (!stack.empty())
    result.stack = parseBytes(stack, "--stack");
  if (!memories.empty())
    result.memories = parseMemories(memories);
  if (name.empty()) {
    // Model collections call every file model.onnx, in a folder that names it.
    std::filesystem::path path(model);
    if (path.stem() == "model") {
      std::error_code error;
      std::filesystem::path full = std::filesystem::absolute(path, error);
      if (!error && full.has_parent_path())
        result.name = full.parent_path().filename().string();
    }
  }
  return result;
}

/// Reads "1x3x224x224" ("1,3,224,224" too); the empty text is a scalar.
static bool parseDims(const std::string &text, std::vector<int64_t> &dims) {
  const char *at = text.data(), *end = at + text.size();
  while (at != end) {
    int64_t dim;
    auto [next, error] = std::from_chars(at, end, dim);
    if (error != std::errc() || dim < 0)
      return false;
    dims.push_back(dim);
    at = next;
    if (at == end)
      return true;
    if ((*at != 'x' && *at != ',') || at + 1 == end)
      return false;
    ++at;
  }
  return true;
}

std::map<std::string, std::vector<int64_t>>
cli::parseShapes(const std::vector<std::string> &texts) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const std::string &text : texts) {
    // The last one: names come from the model and may hold anything.
    size_t equals = text.rfind('=');
    bool bare = equals == std::string::npos;
    std::string name = bare ? "" : text.substr(0, equals);
    std::vector<int64_t> dims;
    if (!parseDims(bare ? text : text.substr(equals + 1), dims) ||
        (bare ? text.empty() : name.empty()))
      throw UsageError(fmt::format(
          "--shape '{}' cannot be read: expected NAME=1x3x224x224 for an "
          "input, "
          "1x3x224x224 if the model has one input, or NAME=8 for a free "
          "dimension",
          text));
    if (!shapes.emplace(name, dims).second)
      throw UsageError(
          bare ? std::string("--shape without a name is given twice")
               : fmt::format("--shape gives '{}' twice", name));
  }
  return shapes;
}
