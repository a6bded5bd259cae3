//===- Barriers.cpp - mbarrier objects, cluster barriers, fences ----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/Barriers.h"

#include "runtime/ptxsim/AsyncState.h"
#include "runtime/ptxsim/Decoder.h"

#include <bit>

namespace adze::ptxsim {

/// Largest arrival count, and tx-count in either direction (ISA 9.7.13.15.2).
static constexpr uint32_t maxCount = (1u << 20) - 1;

static std::string name(const MbarrierPlace &place) {
  return "the mbarrier at shared byte " + std::to_string(place.offset);
}

static std::string stateOf(const Mbarrier &barrier) {
  return "phase " + std::to_string(barrier.phase) + ", " +
         std::to_string(barrier.pending) + " of " +
         std::to_string(barrier.count) + " arrivals and " +
         std::to_string(barrier.bytes) + " bytes outstanding";
}

Mbarrier *findMbarrier(Block &block, uint32_t offset) {
  auto &all = asyncOf(block).mbarriers;
  auto found = all.find(offset);
  return found == all.end() ? nullptr : &found->second;
}

MbarrierPlace mbarrierPlace(const Warp &warp, const Instruction &instruction,
                            int lane, const AddressView &address, Space space) {
  Place place = resolve(warp, instruction, lane, space,
                        warp.address(address, unsigned(lane)), 8, 8);
  if (place.space != Space::Shared)
    fail(warp, instruction, lane, HazardKind::IllegalAddress,
         "the mbarrier operand is not in shared memory");
  return {place.block, uint32_t(place.offset)};
}

Mbarrier &mbarrierAt(const Warp &warp, const Instruction &instruction, int lane,
                     const MbarrierPlace &place, bool asyncProxy) {
  Mbarrier *barrier = findMbarrier(*place.block, place.offset);
  if (!barrier)
    fail(warp, instruction, lane, HazardKind::Barrier,
         "there is no mbarrier at shared byte " + std::to_string(place.offset) +
             ": mbarrier.init has not run there (or mbarrier.inval has)");
  if (!asyncOf(*place.block).checked)
    return *barrier;
  if (knowledgeOf(warp).seen.at(barrier->initAgent) < barrier->initTime)
    fail(warp, instruction, lane, HazardKind::Race,
         "uses " + name(place) +
             ", but nothing orders this after its "
             "initialization by " +
             describe(programOf(warp), barrier->initSite) +
             "; put a barrier (bar.sync, barrier.cluster) between them");
  if (asyncProxy && !barrier->initFenced)
    fail(warp, instruction, lane, HazardKind::AsyncProxy,
         "a copy is to complete on " + name(place) +
             ", whose initialization by " +
             describe(programOf(warp), barrier->initSite) +
             " is not visible to the async proxy; put "
             "fence.mbarrier_init.release.cluster or fence.proxy.async after "
             "mbarrier.init");
  return *barrier;
}

static void endPhaseIfComplete(Cluster &cluster, Mbarrier &barrier) {
  if (barrier.pending != 0 || barrier.bytes != 0)
    return;
  ++barrier.phase;
  barrier.pending = barrier.count;
  barrier.arriving.seen.raise(barrier.agent, barrier.time());
  barrier.done.join(barrier.arriving);
  barrier.arriving = Knowledge();
  ++cluster.progress;
}

void arrive(const Warp &warp, const Instruction &instruction, int lane,
            const MbarrierPlace &place, Mbarrier &barrier, uint32_t count) {
  if (count == 0 || count > barrier.pending)
    fail(warp, instruction, lane, HazardKind::Barrier,
         std::to_string(count) + " arrivals at " + name(place) +
             ", which has " + stateOf(barrier) +
             ": more arrive in a phase than mbarrier.init announced");
  barrier.pending -= count;
  if (barrier.pending == 0 && barrier.bytes < 0)
    fail(warp, instruction, lane, HazardKind::Barrier,
         "all have arrived at " + name(place) + " but " +
             std::to_string(-barrier.bytes) +
             " bytes more have been copied than expect_tx announced; the "
             "phase would never end: expect_tx is too small");
  endPhaseIfComplete(*place.block->cluster, barrier);
}

void expectBytes(const Warp &warp, const Instruction &instruction, int lane,
                 Mbarrier &barrier, int64_t bytes) {
  barrier.bytes += bytes;
  if (barrier.bytes > maxCount)
    fail(warp, instruction, lane, HazardKind::Barrier,
         "the mbarrier would expect " + std::to_string(barrier.bytes) +
             " bytes; its tx-count ends at " + std::to_string(maxCount));
}

void completeBytes(const Warp &warp, const Instruction &instruction, int lane,
                   const MbarrierPlace &place, uint32_t bytes,
                   uint32_t issued) {
  Mbarrier *barrier = findMbarrier(*place.block, place.offset);
  if (!barrier)
    fail(warp, instruction, lane, HazardKind::Barrier,
         name(place) + " was invalidated while a copy that completes on it "
                       "was under way");
  if (barrier->phase != issued)
    fail(warp, instruction, lane, HazardKind::Barrier,
         "the phase " + std::to_string(issued) + " of " + name(place) +
             " ended before this copy, issued in it, had completed: expect_tx "
             "announced fewer bytes than are copied, or came too late, or the "
             "producer did not wait for the stage to be free");
  barrier->bytes -= bytes;
  if (barrier->pending == 0 && barrier->bytes < 0)
    fail(warp, instruction, lane, HazardKind::Barrier,
         std::to_string(-barrier->bytes) + " bytes more have been copied to " +
             name(place) +
             " than expect_tx announced for the phase: the phase never ends; "
             "expect_tx is too small");
  endPhaseIfComplete(*place.block->cluster, *barrier);
  ++place.block->cluster->progress;
}

//===----------------------------------------------------------------------===//
// mbarrier.*
//===----------------------------------------------------------------------===//

namespace {
struct MbarrierOperands {
  AddressView address;
  Space space = Space::Generic;
  Slot result = noSlot; ///< state or predicate
  Slot value = noSlot;  ///< count, bytes, state or parity
  bool expectsBytes = false, drops = false, noComplete = false;
  bool parity = false, blocks = false;
};
} // namespace

static const MbarrierOperands &operandsOf(const Instruction &instruction) {
  return *static_cast<const MbarrierOperands *>(instruction.detail);
}

template <typename Visit>
static void forEachLane(uint32_t mask, const Visit &visit) {
  for (; mask; mask &= mask - 1)
    visit(unsigned(std::countr_zero(mask)));
}

static Step initialize(Warp &warp, const Instruction &instruction,
                       uint32_t mask) {
  const MbarrierOperands &o = operandsOf(instruction);
  Cluster &cluster = *warp.block->cluster;
  forEachLane(mask, [&](unsigned lane) {
    MbarrierPlace place =
        mbarrierPlace(warp, instruction, int(lane), o.address, o.space);
    uint32_t count = warp.lanes<uint32_t>(o.value)[lane];
    if (place.block != warp.block)
      fail(warp, instruction, int(lane), HazardKind::Barrier,
           "mbarrier.init of another block's mbarrier");
    if (count == 0 || count > maxCount)
      fail(warp, instruction, int(lane), HazardKind::Barrier,
           "mbarrier.init with a count of " + std::to_string(count) +
               "; it has to be in 1.." + std::to_string(maxCount));
    BlockAsync &async = asyncOf(*place.block);
    for (uint32_t near = place.offset < 4 ? 0 : place.offset - 4;
         near <= place.offset + 4; near += 4)
      if (Mbarrier *old = findMbarrier(*place.block, near))
        fail(warp, instruction, int(lane), HazardKind::Barrier,
             "mbarrier.init over the live mbarrier at shared byte " +
                 std::to_string(near) + " (initialized by " +
                 describe(programOf(warp), old->initSite) + ", " +
                 stateOf(*old) + "); mbarrier.inval has to come first");
    Mbarrier barrier;
    barrier.count = barrier.pending = count;
    auto ended = async.endedMbarriers.find(place.offset);
    if (ended != async.endedMbarriers.end())
      std::tie(barrier.agent, barrier.baseTime) = ended->second;
    else
      barrier.agent = asyncOf(cluster).nextAgent++;
    barrier.initSite = instruction.index;
    barrier.initAgent = agentOf(warp);
    barrier.initTime = knowledgeOf(warp).seen.times[barrier.initAgent];
    async.mbarriers.emplace(place.offset, std::move(barrier));
    std::memset(place.block->shared + place.offset, 0, 8);
    markWritten(*cluster.launch,
                {Space::Shared, place.block->shared + place.offset, place.block,
                 place.offset},
                8);
  });
  return Step::Next;
}

static Step invalidate(Warp &warp, const Instruction &instruction,
                       uint32_t mask) {
  const MbarrierOperands &o = operandsOf(instruction);
  forEachLane(mask, [&](unsigned lane) {
    MbarrierPlace place =
        mbarrierPlace(warp, instruction, int(lane), o.address, o.space);
    Mbarrier &barrier = mbarrierAt(warp, instruction, int(lane), place, false);
    if (barrier.bytes != 0)
      fail(warp, instruction, int(lane), HazardKind::Barrier,
           "mbarrier.inval of " + name(place) + " with " + stateOf(barrier));
    BlockAsync &async = asyncOf(*place.block);
    async.endedMbarriers[place.offset] = {barrier.agent, barrier.time() + 1};
    async.mbarriers.erase(place.offset);
  });
  return Step::Next;
}

static Step expectOrComplete(Warp &warp, const Instruction &instruction,
                             uint32_t mask) {
  const MbarrierOperands &o = operandsOf(instruction);
  forEachLane(mask, [&](unsigned lane) {
    MbarrierPlace place =
        mbarrierPlace(warp, instruction, int(lane), o.address, o.space);
    Mbarrier &barrier = mbarrierAt(warp, instruction, int(lane), place, false);
    uint32_t bytes = warp.lanes<uint32_t>(o.value)[lane];
    if (o.expectsBytes)
      expectBytes(warp, instruction, int(lane), barrier, bytes);
    else
      completeBytes(warp, instruction, int(lane), place, bytes, barrier.phase);
  });
  return Step::Next;
}

static Step arriveLanes(Warp &warp, const Instruction &instruction,
                        uint32_t mask) {
  const MbarrierOperands &o = operandsOf(instruction);
  Cluster &cluster = *warp.block->cluster;
  std::array<Mbarrier *, lanesPerWarp> barriers{};
  // All publish what the warp knew before any of its lanes arrived.
  forEachLane(mask, [&](unsigned lane) {
    MbarrierPlace place =
        mbarrierPlace(warp, instruction, int(lane), o.address, o.space);
    barriers[lane] = &mbarrierAt(warp, instruction, int(lane), place, false);
    barriers[lane]->arriving.join(knowledgeOf(warp));
  });
  ++knowledgeOf(warp).seen.times[agentOf(warp)];
  forEachLane(mask, [&](unsigned lane) {
    Mbarrier &barrier = *barriers[lane];
    MbarrierPlace place =
        mbarrierPlace(warp, instruction, int(lane), o.address, o.space);
    uint32_t value =
        o.value == noSlot ? 1 : warp.lanes<uint32_t>(o.value)[lane];
    uint32_t count = o.expectsBytes ? 1 : value;
    if (o.result != noSlot)
      warp.lanes<uint64_t>(o.result)[lane] =
          uint64_t(barrier.phase) << 32 | barrier.pending;
    if (o.expectsBytes)
      expectBytes(warp, instruction, int(lane), barrier, value);
    if (o.noComplete && count >= barrier.pending)
      fail(warp, instruction, int(lane), HazardKind::Barrier,
           "mbarrier.arrive.noComplete would end the phase of " + name(place) +
               ", which has " + stateOf(barrier));
    if (o.drops) {
      if (barrier.count < count)
        fail(warp, instruction, int(lane), HazardKind::Barrier,
             "mbarrier.arrive_drop leaves " + name(place) +
                 " with fewer than no arrivals");
      barrier.count -= count;
    }
    arrive(warp, instruction, int(lane), place, barrier, count);
  });
  ++cluster.progress;
  return Step::Next;
}

static Step wait(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const MbarrierOperands &o = operandsOf(instruction);
  uint32_t passed = 0;
  std::array<Mbarrier *, lanesPerWarp> barriers{};
  forEachLane(mask, [&](unsigned lane) {
    MbarrierPlace place =
        mbarrierPlace(warp, instruction, int(lane), o.address, o.space);
    if (place.block != warp.block)
      fail(warp, instruction, int(lane), HazardKind::Barrier,
           "waits at the mbarrier of another block of the cluster");
    Mbarrier &barrier = mbarrierAt(warp, instruction, int(lane), place, false);
    barriers[lane] = &barrier;
    bool over;
    if (o.parity) {
      uint32_t parity = warp.lanes<uint32_t>(o.value)[lane];
      if (parity > 1)
        fail(warp, instruction, int(lane), HazardKind::Barrier,
             "the phase parity is " + std::to_string(parity) +
                 "; it has to be 0 or 1");
      over = (barrier.phase & 1) != parity;
    } else {
      uint32_t phase = uint32_t(warp.lanes<uint64_t>(o.value)[lane] >> 32);
      if (phase != barrier.phase && phase + 1 != barrier.phase)
        fail(warp, instruction, int(lane), HazardKind::Barrier,
             "waits with the state of phase " + std::to_string(phase) + " at " +
                 name(place) + ", which has " + stateOf(barrier) +
                 "; only the current phase and the one before may be waited "
                 "for");
      over = phase != barrier.phase;
    }
    if (over)
      passed |= 1u << lane;
    else if (warp.waiting.empty() || o.blocks)
      warp.waiting = name(place) + ": " + stateOf(barrier) +
                     (barrier.pending == 0
                          ? "; no copy brings these bytes: expect_tx is too "
                            "large, or a copy was not issued"
                          : "");
  });
  if (o.blocks && passed != mask)
    return Step::Blocked;
  forEachLane(passed,
              [&](unsigned lane) { acquire(warp, barriers[lane]->done); });
  uint32_t &result = warp.predicate(o.result);
  result = (result & ~mask) | passed;
  return passed == mask ? Step::Next : Step::Yield;
}

static Step pendingCount(Warp &warp, const Instruction &instruction,
                         uint32_t mask) {
  forEachLane(mask, [&](unsigned lane) {
    warp.lanes<uint32_t>(instruction.d)[lane] =
        uint32_t(warp.lanes<uint64_t>(instruction.a)[lane]);
  });
  return Step::Next;
}

static Space takeSharedSpace(Decoder &decoder) {
  int which = decoder.takeOneOf({"shared::cta", "shared::cluster", "shared"});
  return which < 0 ? Space::Generic : Space::Shared;
}

static void takeSemantics(Decoder &decoder) {
  decoder.takeOneOf({"acquire", "release", "relaxed", "acq_rel", "sc"});
  decoder.takeOneOf({"cta", "cluster", "gpu", "sys"});
}

static bool decodeMbarrier(Decoder &decoder) {
  std::string action = decoder.parts.size() > 1 ? decoder.parts[1] : "";
  decoder.take(action);
  decoder.take("b64");
  if (action == "pending_count") {
    decoder.expectOperands(2, 2);
    decoder.out().d = decoder.destination(0, Type::U32);
    decoder.out().a = decoder.source(1, Type::B64);
    decoder.out().handler = pendingCount;
    return true;
  }
  MbarrierOperands &o = decoder.detail<MbarrierOperands>();
  o.space = takeSharedSpace(decoder);
  takeSemantics(decoder);
  if (action == "init" || action == "expect_tx" || action == "complete_tx") {
    decoder.expectOperands(2, 2);
    o.address = addressOf(decoder, decoder.operand(0));
    o.value = decoder.source(1, Type::U32);
    o.expectsBytes = action == "expect_tx";
    decoder.out().handler = action == "init" ? initialize : expectOrComplete;
  } else if (action == "inval") {
    decoder.expectOperands(1, 1);
    o.address = addressOf(decoder, decoder.operand(0));
    decoder.out().handler = invalidate;
  } else if (action == "arrive" || action == "arrive_drop") {
    o.drops = action == "arrive_drop";
    o.expectsBytes = decoder.take("expect_tx");
    o.noComplete = decoder.take("noComplete");
    decoder.expectOperands(1, 3);
    size_t first = decoder.operand(0).kind == Operand::Address ? 0 : 1;
    if (first == 1)
      o.result = decoder.destination(0, Type::B64);
    o.address = addressOf(decoder, decoder.operand(first));
    if (decoder.operandCount() > first + 1)
      o.value = decoder.source(first + 1, Type::U32);
    else if (o.expectsBytes)
      decoder.error("mbarrier.arrive.expect_tx needs a number of bytes");
    decoder.out().handler = arriveLanes;
  } else if (action == "test_wait" || action == "try_wait") {
    o.parity = decoder.take("parity");
    o.blocks = action == "try_wait";
    decoder.expectOperands(3, 4);
    const Operand &result = decoder.operand(0);
    if (result.kind != Operand::Predicate || result.negated)
      decoder.error("mbarrier." + action + " needs a predicate to write");
    o.result = result.slot;
    o.address = addressOf(decoder, decoder.operand(1));
    o.value = decoder.source(2, o.parity ? Type::U32 : Type::B64);
    decoder.out().handler = wait;
  } else {
    decoder.error("mbarrier." + action + " is not known");
  }
  return true;
}

//===----------------------------------------------------------------------===//
// barrier.cluster, fence, griddepcontrol
//===----------------------------------------------------------------------===//

static uint32_t clusterThreads(const Cluster &cluster) {
  uint32_t threads = 0;
  for (const Block &block : cluster.blocks)
    threads += block.liveThreads;
  return threads;
}

/// Threads that have exited count as arrived.
static void endClusterPhase(Cluster &cluster) {
  ClusterAsync &async = asyncOf(cluster);
  if (async.clusterArrived < clusterThreads(cluster))
    return;
  async.clusterArrived = 0;
  ++async.clusterGeneration;
  async.clusterDone.join(async.clusterArriving);
  async.clusterArriving = Knowledge();
  ++cluster.progress;
}

static Step arriveAtCluster(Warp &warp, const Instruction &instruction,
                            uint32_t mask) {
  Cluster &cluster = *warp.block->cluster;
  ClusterAsync &async = asyncOf(cluster);
  WarpAsync &own = asyncOf(warp);
  if (absent(warp, mask, ~0u)) {
    warp.waiting =
        "the other lanes of the warp at barrier.cluster.arrive to join";
    return Step::Blocked;
  }
  if (own.atClusterBarrier)
    fail(warp, instruction, -1, HazardKind::Barrier,
         "barrier.cluster.arrive twice without barrier.cluster.wait between");
  own.atClusterBarrier = true;
  own.clusterGeneration = async.clusterGeneration;
  bool relaxed = instruction.flags[0];
  if (!relaxed)
    release(warp, async.clusterArriving);
  async.clusterArrived += uint32_t(std::popcount(mask));
  endClusterPhase(cluster);
  return Step::Next;
}

static Step waitAtCluster(Warp &warp, const Instruction &instruction,
                          uint32_t mask) {
  Cluster &cluster = *warp.block->cluster;
  WarpAsync &own = asyncOf(warp);
  if (!own.atClusterBarrier)
    fail(warp, instruction, -1, HazardKind::Barrier,
         "barrier.cluster.wait without barrier.cluster.arrive before it");
  if (absent(warp, mask, ~0u)) {
    warp.waiting =
        "the other lanes of the warp at barrier.cluster.wait to join";
    return Step::Blocked;
  }
  endClusterPhase(cluster);
  if (asyncOf(cluster).clusterGeneration == own.clusterGeneration) {
    warp.waiting = "the other threads of the cluster at barrier.cluster.wait";
    return Step::Blocked;
  }
  own.atClusterBarrier = false;
  acquire(warp, asyncOf(cluster).clusterDone);
  return Step::Next;
}

static Step fenceProxy(Warp &warp, const Instruction &, uint32_t) {
  fenceAsyncProxy(warp);
  for (Block &block : warp.block->cluster->blocks)
    for (auto &[offset, barrier] : asyncOf(block).mbarriers)
      barrier.initFenced |=
          knowledgeOf(warp).seen.at(barrier.initAgent) >= barrier.initTime;
  return Step::Next;
}

static Step fenceInit(Warp &warp, const Instruction &, uint32_t) {
  for (auto &[offset, barrier] : asyncOf(*warp.block).mbarriers)
    barrier.initFenced |=
        knowledgeOf(warp).seen.at(barrier.initAgent) >= barrier.initTime;
  return Step::Next;
}

static Step nothing(Warp &, const Instruction &, uint32_t) {
  return Step::Next;
}

static bool decodeFence(Decoder &decoder) {
  decoder.expectOperands(0, 2);
  Instruction &out = decoder.out();
  out.handler = nothing;
  if (decoder.take("mbarrier_init")) {
    takeSemantics(decoder);
    out.handler = fenceInit;
  } else if (decoder.take("proxy")) {
    if (decoder.take("async")) {
      bool global = decoder.take("global");
      takeSharedSpace(decoder);
      if (!global)
        out.handler = fenceProxy;
    } else {
      decoder.takeAny();
    }
    takeSemantics(decoder);
  } else {
    takeSemantics(decoder);
    decoder.takeOneOf(
        {"sync_restrict::shared::cta", "sync_restrict::shared::cluster"});
  }
  return true;
}

bool decodeBarriers(Decoder &decoder) {
  const std::string &mnemonic = decoder.mnemonic();
  if (mnemonic == "mbarrier")
    return decodeMbarrier(decoder);
  if (mnemonic == "fence")
    return decodeFence(decoder);
  if (mnemonic == "griddepcontrol") {
    if (decoder.takeOneOf({"wait", "launch_dependents"}) < 0)
      decoder.error("griddepcontrol needs .wait or .launch_dependents");
    decoder.expectOperands(0, 0);
    decoder.out().handler = nothing;
    return true;
  }
  if (mnemonic == "barrier" && decoder.has("cluster")) {
    decoder.take("cluster");
    decoder.take("aligned");
    bool arrives = decoder.take("arrive");
    if (!arrives && !decoder.take("wait"))
      decoder.error("barrier.cluster needs .arrive or .wait");
    decoder.out().flags[0] = decoder.has("relaxed");
    takeSemantics(decoder);
    decoder.expectOperands(0, 0);
    decoder.out().handler = arrives ? arriveAtCluster : waitAtCluster;
    return true;
  }
  return false;
}

} // namespace adze::ptxsim
