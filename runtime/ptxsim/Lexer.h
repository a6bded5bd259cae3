//===- Lexer.h - Words, numbers and marks of a PTX text -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_LEXER_H
#define ADZE_RUNTIME_PTXSIM_LEXER_H

#include <cstdint>
#include <string>
#include <string_view>

namespace adze::ptxsim {

struct Token {
  enum Kind : uint8_t { End, Word, Number, Mark, String } kind = End;
  unsigned line = 0;
  std::string_view text;
  /// Numbers: the value, or the bits of a float or double.
  uint64_t value = 0;
  bool floating = false, single = false;

  bool is(char mark) const { return kind == Mark && text[0] == mark; }
  bool is(std::string_view word) const { return kind == Word && text == word; }
};

/// One token ahead. Words are identifiers, directives and opcodes with all
/// their dots and "::".
class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) { next(); }

  const Token &peek() const { return token; }
  Token next();
  /// Position in the text just behind the last token that next() returned.
  size_t consumedEnd() const { return consumed; }
  size_t tokenBegin() const { return begin; }
  std::string_view slice(size_t from, size_t to) const {
    return text.substr(from, to - from);
  }
  /// The last `// tile.` comment that was passed, and its line.
  std::string tileComment;
  unsigned tileLine = 0;

private:
  void skipBlanks();
  void number();

  std::string_view text;
  size_t position = 0, consumed = 0, begin = 0;
  unsigned line = 1;
  Token token;
};

} // namespace adze::ptxsim

#endif // ADZE_RUNTIME_PTXSIM_LEXER_H
