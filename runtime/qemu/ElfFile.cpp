//===- ElfFile.cpp - What is known of a linked image ----------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/qemu/ElfFile.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/ObjectFile.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze {
namespace {

using namespace llvm;
using namespace llvm::object;

Status unreadable(const std::string &path, Error error) {
  return Status::failure(fmt::format("cannot read the image {}: {}", path,
                                     toString(std::move(error))));
}

} // namespace

Status ElfFile::read(const std::string &path) {
  Expected<OwningBinary<ObjectFile>> binary =
      ObjectFile::createObjectFile(path);
  if (!binary)
    return unreadable(path, binary.takeError());
  auto *elf = dyn_cast<ELFObjectFileBase>(binary->getBinary());
  if (!elf)
    return Status::failure(fmt::format("the image {} is no ELF file", path));
  const bool isThumb =
      elf->getArch() == Triple::arm || elf->getArch() == Triple::thumb;

  for (const ELFSectionRef section : elf->sections()) {
    if (!(section.getFlags() & ELF::SHF_ALLOC) || section.getSize() == 0)
      continue;
    ElfSection result;
    Expected<StringRef> name = section.getName();
    if (!name)
      return unreadable(path, name.takeError());
    result.name = name->str();
    result.address = section.getAddress();
    result.size = section.getSize();
    result.isCode = section.getFlags() & ELF::SHF_EXECINSTR;
    result.isWritable = section.getFlags() & ELF::SHF_WRITE;
    if (section.getType() != ELF::SHT_NOBITS) {
      Expected<StringRef> contents = section.getContents();
      if (!contents)
        return unreadable(path, contents.takeError());
      result.bytes = contents->str();
    }
    allSections.push_back(std::move(result));
  }

  for (const ELFSymbolRef symbol : elf->symbols()) {
    Expected<StringRef> name = symbol.getName();
    Expected<uint64_t> address = symbol.getAddress();
    if (!name)
      return unreadable(path, name.takeError());
    if (!address)
      return unreadable(path, address.takeError());
    bool isFunction = symbol.getELFType() == ELF::STT_FUNC;
    if (isFunction && isThumb)
      *address &= ~uint64_t(1);
    symbols[name->str()] = *address;
    // Clones of the compiler ("k.constprop.0") count for their original.
    if (isFunction)
      functions.push_back(
          {name->split('.').first.str(), *address, symbol.getSize()});
  }
  // Aliases start together; hand-written assembly often states no size.
  std::stable_sort(functions.begin(), functions.end(),
                   [](const ElfFunction &a, const ElfFunction &b) {
                     return a.address < b.address;
                   });
  functions.erase(std::unique(functions.begin(), functions.end(),
                              [](const ElfFunction &a, const ElfFunction &b) {
                                return a.address == b.address;
                              }),
                  functions.end());
  for (size_t i = 0; i + 1 < functions.size(); ++i) {
    uint64_t room = functions[i + 1].address - functions[i].address;
    if (functions[i].size == 0 || functions[i].size > room)
      functions[i].size = room;
  }
  return Status::success();
}

uint64_t ElfFile::symbol(const std::string &name) const {
  auto it = symbols.find(name);
  return it == symbols.end() ? 0 : it->second;
}

const ElfFunction *ElfFile::functionAt(uint64_t address) const {
  auto after = std::upper_bound(
      functions.begin(), functions.end(), address,
      [](uint64_t a, const ElfFunction &f) { return a < f.address; });
  if (after == functions.begin())
    return nullptr;
  const ElfFunction &function = *std::prev(after);
  bool isLast = after == functions.end();
  bool holds = address < function.address + function.size ||
               (isLast && function.size == 0);
  return holds ? &function : nullptr;
}

std::string_view ElfFile::codeAt(uint64_t address) const {
  for (const ElfSection &section : allSections)
    if (section.isCode && address >= section.address &&
        address < section.address + section.bytes.size())
      return std::string_view(section.bytes).substr(address - section.address);
  return {};
}

} // namespace adze
