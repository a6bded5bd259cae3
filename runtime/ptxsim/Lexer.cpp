//===- Lexer.cpp - Words, numbers and marks of a PTX text -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Lexer.h"

#include "runtime/ptxsim/Decoder.h"

#include <bit>
#include <cstdlib>
#include <cstring>

namespace adze::ptxsim {
namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool beginsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '$' || c == '%' || c == '.';
}
bool continuesWord(char c) { return beginsWord(c) || isDigit(c); }
int digitValue(char c) {
  if (isDigit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return 99;
}

} // namespace

void Lexer::skipBlanks() {
  while (position < text.size()) {
    char c = text[position];
    if (c == '\n') {
      ++line;
      ++position;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++position;
    } else if (text.substr(position, 2) == "//") {
      size_t end = text.find('\n', position);
      if (end == text.npos)
        end = text.size();
      std::string_view comment = text.substr(position + 2, end - position - 2);
      size_t first = comment.find_first_not_of(" \t");
      if (first != comment.npos && comment.substr(first, 5) == "tile.") {
        comment.remove_prefix(first);
        while (!comment.empty() &&
               (comment.back() == '\r' || comment.back() == ' '))
          comment.remove_suffix(1);
        tileComment = std::string(comment);
        tileLine = line;
      }
      position = end;
    } else if (text.substr(position, 2) == "/*") {
      size_t end = text.find("*/", position + 2);
      if (end == text.npos)
        throw LoadError(line, "a comment without an end");
      for (size_t i = position; i < end; ++i)
        line += text[i] == '\n';
      position = end + 2;
    } else {
      return;
    }
  }
}

void Lexer::number() {
  size_t start = position;
  char kind = position + 1 < text.size() ? text[position + 1] : ' ';
  if (text[position] == '0' &&
      (kind == 'f' || kind == 'F' || kind == 'd' || kind == 'D')) {
    unsigned digits = kind == 'f' || kind == 'F' ? 8 : 16;
    position += 2;
    uint64_t bits = 0;
    for (unsigned i = 0; i < digits; ++i, ++position) {
      int digit = position < text.size() ? digitValue(text[position]) : 99;
      if (digit > 15)
        throw LoadError(line, "a float literal needs " +
                                  std::to_string(digits) +
                                  " hexadecimal digits");
      bits = bits << 4 | unsigned(digit);
    }
    token.value = bits;
    token.floating = true;
    token.single = digits == 8;
  } else {
    int base = 10;
    if (text[position] == '0') {
      base = kind == 'x' || kind == 'X'   ? 16
             : kind == 'b' || kind == 'B' ? 2
                                          : 8;
      if (base != 8)
        position += 2;
    }
    size_t end = position;
    while (end < text.size() && (isDigit(text[end]) || text[end] == '.'))
      ++end;
    bool decimal =
        base != 16 && base != 2 &&
        (text.substr(position, end - position).find('.') != text.npos ||
         (end < text.size() && (text[end] == 'e' || text[end] == 'E')));
    if (decimal) {
      while (end < text.size() &&
             (isDigit(text[end]) || text[end] == 'e' || text[end] == 'E' ||
              ((text[end] == '-' || text[end] == '+') &&
               (text[end - 1] == 'e' || text[end - 1] == 'E'))))
        ++end;
      std::string digits(text.substr(position, end - position));
      char *rest = nullptr;
      double value = std::strtod(digits.c_str(), &rest);
      if (*rest)
        throw LoadError(line, "'" + digits + "' is no number");
      token.value = std::bit_cast<uint64_t>(value);
      token.floating = true;
      position = end;
    } else {
      uint64_t value = 0;
      while (position < text.size() && digitValue(text[position]) < base) {
        value = value * unsigned(base) + unsigned(digitValue(text[position]));
        ++position;
      }
      if (position < text.size() && text[position] == 'U')
        ++position;
      token.value = value;
    }
  }
  if (position < text.size() && continuesWord(text[position]))
    throw LoadError(
        line, "'" + std::string(text.substr(start, position + 1 - start)) +
                  "' is no number");
}

Token Lexer::next() {
  Token result = token;
  consumed = position;
  skipBlanks();
  begin = position;
  token = {};
  token.line = line;
  if (position >= text.size())
    return result;
  char c = text[position];
  size_t start = position;
  if (beginsWord(c)) {
    token.kind = Token::Word;
    while (position < text.size()) {
      if (continuesWord(text[position])) {
        ++position;
      } else if (text.substr(position, 2) == "::" &&
                 position + 2 < text.size() &&
                 continuesWord(text[position + 2])) {
        position += 2;
      } else {
        break;
      }
    }
  } else if (isDigit(c)) {
    token.kind = Token::Number;
    number();
  } else if (c == '"') {
    token.kind = Token::String;
    size_t end = text.find('"', position + 1);
    if (end == text.npos ||
        text.substr(position, end - position).find('\n') != text.npos)
      throw LoadError(line, "a string without an end");
    position = end + 1;
  } else if (c > ' ' && c < 127) {
    token.kind = Token::Mark;
    ++position;
  } else {
    throw LoadError(line, "a byte that PTX does not use (" +
                              std::to_string(int(uint8_t(c))) + ")");
  }
  token.text = text.substr(start, position - start);
  return result;
}

} // namespace adze::ptxsim
