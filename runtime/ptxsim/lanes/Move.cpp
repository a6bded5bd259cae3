//===- Move.cpp - mov: copies, packing and special registers -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/lanes/Lanes.h"

namespace adze::ptxsim::ADZE_PTXSIM_LANES {
namespace {

template <typename T>
Step copy(Warp &warp, const Instruction &instruction, uint32_t mask) {
  store(warp.lanes<T>(instruction.d), warp.lanes<T>(instruction.a), mask);
  return Step::Next;
}

struct Wide {
  uint64_t low, high;
};

Step copyPredicate(Warp &warp, const Instruction &instruction, uint32_t mask) {
  uint32_t a = warp.predicate(instruction.a);
  if (instruction.flags[0])
    a = ~a;
  uint32_t &d = warp.predicate(instruction.d);
  d = (d & ~mask) | (a & mask);
  return Step::Next;
}

/// Parts of a packed value: flags[0] parts of flags[1] bytes.
struct Parts {
  Slot slots[16];
};

Step pack(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Parts &parts = *static_cast<const Parts *>(instruction.detail);
  unsigned count = instruction.flags[0], bytes = instruction.flags[1];
  char *d = warp.lanes<char>(instruction.d);
  // The sources are read first: a part may be the result's own register.
  alignas(64) char r[lanesPerWarp * 16];
  for (unsigned i = 0; i < count; ++i) {
    const char *a = warp.lanes<char>(parts.slots[i]);
    unsigned stride = bytes < 2 ? 2 : bytes;
    for (unsigned l = 0; l < lanesPerWarp; ++l)
      std::memcpy(r + (l * count + i) * bytes, a + l * stride, bytes);
  }
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    if (mask >> l & 1)
      std::memcpy(d + l * count * bytes, r + l * count * bytes, count * bytes);
  return Step::Next;
}

Step unpack(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Parts &parts = *static_cast<const Parts *>(instruction.detail);
  unsigned count = instruction.flags[0], bytes = instruction.flags[1];
  alignas(64) char r[lanesPerWarp * 16];
  std::memcpy(r, warp.lanes<char>(instruction.a), lanesPerWarp * count * bytes);
  for (unsigned i = 0; i < count; ++i) {
    if (parts.slots[i] == noSlot)
      continue;
    char *d = warp.lanes<char>(parts.slots[i]);
    unsigned stride = bytes < 2 ? 2 : bytes;
    for (unsigned l = 0; l < lanesPerWarp; ++l)
      if (mask >> l & 1)
        std::memcpy(d + l * stride, r + (l * count + i) * bytes, bytes);
  }
  return Step::Next;
}

/// Two parts of one size, the commonest form.
template <typename T, typename P>
Step packTwo(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Parts &parts = *static_cast<const Parts *>(instruction.detail);
  const P *a = warp.lanes<P>(parts.slots[0]);
  const P *b = warp.lanes<P>(parts.slots[1]);
  alignas(64) T r[lanesPerWarp];
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    r[l] = T(a[l]) | T(b[l]) << (8 * sizeof(P));
  store(warp.lanes<T>(instruction.d), r, mask);
  return Step::Next;
}
template <typename T, typename P>
Step unpackTwo(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Parts &parts = *static_cast<const Parts *>(instruction.detail);
  const T *a = warp.lanes<T>(instruction.a);
  alignas(64) P low[lanesPerWarp];
  alignas(64) P high[lanesPerWarp];
  for (unsigned l = 0; l < lanesPerWarp; ++l) {
    low[l] = P(a[l]);
    high[l] = P(a[l] >> (8 * sizeof(P)));
  }
  if (parts.slots[0] != noSlot)
    store(warp.lanes<P>(parts.slots[0]), low, mask);
  if (parts.slots[1] != noSlot)
    store(warp.lanes<P>(parts.slots[1]), high, mask);
  return Step::Next;
}

/// Clocks count the warp's own instructions: the same on every run.
Step readClock(Warp &warp, const Instruction &instruction, uint32_t mask) {
  uint64_t value = warp.executed;
  if (instruction.flags[0])
    value >>= 32;
  for (unsigned l = 0; l < lanesPerWarp; ++l) {
    if (!(mask >> l & 1))
      continue;
    if (instruction.flags[1] == 8)
      warp.lanes<uint64_t>(instruction.d)[l] = value;
    else
      warp.lanes<uint32_t>(instruction.d)[l] = uint32_t(value);
  }
  return Step::Next;
}

Type ofBytes(unsigned bytes) {
  return bytes == 16  ? Type::B128
         : bytes == 8 ? Type::B64
         : bytes == 4 ? Type::B32
         : bytes == 2 ? Type::B16
                      : Type::B8;
}

bool decodeParts(Decoder &d, Type type, bool packing) {
  const Operand &vector = d.operand(packing ? 1 : 0);
  size_t count = vector.elements.size();
  if ((count != 2 && count != 4 && count != 8) || byteSize(type) % count != 0)
    d.error("the vector does not fit the type");
  unsigned bytes = byteSize(type) / unsigned(count);
  Parts &parts = d.detail<Parts>();
  for (size_t i = 0; i < count; ++i)
    parts.slots[i] = packing
                         ? d.source(vector.elements[i], ofBytes(bytes))
                         : d.destination(vector.elements[i], ofBytes(bytes));
  Instruction &out = d.out();
  out.flags[0] = uint8_t(count);
  out.flags[1] = uint8_t(bytes);
  if (packing)
    out.d = d.destination(0, ofBytes(byteSize(type)));
  else
    out.a = d.source(1, ofBytes(byteSize(type)));
  if (packing && out.d == noSlot)
    out.d = d.newRegister(byteSize(type));
  out.handler = packing ? pack : unpack;
  if (count == 2 && bytes == 4)
    out.handler =
        packing ? packTwo<uint64_t, uint32_t> : unpackTwo<uint64_t, uint32_t>;
  if (count == 2 && bytes == 2)
    out.handler =
        packing ? packTwo<uint32_t, uint16_t> : unpackTwo<uint32_t, uint16_t>;
  return true;
}

} // namespace

bool decodeMove(Decoder &d) {
  if (d.mnemonic() != "mov")
    return false;
  Type type = d.takeType();
  d.expectOperands(2, 2);
  Instruction &out = d.out();
  const Operand &to = d.operand(0), &from = d.operand(1);
  if (type == Type::Pred) {
    if (to.kind != Operand::Predicate)
      d.error("the result has to be a predicate");
    out.d = to.slot;
    auto a = d.predicate(from);
    out.a = a.slot;
    out.flags[0] = a.negated;
    out.handler = copyPredicate;
    return true;
  }
  if (from.kind == Operand::Vector)
    return decodeParts(d, type, true);
  if (to.kind == Operand::Vector)
    return decodeParts(d, type, false);
  out.d = d.destination(0, type);
  if (out.d == noSlot)
    out.d = d.newRegister(byteSize(type));
  if (from.kind == Operand::Name && from.bytes) {
    if (from.bytes != byteSize(type))
      d.error("'" + from.name + "' has another size");
    out.flags[0] = from.name.ends_with("_hi");
    out.flags[1] = from.bytes;
    out.handler = readClock;
    return true;
  }
  out.a = d.source(1, type);
  switch (byteSize(type)) {
  case 1:
  case 2:
    out.handler = copy<uint16_t>;
    return true;
  case 4:
    out.handler = copy<uint32_t>;
    return true;
  case 8:
    out.handler = copy<uint64_t>;
    return true;
  case 16:
    out.handler = copy<Wide>;
    return true;
  default:
    return false;
  }
}

} // namespace adze::ptxsim::ADZE_PTXSIM_LANES
