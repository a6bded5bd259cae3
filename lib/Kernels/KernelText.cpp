//===- KernelText.cpp - A generated kernel as C functions -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Kernels/KernelText.h"

#include <fmt/format.h>

namespace adze {

QuantizedType tensorType(const Problem &problem) {
  return std::visit(
      [](const auto &p) {
        if constexpr (requires { p.type; })
          return p.type;
        else
          return QuantizedType::int8;
      },
      problem);
}

std::string kernelParameters(QuantizedType type, size_t inputs,
                             const KernelCode &code) {
  std::string_view element = cTypeOf(type);
  const char *tensor = code.overlap.empty() ? "restrict " : "";
  std::string text;
  for (size_t i = 0; i < inputs; ++i)
    text += fmt::format("const {} *{}in{}, ", element, tensor, i);
  for (size_t i = 0; i < code.constants.size(); ++i)
    text += fmt::format("const {} *restrict c{}, ",
                        cTypeOf(code.constants[i].type), i);
  text += fmt::format("{} *{}out0", element, tensor);
  for (size_t i = 0; i < code.scratchBytes.size(); ++i)
    text += fmt::format(", int32_t *restrict scratch{}", i);
  return text;
}

std::string kernelFunction(const std::string &qualifiers,
                           const std::string &name, QuantizedType type,
                           size_t inputs, const KernelCode &code) {
  std::string text =
      fmt::format("{}void {}({}) {{\n{}", qualifiers, name,
                  kernelParameters(type, inputs, code), code.body);
  if (text.back() != '\n')
    text += '\n';
  return text + "}\n";
}

} // namespace adze
