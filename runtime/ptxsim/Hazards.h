//===- Hazards.h - Who may touch shared memory when -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Happens-before by vector clocks (Flanagan and Freund, "FastTrack", 2009), at
// the granularity of warps: what lanes of one warp do to each other is not
// judged. Agents are the warps of a cluster and its mbarriers: a bulk copy
// writes shared memory in the name of its mbarrier, at the time "end of this
// phase", so that whoever has waited for that phase, or has synchronized with
// one who has, may read.
//
// Every agent knows two clocks: what has happened before (seen), and what of
// it a fence.proxy.async has made visible to the async proxy (fenced).
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_HAZARDS_H
#define ADZE_RUNTIME_PTXSIM_HAZARDS_H

#include "runtime/ptxsim/State.h"

#include <algorithm>
#include <vector>

namespace adze::ptxsim {

struct VectorClock {
  std::vector<uint32_t> times;

  uint32_t at(unsigned agent) const {
    return agent < times.size() ? times[agent] : 0;
  }
  void raise(unsigned agent, uint32_t time) {
    if (agent >= times.size())
      times.resize(agent + 1);
    times[agent] = std::max(times[agent], time);
  }
  void join(const VectorClock &other) {
    if (times.size() < other.times.size())
      times.resize(other.times.size());
    for (size_t i = 0; i < other.times.size(); ++i)
      times[i] = std::max(times[i], other.times[i]);
  }
};

struct Knowledge {
  VectorClock seen, fenced;

  void join(const Knowledge &other) {
    seen.join(other.seen);
    fenced.join(other.fenced);
  }
};

/// What is known of a block's shared memory. Words are 4 bytes, chunks 16.
struct Shadow {
  static constexpr uint8_t asyncProxy = 1, atomic = 2;
  /// A tensor copy wrote it; the swizzle mode is in the bits above.
  static constexpr uint8_t tensor = 4, swizzleShift = 4;
  struct Word {
    uint32_t writeTime = 0; ///< 0: never written
    uint32_t writeSite = 0; ///< instruction
    uint32_t readSite = 0;
    uint32_t pending = 0; ///< number of the asynchronous write under way
    uint32_t pendingSite = 0;
    uint16_t writer = 0;   ///< agent
    uint8_t writeMask = 0; ///< bytes of the latest write
    uint8_t flags = 0;
  };
  std::vector<Word> words;
  unsigned warps = 0;               ///< of the block; columns of the read times
  std::vector<uint32_t> reads;      ///< [word][warp]: time of the latest read
  std::vector<uint32_t> asyncReads; ///< [chunk][warp], of copies from it
  struct InFlight {
    uint32_t site = 0;
    uint16_t count = 0;
    uint16_t warp = 0;
  };
  std::vector<InFlight> inFlight; ///< [chunk]: copies that read it under way
  /// The latest wgmma of a warpgroup that reads a chunk. The four warps execute
  /// it together, so that it is over once one of them has waited for it.
  struct GroupRead {
    static constexpr uint32_t underWay = ~uint32_t(0);
    uint32_t sequence = 0; ///< of the warpgroup, from 1; 0: none
    uint32_t site = 0;
    std::array<uint32_t, 4> times{}; ///< when each warp had waited for it
  };
  unsigned groups = 0;
  std::vector<GroupRead> groupReads; ///< [chunk][warpgroup]

  void reset(uint32_t bytes, unsigned warpCount);
};

/// Agent number of a warp in its cluster.
unsigned agentOf(const Warp &warp);
/// The warp's knowledge; its own entry is its clock.
Knowledge &knowledgeOf(const Warp &warp);
/// The warp makes what it knows known through `to`; its clock advances.
void release(const Warp &warp, Knowledge &to);
void acquire(const Warp &warp, const Knowledge &from);
/// fence.proxy.async.
void fenceAsyncProxy(const Warp &warp);

/// An asynchronous copy has been issued that will write these bytes; it is
/// `number` (not 0), unique in the cluster. Fails if something else still
/// uses them.
void asyncWriteBegins(const Warp &warp, const Instruction &instruction,
                      int lane, Block &block, uint32_t offset, uint32_t bytes,
                      uint32_t number);
/// It has written them, in the name of `agent` at `time`; `flags` are those of
/// Shadow::Word.
void asyncWriteEnds(Block &block, uint32_t offset, uint32_t bytes,
                    unsigned agent, uint32_t time, uint32_t site,
                    uint8_t flags);
/// Fails unless the async proxy may read these bytes for this warp (wgmma,
/// copies from shared memory).
/// `what` names the reader in messages.
void checkAsyncRead(const Warp &warp, const Instruction &instruction, int lane,
                    Block &block, uint32_t offset, uint32_t bytes,
                    const char *what);
/// The same for a copy, which others may not overwrite until asyncReadEnds.
void asyncReadBegins(const Warp &warp, const Instruction &instruction, int lane,
                     Block &block, uint32_t offset, uint32_t bytes,
                     const char *what);
/// The warp has waited for it.
void asyncReadEnds(const Warp &warp, Block &block, uint32_t offset,
                   uint32_t bytes);
/// A wgmma of the warp's group, `sequence` in it, reads a chunk of the block...
void groupReadBegins(const Warp &warp, const Instruction &instruction,
                     uint32_t chunk, uint32_t sequence);
/// ... and the warp has waited for that.
void groupReadEnds(const Warp &warp, uint32_t chunk, uint32_t sequence);

/// Registers that a wgmma under way owns, and those written since the warp's
/// last wgmma.fence. Indexed by slot / 64.
struct RegisterWatch {
  std::vector<uint8_t> accumulators, sources;  ///< wgmmas under way that use it
  std::vector<uint32_t> written;               ///< fence count + 1 at the write
  std::vector<uint32_t> writtenSite, usedSite; ///< usedSite: the wgmma's
  uint32_t fences = 0;
  unsigned underWay = 0; ///< registers of both kinds

  static size_t cell(Slot slot) { return slot / 64; }
  void reset(uint32_t registerBytes);
};

/// Handler that stands before every other one in kernels that use wgmma or
/// bar.sync: checks registers against RegisterWatch and carries knowledge
/// through named barriers.
Step watchedStep(Warp &warp, const Instruction &instruction, uint32_t mask);

} // namespace adze::ptxsim

#endif
