//===- Assembly.cpp - One statement of assembly, with its count -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/rvv/Assembly.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace adze::families::rvv {

void Assembly::line(const std::string &text, bool load) {
  body += fmt::format("\"{}\\n\"\n", text);
  instructions += weight;
  if (load)
    loads += weight;
}

void Assembly::label(int number) {
  body += fmt::format("\"{}:\\n\"\n", number);
}

void Assembly::input(const std::string &name, const std::string &value) {
  if (inputNames.insert(name).second)
    inputs.push_back(fmt::format("[{}] \"r\"({})", name, value));
}

void Assembly::advance(const std::string &variable) {
  outputs.push_back(fmt::format("[{0}] \"+&r\"({0})", variable));
}

void Assembly::local(const std::string &name, const std::string &type,
                     const std::string &value) {
  std::string space = type.back() == '*' ? "" : " ";
  if (value.empty()) {
    locals.push_back(fmt::format("{}{}{};", type, space, name));
    outputs.push_back(fmt::format("[{0}] \"=&r\"({0})", name));
    return;
  }
  locals.push_back(fmt::format("{}{}{} = {};", type, space, name, value));
  outputs.push_back(fmt::format("[{0}] \"+&r\"({0})", name));
  instructions += 1;
}

CountedText Assembly::finish(const std::string &indent) const {
  std::string text = indent + "{\n";
  for (const std::string &declaration : locals)
    text += fmt::format("{}  {}\n", indent, declaration);
  text += fmt::format("{}  __asm__ volatile(\n", indent);
  size_t at = 0;
  while (at < body.size()) {
    size_t end = body.find('\n', at);
    text += fmt::format("{}      {}", indent, body.substr(at, end + 1 - at));
    at = end + 1;
  }
  std::vector<std::string> names = {"\"memory\""};
  for (const std::string &name : clobbers)
    names.push_back(fmt::format("\"{}\"", name));
  text +=
      fmt::format("{0}      : {1}\n{0}      : {2}\n{0}      : {3});\n{0}}}\n",
                  indent, fmt::join(outputs, ", "), fmt::join(inputs, ", "),
                  fmt::join(names, ", "));
  return {text, instructions, loads};
}

int64_t estimateCodeBytes(const std::string &body) {
  int64_t lines = 0;
  for (size_t at = 0; (at = body.find("\\n\"", at)) != std::string::npos; ++at)
    ++lines;
  return 400 + lines * 7 / 2;
}

} // namespace adze::families::rvv
