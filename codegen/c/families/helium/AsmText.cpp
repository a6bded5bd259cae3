//===- AsmText.cpp - Assembly of a function, counted ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/AsmText.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

namespace adze::families::helium {

void addImmediate(AsmText &text, const std::string &name, int64_t amount) {
  const char *op = amount < 0 ? "subw" : "addw";
  for (int64_t rest = std::abs(amount); rest > 0;) {
    int64_t part = std::min<int64_t>(rest, 4095);
    text.op("{0} {1}, {1}, #{2}", op, name, part);
    rest -= part;
  }
}

// A naked function has no prologue of the compiler's, so every register is
// free for the kernel; noinline, and noipa where it exists, keep the compiler
// from assuming anything of a body that it does not see.
std::string nakedFunction(const std::string &comment, const std::string &name,
                          const std::vector<std::string> &parameters,
                          const AsmText &assembly, const std::string &plain) {
  std::string unused;
  std::string statements;
  for (const std::string &part : assembly.statements())
    statements += "  __asm__(\n" + part + "  );\n";
  for (const std::string &parameter : parameters)
    unused += fmt::format("{}__attribute__((unused)) {}",
                          unused.empty() ? "" : ", ", parameter);
  return fmt::format(R"(/* {0} */
#if defined(__ARM_FEATURE_MVE)
#if defined(__clang__)
static __attribute__((naked, noinline))
#else
static __attribute__((naked, noinline, noipa))
#endif
void {1}({2})
{{
{3}}}
#else
static void {1}({4})
{{
{5}}}
#endif
)",
                     comment, name, unused, statements,
                     fmt::join(parameters, ", "), plain);
}

} // namespace adze::families::helium
