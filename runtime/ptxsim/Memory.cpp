//===- Memory.cpp - Global memory: allocations and what was written -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Memory.h"

#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>

namespace adze::ptxsim {
namespace {

/// Bytes left free behind an allocation: an overrun finds nothing there.
constexpr uint64_t gapBytes = 4096;

} // namespace

Memory::Memory() {
  // Address space only: pages appear when they are touched.
  for (arenaBytes = uint64_t(1) << 40; arenaBytes >= uint64_t(1) << 32;
       arenaBytes /= 2) {
    auto reserve = [&]() -> void * {
      void *at = mmap(nullptr, arenaBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      return at == MAP_FAILED ? nullptr : at;
    };
    bytes = static_cast<char *>(reserve());
    written = bytes ? static_cast<uint8_t *>(reserve()) : nullptr;
    if (written)
      break;
    if (bytes)
      munmap(bytes, arenaBytes);
    bytes = nullptr;
  }
  if (!written)
    arenaBytes = 0;
}

Memory::~Memory() {
  if (bytes)
    munmap(bytes, arenaBytes);
  if (written)
    munmap(written, arenaBytes);
}

uint64_t Memory::allocate(uint64_t size, uint64_t align, std::string name) {
  if (align < 256)
    align = 256; // as cuMemAlloc
  uint64_t begin = (next + align - 1) / align * align;
  if (size == 0 || size > arenaBytes || begin > arenaBytes - size)
    return 0;
  Allocation allocation;
  allocation.base = base + begin;
  allocation.bytes = size;
  allocation.number = ++count;
  allocation.written = !name.empty();
  allocation.name = std::move(name);
  next = begin + size + gapBytes;
  used += size;
  allocations[allocation.base] = allocation;
  return allocation.base;
}

bool Memory::release(uint64_t address) {
  auto it = allocations.find(address);
  if (it == allocations.end() || !it->second.live)
    return false;
  Allocation &allocation = it->second;
  allocation.live = false;
  used -= allocation.bytes;
  // Whole pages go back; the addresses stay taken.
  constexpr uint64_t page = 4096;
  uint64_t begin = (address - base + page - 1) / page * page;
  uint64_t end = (address - base + allocation.bytes) / page * page;
  if (begin < end) {
    madvise(bytes + begin, end - begin, MADV_DONTNEED);
    madvise(written + begin, end - begin, MADV_DONTNEED);
  }
  return true;
}

const Allocation *Memory::find(uint64_t address) const {
  auto it = allocations.upper_bound(address);
  if (it == allocations.begin())
    return nullptr;
  --it;
  return address - it->first < it->second.bytes ? &it->second : nullptr;
}

const Allocation *Memory::nearest(uint64_t address) const {
  const Allocation *best = nullptr;
  uint64_t distance = ~uint64_t(0);
  auto it = allocations.upper_bound(address);
  if (it != allocations.end()) {
    best = &it->second;
    distance = it->first - address;
  }
  if (it != allocations.begin()) {
    --it;
    uint64_t end = it->first + it->second.bytes;
    if (address < end || address - end < distance)
      best = &it->second;
  }
  return best;
}

std::string Memory::describe(uint64_t address, uint64_t size) const {
  auto named = [](const Allocation &a) {
    std::string name = a.name.empty() ? fmt::format("allocation {}", a.number)
                                      : fmt::format("variable '{}'", a.name);
    return fmt::format("{} ({} bytes at {:#x})", name, a.bytes, a.base);
  };
  if (const Allocation *a = find(address)) {
    uint64_t left = a->base + a->bytes - address;
    if (!a->live)
      return fmt::format("{} bytes into {}, which has been freed",
                         address - a->base, named(*a));
    if (left < size)
      return fmt::format("{} of its {} bytes lie behind the end of {}",
                         size - left, size, named(*a));
    return fmt::format("{} bytes into {}", address - a->base, named(*a));
  }
  const Allocation *a = nearest(address);
  if (!a)
    return "there is no allocation";
  if (address < a->base)
    return fmt::format("{} bytes before {}", a->base - address, named(*a));
  return fmt::format("{} bytes after the end of {}",
                     address - (a->base + a->bytes), named(*a));
}

void Memory::markWritten(uint64_t address, uint64_t size) {
  auto it = allocations.upper_bound(address);
  if (it != allocations.begin()) {
    Allocation &allocation = std::prev(it)->second;
    if (allocation.written)
      return;
    if (address == allocation.base && size >= allocation.bytes) {
      allocation.written = true;
      return;
    }
  }
  std::memset(marks(address), 1, size);
}

} // namespace adze::ptxsim
