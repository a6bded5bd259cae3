//===- Text.cpp - Functions in Thumb-2 assembly -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/dsp/Text.h"

#include "codegen/c/families/FixedPointText.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace adze::families::dsp {

std::string Assembly::text() const {
  constexpr size_t longest = 3500; // C99 promises 4095 characters
  std::string text = "  __asm__(\".syntax unified\\n\"\n";
  size_t length = 20;
  for (const std::string &line : lines) {
    if (length + line.size() > longest) {
      text += "  );\n  __asm__(\n";
      length = 0;
    }
    text += fmt::format("    \"{}\\n\"\n", line);
    length += line.size() + 2;
  }
  return text + "  );\n";
}

int64_t Assembly::instructions() const {
  return std::count_if(lines.begin(), lines.end(), [](const std::string &line) {
    return line.back() != ':';
  });
}

void addDspFunction(KernelCode &code, const std::string &name,
                    const std::string &comment,
                    const std::vector<std::string> &parameters,
                    const Assembly &assembly, const std::string &plain) {
  // The assembly reads its arguments where the calling convention puts them;
  // to the compiler they are unused.
  std::vector<std::string> unused;
  for (const std::string &parameter : parameters)
    unused.push_back(parameter + " __attribute__((unused))");
  addSharedFunction(
      code, name,
      fmt::format("{}#if defined(__ARM_FEATURE_DSP)\n"
                  "ADZE_SHARED __attribute__((naked)) static void {}({})\n"
                  "{{\n{}}}\n#else\nADZE_SHARED static void {}({})\n{{\n{}}}\n"
                  "#endif\n",
                  comment, name, fmt::join(unused, ", "), assembly.text(), name,
                  fmt::join(parameters, ", "), plain));
}

} // namespace adze::families::dsp
