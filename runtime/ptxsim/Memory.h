//===- Memory.h - Global memory: allocations and what was written -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Device addresses begin at a fixed base and are handed out in order, with a
// gap after each allocation and without reuse, so that reports repeat and a
// stale pointer is recognised. Host memory behind them is reserved once and
// touched on use; beside every byte lies a mark that says whether it has been
// written.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_MEMORY_H
#define ADZE_RUNTIME_PTXSIM_MEMORY_H

#include "runtime/ptxsim/Program.h"

#include <map>
#include <mutex>

namespace adze::ptxsim {

struct Allocation {
  uint64_t base = 0, bytes = 0;
  uint64_t number = 0; ///< 1 for the process's first
  bool live = true;
  /// Wholly written, or not to be checked (module variables).
  bool written = false;
  std::string name; ///< of a module's variable, or ""
};

class Memory {
public:
  Memory();
  ~Memory();
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  static constexpr uint64_t base = 0x700000000000;

  /// Null-free: 0 if there is no room. Not to be called during a launch.
  uint64_t allocate(uint64_t bytes, uint64_t align, std::string name = {});
  bool release(uint64_t address);
  /// The allocation that holds `address`, live or freed, or null.
  const Allocation *find(uint64_t address) const;
  /// The nearest allocation below or above `address`, or null.
  const Allocation *nearest(uint64_t address) const;
  /// "8 bytes after the end of allocation 3 (4096 bytes at 0x...)".
  std::string describe(uint64_t address, uint64_t bytes) const;

  bool inArena(uint64_t address) const { return address - base < arenaBytes; }
  /// Translation without a check; the address is inside the arena.
  char *host(uint64_t address) const { return bytes + (address - base); }
  uint8_t *marks(uint64_t address) const { return written + (address - base); }
  /// A copy from the host or a fill: sets the marks.
  void markWritten(uint64_t address, uint64_t count);

  uint64_t inUse() const { return used; }
  uint64_t capacity() const { return arenaBytes; }

private:
  uint64_t arenaBytes = 0;
  char *bytes = nullptr;
  uint8_t *written = nullptr;
  uint64_t next = 0, used = 0, count = 0;
  std::map<uint64_t, Allocation> allocations; ///< by base
};

/// An address operand of an instruction (Decoder.h: addressOf).
struct AddressView {
  Slot slot = noSlot;
  uint8_t bytes = 8;
  int64_t displacement = 0;
};

} // namespace adze::ptxsim

#endif // ADZE_RUNTIME_PTXSIM_MEMORY_H
