//===- Counts.cpp - The counting plugin's table, by function --------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/qemu/Counts.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <sstream>
#include <unordered_map>

namespace adze {
namespace {

constexpr const char *guestPrefix = "adze_guest_";

void add(FunctionStats &sum, const AddressCount &count, uint64_t cycles) {
  sum.instructions += count.executions;
  sum.loadInstructions += count.loads ? count.executions : 0;
  sum.storeInstructions += count.stores ? count.executions : 0;
  sum.loadBytes += count.loadBytes;
  sum.storeBytes += count.storeBytes;
  sum.cycles += cycles;
}

/// The calls of the program, one row each. Which instructions access memory is
/// known from the whole run; bytes are not known for a call.
Status summarizeCalls(const Machine &machine, const ElfFile &elf,
                      const Counts &counts, RunStats &stats) {
  std::unordered_map<uint64_t, const AddressCount *> whole;
  for (const AddressCount &count : counts.addresses)
    whole[count.address] = &count;
  for (const CallCount &call : counts.calls) {
    const ElfFunction *function = elf.functionAt(call.address);
    std::string name = function ? function->name : "(unknown)";
    if (name.rfind(guestPrefix, 0) == 0)
      continue;
    Counts part;
    part.addresses = call.instructions;
    for (AddressCount &count : part.addresses)
      if (auto it = whole.find(count.address); it != whole.end()) {
        count.loads = it->second->loads;
        count.stores = it->second->stores;
      }
    std::vector<uint64_t> cycles;
    if (Status status = estimateCycles(machine, elf, part, cycles); !status)
      return status;
    FunctionStats &row = stats.calls.emplace_back();
    row.name = name;
    row.calls = 1;
    for (size_t i = 0; i < part.addresses.size(); ++i)
      add(row, part.addresses[i], cycles[i]);
    row.loadBytes = row.storeBytes = 0;
  }
  return Status::success();
}

} // namespace

Status readCounts(const std::string &path, Counts &counts) {
  counts = {};
  std::ifstream in(path);
  std::string magic, word;
  int version = 0;
  in >> magic >> version >> word >> counts.complete >> word >> std::hex >>
      counts.lowestStored;
  if (!in || magic != "adze-counter" || version != 2)
    return Status::failure("the counting plugin wrote no counts; does this "
                           "QEMU support plugins (qemu-system-arm -plugin)?");
  AddressCount row;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    if (line.rfind("call ", 0) == 0) {
      CallCount &call = counts.calls.emplace_back();
      fields >> word >> std::hex >> call.address;
    } else if (!counts.calls.empty()) {
      AddressCount part;
      fields >> std::hex >> part.address >> std::dec >> part.executions;
      counts.calls.back().instructions.push_back(part);
    } else if (fields >> std::hex >> row.address >> std::dec >>
               row.executions >> row.loads >> row.stores >> row.loadBytes >>
               row.storeBytes) {
      counts.addresses.push_back(row);
    }
  }
  return Status::success();
}

Status summarize(const Machine &machine, const ElfFile &elf,
                 const Counts &counts, RunStats &stats) {
  std::vector<uint64_t> cycles;
  if (Status status = estimateCycles(machine, elf, counts, cycles); !status)
    return status;
  std::map<std::string, size_t> indexOf;
  stats.functions.clear();
  stats.total = {};
  stats.total.name = "total";
  for (size_t i = 0; i < counts.addresses.size(); ++i) {
    const AddressCount &count = counts.addresses[i];
    const ElfFunction *function = elf.functionAt(count.address);
    std::string name = function ? function->name : "(unknown)";
    if (name.rfind(guestPrefix, 0) == 0)
      continue;
    auto [it, isNew] = indexOf.try_emplace(name, stats.functions.size());
    if (isNew) {
      stats.functions.emplace_back();
      stats.functions.back().name = name;
    }
    FunctionStats &sum = stats.functions[it->second];
    add(sum, count, cycles[i]);
    add(stats.total, count, cycles[i]);
    if (function && count.address == function->address) {
      sum.calls += count.executions;
      sum.codeBytes += function->size;
    }
  }
  stats.total.calls = 1;
  stats.total.codeBytes = stats.memory.text;
  return summarizeCalls(machine, elf, counts, stats);
}

} // namespace adze
