//===- AsyncCopy.cpp - cp.async and its groups ----------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Copies of 4 to 16 bytes a lane (PTX ISA 9.7.9.25.3). They land when the lane
// waits for them, as late as the ISA allows, so that a read before the wait
// finds the old bytes even where checks are off.
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/AsyncCopy.h"

#include "runtime/ptxsim/AsyncState.h"
#include "runtime/ptxsim/Decoder.h"

#include <bit>

namespace adze::ptxsim {

namespace {
struct CopyOperands {
  AddressView destination, source;
  Space destinationSpace = Space::Shared, sourceSpace = Space::Global;
  uint32_t bytes = 0;
  Slot sourceBytes = noSlot;
  Decoder::PredicateSource ignore;
  // cp.async.mbarrier.arrive
  AddressView barrier;
  Space barrierSpace = Space::Generic;
  bool noIncrement = false;
};
} // namespace

static const CopyOperands &operandsOf(const Instruction &instruction) {
  return *static_cast<const CopyOperands *>(instruction.detail);
}

static void land(const Warp &warp, const CopyAsync &copy, unsigned agent,
                 uint32_t time) {
  char *to = copy.block->shared + copy.offset;
  if (copy.sourceBytes)
    std::memcpy(to, copy.source, copy.sourceBytes);
  std::memset(to + copy.sourceBytes, 0, copy.bytes - copy.sourceBytes);
  markWritten(launchOf(warp), {Space::Shared, to, copy.block, copy.offset},
              copy.bytes);
  asyncWriteEnds(*copy.block, copy.offset, copy.bytes, agent, time, copy.site,
                 0);
}

void landCopies(const Warp &warp, unsigned lane, uint32_t before,
                unsigned agent, uint32_t time) {
  std::deque<CopyAsync> &copies = asyncOf(warp).copies;
  std::deque<CopyAsync> left;
  for (const CopyAsync &copy : copies) {
    if (copy.lane == lane && copy.number < before)
      land(warp, copy, agent, time);
    else
      left.push_back(copy);
  }
  copies.swap(left);
}

static Step copy(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const CopyOperands &o = operandsOf(instruction);
  WarpAsync &async = asyncOf(warp);
  Cluster &cluster = *warp.block->cluster;
  uint32_t ignored = 0;
  if (o.ignore.slot != noSlot)
    ignored = warp.predicate(o.ignore.slot) ^ (o.ignore.negated ? ~0u : 0u);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    uint32_t sourceBytes = o.bytes;
    if (o.sourceBytes != noSlot)
      sourceBytes = warp.lanes<uint32_t>(o.sourceBytes)[lane];
    if (sourceBytes > o.bytes)
      fail(warp, instruction, lane, HazardKind::IllegalInstruction,
           "the source size " + std::to_string(sourceBytes) +
               " is larger than the copy's " + std::to_string(o.bytes));
    if (ignored >> lane & 1)
      sourceBytes = 0;
    Place to =
        resolve(warp, instruction, lane, o.destinationSpace,
                warp.address(o.destination, unsigned(lane)), o.bytes, o.bytes);
    Place from;
    if (sourceBytes) {
      from =
          resolve(warp, instruction, lane, o.sourceSpace,
                  warp.address(o.source, unsigned(lane)), sourceBytes, o.bytes);
      checkWritten(warp, instruction, lane, from, sourceBytes);
      if (reportWanted())
        asyncOf(cluster).counts.add(warp, {Access::Read, Space::Global,
                                           unsigned(lane), from, sourceBytes});
    }
    CopyAsync entry;
    entry.lane = unsigned(lane);
    entry.group = async.copyCommits[unsigned(lane)];
    entry.number = ++asyncOf(cluster).copies;
    entry.site = instruction.index;
    entry.block = to.block;
    entry.offset = uint32_t(to.offset);
    entry.bytes = o.bytes;
    entry.sourceBytes = sourceBytes;
    entry.source = from.host;
    asyncWriteBegins(warp, instruction, lane, *to.block, entry.offset, o.bytes,
                     entry.number);
    asyncOf(cluster).counts.asyncCopyBytes += o.bytes;
    async.copies.push_back(entry);
  }
  return Step::Next;
}

static Step commit(Warp &warp, const Instruction &, uint32_t mask) {
  for (; mask; mask &= mask - 1)
    ++asyncOf(warp).copyCommits[unsigned(std::countr_zero(mask))];
  return Step::Next;
}

static Step waitGroup(Warp &warp, const Instruction &instruction,
                      uint32_t mask) {
  WarpAsync &async = asyncOf(warp);
  bool all = instruction.flags[0];
  uint32_t keep = instruction.target;
  uint32_t time = knowledgeOf(warp).seen.times[async.agent];
  std::deque<CopyAsync> left;
  for (const CopyAsync &entry : async.copies) {
    bool waited = (mask >> entry.lane & 1) &&
                  (all || entry.group + keep < async.copyCommits[entry.lane]);
    if (waited)
      land(warp, entry, async.agent, time);
    else
      left.push_back(entry);
  }
  async.copies.swap(left);
  return Step::Next;
}

static Step arriveOnCopies(Warp &warp, const Instruction &instruction,
                           uint32_t mask) {
  const CopyOperands &o = operandsOf(instruction);
  Cluster &cluster = *warp.block->cluster;
  ClusterAsync &async = asyncOf(cluster);
  for (; mask; mask &= mask - 1) {
    int lane = std::countr_zero(mask);
    MbarrierPlace place =
        mbarrierPlace(warp, instruction, lane, o.barrier, o.barrierSpace);
    Mbarrier &barrier = mbarrierAt(warp, instruction, lane, place, false);
    if (!o.noIncrement)
      ++barrier.pending;
    BulkCopy deferred;
    deferred.kind = BulkCopy::Arrive;
    deferred.number = ++async.copies;
    deferred.due =
        async.round + delayOf(*cluster.launch, cluster, deferred.number);
    deferred.warp = &warp;
    deferred.instruction = &instruction;
    deferred.lane = lane;
    deferred.destinations.push_back(
        {place.block, place.offset, place, barrier.phase});
    async.bulk.emplace(deferred.number, deferred);
  }
  return Step::Next;
}

static bool decodeArrive(Decoder &decoder) {
  CopyOperands &o = decoder.detail<CopyOperands>();
  decoder.take("mbarrier");
  decoder.take("arrive");
  o.noIncrement = decoder.take("noinc");
  if (decoder.takeOneOf({"shared::cta", "shared"}) >= 0)
    o.barrierSpace = Space::Shared;
  decoder.take("b64");
  decoder.expectOperands(1, 1);
  o.barrier = addressOf(decoder, decoder.operand(0));
  decoder.out().handler = arriveOnCopies;
  return true;
}

bool decodeAsyncCopy(Decoder &decoder) {
  if (decodeBulkCopy(decoder))
    return true;
  if (decoder.mnemonic() != "cp" || !decoder.has("async"))
    return false;
  decoder.take("async");
  Instruction &out = decoder.out();
  if (decoder.has("mbarrier"))
    return decodeArrive(decoder);
  if (decoder.take("commit_group")) {
    decoder.expectOperands(0, 0);
    out.handler = commit;
    return true;
  }
  if (decoder.take("wait_all") || decoder.has("wait_group")) {
    out.flags[0] = !decoder.take("wait_group");
    decoder.expectOperands(out.flags[0] ? 0 : 1, out.flags[0] ? 0 : 1);
    if (!out.flags[0])
      out.target = uint32_t(decoder.integer(0));
    out.handler = waitGroup;
    return true;
  }
  CopyOperands &o = decoder.detail<CopyOperands>();
  int cache = decoder.takeOneOf({"ca", "cg"});
  decoder.takeOneOf({"shared::cta", "shared"});
  decoder.take("global");
  bool hint = decoder.take("L2::cache_hint");
  decoder.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
  decoder.expectOperands(3, 5);
  o.destination = addressOf(decoder, decoder.operand(0));
  o.source = addressOf(decoder, decoder.operand(1));
  o.bytes = uint32_t(decoder.integer(2));
  if (cache < 0 ||
      (o.bytes != 16 && (cache == 1 || (o.bytes != 4 && o.bytes != 8))))
    decoder.error("cp.async copies 4, 8 or 16 bytes with .ca and 16 with .cg");
  size_t optional = decoder.operandCount() - (hint ? 1 : 0);
  if (optional > 3) {
    if (decoder.operand(3).kind == Operand::Predicate)
      o.ignore = decoder.predicate(decoder.operand(3));
    else
      o.sourceBytes = decoder.source(3, Type::U32);
  }
  out.handler = copy;
  return true;
}

} // namespace adze::ptxsim
