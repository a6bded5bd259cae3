//===- Atomics.cpp - atom and red -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.13.5 and 9.7.13.6. Lanes take their turns from 0 to 31. Launches
// whose kernel has global atomics run on one host thread (Scheduler.cpp), so
// that plain reads and writes are atomic enough and sums repeat exactly.
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/State.h"

#include <bit>
#include <cmath>

namespace adze::ptxsim {
namespace {

enum class Operation : uint8_t {
  And,
  Or,
  Xor,
  Exch,
  Cas,
  Add,
  Inc,
  Dec,
  Min,
  Max
};
constexpr const char *operationNames[] = {"and", "or",  "xor", "exch", "cas",
                                          "add", "inc", "dec", "min",  "max"};

struct Atomic {
  AddressView address;
  Space space = Space::Generic;
  Operation operation = Operation::Add;
  Type type = Type::None;
  unsigned bytes = 0, count = 1; ///< of an element; elements (.v2, .v4)
  bool returns = false;
  Slot old[8] = {}, b[8] = {}, c = noSlot;
};

float halfToFloat(uint16_t h) { return float(std::bit_cast<_Float16>(h)); }
uint16_t floatToHalf(float f) { return std::bit_cast<uint16_t>(_Float16(f)); }
float bfloatToFloat(uint16_t b) {
  return std::bit_cast<float>(uint32_t(b) << 16);
}
uint16_t floatToBfloat(float f) {
  uint32_t u = std::bit_cast<uint32_t>(f);
  if (f != f)
    return 0x7fff;
  return uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

uint16_t combineHalf(Operation operation, bool bf16, uint16_t x, uint16_t y) {
  float a = bf16 ? bfloatToFloat(x) : halfToFloat(x);
  float b = bf16 ? bfloatToFloat(y) : halfToFloat(y);
  float r = operation == Operation::Add   ? a + b
            : operation == Operation::Min ? std::fmin(a, b)
                                          : std::fmax(a, b);
  return bf16 ? floatToBfloat(r) : floatToHalf(r);
}

template <typename T> T combineInteger(Operation operation, T a, T b) {
  switch (operation) {
  case Operation::Add:
    return T(std::make_unsigned_t<T>(a) + std::make_unsigned_t<T>(b));
  case Operation::Min:
    return a < b ? a : b;
  case Operation::Max:
    return a > b ? a : b;
  case Operation::Inc:
    return a >= b ? 0 : T(a + 1);
  case Operation::Dec:
    return a == 0 || a > b ? b : T(a - 1);
  case Operation::And:
    return a & b;
  case Operation::Or:
    return a | b;
  case Operation::Xor:
    return a ^ b;
  default:
    return b;
  }
}
template <typename T> T combineFloat(Operation operation, T a, T b) {
  switch (operation) {
  case Operation::Add:
    return a + b;
  case Operation::Min:
    return std::fmin(a, b);
  case Operation::Max:
    return std::fmax(a, b);
  default:
    return b;
  }
}

uint64_t combine(const Atomic &atomic, uint64_t old, uint64_t b, uint64_t c) {
  if (atomic.operation == Operation::Exch)
    return b;
  if (atomic.operation == Operation::Cas)
    return old == b ? c : old;
  switch (atomic.type) {
  case Type::S32:
    return uint32_t(combineInteger(atomic.operation, int32_t(old), int32_t(b)));
  case Type::U32:
  case Type::B32:
    return combineInteger(atomic.operation, uint32_t(old), uint32_t(b));
  case Type::S64:
    return uint64_t(combineInteger(atomic.operation, int64_t(old), int64_t(b)));
  case Type::U64:
  case Type::B64:
    return combineInteger(atomic.operation, old, b);
  case Type::F32:
    return std::bit_cast<uint32_t>(
        combineFloat(atomic.operation, std::bit_cast<float>(uint32_t(old)),
                     std::bit_cast<float>(uint32_t(b))));
  case Type::F64:
    return std::bit_cast<uint64_t>(combineFloat(atomic.operation,
                                                std::bit_cast<double>(old),
                                                std::bit_cast<double>(b)));
  case Type::F16:
  case Type::BF16:
    return combineHalf(atomic.operation, atomic.type == Type::BF16,
                       uint16_t(old), uint16_t(b));
  case Type::F16x2:
  case Type::BF16x2: {
    bool bf16 = atomic.type == Type::BF16x2;
    return uint32_t(combineHalf(atomic.operation, bf16, uint16_t(old),
                                uint16_t(b))) |
           uint32_t(combineHalf(atomic.operation, bf16, uint16_t(old >> 16),
                                uint16_t(b >> 16)))
               << 16;
  }
  default:
    return b;
  }
}

Step execute(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Atomic &t = *static_cast<const Atomic *>(instruction.detail);
  unsigned total = t.bytes * t.count;
  const Launch &launch = launchOf(warp);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    Place place = resolve(warp, instruction, int(l), t.space,
                          warp.address(t.address, l), total, total);
    if (place.space != Space::Global && place.space != Space::Shared)
      fail(warp, instruction, int(l), HazardKind::IllegalAddress,
           "atomic operations need global or shared memory");
    checkWritten(warp, instruction, int(l), place, total);
    if (launch.checks.races &&
        (place.space == Space::Shared || hooks::watchesGlobal(launch)))
      hooks::access(warp, instruction,
                    {Access::Atomic, place.space, l, place, total});
    for (unsigned e = 0; e < t.count; ++e) {
      auto read = [&](Slot slot) {
        uint64_t value = 0;
        std::memcpy(&value, warp.lanes<char>(slot) + l * t.bytes, t.bytes);
        return value;
      };
      uint64_t old = 0;
      std::memcpy(&old, place.host + e * t.bytes, t.bytes);
      uint64_t b = read(t.b[e]);
      uint64_t result = combine(t, old, b, t.c == noSlot ? 0 : read(t.c));
      std::memcpy(place.host + e * t.bytes, &result, t.bytes);
      if (t.returns && t.old[e] != noSlot)
        std::memcpy(warp.lanes<char>(t.old[e]) + l * t.bytes, &old, t.bytes);
    }
    markWritten(launch, place, total);
  }
  ++warp.block->cluster->progress;
  return Step::Next;
}

} // namespace

bool decodeAtomics(Decoder &d) {
  bool returns = d.mnemonic() == "atom";
  if ((!returns && d.mnemonic() != "red") || d.has("async"))
    return false;
  Atomic &t = d.detail<Atomic>();
  bool hint = d.take("L2::cache_hint");
  for (const char *name : {"relaxed", "acquire", "release", "acq_rel", "cta",
                           "cluster", "gpu", "sys", "noftz"})
    d.take(name);
  if (d.take("global"))
    t.space = Space::Global;
  else if (d.take("shared") || d.take("shared::cta") ||
           d.take("shared::cluster"))
    t.space = Space::Shared;
  int operation = -1;
  for (unsigned i = 0; i < std::size(operationNames); ++i)
    if (d.take(operationNames[i]))
      operation = int(i);
  if (operation < 0)
    d.error("unknown operation");
  t.operation = Operation(operation);
  int vector = d.takeOneOf({"v2", "v4", "v8"});
  t.count = vector < 0 ? 1 : 2u << vector;
  t.type = d.takeType();
  t.bytes = byteSize(t.type);
  t.returns = returns;
  if ((t.bytes != 2 && t.bytes != 4 && t.bytes != 8) || t.bytes * t.count > 16)
    d.error("unsupported type");
  bool cas = t.operation == Operation::Cas;
  size_t count = returns + 2 + cas;
  d.expectOperands(count, count + hint);
  t.address = addressOf(d, d.operand(returns));
  auto elements = [&](const Operand &operand, Slot *slots, bool write) {
    if (t.count > 1 && operand.elements.size() != t.count)
      d.error("a vector of other length is needed");
    for (unsigned i = 0; i < t.count; ++i) {
      const Operand &one = t.count > 1 ? operand.elements[i] : operand;
      slots[i] = write ? d.destination(one, t.type) : d.source(one, t.type);
    }
  };
  if (returns)
    elements(d.operand(0), t.old, true);
  elements(d.operand(returns + 1), t.b, false);
  if (cas)
    t.c = d.source(returns + 2, t.type);
  if (t.space != Space::Shared)
    d.usesGlobalAtomics();
  d.out().handler = execute;
  return true;
}

} // namespace adze::ptxsim
