//===- Assembly.h - One statement of assembly, with its count ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_RVV_ASSEMBLY_H
#define ADZE_CODEGEN_C_FAMILIES_RVV_ASSEMBLY_H

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace adze::families::rvv {

/// Text and what one run of it costs.
struct CountedText {
  std::string text;
  int64_t instructions = 0, loads = 0;
};

/// Collects the lines and operands of an extended asm statement. Operands are
/// written %[name] in the lines.
class Assembly {
public:
  void line(const std::string &text, bool load = false);
  void label(int number);
  /// A value that the statement reads.
  void input(const std::string &name, const std::string &value);
  /// A variable of the code around that the statement advances.
  void advance(const std::string &variable);
  /// A register of the statement that begins with a value, or with none.
  void local(const std::string &name, const std::string &type,
             const std::string &value = "");
  void clobber(const std::string &name) { clobbers.insert(name); }

  CountedText finish(const std::string &indent) const;

  int64_t weight = 1; // how often the lines being written run

private:
  std::string body;
  std::vector<std::string> locals, outputs, inputs;
  std::set<std::string> inputNames, clobbers;
  int64_t instructions = 0, loads = 0;
};

/// Bytes of the code of a body: its lines of assembly, a good part of which are
/// compressed instructions, and what is around them.
int64_t estimateCodeBytes(const std::string &body);

} // namespace adze::families::rvv

#endif
