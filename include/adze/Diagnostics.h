//===- Diagnostics.h - What a user reads when something fails ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A failure on user input is one paragraph: which model, which node, what was
/// expected, what was found, what to do. Names come from files, so they are
/// made safe to print (on a terminal, in JSON, on one line) here.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIAGNOSTICS_H
#define ADZE_DIAGNOSTICS_H

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace adze {

/// Text from a file as it may be shown: control characters and bytes that are
/// not UTF-8 become \xNN, and what is longer than `limit` bytes is cut.
inline std::string printable(std::string_view text, size_t limit = 160) {
  std::string out;
  auto escape = [&](unsigned char byte) {
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, "\\x%02x", byte);
    out += buffer;
  };
  for (size_t i = 0; i < text.size();) {
    if (out.size() >= limit)
      return out + "...";
    unsigned char lead = text[i];
    if (lead < 0x80) {
      if (lead < 0x20 || lead == 0x7f)
        escape(lead);
      else
        out += char(lead);
      ++i;
      continue;
    }
    // The lengths of UTF-8 sequences (RFC 3629); C1 controls are escaped too.
    size_t length = lead >= 0xf5   ? 0
                    : lead >= 0xf0 ? 4
                    : lead >= 0xe0 ? 3
                    : lead >= 0xc2 ? 2
                                   : 0;
    bool valid = length != 0 && i + length <= text.size();
    for (size_t k = 1; valid && k < length; ++k)
      valid = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    if (valid) {
      unsigned char second = text[i + 1];
      // Overlong forms, surrogates, values above U+10FFFF, C1 controls.
      valid = !(
          (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
          (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f) ||
          (lead == 0xc2 && second < 0xa0));
    }
    if (!valid) {
      escape(lead);
      ++i;
      continue;
    }
    out.append(text.substr(i, length));
    i += length;
  }
  return out;
}

/// A name from a file in quotes, safe to print. (Where <iomanip> is included,
/// say adze::quoted: std::quoted is found by argument-dependent lookup.)
inline std::string quoted(std::string_view name) {
  return "'" + printable(name) + "'";
}

/// What went wrong, in parts; whatever is unknown stays empty. `what` is a
/// clause without a full stop ("its data has the wrong size"), `expected` and
/// `found` are nouns, `advice` is an imperative ("export the model again").
struct Problem {
  std::string model;  // path of the model as the user wrote it
  std::string node;   // name of the node
  std::string op;     // its operator ("Conv")
  std::string domain; // its domain; "" is ai.onnx
  int64_t opset = 0;  // version imported for that domain; 0: unknown
  std::string what;
  std::string expected;
  std::string found;
  std::string advice;

  /// "node '/layer1/conv' (Conv, opset 13)"; empty without a node.
  std::string nodeText() const {
    if (node.empty() && op.empty())
      return "";
    std::string text =
        node.empty() ? "a node without a name" : "node " + adze::quoted(node);
    if (op.empty())
      return text;
    text += " (" + printable(op);
    if (!domain.empty())
      text += " of domain " + printable(domain);
    if (opset != 0)
      text += ", opset " + std::to_string(opset);
    return text + ")";
  }

  /// The one paragraph.
  std::string text() const {
    std::string out;
    if (!model.empty())
      out += printable(model, 400) + ": ";
    std::string where = nodeText();
    if (!where.empty())
      out += where + ": ";
    out += what;
    if (!expected.empty())
      out += ": expected " + expected;
    if (!found.empty())
      out += (expected.empty() ? ": found " : ", found ") + found;
    if (!out.empty() && out.back() != '.')
      out += ".";
    if (!advice.empty()) {
      out += " ";
      // A sentence starts with a capital; advice is written as a clause.
      char first = advice.front();
      out += first >= 'a' && first <= 'z' ? char(first - 'a' + 'A') : first;
      out += advice.substr(1);
      if (out.back() != '.')
        out += ".";
    }
    return out;
  }
};

} // namespace adze

#endif
