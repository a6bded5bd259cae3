//===- LoadStore.cpp - ld, st, cvta and what else concerns addresses -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.9. The common case - every lane inside one allocation, or in the
// block's own shared memory - is checked for all lanes at once; anything else
// goes lane by lane through resolve(), which reports what is wrong.
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/State.h"

#include <bit>
#include <fmt/format.h>

namespace adze::ptxsim {
namespace {

struct Transfer {
  AddressView address;
  Space space = Space::Generic;
  bool cluster = false;   ///< .shared::cluster
  bool isSigned = false;  ///< ld: extends with the sign
  bool single = false;    ///< 32-bit elements in 32-bit registers
  unsigned bytes = 0;     ///< of an element
  unsigned registers = 0; ///< bytes of a register
  unsigned count = 1;
  unsigned total = 0;
  Slot slots[8] = {};
};

/// Compiled for wide vectors too, and chosen when the library is loaded.
#if defined(__x86_64__)
#define ADZE_VECTOR_CLONES [[gnu::target_clones("arch=x86-64-v3", "default")]]
#else
#define ADZE_VECTOR_CLONES
#endif

/// Addresses of a warp, and what they have in common.
struct Places {
  uint64_t address[lanesPerWarp];
  /// Of active lanes: smallest, largest, or of all bits.
  uint64_t low, high, bits;
  /// All lanes are active and have one address, or each the bytes behind those
  /// of the lane before.
  bool uniform, contiguous;
  Space space;
  /// Host address of address 0.
  uintptr_t base;

  char *host(unsigned lane) const {
    return reinterpret_cast<char *>(base + address[lane]);
  }
};

ADZE_VECTOR_CLONES
void computeAddresses(const char *base, unsigned bytes, int64_t displacement,
                      unsigned total, uint32_t mask, Places &places) {
  uint64_t (&address)[lanesPerWarp] = places.address;
  if (bytes == 8) {
    const uint64_t *from = reinterpret_cast<const uint64_t *>(base);
    for (unsigned l = 0; l < lanesPerWarp; ++l)
      address[l] = from[l] + uint64_t(displacement);
  } else {
    const uint32_t *from = reinterpret_cast<const uint32_t *>(base);
    for (unsigned l = 0; l < lanesPerWarp; ++l)
      address[l] = uint32_t(from[l] + uint32_t(displacement));
  }
  places.uniform = places.contiguous = false;
  if (mask == ~uint32_t(0)) {
    uint64_t first = address[0], bits = 0, same = 0, next = 0;
    for (unsigned l = 0; l < lanesPerWarp; ++l) {
      same |= address[l] ^ first;
      bits |= address[l];
    }
    for (unsigned l = 0; l + 1 < lanesPerWarp; ++l)
      next |= (address[l + 1] - address[l]) ^ total;
    places.bits = bits;
    places.uniform = same == 0;
    places.contiguous = next == 0;
    if (places.uniform || places.contiguous) {
      places.low = first;
      places.high = address[lanesPerWarp - 1];
      return;
    }
    // Signed comparisons are the ones that vectors have. An address beyond
    // 2^63 becomes the lowest, and no space has it.
    int64_t low = int64_t(first), high = int64_t(first);
    for (unsigned l = 0; l < lanesPerWarp; ++l) {
      int64_t a = int64_t(address[l]);
      low = a < low ? a : low;
      high = a > high ? a : high;
    }
    places.low = uint64_t(low);
    places.high = uint64_t(high);
    return;
  }
  uint64_t low = ~uint64_t(0), high = 0, bits = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    uint64_t a = address[std::countr_zero(rest)];
    low = a < low ? a : low;
    high = a > high ? a : high;
    bits |= a;
  }
  places.low = low;
  places.high = high;
  places.bits = bits;
}

const Allocation *allocationOf(const Warp &warp, const Instruction &instruction,
                               uint64_t address) {
  const Allocation *&recent =
      warp.block->cluster->recent[instruction.index % 64];
  if (!recent || address - recent->base >= recent->bytes)
    recent = launchOf(warp).memory->find(address);
  return recent;
}

/// Where the marks of written bytes are that an access has to look at.
enum class Marks { None, Shared, Global };

/// Places all lanes at once, or returns false.
bool placeTogether(const Warp &warp, const Instruction &instruction,
                   const Transfer &t, uint32_t mask, Places &places,
                   Marks &marks) {
  computeAddresses(warp.lanes<char>(t.address.slot), t.address.bytes,
                   t.address.displacement, t.total, mask, places);
  if ((places.bits & (t.total - 1)) || places.low > places.high)
    return false;
  const Launch &launch = launchOf(warp);
  Space space = t.space;
  if (space == Space::Generic) {
    if (places.low >= Memory::base && launch.memory->inArena(places.high)) {
      space = Space::Global;
    } else if (places.low - sharedWindow < windowBytes &&
               places.high - sharedWindow < windowBytes) {
      space = Space::Shared;
      for (uint64_t &a : places.address)
        a -= sharedWindow;
      places.low -= sharedWindow;
      places.high -= sharedWindow;
    } else {
      return false;
    }
  }
  if (space == Space::Global || space == Space::Const) {
    const Allocation *allocation = allocationOf(warp, instruction, places.low);
    if (!allocation || !allocation->live ||
        places.high + t.total > allocation->base + allocation->bytes)
      return false;
    places.space = Space::Global;
    marks = allocation->written || !launch.checks.uninitialized ? Marks::None
                                                                : Marks::Global;
    places.base =
        reinterpret_cast<uintptr_t>(launch.memory->host(Memory::base)) -
        Memory::base;
    return true;
  }
  if (space == Space::Shared) {
    Block &block = *warp.block;
    if (places.high + t.total > block.sharedBytes || places.low < 1024)
      return false;
    places.space = Space::Shared;
    marks = block.sharedWritten ? Marks::Shared : Marks::None;
    places.base = reinterpret_cast<uintptr_t>(block.shared);
    return true;
  }
  return false;
}

const uint8_t *marksOf(const Warp &warp, Marks marks, uint64_t address) {
  return marks == Marks::Shared ? warp.block->sharedWritten + address
                                : launchOf(warp).memory->marks(address);
}

bool allWritten(const uint8_t *marks, unsigned bytes) {
  switch (bytes) {
  case 4: {
    uint32_t v;
    std::memcpy(&v, marks, 4);
    return v == 0x01010101;
  }
  case 8:
  case 16:
  case 32:
    for (unsigned i = 0; i < bytes; i += 8) {
      uint64_t v;
      std::memcpy(&v, marks + i, 8);
      if (v != 0x0101010101010101)
        return false;
    }
    return true;
  default:
    return !std::memchr(marks, 0, bytes);
  }
}

template <typename T> void spread(T *destination, T value) {
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    destination[l] = value;
}

template <typename T>
void loadElements(const Warp &warp, const Transfer &t, const Places &places,
                  uint32_t mask) {
  if (places.contiguous && t.count == 1) {
    if (t.slots[0] != noSlot)
      std::memcpy(warp.lanes<T>(t.slots[0]), places.host(0),
                  lanesPerWarp * sizeof(T));
    return;
  }
  for (unsigned e = 0; e < t.count; ++e) {
    if (t.slots[e] == noSlot)
      continue;
    T *d = warp.lanes<T>(t.slots[e]);
    uintptr_t base = places.base + e * sizeof(T);
    auto element = [&](unsigned l) {
      T value;
      std::memcpy(&value,
                  reinterpret_cast<const char *>(base + places.address[l]),
                  sizeof(T));
      return value;
    };
    if (places.uniform) {
      spread(d, element(0));
    } else if (mask == ~uint32_t(0)) {
      for (unsigned l = 0; l < lanesPerWarp; ++l)
        d[l] = element(l);
    } else {
      for (uint32_t rest = mask; rest; rest &= rest - 1) {
        unsigned l = unsigned(std::countr_zero(rest));
        d[l] = element(l);
      }
    }
  }
}
template <typename T>
void storeElements(const Warp &warp, const Transfer &t, const Places &places,
                   uint32_t mask) {
  if (places.contiguous && t.count == 1) {
    std::memcpy(places.host(0), warp.lanes<T>(t.slots[0]),
                lanesPerWarp * sizeof(T));
    return;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    for (unsigned e = 0; e < t.count; ++e)
      std::memcpy(places.host(l) + e * sizeof(T), &warp.lanes<T>(t.slots[e])[l],
                  sizeof(T));
  }
}

/// One lane of any form: narrow elements in wide registers and so on.
void loadLane(const Warp &warp, const Transfer &t, const char *host,
              unsigned lane) {
  for (unsigned e = 0; e < t.count; ++e) {
    if (t.slots[e] == noSlot)
      continue;
    char *d = warp.lanes<char>(t.slots[e]) + lane * t.registers;
    const char *from = host + e * t.bytes;
    bool negative = t.isSigned && (from[t.bytes - 1] & 0x80);
    std::memset(d, negative ? 0xff : 0, t.registers);
    std::memcpy(d, from, t.bytes);
  }
}
void storeLane(const Warp &warp, const Transfer &t, char *host, unsigned lane) {
  for (unsigned e = 0; e < t.count; ++e)
    std::memcpy(host + e * t.bytes,
                warp.lanes<char>(t.slots[e]) + lane * t.registers, t.bytes);
}

void report(Warp &warp, const Instruction &instruction, Access::Kind kind,
            const Transfer &t, const Places &places, uint32_t mask) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    Place place{places.space, places.host(l),
                places.space == Space::Shared ? warp.block : nullptr,
                places.address[l]};
    hooks::access(warp, instruction, {kind, places.space, l, place, t.total});
  }
}
bool watched(const Warp &warp, Space space) {
  const Launch &launch = launchOf(warp);
  return launch.checks.races &&
         (space == Space::Shared ||
          (space == Space::Global && hooks::watchesGlobal(launch)));
}

Step executeLoad(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Transfer &t = *static_cast<const Transfer *>(instruction.detail);
  Places places;
  Marks marks = Marks::None;
  if (placeTogether(warp, instruction, t, mask, places, marks)) {
    // Hazards first: they say more about bytes that are still on their way.
    if (watched(warp, places.space))
      report(warp, instruction, Access::Read, t, places, mask);
    bool together = (places.uniform || places.contiguous) &&
                    marks != Marks::None &&
                    allWritten(marksOf(warp, marks, places.low),
                               unsigned(places.high - places.low) + t.total);
    if (marks != Marks::None && !together)
      for (uint32_t rest = mask; rest; rest &= rest - 1) {
        unsigned l = unsigned(std::countr_zero(rest));
        if (!allWritten(marksOf(warp, marks, places.address[l]), t.total))
          checkWritten(
              warp, instruction, int(l),
              {places.space, places.host(l), warp.block, places.address[l]},
              t.total);
      }
    if (t.bytes == t.registers && t.bytes <= 8) {
      switch (t.bytes) {
      case 2:
        loadElements<uint16_t>(warp, t, places, mask);
        break;
      case 4:
        loadElements<uint32_t>(warp, t, places, mask);
        break;
      default:
        loadElements<uint64_t>(warp, t, places, mask);
      }
      return Step::Next;
    }
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
      unsigned l = unsigned(std::countr_zero(rest));
      loadLane(warp, t, places.host(l), l);
    }
    return Step::Next;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    Place place = resolve(warp, instruction, int(l), t.space,
                          warp.address(t.address, l), t.total, t.total);
    if (watched(warp, place.space))
      hooks::access(warp, instruction,
                    {Access::Read, place.space, l, place, t.total});
    checkWritten(warp, instruction, int(l), place, t.total);
    loadLane(warp, t, place.host, l);
  }
  return Step::Next;
}

Step executeStore(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Transfer &t = *static_cast<const Transfer *>(instruction.detail);
  Places places;
  Marks marks = Marks::None;
  if (placeTogether(warp, instruction, t, mask, places, marks)) {
    if (marks != Marks::None)
      for (uint32_t rest = mask; rest; rest &= rest - 1) {
        unsigned l = unsigned(std::countr_zero(rest));
        std::memset(
            const_cast<uint8_t *>(marksOf(warp, marks, places.address[l])), 1,
            t.total);
      }
    if (watched(warp, places.space))
      report(warp, instruction, Access::Write, t, places, mask);
    if (t.single)
      storeElements<uint32_t>(warp, t, places, mask);
    else
      for (uint32_t rest = mask; rest; rest &= rest - 1) {
        unsigned l = unsigned(std::countr_zero(rest));
        storeLane(warp, t, places.host(l), l);
      }
    return Step::Next;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    Place place = resolve(warp, instruction, int(l), t.space,
                          warp.address(t.address, l), t.total, t.total);
    if (place.space == Space::Param)
      fail(warp, instruction, int(l), HazardKind::IllegalAddress,
           "a kernel's parameters cannot be written");
    markWritten(launchOf(warp), place, t.total);
    if (watched(warp, place.space))
      hooks::access(warp, instruction,
                    {Access::Write, place.space, l, place, t.total});
    storeLane(warp, t, place.host, l);
  }
  return Step::Next;
}

Space takeSpace(Decoder &d, bool &cluster) {
  cluster = false;
  if (d.take("global"))
    return Space::Global;
  if (d.take("shared") || d.take("shared::cta"))
    return Space::Shared;
  if (d.take("shared::cluster")) {
    cluster = true;
    return Space::Shared;
  }
  if (d.take("local"))
    return Space::Local;
  if (d.take("param") || d.take("param::entry") || d.take("param::func"))
    return Space::Param;
  if (d.take("const"))
    return Space::Const;
  return Space::Generic;
}

/// Modifiers that say something about order and caches only.
void takeMemoryModifiers(Decoder &d) {
  static constexpr const char *names[] = {"weak",
                                          "relaxed",
                                          "acquire",
                                          "release",
                                          "acq_rel",
                                          "volatile",
                                          "mmio",
                                          "cta",
                                          "cluster",
                                          "gpu",
                                          "sys",
                                          "nc",
                                          "ca",
                                          "cg",
                                          "cs",
                                          "lu",
                                          "cv",
                                          "wb",
                                          "wt",
                                          "unified",
                                          "L1::evict_normal",
                                          "L1::evict_unchanged",
                                          "L1::evict_first",
                                          "L1::evict_last",
                                          "L1::no_allocate",
                                          "L2::evict_first",
                                          "L2::evict_last",
                                          "L2::evict_normal",
                                          "L2::cache_hint",
                                          "L2::64B",
                                          "L2::128B",
                                          "L2::256B"};
  for (const char *name : names)
    d.take(name);
}

bool decodeTransfer(Decoder &d, bool load) {
  Transfer &t = d.detail<Transfer>();
  bool hint = d.has("L2::cache_hint");
  takeMemoryModifiers(d);
  t.space = takeSpace(d, t.cluster);
  int vector = d.takeOneOf({"v2", "v4", "v8"});
  t.count = vector < 0 ? 1 : 2u << vector;
  Type type = d.takeType();
  t.bytes = byteSize(type);
  if (!t.bytes)
    d.error("a type is needed");
  t.isSigned = isSigned(type);
  t.total = t.bytes * t.count;
  if (t.total > 32)
    d.error("no more than 32 bytes can be accessed at once");
  d.expectOperands(2, hint ? 3 : 2);
  const Operand &address = d.operand(load ? 1 : 0);
  const Operand &data = d.operand(load ? 0 : 1);
  t.address = addressOf(d, address);
  if (t.space == Space::Param && address.space == Space::Local)
    t.space = Space::Local; // of a device function
  if (t.space == Space::Generic && address.space != Space::Generic)
    t.space = address.space;
  if (!load && (t.space == Space::Param || t.space == Space::Const))
    d.error("this space cannot be written");
  std::vector<const Operand *> elements;
  if (data.kind == Operand::Vector)
    for (const Operand &element : data.elements)
      elements.push_back(&element);
  else
    elements.push_back(&data);
  if (elements.size() != t.count)
    d.error(fmt::format("expected {} registers, found {}", t.count,
                        elements.size()));
  t.registers = std::max(t.bytes, 2u);
  for (const Operand *element : elements)
    if (element->kind == Operand::Register)
      t.registers = element->bytes;
  if (t.registers < t.bytes)
    d.error("a register is smaller than the type");
  Type holder = t.registers == 16  ? Type::B128
                : t.registers == 8 ? Type::B64
                : t.registers == 4 ? Type::B32
                                   : Type::B16;
  // A float constant is one of the type's own size.
  if (isFloat(type) && t.registers == t.bytes)
    holder = type;
  for (unsigned i = 0; i < t.count; ++i)
    t.slots[i] = load ? d.destination(*elements[i], holder)
                      : d.source(*elements[i], holder);
  t.single = t.bytes == 4 && t.registers == 4;
  d.out().handler = load ? executeLoad : executeStore;
  return true;
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

uint64_t windowOf(Space space) {
  return space == Space::Shared  ? sharedWindow
         : space == Space::Local ? localWindow
         : space == Space::Param ? paramWindow
                                 : 0;
}

/// cvta: adds the window's base, or (flags[0]) takes it away.
Step executeCvta(Warp &warp, const Instruction &instruction, uint32_t mask) {
  uint64_t window = uint64_t(instruction.displacement);
  if (instruction.flags[0])
    window = 0 - window;
  if (instruction.flags[1] == 4) { // 32-bit addresses stay within a space
    for (unsigned l = 0; l < lanesPerWarp; ++l)
      if (mask >> l & 1)
        warp.lanes<uint32_t>(instruction.d)[l] =
            warp.lanes<uint32_t>(instruction.a)[l];
    return Step::Next;
  }
  const uint64_t *a = warp.lanes<uint64_t>(instruction.a);
  uint64_t *d = warp.lanes<uint64_t>(instruction.d);
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    d[l] = (mask >> l & 1) ? a[l] + window : d[l];
  return Step::Next;
}

bool decodeCvta(Decoder &d) {
  bool to = d.take("to");
  bool cluster;
  Space space = takeSpace(d, cluster);
  Type type = d.takeType();
  d.expectOperands(2, 2);
  Instruction &out = d.out();
  const Operand &from = d.operand(1);
  if (space == Space::Param && from.space == Space::Local)
    space = Space::Local;
  out.d = d.destination(0, type);
  out.a = d.source(1, type);
  out.displacement = int64_t(windowOf(space));
  out.flags[0] = to;
  out.flags[1] = uint8_t(byteSize(type));
  if (space == Space::Param && to)
    d.error("cvta.to.param is not supported");
  out.handler = executeCvta;
  return space != Space::Generic;
}

Step executeIsspacep(Warp &warp, const Instruction &instruction,
                     uint32_t mask) {
  const uint64_t *a = warp.lanes<uint64_t>(instruction.a);
  Space space = Space(instruction.flags[0]);
  uint32_t bits = 0;
  for (unsigned l = 0; l < lanesPerWarp; ++l) {
    bool is;
    if (space == Space::Global || space == Space::Const) {
      is = launchOf(warp).memory->inArena(a[l]);
    } else {
      uint64_t offset = a[l] - windowOf(space);
      is = offset < windowBytes;
      if (is && space == Space::Shared && !instruction.flags[1]) {
        uint64_t rank = offset >> sharedRankShift;
        is = rank == 0 || rank == warp.block->rank + 1;
      }
    }
    bits |= uint32_t(is) << l;
  }
  uint32_t &p = warp.predicate(instruction.d);
  p = (p & ~mask) | (bits & mask);
  return Step::Next;
}

bool decodeIsspacep(Decoder &d) {
  bool cluster;
  Space space = takeSpace(d, cluster);
  d.expectOperands(2, 2);
  Instruction &out = d.out();
  if (d.operand(0).kind != Operand::Predicate)
    d.error("the result has to be a predicate");
  out.d = d.operand(0).slot;
  out.a = d.source(1, Type::U64);
  out.flags[0] = uint8_t(space);
  out.flags[1] = cluster;
  out.handler = executeIsspacep;
  return space != Space::Generic;
}

/// mapa: the address of another block's shared memory. flags[0]: bytes of an
/// address; flags[1]: a generic one.
Step executeMapa(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const uint32_t *rank = warp.lanes<uint32_t>(instruction.b);
  size_t blocks = warp.block->cluster->blocks.size();
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (rank[l] >= blocks)
      fail(warp, instruction, int(l), HazardKind::IllegalAddress,
           fmt::format("block {} of a cluster of {}", rank[l], blocks));
    uint64_t base = instruction.flags[1] ? sharedWindow : 0;
    uint64_t a = instruction.flags[0] == 8
                     ? warp.lanes<uint64_t>(instruction.a)[l]
                     : warp.lanes<uint32_t>(instruction.a)[l];
    uint64_t offset = (a - base) & ((uint64_t(1) << sharedRankShift) - 1);
    uint64_t r = base + offset + ((uint64_t(rank[l]) + 1) << sharedRankShift);
    if (instruction.flags[0] == 8)
      warp.lanes<uint64_t>(instruction.d)[l] = r;
    else
      warp.lanes<uint32_t>(instruction.d)[l] = uint32_t(r);
  }
  return Step::Next;
}
Step executeGetctarank(Warp &warp, const Instruction &instruction,
                       uint32_t mask) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint64_t base = instruction.flags[1] ? sharedWindow : 0;
    uint64_t a = instruction.flags[0] == 8
                     ? warp.lanes<uint64_t>(instruction.a)[l]
                     : warp.lanes<uint32_t>(instruction.a)[l];
    uint64_t rank = (a - base) >> sharedRankShift;
    warp.lanes<uint32_t>(instruction.d)[l] =
        rank ? uint32_t(rank - 1) : warp.block->rank;
  }
  return Step::Next;
}

bool decodeClusterAddress(Decoder &d, bool map) {
  bool shared = d.take("shared::cluster");
  Type type = d.takeType();
  if (type != Type::U32 && type != Type::U64)
    return false;
  d.expectOperands(map ? 3 : 2, map ? 3 : 2);
  Instruction &out = d.out();
  out.d = d.destination(0, map ? type : Type::U32);
  out.a = d.source(1, type);
  if (map)
    out.b = d.source(2, Type::U32);
  out.flags[0] = uint8_t(byteSize(type));
  out.flags[1] = !shared;
  out.handler = map ? executeMapa : executeGetctarank;
  return true;
}

/// createpolicy: caches are not modelled, and every policy is 0.
Step executePolicy(Warp &warp, const Instruction &instruction, uint32_t mask) {
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    if (mask >> l & 1)
      warp.lanes<uint64_t>(instruction.d)[l] = 0;
  return Step::Next;
}

Step executeNothing(Warp &, const Instruction &, uint32_t) {
  return Step::Next;
}

} // namespace

bool decodeMemory(Decoder &d) {
  const std::string &name = d.mnemonic();
  if (name == "ld" || name == "ldu" || name == "st")
    return decodeTransfer(d, name != "st");
  if (name == "cvta")
    return decodeCvta(d);
  if (name == "isspacep")
    return decodeIsspacep(d);
  if (name == "mapa" || name == "getctarank")
    return decodeClusterAddress(d, name == "mapa");
  if ((name == "prefetch" && !d.has("tensormap")) || name == "prefetchu" ||
      name == "applypriority" || name == "createpolicy") {
    while (!d.takeAny().empty())
      ;
    d.out().handler = executeNothing;
    if (name == "createpolicy") {
      d.out().d = d.destination(0, Type::B64);
      d.out().handler = executePolicy;
    }
    return true;
  }
  return false;
}

} // namespace adze::ptxsim
