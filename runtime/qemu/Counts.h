//===- Counts.h - The counting plugin's table, by function ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_QEMU_COUNTS_H
#define ADZE_RUNTIME_QEMU_COUNTS_H

#include "adze/Qemu.h"
#include "runtime/qemu/ElfFile.h"

#include <cstdint>
#include <string>
#include <vector>

namespace adze {

/// What the instruction at one address did (see counter/counter.c).
struct AddressCount {
  uint64_t address = 0;
  uint64_t executions = 0;
  uint64_t loads = 0, stores = 0;
  uint64_t loadBytes = 0, storeBytes = 0;
};

/// One call of the program's function: what was executed until it came back.
struct CallCount {
  uint64_t address = 0;                   // the first instruction
  std::vector<AddressCount> instructions; // executions only
};

struct Counts {
  bool complete = false;      // the end marker was reached
  uint64_t lowestStored = ~0; // on the stack
  std::vector<AddressCount> addresses;
  std::vector<CallCount> calls; // in order
};

/// Reads the file that the plugin wrote.
Status readCounts(const std::string &path, Counts &counts);

/// Estimated cycles of every address, in the order of `counts.addresses`;
/// all zero if the machine has no cycle table. Disassembles with LLVM.
Status estimateCycles(const Machine &machine, const ElfFile &elf,
                      const Counts &counts, std::vector<uint64_t> &cycles);

/// Sums by function, without the functions of the guest's own start-up code.
Status summarize(const Machine &machine, const ElfFile &elf,
                 const Counts &counts, RunStats &stats);

} // namespace adze

#endif
