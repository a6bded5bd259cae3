//===- State.h - Warps, blocks, clusters and what they share -----*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A cluster of blocks runs on one host thread; its warps take turns. Nothing
// here is locked: what two clusters share is global memory alone.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_STATE_H
#define ADZE_RUNTIME_PTXSIM_STATE_H

#include "runtime/ptxsim/Memory.h"
#include "runtime/ptxsim/Program.h"

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <stdexcept>

namespace adze::ptxsim {

struct Block;
struct Cluster;
struct Launch;

// State of the asynchronous machinery, defined and made by its own files.
struct WarpAsync;
struct BlockAsync;
struct ClusterAsync;
struct LaunchAsync;

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t(x) * y * z; }
};

/// Lanes at one program counter.
struct LaneGroup {
  uint32_t pc = 0;
  uint32_t mask = 0;
  bool blocked = false; ///< since the warp's turn began
};

/// 32 lanes. Lanes that go different ways form groups, each with its own
/// program counter; the group with the lowest one runs first, so that the
/// others are met again, and a group that is blocked or has run for long makes
/// room for the next.
struct Warp {
  /// Bases of slots: registers, constants of the program.
  char *bases[2] = {nullptr, nullptr};
  Block *block = nullptr;
  uint32_t index = 0; ///< in the block
  uint32_t live = 0;  ///< lanes that exist and have not exited
  /// Current group first.
  std::vector<LaneGroup> groups;
  char *local = nullptr; ///< lane-major, Program::localBytes each
  /// Index of the instruction being executed.
  uint32_t pc = 0;
  /// What a blocked instruction waits for, for the report of a deadlock.
  std::string waiting;
  /// Instructions executed; also the warp's clock.
  uint64_t executed = 0;
  /// Step::Branch of other instructions than bra: where lanes go. Lanes in no
  /// group have exited.
  std::vector<LaneGroup> moves;
  /// Lanes that have arrived at a named barrier and wait, and for what.
  uint32_t atBarrier = 0;
  std::array<uint64_t, lanesPerWarp> barrierGeneration{};
  std::shared_ptr<WarpAsync> async;

  /// The 32 values of a slot.
  template <typename T> [[gnu::always_inline]] T *lanes(Slot slot) const {
    return reinterpret_cast<T *>(bases[slot >> 31] + (slot & ~constantSlot));
  }
  /// The mask of a predicate register.
  [[gnu::always_inline]] uint32_t &predicate(Slot slot) const {
    return *reinterpret_cast<uint32_t *>(bases[slot >> 31] +
                                         (slot & ~constantSlot));
  }
  /// Base + displacement of lane `lane`, in the address's own width.
  uint64_t address(const AddressView &view, unsigned lane) const;
};

/// A barrier of bar.sync (ISA 9.7.13.1).
struct NamedBarrier {
  uint32_t expected = 0; ///< threads; 0: all that live
  uint32_t arrived = 0;  ///< threads
  uint32_t counted = 0;  ///< the same, whole warps where they are aligned
  uint64_t generation = 0;
  uint32_t population = 0; ///< barrier.red: predicates that were true
  uint32_t lastPopulation = 0, lastArrived = 0;
};

struct Block {
  Cluster *cluster = nullptr;
  Dim3 index;
  uint32_t rank = 0; ///< in the cluster
  Dim3 clusterPosition;
  char *shared = nullptr;
  uint32_t sharedBytes = 0;
  /// One byte for each of shared memory: written yet? Null: not checked.
  uint8_t *sharedWritten = nullptr;
  std::vector<Warp> warps;
  uint32_t liveThreads = 0;
  std::array<NamedBarrier, 16> barriers;
  std::vector<char> storage; ///< shared memory, its marks, registers, local
  std::shared_ptr<BlockAsync> async;
};

struct Cluster {
  Launch *launch = nullptr;
  uint64_t number = 0; ///< in the grid
  Dim3 index;
  std::vector<Block> blocks;
  /// Counts whatever changed that a blocked warp may wait for.
  uint64_t progress = 0;
  /// Executions by instruction index: warps, and lanes in all.
  std::vector<uint64_t> warpExecutions, laneExecutions;
  /// Allocations that loads and stores last went to, by instruction.
  std::array<const Allocation *, 64> recent{};
  std::shared_ptr<ClusterAsync> async;
};

/// Switches of ADZE_PTXSIM_CHECKS ("all", "none", or names with commas:
/// uninitialized, races, async).
struct Checks {
  bool uninitialized = true;
  bool races = true; ///< shared memory hazards of the async proxy and threads
  bool async = true;
};

struct Launch {
  const Program *program = nullptr;
  Memory *memory = nullptr;
  Dim3 grid, block, cluster; ///< cluster in blocks
  uint32_t dynamicShared = 0;
  std::vector<char> parameters; ///< 64-byte aligned copy below
  const char *parameterData = nullptr;
  unsigned threads = 1; ///< host threads
  uint64_t seed = 0;
  Checks checks;
  unsigned chip = 90;
  uint64_t limit = 0;        ///< instructions of warps in a cluster; 0: none
  bool programmatic = false; ///< programmatic stream serialisation
  /// Sums over all clusters, complete when the launch has ended.
  std::vector<uint64_t> warpExecutions, laneExecutions;
  std::shared_ptr<LaunchAsync> async;
  uint64_t number = 0; ///< launches of the process so far

  uint32_t blocksPerCluster() const { return uint32_t(cluster.count()); }
};

/// Runs a launch to its end; throws Hazard.
void runLaunch(Launch &launch);

//===----------------------------------------------------------------------===//
// Hazards
//===----------------------------------------------------------------------===//

/// How a launch fails; decides the CUresult.
enum class HazardKind : uint8_t {
  IllegalAddress, ///< out of bounds, freed, wrong space
  Misaligned,
  Uninitialized,      ///< read of memory that nothing wrote
  Race,               ///< two accesses that nothing orders
  AsyncProxy,         ///< async and generic proxy accesses without a fence
  Barrier,            ///< wrong use of a barrier
  IllegalInstruction, ///< operands the ISA forbids
  Divergence,         ///< .aligned or .sync executed by part of its lanes
  Deadlock,
  Trap,
  Limit,
};
const char *hazardName(HazardKind kind);

struct Hazard : std::runtime_error {
  Hazard(HazardKind kind, const std::string &report)
      : std::runtime_error(report), kind(kind) {}
  HazardKind kind;
};

/// Ends the launch with a report: `text` (one or two sentences) and where it
/// happened. `lane` is the first lane concerned, or -1 for the warp.
[[noreturn]] void fail(const Warp &warp, const Instruction &instruction,
                       int lane, HazardKind kind, const std::string &text);
/// "PTX line 12 `ld.shared.b32 ...` (tile.load ...)".
std::string describe(const Program &program, uint32_t instruction);
/// "thread (3,0,0), warp 0 lane 3, block (1,0,0)".
std::string describeThread(const Warp &warp, int lane);

//===----------------------------------------------------------------------===//
// Memory as an instruction sees it
//===----------------------------------------------------------------------===//

/// Shared addresses: 24 bits of offset; above them the rank of the block in
/// its cluster plus one, or 0 for the block that executes (shared::cta).
inline constexpr unsigned sharedRankShift = 24;
/// Generic addresses of the shared, local and parameter windows; everything
/// else is global.
inline constexpr uint64_t sharedWindow = 0x7f1000000000;
inline constexpr uint64_t localWindow = 0x7f2000000000;
inline constexpr uint64_t paramWindow = 0x7f3000000000;
inline constexpr uint64_t windowBytes = 0x1000000000;

/// Where an address leads.
struct Place {
  Space space = Space::Global;
  char *host = nullptr;
  Block *block = nullptr; ///< shared: whose
  uint64_t offset = 0;    ///< in the space (global: the address itself)
};

/// Checks `bytes` at `address` in `space` for one lane (bounds, liveness,
/// alignment to `align`, nothing about initialisation) or fails.
Place resolve(const Warp &warp, const Instruction &instruction, int lane,
              Space space, uint64_t address, uint64_t bytes, uint64_t align);
/// Marks global or shared bytes as written.
void markWritten(const Launch &launch, const Place &place, uint64_t bytes);
/// Fails if a byte has never been written and the check is on.
void checkWritten(const Warp &warp, const Instruction &instruction, int lane,
                  const Place &place, uint64_t bytes);

inline Launch &launchOf(const Warp &warp) {
  return *warp.block->cluster->launch;
}
inline const Program &programOf(const Warp &warp) {
  return *launchOf(warp).program;
}
/// Lanes that must arrive together have not: lanes of `needed` that live and
/// are not in `mask`. A handler of a .sync or .aligned instruction returns
/// Step::Blocked (with Warp::waiting set) while it is not 0; the scheduler
/// lets the others come and reports Divergence if they cannot.
inline uint32_t absent(const Warp &warp, uint32_t mask, uint32_t needed) {
  return needed & warp.live & ~mask;
}

//===----------------------------------------------------------------------===//
// Hooks of the asynchronous machinery, hazards and counters
//===----------------------------------------------------------------------===//

struct Access {
  enum Kind : uint8_t { Read, Write, Atomic } kind;
  Space space; ///< as resolved: Shared or Global (local is never reported)
  unsigned lane;
  Place place;
  uint32_t bytes;
};

namespace hooks {
void beginLaunch(Launch &launch);
void endLaunch(Launch &launch); ///< counts are complete; not after a hazard
void beginCluster(Cluster &cluster);
void endCluster(Cluster &cluster); ///< all threads have exited
/// Threads of a block passed bar.sync (barrier, participating warps).
void namedBarrierPassed(Block &block, unsigned barrier);
/// Does pending asynchronous work; true if something changed. Called after
/// each round over the warps; `idle` if no warp could run.
bool advance(Cluster &cluster, bool idle);
/// A generic-proxy access to shared memory, after it was resolved; called
/// only if Checks::races. Global accesses: only if `watchesGlobal`.
void access(Warp &warp, const Instruction &instruction, const Access &access);
bool watchesGlobal(const Launch &launch);
/// A blocked warp's further state for the deadlock report, or "".
std::string describeWait(const Warp &warp);
/// The process ends or adzePtxsimLastReport-like queries: nothing to do here.
} // namespace hooks

} // namespace adze::ptxsim

#endif // ADZE_RUNTIME_PTXSIM_STATE_H
