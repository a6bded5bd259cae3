//===- Names.h - C identifiers ---------------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_NAMES_H
#define ADZE_CODEGEN_C_NAMES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

#include <string>
#include <vector>

namespace adze::c {

/// `name` with everything that no C identifier holds replaced by '_'; never
/// empty, never reserved for the implementation (no leading '_').
std::string identifier(llvm::StringRef name);
std::string upperCase(llvm::StringRef name);
/// Words of C and of the headers that generated files include: no local name
/// may hide them.
bool isReservedWord(llvm::StringRef name);

/// Nested scopes of names; a name is never given twice within sight.
class NameScopes {
public:
  NameScopes() { push(); }
  void push() { scopes.emplace_back(); }
  void pop() { scopes.pop_back(); }
  bool isTaken(llvm::StringRef name) const;
  /// Declares `wanted`, or `wanted` with a number, in the innermost scope.
  std::string declare(llvm::StringRef wanted);
  /// Declares `base`0, `base`1, ...
  std::string declareNumbered(llvm::StringRef base);
  /// Declares a loop variable: i, j, k, m, n, p, ...
  std::string declareLoopVariable();

private:
  std::vector<llvm::StringSet<>> scopes;
};

/// Text that is safe inside a block comment: printable, no comment ends, no
/// trigraphs.
std::string commentText(llvm::StringRef text);
/// Text broken into lines of at most `width` characters, each but the first
/// after `prefix`.
std::string wrapped(llvm::StringRef text, size_t width, llvm::StringRef prefix);

} // namespace adze::c

#endif
