//===- ArmAssembly.h - Counted Thumb-2 assembly in C text -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// How often each instruction of a generated function runs is known when it is
/// written, so that the executed ones are counted on the way: the prediction of
/// a kernel's cost needs no measurement.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_ARMASSEMBLY_H
#define ADZE_CODEGEN_C_FAMILIES_ARMASSEMBLY_H

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

namespace adze::families {

class ArmAssembly {
public:
  /// One instruction, which runs `times` times.
  template <typename... Values>
  void op(fmt::format_string<Values...> format, Values &&...values) {
    instruction(fmt::format(format, std::forward<Values>(values)...));
  }
  /// A numeric label: "1b" and "1f" refer to it.
  void label(int number) { lines.push_back(fmt::format("{}:", number)); }
  /// reg += value for any value; `scratch` is free where it is large.
  void add(const char *reg, int64_t value, const char *scratch);
  /// reg = value.
  void move(const char *reg, uint32_t value);

  double times = 1, executed = 0, loads = 0;
  int64_t instructions = 0;

  /// A naked C function with these lines under `condition`, `plain` statements
  /// elsewhere; parameters are full declarations. Assembly statements are no
  /// longer than a string of C99 may be.
  std::string function(const std::string &comment, const std::string &name,
                       const std::vector<std::string> &parameters,
                       const std::string &condition,
                       const std::string &plain) const;

private:
  void instruction(std::string line);
  std::vector<std::string> lines;
};

} // namespace adze::families

#endif
