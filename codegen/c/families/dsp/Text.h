//===- Text.h - Functions in Thumb-2 assembly -------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_DSP_TEXT_H
#define ADZE_CODEGEN_C_FAMILIES_DSP_TEXT_H

#include "adze/KernelFamily.h"

#include <fmt/format.h>

namespace adze::families::dsp {

/// Lines of assembly; a label ends in a colon. Labels are numeric and local.
class Assembly {
public:
  template <typename... Arguments>
  void operator()(fmt::format_string<Arguments...> format,
                  Arguments &&...arguments) {
    lines.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  /// Statements of inline assembly, each no longer than a C99 string may be.
  std::string text() const;
  int64_t instructions() const;

private:
  std::vector<std::string> lines;
};

/// Adds a shared function to the kernel: `assembly` where the core has the DSP
/// extension, the statements `plain` elsewhere. `parameters` are full
/// declarations ("const int32_t *x"); r0 to r3, the fifth on the stack.
void addDspFunction(KernelCode &code, const std::string &name,
                    const std::string &comment,
                    const std::vector<std::string> &parameters,
                    const Assembly &assembly, const std::string &plain);

} // namespace adze::families::dsp

#endif
