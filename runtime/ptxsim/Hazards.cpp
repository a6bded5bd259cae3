//===- Hazards.cpp - Who may touch shared memory when ---------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/Hazards.h"

#include "runtime/ptxsim/AsyncState.h"

namespace adze::ptxsim {

void Shadow::reset(uint32_t bytes, unsigned warpCount) {
  size_t wordCount = (bytes + 3) / 4, chunkCount = (bytes + 15) / 16;
  warps = warpCount;
  words.assign(wordCount, Word());
  reads.assign(wordCount * warps, 0);
  asyncReads.assign(chunkCount * warps, 0);
  inFlight.assign(chunkCount, InFlight());
  groups = warps / 4;
  groupReads.assign(chunkCount * groups, GroupRead());
}

unsigned agentOf(const Warp &warp) { return asyncOf(warp).agent; }

Knowledge &knowledgeOf(const Warp &warp) { return asyncOf(warp).knowledge; }

void release(const Warp &warp, Knowledge &to) {
  Knowledge &own = knowledgeOf(warp);
  to.join(own);
  ++own.seen.times[agentOf(warp)];
}

void acquire(const Warp &warp, const Knowledge &from) {
  knowledgeOf(warp).join(from);
}

void fenceAsyncProxy(const Warp &warp) {
  Knowledge &own = knowledgeOf(warp);
  own.fenced.join(own.seen);
  // What the warp writes from now on is not covered.
  ++own.seen.times[agentOf(warp)];
}

//===----------------------------------------------------------------------===//
// Accesses to shared memory
//===----------------------------------------------------------------------===//

static std::string at(uint32_t offset) {
  return "shared memory at byte " + std::to_string(offset);
}

static std::string by(const Warp &warp, uint32_t site) {
  return describe(programOf(warp), site);
}

/// The agent as reports call it.
static std::string agentName(const Warp &warp, unsigned agent) {
  const Cluster &cluster = *warp.block->cluster;
  unsigned perBlock = unsigned(warp.block->warps.size());
  if (agent >= perBlock * cluster.blocks.size())
    return "an asynchronous copy";
  if (agent / perBlock == warp.block->rank)
    return "warp " + std::to_string(agent % perBlock);
  return "warp " + std::to_string(agent % perBlock) + " of block " +
         std::to_string(agent / perBlock) + " of the cluster";
}

static void failPending(const Warp &warp, const Instruction &instruction,
                        int lane, uint32_t offset, const Shadow::Word &word,
                        const char *how) {
  fail(warp, instruction, lane, HazardKind::Race,
       std::string(how) + " " + at(offset) +
           " while an asynchronous copy into it is under way, issued by " +
           by(warp, word.pendingSite) +
           "; wait for the copy first (mbarrier.try_wait of its phase, "
           "cp.async.wait_group)");
}

static void failWriteOrder(const Warp &warp, const Instruction &instruction,
                           int lane, uint32_t offset, const Shadow::Word &word,
                           const char *how) {
  bool copied = word.flags & Shadow::asyncProxy;
  fail(warp, instruction, lane, HazardKind::Race,
       std::string(how) + " " + at(offset) + ", which " +
           agentName(warp, word.writer) + " wrote by " +
           by(warp, word.writeSite) + ", and nothing orders the two; " +
           (copied ? "wait for the phase of the mbarrier that the copy "
                     "completes on"
                   : "a barrier (bar.sync, mbarrier) is missing between "
                     "them"));
}

static void failInFlight(const Warp &warp, const Instruction &instruction,
                         int lane, uint32_t offset,
                         const Shadow::InFlight &reader) {
  fail(warp, instruction, lane, HazardKind::Race,
       "overwrites " + at(offset) + " while warp " +
           std::to_string(reader.warp) + "'s " + by(warp, reader.site) +
           " still reads it; wait for that first (cp.async.bulk."
           "wait_group.read) and then tell the writer");
}

/// Fails if a warp may still be reading chunk or word: `times` of the block's
/// warps against what the writer knows.
static void checkReads(const Warp &warp, const Instruction &instruction,
                       int lane, const Block &block, const uint32_t *times,
                       uint32_t offset, uint32_t site, bool async) {
  const Shadow &shadow = asyncOf(block).shadow;
  const VectorClock &seen = knowledgeOf(warp).seen;
  unsigned first = block.rank * shadow.warps;
  const uint32_t *known = seen.times.data() + first;
  for (unsigned reader = 0; reader < shadow.warps; ++reader)
    if (times[reader] > known[reader] && first + reader != agentOf(warp))
      fail(warp, instruction, lane, HazardKind::Race,
           "overwrites " + at(offset) + ", which warp " +
               std::to_string(reader) + " may not have read yet" +
               (async ? " (a copy from shared memory)"
                      : " (" + by(warp, site) + ")") +
               "; nothing orders that read before this write: a barrier is "
               "missing between them");
}

/// The same for warpgroups that read the chunk by wgmma.
static void checkGroupReads(const Warp &warp, const Instruction &instruction,
                            int lane, const Block &block, uint32_t chunk) {
  const Shadow &shadow = asyncOf(block).shadow;
  const VectorClock &seen = knowledgeOf(warp).seen;
  for (unsigned group = 0; group < shadow.groups; ++group) {
    const Shadow::GroupRead &read =
        shadow.groupReads[size_t(chunk) * shadow.groups + group];
    if (read.sequence == 0)
      continue;
    bool over = false, known = false;
    for (unsigned i = 0; i < 4; ++i) {
      over |= read.times[i] != Shadow::GroupRead::underWay;
      known |=
          read.times[i] <= seen.at(block.rank * shadow.warps + group * 4 + i);
    }
    if (known)
      continue;
    std::string reader = "the wgmma of warps " + std::to_string(4 * group) +
                         " to " + std::to_string(4 * group + 3) + ", " +
                         by(warp, read.site) + ",";
    fail(warp, instruction, lane, HazardKind::Race,
         "overwrites " + at(chunk * 16) + " while " + reader +
             (over ? " may still read it: nothing orders this write after "
                     "the warpgroup's wgmma.wait_group; wait for an mbarrier "
                     "at which the warpgroup arrives after it"
                   : " still reads it; wgmma.wait_group has to come first, "
                     "and then tell the writer"));
  }
}

static uint8_t maskOf(uint32_t begin, uint32_t end, uint32_t word) {
  uint8_t mask = 0;
  for (uint32_t byte = begin; byte < end; ++byte)
    mask |= uint8_t(byte / 4 == word) << (byte & 3);
  return mask;
}

namespace hooks {

void access(Warp &warp, const Instruction &instruction, const Access &access) {
  Cluster &cluster = *warp.block->cluster;
  if (reportWanted())
    asyncOf(cluster).counts.add(warp, access);
  if (access.space != Space::Shared)
    return;
  Block &block = *access.place.block;
  BlockAsync &async = asyncOf(block);
  if (!async.checked)
    return;
  Shadow &shadow = async.shadow;
  Knowledge &own = knowledgeOf(warp);
  unsigned self = agentOf(warp);
  uint32_t begin = uint32_t(access.place.offset), end = begin + access.bytes;
  if (!async.mbarriers.empty()) {
    auto barrier = async.mbarriers.lower_bound(begin < 8 ? 0 : begin - 7);
    if (barrier != async.mbarriers.end() && barrier->first < end)
      fail(warp, instruction, int(access.lane), HazardKind::Barrier,
           "accesses " + at(begin) +
               ", where an mbarrier lies (initialized "
               "by " +
               by(warp, barrier->second.initSite) +
               "); only mbarrier instructions may, until mbarrier.inval");
  }
  bool remote = &block != warp.block;
  bool isAtomic = access.kind == Access::Atomic;
  for (uint32_t word = begin / 4; word <= (end - 1) / 4; ++word) {
    Shadow::Word &entry = shadow.words[word];
    bool write = access.kind != Access::Read;
    const char *how = write ? "writes" : "reads";
    if (entry.pending)
      failPending(warp, instruction, int(access.lane), word * 4, entry, how);
    uint8_t mask = access.bytes >= 4 ? 15 : maskOf(begin, end, word);
    bool ordered =
        entry.writer == self || own.seen.at(entry.writer) >= entry.writeTime;
    if (!ordered && (entry.writeMask & mask) &&
        !(isAtomic && (entry.flags & Shadow::atomic)))
      failWriteOrder(warp, instruction, int(access.lane), word * 4, entry, how);
    if (!write) {
      if (!remote)
        shadow.reads[size_t(word) * shadow.warps + warp.index] =
            own.seen.times[self];
      entry.readSite = instruction.index;
      continue;
    }
    const Shadow::InFlight &reader = shadow.inFlight[word / 4];
    if (reader.count)
      failInFlight(warp, instruction, int(access.lane), word * 4, reader);
    if (mask == 15 && !isAtomic)
      checkReads(warp, instruction, int(access.lane), block,
                 &shadow.reads[size_t(word) * shadow.warps], word * 4,
                 entry.readSite, false);
    checkReads(warp, instruction, int(access.lane), block,
               &shadow.asyncReads[size_t(word / 4) * shadow.warps], word * 4, 0,
               true);
    checkGroupReads(warp, instruction, int(access.lane), block, word / 4);
    // Narrow writes of several warps to one word share its entry.
    bool same = entry.writer == self && entry.writeTime == own.seen.times[self];
    entry.writeMask = same ? uint8_t(entry.writeMask | mask) : mask;
    entry.writer = uint16_t(self);
    entry.writeTime = own.seen.times[self];
    entry.writeSite = instruction.index;
    entry.flags = isAtomic ? Shadow::atomic : 0;
  }
}

} // namespace hooks

void asyncWriteBegins(const Warp &warp, const Instruction &instruction,
                      int lane, Block &block, uint32_t offset, uint32_t bytes,
                      uint32_t number) {
  BlockAsync &async = asyncOf(block);
  if (!async.checked)
    return;
  Shadow &shadow = async.shadow;
  const Knowledge &own = knowledgeOf(warp);
  unsigned self = agentOf(warp);
  // A read too early is a race, not one of uninitialized memory.
  markWritten(launchOf(warp),
              {Space::Shared, block.shared + offset, &block, offset}, bytes);
  uint32_t last = (offset + bytes - 1) / 4;
  for (uint32_t word = offset / 4; word <= last; ++word) {
    Shadow::Word &entry = shadow.words[word];
    if (entry.pending)
      failPending(warp, instruction, lane, word * 4, entry, "writes");
    if (entry.writer != self && own.seen.at(entry.writer) < entry.writeTime)
      failWriteOrder(warp, instruction, lane, word * 4, entry, "writes");
    if (shadow.inFlight[word / 4].count)
      failInFlight(warp, instruction, lane, word * 4,
                   shadow.inFlight[word / 4]);
    checkReads(warp, instruction, lane, block,
               &shadow.reads[size_t(word) * shadow.warps], word * 4,
               entry.readSite, false);
    if (word % 4 == 0 || word == offset / 4) {
      checkReads(warp, instruction, lane, block,
                 &shadow.asyncReads[size_t(word / 4) * shadow.warps], word * 4,
                 0, true);
      checkGroupReads(warp, instruction, lane, block, word / 4);
    }
    entry.pending = number;
    entry.pendingSite = instruction.index;
  }
}

void asyncWriteEnds(Block &block, uint32_t offset, uint32_t bytes,
                    unsigned agent, uint32_t time, uint32_t site,
                    uint8_t flags) {
  BlockAsync &async = asyncOf(block);
  if (!async.checked)
    return;
  uint32_t last = (offset + bytes - 1) / 4;
  for (uint32_t word = offset / 4; word <= last; ++word) {
    Shadow::Word &entry = async.shadow.words[word];
    entry.pending = 0;
    entry.writer = uint16_t(agent);
    entry.writeTime = time;
    entry.writeMask = 15;
    entry.writeSite = site;
    entry.flags = flags;
  }
}

void checkAsyncRead(const Warp &warp, const Instruction &instruction, int lane,
                    Block &block, uint32_t offset, uint32_t bytes,
                    const char *what) {
  BlockAsync &async = asyncOf(block);
  if (!async.checked)
    return;
  const Knowledge &own = knowledgeOf(warp);
  unsigned self = agentOf(warp);
  uint32_t last = (offset + bytes - 1) / 4;
  for (uint32_t word = offset / 4; word <= last; ++word) {
    const Shadow::Word &entry = async.shadow.words[word];
    if (entry.pending)
      failPending(warp, instruction, lane, word * 4, entry,
                  (std::string(what) + " reads").c_str());
    if (entry.writeTime == 0)
      continue;
    if (entry.writer != self && own.seen.at(entry.writer) < entry.writeTime)
      failWriteOrder(warp, instruction, lane, word * 4, entry,
                     (std::string(what) + " reads").c_str());
    if (!(entry.flags & Shadow::asyncProxy) &&
        own.fenced.at(entry.writer) < entry.writeTime)
      fail(warp, instruction, lane, HazardKind::AsyncProxy,
           std::string(what) + " reads " + at(word * 4) +
               " through the async proxy, but " +
               agentName(warp, entry.writer) + " wrote it by " +
               by(warp, entry.writeSite) +
               " through the generic proxy with no fence.proxy.async since; "
               "put the fence after the write and before the barrier that "
               "tells the reader");
  }
}

void asyncReadBegins(const Warp &warp, const Instruction &instruction, int lane,
                     Block &block, uint32_t offset, uint32_t bytes,
                     const char *what) {
  checkAsyncRead(warp, instruction, lane, block, offset, bytes, what);
  BlockAsync &async = asyncOf(block);
  if (!async.checked)
    return;
  for (uint32_t chunk = offset / 16; chunk <= (offset + bytes - 1) / 16;
       ++chunk) {
    Shadow::InFlight &reader = async.shadow.inFlight[chunk];
    ++reader.count;
    reader.site = instruction.index;
    reader.warp = uint16_t(warp.index);
  }
}

void asyncReadEnds(const Warp &warp, Block &block, uint32_t offset,
                   uint32_t bytes) {
  BlockAsync &async = asyncOf(block);
  if (!async.checked)
    return;
  Shadow &shadow = async.shadow;
  uint32_t time = knowledgeOf(warp).seen.times[agentOf(warp)];
  for (uint32_t chunk = offset / 16; chunk <= (offset + bytes - 1) / 16;
       ++chunk) {
    --shadow.inFlight[chunk].count;
    if (&block == warp.block)
      shadow.asyncReads[size_t(chunk) * shadow.warps + warp.index] = time;
  }
}

void groupReadBegins(const Warp &warp, const Instruction &instruction,
                     uint32_t chunk, uint32_t sequence) {
  BlockAsync &async = asyncOf(*warp.block);
  if (!async.checked)
    return;
  Shadow &shadow = async.shadow;
  Shadow::GroupRead &read =
      shadow.groupReads[size_t(chunk) * shadow.groups + warp.index / 4];
  read.sequence = sequence;
  read.site = instruction.index;
  read.times.fill(Shadow::GroupRead::underWay);
}

void groupReadEnds(const Warp &warp, uint32_t chunk, uint32_t sequence) {
  BlockAsync &async = asyncOf(*warp.block);
  if (!async.checked)
    return;
  Shadow &shadow = async.shadow;
  Shadow::GroupRead &read =
      shadow.groupReads[size_t(chunk) * shadow.groups + warp.index / 4];
  if (read.sequence == sequence)
    read.times[warp.index % 4] = knowledgeOf(warp).seen.times[agentOf(warp)];
}

//===----------------------------------------------------------------------===//
// Registers of wgmma
//===----------------------------------------------------------------------===//

void RegisterWatch::reset(uint32_t registerBytes) {
  size_t cells = cell(registerBytes) + 1;
  accumulators.assign(cells, 0);
  sources.assign(cells, 0);
  written.assign(cells, 0);
  writtenSite.assign(cells, 0);
  usedSite.assign(cells, 0);
}

template <typename Visit>
static void forEachRegister(const Operand &operand, const Visit &visit) {
  if (operand.kind == Operand::Vector) {
    for (const Operand &element : operand.elements)
      forEachRegister(element, visit);
  } else if ((operand.kind == Operand::Register ||
              operand.kind == Operand::Address) &&
             operand.slot != noSlot && !(operand.slot & constantSlot)) {
    visit(operand.slot);
  }
}

/// Any use of an accumulator under way, and any write of a register that a
/// wgmma under way reads, is undefined (ISA 9.7.15.7.1).
static void checkRegisters(const Warp &warp, const Instruction &instruction) {
  const RegisterWatch &watch = asyncOf(warp).registers;
  bool writesFirst = launchOf(warp).async->writesFirst[instruction.index] != 0;
  for (size_t i = 0; i < instruction.operands->size(); ++i)
    forEachRegister((*instruction.operands)[i], [&](Slot slot) {
      size_t cell = RegisterWatch::cell(slot);
      if (watch.accumulators[cell])
        fail(warp, instruction, -1, HazardKind::Race,
             "uses an accumulator of " + by(warp, watch.usedSite[cell]) +
                 ", which is still under way; wgmma.commit_group and "
                 "wgmma.wait_group have to come first");
      if (i == 0 && writesFirst && watch.sources[cell])
        fail(warp, instruction, -1, HazardKind::Race,
             "overwrites a register that " + by(warp, watch.usedSite[cell]) +
                 ", still under way, reads its A operand from; "
                 "wgmma.commit_group and wgmma.wait_group have to come first");
    });
}

Step watchedStep(Warp &warp, const Instruction &instruction, uint32_t mask) {
  LaunchAsync &launch = *launchOf(warp).async;
  WarpAsync &async = asyncOf(warp);
  uint8_t role = launch.namedBarrier[instruction.index];
  unsigned barrier = 0;
  if (role && !instruction.operands->empty() &&
      (*instruction.operands)[0].kind == Operand::Constant)
    barrier = unsigned((*instruction.operands)[0].value) & 15;
  // Lanes of a warp may come one after another.
  if (role && (mask & ~async.atNamedBarrier)) {
    async.atNamedBarrier |= mask;
    release(warp, asyncOf(*warp.block).namedBarriers[barrier]);
  }
  bool plain = !role && instruction.operands &&
               launch.writesFirst[instruction.index] != 2;
  if (launch.watchRegisters && plain && async.registers.underWay)
    checkRegisters(warp, instruction);
  Step step = launch.handlers[instruction.index](warp, instruction, mask);
  if (role && (step == Step::Next || step == Step::Yield)) {
    async.atNamedBarrier &= ~mask;
    if (role == 2)
      acquire(warp, asyncOf(*warp.block).namedBarriers[barrier]);
  }
  if (launch.watchRegisters && plain &&
      launch.writesFirst[instruction.index] == 1)
    forEachRegister((*instruction.operands)[0], [&](Slot slot) {
      async.registers.written[RegisterWatch::cell(slot)] =
          async.registers.fences + 1;
      async.registers.writtenSite[RegisterWatch::cell(slot)] =
          instruction.index;
    });
  return step;
}

} // namespace adze::ptxsim
