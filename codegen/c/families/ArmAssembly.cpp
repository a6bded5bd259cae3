//===- ArmAssembly.cpp - Counted Thumb-2 assembly in C text -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/ArmAssembly.h"

namespace adze::families {

// C99 5.2.4.1: 4095 characters in a string literal.
static constexpr size_t longestString = 4000;

void ArmAssembly::instruction(std::string line) {
  executed += times;
  if (line.rfind("ldr", 0) == 0 || line.rfind("ldm", 0) == 0)
    loads += times;
  ++instructions;
  lines.push_back(std::move(line));
}

void ArmAssembly::move(const char *reg, uint32_t value) {
  op("movw {}, #{}", reg, value & 0xFFFF);
  if (value >> 16)
    op("movt {}, #{}", reg, value >> 16);
}

void ArmAssembly::add(const char *reg, int64_t value, const char *scratch) {
  if (value == 0)
    return;
  int64_t size = value < 0 ? -value : value;
  const char *verb = value < 0 ? "sub" : "add";
  if (size <= 4095) {
    op("{0} {1}, {1}, #{2}", verb, reg, size);
    return;
  }
  move(scratch, uint32_t(size));
  op("{0} {1}, {1}, {2}", verb, reg, scratch);
}

std::string ArmAssembly::function(const std::string &comment,
                                  const std::string &name,
                                  const std::vector<std::string> &parameters,
                                  const std::string &condition,
                                  const std::string &plain) const {
  std::string list, unused;
  for (const std::string &parameter : parameters) {
    list += (list.empty() ? "" : ", ") + parameter;
    unused += (unused.empty() ? "" : ", ") +
              std::string("__attribute__((unused)) ") + parameter;
  }
  std::string statements = "  __asm__ volatile(\n";
  size_t length = 0;
  for (const std::string &line : lines) {
    // An instruction stays with the IT before it.
    bool conditional = statements.ends_with(" ne\\n\"\n");
    if (length + line.size() + 64 > longestString && !conditional) {
      statements += "  );\n  __asm__ volatile(\n";
      length = 0;
    }
    statements += "    \"" + line + "\\n\"\n";
    length += line.size() + 1;
  }
  // noipa, and noinline where there is no such attribute: the compiler may not
  // conclude anything from a body that it does not see.
  return fmt::format("/* {} */\n#if {}\n#if defined(__clang__)\n"
                     "static __attribute__((naked, noinline))\n#else\n"
                     "static __attribute__((naked, noipa))\n#endif\n"
                     "void {}({})\n{{\n{}  );\n}}\n#else\n"
                     "static void {}({})\n{{\n{}}}\n#endif\n",
                     comment, condition, name, unused, statements, name, list,
                     plain);
}

} // namespace adze::families
