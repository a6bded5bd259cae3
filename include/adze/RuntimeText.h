//===- RuntimeText.h - The functions that ship inside artifacts -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The C99 functions of runtime/core/ in the two forms in which generated code
// takes them: text for C artifacts, LLVM bitcode for host code.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIMETEXT_H
#define ADZE_RUNTIMETEXT_H

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace adze {

/// A part of the runtime as C99 text.
struct RuntimeSource {
  /// Standard headers that the text needs, sorted: "math.h", "stdint.h".
  std::vector<std::string> includes;
  /// `static inline` definitions, each after those that it calls, with their
  /// comments; no #include lines.
  std::string text;
};

/// The text of these functions ("adze_expf") and of all that they call, each
/// once, in an order that depends on nothing but the set. Nothing if the
/// runtime lacks one of the names.
std::optional<RuntimeSource>
runtimeSource(const std::set<std::string> &functions);

/// The names of all functions, helpers included, sorted.
std::vector<std::string> runtimeFunctions();

/// The runtime as LLVM bitcode for the machine that built adze: every function
/// with external linkage, `alwaysinline` and without target attributes, so
/// that it can be inlined into code for any CPU of that architecture.
std::string_view runtimeBitcode();

/// The same for nvptx64. Functions of double precision compute in single
/// precision there.
std::string_view runtimePtxBitcode();

} // namespace adze

extern "C" {
extern const unsigned char adze_runtime_bc[];
extern const unsigned adze_runtime_bc_size;
extern const unsigned char adze_runtime_ptx_bc[];
extern const unsigned adze_runtime_ptx_bc_size;
}

#endif
