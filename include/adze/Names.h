//===- Names.h - Identifiers made from names in a model -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_NAMES_H
#define ADZE_NAMES_H

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace adze {

/// `name` as a C identifier: other characters become '_', a leading digit and
/// the empty name get a prefix, runs of '_' are shortened, 60 characters at
/// most. Two names may give one identifier; the caller makes it unique.
inline std::string cIdentifier(llvm::StringRef name) {
  std::string id;
  for (char c : name.take_back(60)) {
    char next = llvm::isAlnum(c) ? c : '_';
    if (next == '_' && (id.empty() || id.back() == '_'))
      continue;
    id += next;
  }
  while (!id.empty() && id.back() == '_')
    id.pop_back();
  if (id.empty() || llvm::isDigit(id.front()))
    id = "n" + id;
  return id;
}

} // namespace adze

#endif
