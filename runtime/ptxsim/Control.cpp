//===- Control.cpp - Branches, calls, exits and named barriers -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.12 (control flow) and 9.7.13.1 (barriers).
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Control.h"

#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/State.h"

#include <bit>
#include <fmt/format.h>

namespace adze::ptxsim {

Step executeBranch(Warp &, const Instruction &, uint32_t) {
  return Step::Branch;
}

namespace {

void addMove(Warp &warp, uint32_t pc, uint32_t mask) {
  for (LaneGroup &move : warp.moves)
    if (move.pc == pc) {
      move.mask |= mask;
      return;
    }
  warp.moves.push_back({pc, mask});
}

void copyLane(Warp &warp, const CallCopy &copy, unsigned lane, bool toCallee) {
  char *local = warp.local + uint64_t(lane) * programOf(warp).localBytes;
  char *callee = copy.calleeSlot != noSlot
                     ? warp.lanes<char>(copy.calleeSlot) + lane * copy.bytes
                     : local + copy.calleeOffset;
  char *caller = copy.callerSlot != noSlot
                     ? warp.lanes<char>(copy.callerSlot) + lane * copy.bytes
                     : local + copy.callerOffset;
  if (toCallee)
    std::memcpy(callee, caller, copy.bytes);
  else
    std::memcpy(caller, callee, copy.bytes);
}

void exitLanes(Warp &warp, uint32_t mask) {
  warp.live &= ~mask;
  warp.block->liveThreads -= uint32_t(std::popcount(mask));
  ++warp.block->cluster->progress;
}

Step executeExit(Warp &warp, const Instruction &, uint32_t mask) {
  exitLanes(warp, mask);
  return Step::Branch;
}

Step executeTrap(Warp &warp, const Instruction &instruction, uint32_t mask) {
  fail(warp, instruction, std::countr_zero(mask), HazardKind::Trap,
       "the kernel trapped");
}

Step executeNothing(Warp &, const Instruction &, uint32_t) {
  return Step::Next;
}
Step executeSleep(Warp &, const Instruction &, uint32_t) { return Step::Yield; }

//===----------------------------------------------------------------------===//
// Named barriers
//===----------------------------------------------------------------------===//

enum class Form : uint8_t { Sync, Arrive, RedPopc, RedAnd, RedOr };

struct BarrierUse {
  Form form = Form::Sync;
  bool aligned = true;
  Slot barrier = noSlot, count = noSlot;
  Decoder::PredicateSource predicate;
  Slot result = noSlot; ///< register (popc) or predicate
};

bool isComplete(const Block &block, const NamedBarrier &barrier) {
  return barrier.expected ? barrier.counted >= barrier.expected
                          : barrier.arrived >= block.liveThreads;
}

Step executeBarrier(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const BarrierUse &use = *static_cast<const BarrierUse *>(instruction.detail);
  unsigned first = unsigned(std::countr_zero(mask));
  if (use.aligned)
    if (uint32_t missing = absent(warp, mask, warp.live)) {
      warp.waiting = fmt::format("lanes {:#010x} to join", missing);
      return Step::Blocked;
    }
  Block &block = *warp.block;
  uint32_t number = warp.lanes<uint32_t>(use.barrier)[first];
  if (number >= block.barriers.size())
    fail(warp, instruction, int(first), HazardKind::Barrier,
         fmt::format("there is no barrier {}", number));
  NamedBarrier &barrier = block.barriers[number];
  uint32_t expected =
      use.count == noSlot ? 0 : warp.lanes<uint32_t>(use.count)[first];
  if (use.count != noSlot && (expected == 0 || expected % lanesPerWarp))
    fail(warp, instruction, int(first), HazardKind::Barrier,
         fmt::format("a count of {} threads is no multiple of a warp",
                     expected));
  if (uint32_t arriving = mask & ~warp.atBarrier) {
    if (barrier.arrived && barrier.expected != expected)
      fail(warp, instruction, int(first), HazardKind::Barrier,
           fmt::format("it expects {} threads at barrier {}, earlier arrivals "
                       "{} (0: the whole block)",
                       expected, number, barrier.expected));
    barrier.expected = expected;
    barrier.arrived += uint32_t(std::popcount(arriving));
    barrier.counted +=
        use.aligned ? lanesPerWarp : uint32_t(std::popcount(arriving));
    if (use.form >= Form::RedPopc) {
      uint32_t p = warp.predicate(use.predicate.slot);
      if (use.predicate.negated)
        p = ~p;
      barrier.population += uint32_t(std::popcount(p & arriving));
    }
    if (expected && barrier.counted > expected)
      fail(warp, instruction, int(first), HazardKind::Barrier,
           fmt::format("{} threads arrive at barrier {}, which expects {}",
                       barrier.counted, number, expected));
    for (uint32_t rest = arriving; rest; rest &= rest - 1)
      warp.barrierGeneration[std::countr_zero(rest)] = barrier.generation;
    warp.atBarrier |= arriving;
    ++block.cluster->progress;
  }
  bool passed = true;
  for (uint32_t rest = mask; rest; rest &= rest - 1)
    passed &=
        warp.barrierGeneration[std::countr_zero(rest)] < barrier.generation;
  if (!passed && isComplete(block, barrier)) {
    ++barrier.generation;
    barrier.lastPopulation = barrier.population;
    barrier.lastArrived = barrier.arrived;
    barrier.arrived = barrier.counted = barrier.population = barrier.expected =
        0;
    passed = true;
    ++block.cluster->progress;
    hooks::namedBarrierPassed(block, number);
  }
  if (use.form == Form::Arrive) {
    warp.atBarrier &= ~mask;
    return Step::Next;
  }
  if (!passed) {
    warp.waiting =
        fmt::format("barrier {} ({} of {} threads have arrived)", number,
                    barrier.expected ? barrier.counted : barrier.arrived,
                    barrier.expected ? barrier.expected : block.liveThreads);
    return Step::Blocked;
  }
  warp.atBarrier &= ~mask;
  if (use.form == Form::RedPopc) {
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      warp.lanes<uint32_t>(use.result)[std::countr_zero(rest)] =
          barrier.lastPopulation;
  } else if (use.form >= Form::RedAnd) {
    bool r = use.form == Form::RedAnd
                 ? barrier.lastPopulation == barrier.lastArrived
                 : barrier.lastPopulation != 0;
    uint32_t &p = warp.predicate(use.result);
    p = (p & ~mask) | (r ? mask : 0);
  }
  return Step::Next;
}

bool decodeBarrier(Decoder &d) {
  bool isBar = d.mnemonic() == "bar";
  if (d.has("cluster"))
    return false;
  d.take("cta");
  BarrierUse &use = d.detail<BarrierUse>();
  use.aligned = d.take("aligned") || isBar;
  size_t next = 0;
  if (d.take("sync")) {
    use.form = Form::Sync;
  } else if (d.take("arrive")) {
    use.form = Form::Arrive;
  } else if (d.take("red")) {
    int operation = d.takeOneOf({"popc", "and", "or"});
    if (operation < 0)
      return false;
    use.form = Form(int(Form::RedPopc) + operation);
    Type type = d.takeType();
    next = 1;
    if (use.form == Form::RedPopc)
      use.result = d.destination(0, type);
    else if (d.operand(0).kind == Operand::Predicate)
      use.result = d.operand(0).slot;
    if (use.result == noSlot)
      d.error("a result is needed");
  } else {
    return false;
  }
  bool red = use.form >= Form::RedPopc;
  d.expectOperands(next + 1 + red, next + 2 + red);
  use.barrier = d.source(next, Type::B32);
  size_t last = d.operandCount() - red;
  if (last > next + 1)
    use.count = d.source(next + 1, Type::B32);
  if (use.form == Form::Arrive && use.count == noSlot)
    d.error("an arrival needs the number of threads");
  if (red)
    use.predicate = d.predicate(d.operand(d.operandCount() - 1));
  d.out().handler = executeBarrier;
  return true;
}

} // namespace

Step executeCall(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const CallDetail &call = *static_cast<const CallDetail *>(instruction.detail);
  uint32_t *back = warp.lanes<uint32_t>(call.frame->returnSlot);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    for (const CallCopy &copy : call.arguments)
      copyLane(warp, copy, l, true);
    back[l] = instruction.index;
  }
  addMove(warp, call.entry, mask);
  return Step::Branch;
}

Step executeReturn(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const ReturnDetail &detail =
      *static_cast<const ReturnDetail *>(instruction.detail);
  if (!detail.frame) {
    exitLanes(warp, mask);
    return Step::Branch;
  }
  const uint32_t *back = warp.lanes<uint32_t>(detail.frame->returnSlot);
  const Program &program = programOf(warp);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    const CallDetail &call =
        *static_cast<const CallDetail *>(program.code[back[l]].detail);
    for (const CallCopy &copy : call.results)
      copyLane(warp, copy, l, false);
    addMove(warp, back[l] + 1, 1u << l);
  }
  return Step::Branch;
}

Step executeBranchTable(Warp &warp, const Instruction &instruction,
                        uint32_t mask) {
  const BranchTable &table =
      *static_cast<const BranchTable *>(instruction.detail);
  const uint32_t *index = warp.lanes<uint32_t>(instruction.a);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    if (index[l] >= table.targets.size())
      fail(warp, instruction, int(l), HazardKind::IllegalInstruction,
           fmt::format("index {} in a table of {} branch targets", index[l],
                       table.targets.size()));
    addMove(warp, table.targets[index[l]], 1u << l);
  }
  return Step::Branch;
}

bool decodeControl(Decoder &d) {
  const std::string &name = d.mnemonic();
  Instruction &out = d.out();
  if (name == "bra") {
    d.take("uni");
    d.expectOperands(1, 1);
    if (d.operand(0).kind != Operand::Label)
      d.error("no label '" + d.operand(0).name + "'");
    out.target = uint32_t(d.operand(0).value);
    out.handler = executeBranch;
    return true;
  }
  if (name == "exit") {
    out.handler = executeExit;
    return true;
  }
  if (name == "trap" || name == "brkpt") {
    out.handler = executeTrap;
    return true;
  }
  if (name == "nanosleep") {
    d.takeType();
    out.handler = executeSleep;
    return true;
  }
  if (name == "membar") {
    // Within a cluster accesses happen in program order; clusters meet in
    // global memory only through atomics.
    if (!d.take("cta") && !d.take("gl") && !d.take("sys"))
      return false;
    out.handler = executeNothing;
    return true;
  }
  if (name == "pmevent") {
    out.handler = executeNothing;
    return true;
  }
  if (name == "bar" || name == "barrier")
    return decodeBarrier(d);
  return false;
}

} // namespace adze::ptxsim
