//===- ElfFile.h - What is known of a linked image --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_QEMU_ELFFILE_H
#define ADZE_RUNTIME_QEMU_ELFFILE_H

#include "adze/Compiler.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace adze {

/// A section that takes memory when the image runs.
struct ElfSection {
  std::string name;
  uint64_t address = 0, size = 0;
  bool isCode = false, isWritable = false;
  std::string bytes; // empty if the file holds none (.bss)
};

/// A function; addresses are those of instructions (no Thumb bit).
struct ElfFunction {
  std::string name;
  uint64_t address = 0, size = 0;
};

/// Sections, functions and symbols of an executable ELF file, 32 or 64 bits.
class ElfFile {
public:
  Status read(const std::string &path);

  const std::vector<ElfSection> &sections() const { return allSections; }
  /// The address of a symbol, or 0.
  uint64_t symbol(const std::string &name) const;
  /// The function that holds the address, or null.
  const ElfFunction *functionAt(uint64_t address) const;
  /// The bytes of code from the address to the end of its section.
  std::string_view codeAt(uint64_t address) const;

private:
  std::vector<ElfSection> allSections;
  std::vector<ElfFunction> functions; // by address, none overlapping
  std::map<std::string, uint64_t> symbols;
};

} // namespace adze

#endif
