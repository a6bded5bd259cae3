//===- AsyncState.h - What is under way in a launch -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_ASYNCSTATE_H
#define ADZE_RUNTIME_PTXSIM_ASYNCSTATE_H

#include "runtime/ptxsim/Barriers.h"
#include "runtime/ptxsim/Counters.h"
#include "runtime/ptxsim/TensorMap.h"

#include <deque>
#include <map>
#include <mutex>

namespace adze::ptxsim {

/// One lane's cp.async, not yet waited for.
struct CopyAsync {
  unsigned lane;
  uint32_t group; ///< commits of the lane before it
  uint32_t number;
  uint32_t site;
  Block *block;
  uint32_t offset, bytes, sourceBytes;
  const char *source;
};

/// One wgmma.mma_async of a warpgroup: what its four warps say of it.
struct WgmmaIssue {
  uint64_t a, b;       ///< descriptors
  uint32_t site, warp; ///< of the first that came to it
  uint32_t sequence;
  unsigned warps = 0;           ///< that have come to it
  std::vector<uint16_t> chunks; ///< of shared memory that they read
};

/// A warp's part of a wgmma.mma_async under way; registers by their slots.
struct WgmmaUnderWay {
  std::shared_ptr<WgmmaIssue> issue;
  std::vector<Slot> accumulators, sources;
};

struct WarpAsync {
  unsigned agent = 0;
  Knowledge knowledge;
  RegisterWatch registers;
  // cp.async
  std::deque<CopyAsync> copies;
  std::array<uint32_t, lanesPerWarp> copyCommits{};
  // cp.async.bulk: numbers of copies in groups, by lane
  std::map<unsigned, std::deque<std::vector<uint32_t>>> bulkGroups;
  std::map<unsigned, std::vector<uint32_t>> bulkOpen;
  // wgmma
  std::vector<WgmmaUnderWay> wgmmaOpen;
  std::deque<std::vector<WgmmaUnderWay>> wgmmaGroups;
  uint32_t wgmmaCount = 0;
  // bar.sync
  uint32_t atNamedBarrier = 0; ///< lanes
  // barrier.cluster
  bool atClusterBarrier = false;
  uint64_t clusterGeneration = 0;
  uint32_t registerCount = 0; ///< of setmaxnreg, per thread
};

struct BlockAsync {
  Shadow shadow;
  bool checked = false;                   ///< the shadow is kept
  std::map<uint32_t, Mbarrier> mbarriers; ///< by offset; ended ones removed
  std::map<uint32_t, std::pair<unsigned, uint32_t>> endedMbarriers;
  std::array<Knowledge, 16> namedBarriers;
  /// Those that not all four warps have come to, by warpgroup and sequence.
  std::map<std::pair<unsigned, uint32_t>, std::shared_ptr<WgmmaIssue>>
      wgmmaIssues;
  uint32_t registerPool = 0; ///< 32-bit registers nobody holds
};

/// A cp.async.bulk of any kind, or a deferred arrival.
struct BulkCopy {
  enum Kind : uint8_t { Load, Store, Arrive } kind = Load;
  uint32_t number = 0;
  uint64_t due = 0;
  const Warp *warp = nullptr;
  const Instruction *instruction = nullptr;
  int lane = 0;
  bool tensor = false;
  TensorMap map = {};
  std::array<int32_t, 5> coordinates{};
  uint64_t global = 0;     ///< linear copies
  Block *source = nullptr; ///< shared memory read (stores, shared to shared)
  uint32_t offset = 0, bytes = 0;
  int reduction = -1; ///< index in the list of reductions
  Type reductionType = Type::None;
  struct Destination {
    Block *block;
    uint32_t offset;
    MbarrierPlace barrier;
    uint32_t phase;
  };
  std::vector<Destination> destinations;
  bool done = false;
};

struct ClusterAsync {
  uint64_t round = 0;
  uint32_t copies = 0; ///< numbers given
  std::map<uint32_t, BulkCopy> bulk;
  unsigned nextAgent = 0;
  Knowledge clusterArriving, clusterDone;
  uint32_t clusterArrived = 0; ///< threads
  uint64_t clusterGeneration = 0;
  KernelCounts counts;
};

struct LaunchAsync {
  Launch *launch = nullptr;
  std::vector<Handler> handlers;     ///< the program's own, by instruction
  std::vector<uint8_t> writesFirst;  ///< operand 0 is written
  std::vector<uint8_t> namedBarrier; ///< 0 none, 1 arrives, 2 waits too
  bool watchRegisters = false;
  KernelCounts counts;
  std::mutex mutex;
  ~LaunchAsync(); ///< gives the program its handlers back
};

inline WarpAsync &asyncOf(const Warp &warp) { return *warp.async; }
inline BlockAsync &asyncOf(const Block &block) { return *block.async; }
inline ClusterAsync &asyncOf(const Cluster &cluster) { return *cluster.async; }

/// A repeatable delay, in rounds, of copy `number`.
uint64_t delayOf(const Launch &launch, const Cluster &cluster, uint32_t number);
/// Does what the copy is to do (AsyncCopy.cpp).
void perform(Cluster &cluster, BulkCopy &copy);
/// Fails if a copy, a group or bytes of an mbarrier are left at the end.
void checkNothingLeft(Cluster &cluster);

} // namespace adze::ptxsim

#endif
