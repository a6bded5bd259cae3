//===- WarpOps.cpp - shfl, vote, match, redux, elect, activemask -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.9.6 (shfl) and 9.7.13. All lanes that the member mask names, and
// that have not exited, take part at once: until they have come, the
// instruction waits for them.
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/State.h"

#include <bit>
#include <fmt/format.h>

namespace adze::ptxsim {
namespace {

/// Checks the member masks of a .sync instruction; false while lanes are
/// missing. Lanes may name different masks: `mask` becomes those of the first
/// lane's mask, as the others follow with theirs in lane order.
bool membersPresent(Warp &warp, const Instruction &instruction, Slot members,
                    uint32_t mask) {
  const uint32_t *m = warp.lanes<uint32_t>(members);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (!(m[l] >> l & 1))
      fail(warp, instruction, int(l), HazardKind::Divergence,
           fmt::format("the lane executes it but is not in its member mask "
                       "{:#010x}",
                       m[l]));
    if (uint32_t missing = absent(warp, mask, m[l])) {
      warp.waiting = fmt::format("lanes {:#010x} to join", missing);
      return false;
    }
  }
  return true;
}

/// shfl.sync.mode.b32 d|p, a, b, c, members. flags[0]: mode; e: p; detail:
/// members.
struct Shuffle {
  Slot members, predicate;
};
Step executeShuffle(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Shuffle &shuffle = *static_cast<const Shuffle *>(instruction.detail);
  if (!membersPresent(warp, instruction, shuffle.members, mask))
    return Step::Blocked;
  uint32_t a[lanesPerWarp];
  std::memcpy(a, warp.lanes<uint32_t>(instruction.a), sizeof(a));
  const uint32_t *b = warp.lanes<uint32_t>(instruction.b);
  const uint32_t *c = warp.lanes<uint32_t>(instruction.c);
  uint32_t r[lanesPerWarp];
  uint32_t valid = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    int bound = int(b[lane] & 31);
    int clamp = int(c[lane] & 31), segment = int(c[lane] >> 8 & 31);
    int highest = (lane & segment) | (clamp & ~segment);
    int lowest = lane & segment;
    int from;
    bool inside;
    switch (instruction.flags[0]) {
    case 0: // up
      from = lane - bound;
      inside = from >= highest;
      break;
    case 1: // down
      from = lane + bound;
      inside = from <= highest;
      break;
    case 2: // bfly
      from = lane ^ bound;
      inside = from <= highest;
      break;
    default: // idx
      from = lowest | (bound & ~segment);
      inside = from <= highest;
    }
    if (!inside)
      from = lane;
    if (inside && !(mask >> from & 1))
      fail(warp, instruction, lane, HazardKind::Divergence,
           fmt::format("it reads lane {}, which does not take part", from));
    valid |= uint32_t(inside) << lane;
    r[lane] = a[from];
  }
  uint32_t *d =
      instruction.d == noSlot ? nullptr : warp.lanes<uint32_t>(instruction.d);
  if (d)
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
      unsigned l = unsigned(std::countr_zero(rest));
      d[l] = r[l];
    }
  if (shuffle.predicate != noSlot) {
    uint32_t &p = warp.predicate(shuffle.predicate);
    p = (p & ~mask) | (valid & mask);
  }
  return Step::Next;
}

/// "d|p" or "d".
void takePair(Decoder &d, Type type, Slot &value, Slot &predicate) {
  const Operand &first = d.operand(0);
  predicate = noSlot;
  if (first.kind != Operand::Vector) {
    value = d.destination(first, type);
    return;
  }
  if (first.elements.size() != 2)
    d.error("expected d|p");
  value = d.destination(first.elements[0], type);
  if (first.elements[1].kind == Operand::Predicate)
    predicate = first.elements[1].slot;
  else if (first.elements[1].kind != Operand::Sink)
    d.error("expected d|p");
}

bool decodeShuffle(Decoder &d) {
  if (!d.take("sync"))
    d.error("shfl without .sync is not supported");
  int mode = d.takeOneOf({"up", "down", "bfly", "idx"});
  Type type = d.takeType();
  if (mode < 0 || byteSize(type) != 4)
    return false;
  d.expectOperands(5, 5);
  Shuffle &shuffle = d.detail<Shuffle>();
  Instruction &out = d.out();
  takePair(d, Type::B32, out.d, shuffle.predicate);
  out.a = d.source(1, Type::B32);
  out.b = d.source(2, Type::B32);
  out.c = d.source(3, Type::B32);
  shuffle.members = d.source(4, Type::B32);
  out.flags[0] = uint8_t(mode);
  out.handler = executeShuffle;
  return true;
}

/// vote.sync: flags[0] is all, any, uni, ballot; flags[1]: a negated.
Step executeVote(Warp &warp, const Instruction &instruction, uint32_t mask) {
  if (!membersPresent(warp, instruction, instruction.b, mask))
    return Step::Blocked;
  uint32_t a = warp.predicate(instruction.a);
  if (instruction.flags[1])
    a = ~a;
  const uint32_t *members = warp.lanes<uint32_t>(instruction.b);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint32_t group = members[l] & mask, votes = a & group;
    if (instruction.flags[0] == 3) {
      warp.lanes<uint32_t>(instruction.d)[l] = votes;
      continue;
    }
    bool r = instruction.flags[0] == 0   ? votes == group
             : instruction.flags[0] == 1 ? votes != 0
                                         : votes == 0 || votes == group;
    uint32_t &p = warp.predicate(instruction.d);
    p = (p & ~(1u << l)) | uint32_t(r) << l;
  }
  return Step::Next;
}

bool decodeVote(Decoder &d) {
  if (!d.take("sync"))
    d.error("vote without .sync is not supported");
  int mode = d.takeOneOf({"all", "any", "uni", "ballot"});
  d.takeType();
  d.expectOperands(3, 3);
  Instruction &out = d.out();
  if (mode == 3)
    out.d = d.destination(0, Type::B32);
  else if (d.operand(0).kind == Operand::Predicate)
    out.d = d.operand(0).slot;
  else
    d.error("the result has to be a predicate");
  auto a = d.predicate(d.operand(1));
  out.a = a.slot;
  out.flags[0] = uint8_t(mode);
  out.flags[1] = a.negated;
  out.b = d.source(2, Type::B32);
  out.handler = executeVote;
  return mode >= 0 && out.d != noSlot;
}

/// match.sync: flags[0]: all; flags[1]: bytes. e: predicate.
Step executeMatch(Warp &warp, const Instruction &instruction, uint32_t mask) {
  if (!membersPresent(warp, instruction, instruction.b, mask))
    return Step::Blocked;
  auto value = [&](unsigned l) {
    return instruction.flags[1] == 8
               ? warp.lanes<uint64_t>(instruction.a)[l]
               : uint64_t(warp.lanes<uint32_t>(instruction.a)[l]);
  };
  const uint32_t *members = warp.lanes<uint32_t>(instruction.b);
  uint32_t results[lanesPerWarp];
  uint32_t predicate = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    uint32_t group = members[l] & mask, same = 0;
    for (uint32_t others = group; others; others &= others - 1) {
      unsigned o = unsigned(std::countr_zero(others));
      same |= uint32_t(value(o) == value(l)) << o;
    }
    bool all = same == group;
    results[l] = instruction.flags[0] && !all ? 0 : same;
    predicate |= uint32_t(all) << l;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (instruction.d != noSlot)
      warp.lanes<uint32_t>(instruction.d)[l] = results[l];
  }
  if (instruction.e != noSlot) {
    uint32_t &p = warp.predicate(instruction.e);
    p = (p & ~mask) | (predicate & mask);
  }
  return Step::Next;
}

bool decodeMatch(Decoder &d) {
  bool all = d.take("all");
  if ((!all && !d.take("any")) || !d.take("sync"))
    return false;
  Type type = d.takeType();
  if (byteSize(type) != 4 && byteSize(type) != 8)
    return false;
  d.expectOperands(3, 3);
  Instruction &out = d.out();
  takePair(d, Type::B32, out.d, out.e);
  out.a = d.source(1, type);
  out.b = d.source(2, Type::B32);
  out.flags[0] = all;
  out.flags[1] = uint8_t(byteSize(type));
  out.handler = executeMatch;
  return true;
}

/// redux.sync: flags[0]: operation; flags[1]: type.
Step executeRedux(Warp &warp, const Instruction &instruction, uint32_t mask) {
  if (!membersPresent(warp, instruction, instruction.b, mask))
    return Step::Blocked;
  const uint32_t *a = warp.lanes<uint32_t>(instruction.a);
  const uint32_t *members = warp.lanes<uint32_t>(instruction.b);
  Type type = Type(instruction.flags[1]);
  bool absolute = instruction.flags[2] & 1,
       propagate = instruction.flags[2] & 2;
  auto combine = [&](uint32_t x, uint32_t y) -> uint32_t {
    if (type == Type::F32) {
      float p = std::bit_cast<float>(x), q = std::bit_cast<float>(y);
      if (p != p || q != q) {
        if (propagate || (p != p && q != q))
          return 0x7fffffff;
        return p != p ? y : x;
      }
      bool least = instruction.flags[0] == 1;
      return (p < q) == least ? x : y;
    }
    bool s = type == Type::S32;
    switch (instruction.flags[0]) {
    case 0:
      return x + y;
    case 1:
      return (s ? int32_t(x) < int32_t(y) : x < y) ? x : y;
    case 2:
      return (s ? int32_t(x) > int32_t(y) : x > y) ? x : y;
    case 3:
      return x & y;
    case 4:
      return x | y;
    default:
      return x ^ y;
    }
  };
  uint32_t results[lanesPerWarp];
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    bool first = true;
    uint32_t r = 0;
    for (uint32_t group = members[l] & mask; group; group &= group - 1) {
      uint32_t v = a[std::countr_zero(group)];
      if (absolute)
        v &= 0x7fffffff;
      r = first ? v : combine(r, v);
      first = false;
    }
    results[l] = r;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    warp.lanes<uint32_t>(instruction.d)[l] = results[l];
  }
  return Step::Next;
}

bool decodeRedux(Decoder &d) {
  d.take("sync");
  int operation = d.takeOneOf({"add", "min", "max", "and", "or", "xor"});
  Instruction &out = d.out();
  out.flags[2] = uint8_t(d.take("abs") | d.take("NaN") << 1);
  Type type = d.takeType();
  if (operation < 0 || byteSize(type) != 4)
    return false;
  d.expectOperands(3, 3);
  out.d = d.destination(0, type);
  if (out.d == noSlot)
    out.d = d.newRegister(4);
  out.a = d.source(1, type);
  out.b = d.source(2, Type::B32);
  out.flags[0] = uint8_t(operation);
  out.flags[1] = uint8_t(type);
  out.handler = executeRedux;
  return true;
}

/// elect.sync d|p, members: the lowest lane.
Step executeElect(Warp &warp, const Instruction &instruction, uint32_t mask) {
  if (!membersPresent(warp, instruction, instruction.b, mask))
    return Step::Blocked;
  unsigned leader = unsigned(std::countr_zero(mask));
  if (instruction.d != noSlot)
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      warp.lanes<uint32_t>(instruction.d)[std::countr_zero(rest)] = leader;
  if (instruction.e != noSlot) {
    uint32_t &p = warp.predicate(instruction.e);
    p = (p & ~mask) | 1u << leader;
  }
  return Step::Next;
}

Step executeActivemask(Warp &warp, const Instruction &instruction,
                       uint32_t mask) {
  for (uint32_t rest = mask; rest; rest &= rest - 1)
    warp.lanes<uint32_t>(instruction.d)[std::countr_zero(rest)] = mask;
  return Step::Next;
}

Step executeWarpBarrier(Warp &warp, const Instruction &instruction,
                        uint32_t mask) {
  return membersPresent(warp, instruction, instruction.b, mask) ? Step::Next
                                                                : Step::Blocked;
}

} // namespace

bool decodeWarp(Decoder &d) {
  const std::string &name = d.mnemonic();
  Instruction &out = d.out();
  if (name == "shfl")
    return decodeShuffle(d);
  if (name == "vote")
    return decodeVote(d);
  if (name == "match")
    return decodeMatch(d);
  if (name == "redux")
    return decodeRedux(d);
  if (name == "elect") {
    d.take("sync");
    d.expectOperands(2, 2);
    takePair(d, Type::B32, out.d, out.e);
    out.b = d.source(1, Type::B32);
    out.handler = executeElect;
    return true;
  }
  if (name == "activemask") {
    d.takeType();
    d.expectOperands(1, 1);
    out.d = d.destination(0, Type::B32);
    out.handler = executeActivemask;
    return out.d != noSlot;
  }
  if (name == "bar" && d.has("warp")) {
    d.take("warp");
    d.take("sync");
    d.expectOperands(1, 1);
    out.b = d.source(0, Type::B32);
    out.handler = executeWarpBarrier;
    return true;
  }
  return false;
}

} // namespace adze::ptxsim
