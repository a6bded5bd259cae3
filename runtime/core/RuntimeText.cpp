//===- RuntimeText.cpp - Cuts the text of the runtime into functions ------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The headers of this folder are embedded as they are. A line
//     //===-- NAME ---===//
// starts the section of function NAME; the section ends at the next such line
// or at the header's #endif. A section needs the standard headers that its
// header includes, and the functions of the runtime whose names it mentions.
//
//===----------------------------------------------------------------------===//
#include "adze/RuntimeText.h"

#include "RuntimeHeaders.h"

#include <algorithm>
#include <cctype>
#include <map>

using namespace adze;

namespace {

/// One function: its text without the marker line, the standard headers it
/// needs.
struct Section {
  std::string text;
  std::set<std::string> includes;
};

using Sections = std::map<std::string, Section>;

constexpr std::string_view marker = "//===-- ";
constexpr std::string_view systemInclude = "#include <";
constexpr std::string_view linkage = "ADZE_FUNCTION";

bool startsWith(std::string_view line, std::string_view prefix) {
  return line.substr(0, prefix.size()) == prefix;
}

/// Adds the sections of one header.
void cut(std::string_view header, Sections &sections) {
  std::set<std::string> includes;
  Section *section = nullptr;
  while (!header.empty()) {
    std::string_view line = header.substr(0, header.find('\n'));
    header.remove_prefix(std::min(line.size() + 1, header.size()));
    if (startsWith(line, systemInclude)) {
      line.remove_prefix(systemInclude.size());
      includes.emplace(line.substr(0, line.find('>')));
    } else if (startsWith(line, marker)) {
      line.remove_prefix(marker.size());
      section = &sections[std::string(line.substr(0, line.find(' ')))];
      section->includes = includes;
    } else if (line == "#endif") {
      section = nullptr;
    } else if (section) {
      if (startsWith(line, linkage)) {
        section->text += "static inline";
        line.remove_prefix(linkage.size());
      }
      section->text += line;
      section->text += '\n';
    }
  }
}

Sections cutAll() {
  Sections sections;
  for (const EmbeddedHeader &header : embeddedHeaders())
    cut(header.text, sections);
  for (auto &[name, section] : sections)
    section.text.erase(section.text.find_last_not_of('\n') + 2);
  return sections;
}

/// The sections, cut at first use.
const Sections &allSections() {
  static const Sections sections = cutAll();
  return sections;
}

/// The functions of the runtime that a text mentions outside of comments, in
/// the order of first mention.
std::vector<std::string> mentioned(std::string_view text,
                                   const Sections &sections) {
  auto isNameCharacter = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  std::vector<std::string> names;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "//") {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    size_t start = i;
    while (i < text.size() && isNameCharacter(text[i]))
      ++i;
    std::string name(text.substr(start, i - start));
    if (sections.count(name))
      names.push_back(std::move(name));
  }
  return names;
}

/// Appends a function after what it calls. The runtime has no recursion, so
/// the depth is that of its call graph.
void append(const std::string &name, const Sections &sections,
            std::set<std::string> &done, std::set<std::string> &includes,
            std::string &text) {
  if (!done.insert(name).second)
    return;
  const Section &section = sections.at(name);
  for (const std::string &callee : mentioned(section.text, sections))
    append(callee, sections, done, includes, text);
  includes.insert(section.includes.begin(), section.includes.end());
  if (!text.empty())
    text += '\n';
  text += section.text;
}

} // namespace

std::optional<RuntimeSource>
adze::runtimeSource(const std::set<std::string> &functions) {
  const Sections &sections = allSections();
  std::set<std::string> done, includes;
  RuntimeSource source;
  for (const std::string &name : functions) {
    if (!sections.count(name))
      return std::nullopt;
    append(name, sections, done, includes, source.text);
  }
  source.includes.assign(includes.begin(), includes.end());
  return source;
}

std::vector<std::string> adze::runtimeFunctions() {
  std::vector<std::string> names;
  for (const auto &[name, section] : allSections())
    names.push_back(name);
  return names;
}

std::string_view adze::runtimeBitcode() {
  return {reinterpret_cast<const char *>(adze_runtime_bc),
          adze_runtime_bc_size};
}

std::string_view adze::runtimePtxBitcode() {
  return {reinterpret_cast<const char *>(adze_runtime_ptx_bc),
          adze_runtime_ptx_bc_size};
}
