//===- Names.cpp - C identifiers -------------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/Names.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace adze;

/// C99 keywords, C++ keywords (the header is included from C++), macros of the
/// standard headers, and functions of POSIX's math.h that -Wshadow knows.
static constexpr llvm::StringLiteral reservedWords[] = {
    "auto", "break", "case", "char", "const", "continue", "default", "do",
    "double", "else", "enum", "extern", "float", "for", "goto", "if", "inline",
    "int", "long", "register", "restrict", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned",
    "void", "volatile", "while", "asm", "bool", "catch", "class", "constexpr",
    "decltype", "delete", "explicit", "export", "false", "friend", "mutable",
    "namespace", "new", "noexcept", "nullptr", "operator", "private",
    "protected", "public", "template", "this", "throw", "true", "try",
    "typeid", "typename", "using", "virtual", "and", "or", "not", "xor",
    "bitand", "bitor", "compl", "typeof", "signbit", "isnan", "isinf",
    "isfinite", "isnormal", "linux", "unix", "arm", "i386", "errno", "main",
    "j0", "j1", "jn", "y0", "y1", "yn", "gamma", "lgamma", "index", "signgam",
    "abs", "labs", "div", "pow", "exp", "log", "sin", "cos", "tan", "sqrt",
    "floor", "ceil", "round", "trunc", "rint", "fabs", "fmod", "fma", "erf",
    "memcpy", "memmove", "memset", "remove", "rename", "time", "near", "far",
    "NULL", "NAN", "INFINITY", "I"};

std::string c::identifier(llvm::StringRef name) {
  std::string result;
  for (char ch : name) {
    char next = llvm::isAlnum(ch) ? ch : '_';
    if (next == '_' && (result.empty() || result.back() == '_'))
      continue; // no leading and no doubled underscores
    result += next;
  }
  while (!result.empty() && result.back() == '_')
    result.pop_back();
  if (result.empty())
    return "x";
  if (llvm::isDigit(result[0]))
    result = "x" + result;
  if (result.size() > 48)
    result.resize(48);
  return result;
}

std::string c::upperCase(llvm::StringRef name) { return name.upper(); }

bool c::isReservedWord(llvm::StringRef name) {
  static const llvm::StringSet<> words = [] {
    llvm::StringSet<> set;
    for (llvm::StringRef word : reservedWords)
      set.insert(word);
    return set;
  }();
  return words.contains(name);
}

bool c::NameScopes::isTaken(llvm::StringRef name) const {
  return isReservedWord(name) ||
         llvm::any_of(scopes, [&](const llvm::StringSet<> &scope) {
           return scope.contains(name);
         });
}

std::string c::NameScopes::declare(llvm::StringRef wanted) {
  std::string name = wanted.str();
  bool endsInDigit = llvm::isDigit(name.back());
  for (unsigned i = 1; isTaken(name); ++i)
    name = wanted.str() + (endsInDigit ? "_" : "") + std::to_string(i);
  scopes.back().insert(name);
  return name;
}

std::string c::NameScopes::declareNumbered(llvm::StringRef base) {
  unsigned number = 0;
  while (isTaken((base + llvm::Twine(number)).str()))
    ++number;
  return declare((base + llvm::Twine(number)).str());
}

std::string c::NameScopes::declareLoopVariable() {
  // l looks like 1, o like 0; i to n are what readers expect first.
  for (char letter : llvm::StringRef("ijkmnpqrstuvw"))
    if (std::string name(1, letter); !isTaken(name))
      return declare(name);
  return declare("i");
}

std::string c::commentText(llvm::StringRef text) {
  std::string result;
  for (char ch : text) {
    char next = llvm::isPrint(ch) ? ch : ' ';
    bool closes = !result.empty() && ((result.back() == '*' && next == '/') ||
                                      (result.back() == '/' && next == '*') ||
                                      (result.back() == '?' && next == '?'));
    if (closes)
      result += ' ';
    result += next;
  }
  while (!result.empty() && (result.back() == '\\' || result.back() == ' '))
    result.pop_back();
  return result;
}

std::string c::wrapped(llvm::StringRef text, size_t width,
                       llvm::StringRef prefix) {
  std::string result;
  size_t column = 0;
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, ' ', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef word : words) {
    if (column && column + 1 + word.size() > width) {
      while (!result.empty() && result.back() == '\\')
        result.pop_back();
      result += "\n" + prefix.str();
      column = 0;
    }
    if (column) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}
