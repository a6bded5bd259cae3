//===- AsmText.h - Assembly of a function, counted --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Lines of assembly for the body of a naked C function. How often each line
/// runs is known when it is written, so the instructions of a call are counted
/// on the way and need no measurement.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_HELIUM_ASMTEXT_H
#define ADZE_CODEGEN_C_FAMILIES_HELIUM_ASMTEXT_H

#include <fmt/format.h>

#include <string>
#include <vector>

namespace adze::families::helium {

class AsmText {
public:
  /// One instruction.
  template <typename... Args>
  void op(fmt::format_string<Args...> format, Args &&...args) {
    line(fmt::format(format, std::forward<Args>(args)...));
    executed[perTile] += trips;
    ++instructions;
  }
  /// A numeric label, referred to as `1b`.
  int label() {
    line(fmt::format("{}:", ++labels));
    return labels;
  }
  /// A numeric label that earlier branches refer to as `<number>f`.
  void mark(int number) { line(fmt::format("{}:", number)); }
  /// Lines until endLoop run `times` as often.
  void beginLoop(double times) {
    outer.push_back(trips);
    trips *= times;
  }
  void endLoop() {
    trips = outer.back();
    outer.pop_back();
  }
  /// Counts from here on belong to one tile, or to the call.
  void countTile(bool tile) { perTile = tile; }

  double perCall() const { return executed[0]; }
  double perTileCall() const { return executed[1]; }
  /// An upper bound: most Helium instructions are four bytes long.
  int64_t codeBytes() const { return 4 * instructions; }
  /// Lines of the assembly, in statements that keep C99's limit on the length
  /// of a string literal.
  const std::vector<std::string> &statements() const { return parts; }

private:
  void line(const std::string &text) {
    // C99 5.2.4.1: 4095 characters in a string literal. Up to four
    // instructions behind a VPST belong to its block, which clang does not
    // follow from one statement into the next.
    constexpr size_t longest = 4095, reserve = 256;
    bool inBlock = blockLines > 0;
    if (parts.empty() ||
        (length + text.size() + reserve > longest && !inBlock)) {
      parts.emplace_back();
      length = 0;
    }
    blockLines = text.rfind("vps", 0) == 0 || text.rfind("vpt", 0) == 0 ? 4
                 : inBlock ? blockLines - 1
                           : 0;
    parts.back() += fmt::format("    \"{}\\n\"\n", text);
    length += text.size() + 1;
  }

  std::vector<std::string> parts;
  size_t length = 0;  // of the last part's literal
  int blockLines = 0; // that may belong to a predicated block
  std::vector<double> outer;
  double trips = 1, executed[2] = {0, 0};
  int64_t instructions = 0;
  int labels = 0;
  bool perTile = false;
};

/// name += amount, in as many instructions as that takes.
void addImmediate(AsmText &text, const std::string &name, int64_t amount);

/// A C function that is assembly on Helium and `plain` elsewhere; `parameters`
/// is the list between the parentheses, in registers by the AAPCS.
std::string nakedFunction(const std::string &comment, const std::string &name,
                          const std::vector<std::string> &parameters,
                          const AsmText &assembly, const std::string &plain);

} // namespace adze::families::helium

#endif
