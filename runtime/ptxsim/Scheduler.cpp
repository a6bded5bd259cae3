//===- Scheduler.cpp - Warps take turns, clusters run side by side -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Control.h"
#include "runtime/ptxsim/State.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <mutex>
#include <random>
#include <thread>

namespace adze::ptxsim {
namespace {

/// Instructions after which a group of lanes lets another have its turn.
constexpr unsigned groupSlice = 4096;
/// Instructions of a warp's turn without a seed.
constexpr unsigned warpSlice = 1 << 16;
/// Rounds in which warps only polled, before it is called a deadlock.
constexpr unsigned mostIdleRounds = 20000;

enum class Turn { Ran, Polled, Blocked, Exited };

//===----------------------------------------------------------------------===//
// One warp
//===----------------------------------------------------------------------===//

/// Runs a warp's lane groups. The first of Warp::groups is current; its
/// program counter and mask are kept here while it runs.
class WarpRunner {
public:
  WarpRunner(Warp &warp, Cluster &cluster)
      : warp(warp), code(cluster.launch->program->code.data()),
        warpExecutions(cluster.warpExecutions.data()),
        laneExecutions(cluster.laneExecutions.data()) {}

  Turn run(unsigned budget);

private:
  Warp &warp;
  const Instruction *code;
  uint64_t *warpExecutions, *laneExecutions;
  uint32_t pc = 0, mask = 0;
  /// Where the current group meets or passes another one.
  uint32_t stop = ~uint32_t(0);
  /// Run the current group although others lag behind, until the slice ends.
  bool unordered = false;
  unsigned slice = 0;

  void setStop();
  void save() {
    warp.groups[0].pc = pc;
    warp.groups[0].mask = mask;
  }
  void load() {
    pc = warp.groups[0].pc;
    mask = warp.groups[0].mask;
    slice = groupSlice;
  }
  void meet();
  bool switchTo();
  void place(uint32_t target, uint32_t lanes);
  bool leave();
};

/// The nearest counter at which to look at the other groups: exact equality
/// is enough where the order does not matter.
void WarpRunner::setStop() {
  stop = ~uint32_t(0);
  for (size_t i = 1; i < warp.groups.size(); ++i)
    stop = std::min(stop, warp.groups[i].pc);
}

/// The current group's counter has reached `stop`: joins whoever is there, and
/// lets a group that lags behind go first.
void WarpRunner::meet() {
  auto &groups = warp.groups;
  for (size_t i = 1; i < groups.size();) {
    if (groups[i].pc == pc) {
      mask |= groups[i].mask;
      groups[i] = groups.back();
      groups.pop_back();
      slice = groupSlice;
    } else {
      ++i;
    }
  }
  if (!unordered) {
    size_t lowest = 0;
    uint32_t least = pc;
    for (size_t i = 1; i < groups.size(); ++i)
      if (!groups[i].blocked && groups[i].pc < least) {
        least = groups[i].pc;
        lowest = i;
      }
    if (lowest) {
      save();
      std::swap(groups[0], groups[lowest]);
      load();
      meet();
      return;
    }
  }
  setStop();
}

/// Another group that is not blocked becomes current; false if there is none.
bool WarpRunner::switchTo() {
  auto &groups = warp.groups;
  size_t next = 0;
  for (size_t i = 1; i < groups.size(); ++i)
    if (!groups[i].blocked && (!next || groups[i].pc < groups[next].pc))
      next = i;
  if (!next)
    return false;
  // Round robin among those that keep each other waiting.
  if (unordered || slice == 0)
    for (size_t i = 1; i < groups.size(); ++i)
      if (!groups[i].blocked) {
        next = i;
        break;
      }
  std::rotate(groups.begin() + long(next), groups.begin() + long(next) + 1,
              groups.end());
  std::swap(groups[0], groups.back());
  load();
  meet();
  return true;
}

/// Lanes go to `target`, joining a group that is there.
void WarpRunner::place(uint32_t target, uint32_t lanes) {
  for (size_t i = 1; i < warp.groups.size(); ++i)
    if (warp.groups[i].pc == target) {
      warp.groups[i].mask |= lanes;
      return;
    }
  warp.groups.push_back({target, lanes, false});
}

/// The current group has no lanes left: drops it. False if none is left.
bool WarpRunner::leave() {
  auto &groups = warp.groups;
  groups[0] = groups.back();
  groups.pop_back();
  if (groups.empty())
    return false;
  size_t lowest = 0;
  for (size_t i = 1; i < groups.size(); ++i)
    if (groups[i].pc < groups[lowest].pc)
      lowest = i;
  std::swap(groups[0], groups[lowest]);
  groups[0].blocked = false;
  load();
  meet();
  return true;
}

Turn WarpRunner::run(unsigned budget) {
  for (LaneGroup &group : warp.groups)
    group.blocked = false;
  uint64_t before = warp.executed;
  load();
  unordered = false;
  meet();
  for (;;) {
    if (pc >= stop) [[unlikely]]
      meet();
    const Instruction &instruction = code[pc];
    uint32_t active = mask;
    if (instruction.guard != noSlot) {
      uint32_t p = warp.predicate(instruction.guard);
      active &= instruction.guardNegated ? ~p : p;
      if (!active) {
        ++pc;
        continue;
      }
    }
    warp.pc = pc;
    Step step = instruction.handler(warp, instruction, active);
    if (step == Step::Next) [[likely]] {
      ++warpExecutions[pc];
      laneExecutions[pc] += unsigned(std::popcount(active));
      ++warp.executed;
      ++pc;
    } else if (step == Step::Branch) {
      ++warpExecutions[pc];
      laneExecutions[pc] += unsigned(std::popcount(active));
      ++warp.executed;
      uint32_t rest = mask & ~active;
      if (instruction.handler == executeBranch) {
        if (!rest) {
          pc = instruction.target;
        } else if (instruction.target != pc + 1) {
          // The lower counter runs first.
          uint32_t taken = instruction.target, fallen = pc + 1;
          if (taken < fallen) {
            place(fallen, rest);
            pc = taken;
            mask = active;
          } else {
            place(taken, active);
            pc = fallen;
            mask = rest;
          }
          meet();
        } else {
          ++pc;
        }
        if (warp.groups.size() > 1)
          meet();
      } else {
        for (const LaneGroup &move : warp.moves)
          place(move.pc, move.mask);
        warp.moves.clear();
        if (rest) {
          ++pc;
          mask = rest;
          meet();
        } else if (!leave()) {
          warp.groups.clear();
          return Turn::Exited;
        }
      }
    } else if (step == Step::Yield) {
      ++warpExecutions[pc];
      laneExecutions[pc] += unsigned(std::popcount(active));
      ++warp.executed;
      ++pc;
      save();
      return Turn::Polled;
    } else { // Blocked
      if (active != mask) {
        // The lanes that the guard lets pass go on.
        uint32_t rest = mask & ~active;
        mask = active;
        place(pc + 1, rest);
      }
      save();
      warp.groups[0].blocked = true;
      unordered = false;
      if (!switchTo())
        return warp.executed == before ? Turn::Blocked : Turn::Ran;
      continue;
    }
    if (warp.groups.size() > 1 && --slice == 0) [[unlikely]] {
      save();
      unordered = !unordered;
      if (!switchTo())
        load();
      setStop();
    }
    if (--budget == 0) {
      save();
      return Turn::Ran;
    }
  }
}

//===----------------------------------------------------------------------===//
// A cluster
//===----------------------------------------------------------------------===//

uint32_t specialValue(const std::string &name, const Launch &launch,
                      const Block &block, unsigned warp, unsigned lane) {
  auto dimension = [&](Dim3 d) {
    return name.back() == 'x' ? d.x : name.back() == 'y' ? d.y : d.z;
  };
  auto starts = [&](const char *prefix) { return name.starts_with(prefix); };
  const Cluster &cluster = *block.cluster;
  Dim3 clusters{launch.grid.x / launch.cluster.x,
                launch.grid.y / launch.cluster.y,
                launch.grid.z / launch.cluster.z};
  uint32_t thread = warp * lanesPerWarp + lane;
  if (starts("%tid."))
    return dimension({thread % launch.block.x,
                      thread / launch.block.x % launch.block.y,
                      thread / launch.block.x / launch.block.y});
  if (starts("%ntid."))
    return dimension(launch.block);
  if (starts("%ctaid."))
    return dimension(block.index);
  if (starts("%nctaid."))
    return dimension(launch.grid);
  if (starts("%clusterid."))
    return dimension(cluster.index);
  if (starts("%nclusterid."))
    return dimension(clusters);
  if (starts("%cluster_ctaid."))
    return dimension(block.clusterPosition);
  if (starts("%cluster_nctaid."))
    return dimension(launch.cluster);
  if (name == "%cluster_ctarank")
    return block.rank;
  if (name == "%cluster_nctarank")
    return launch.blocksPerCluster();
  if (name == "%laneid")
    return lane;
  if (name == "%warpid")
    return warp;
  if (name == "%nwarpid")
    return 64;
  if (name == "%smid")
    return uint32_t(cluster.number % 132);
  if (name == "%nsmid")
    return 132;
  if (name == "%gridid")
    return uint32_t(launch.number);
  if (name == "%lanemask_eq")
    return 1u << lane;
  if (name == "%lanemask_lt")
    return (1u << lane) - 1;
  if (name == "%lanemask_le")
    return (2u << lane) - 1;
  if (name == "%lanemask_gt")
    return ~((2u << lane) - 1);
  if (name == "%lanemask_ge")
    return ~((1u << lane) - 1);
  if (name == "%dynamic_smem_size")
    return launch.dynamicShared;
  if (name == "%is_explicit_cluster")
    return launch.blocksPerCluster() > 1;
  return block.sharedBytes; // %total_smem_size, %aggr_smem_size
}

/// Memory of a cluster's blocks, kept by a host thread for the next cluster.
struct ClusterStorage {
  std::vector<std::vector<char>> blocks;
};

uint64_t roundUp(uint64_t value) { return (value + 63) / 64 * 64; }

void prepareBlock(Block &block, const Launch &launch,
                  std::vector<char> &storage) {
  const Program &program = *launch.program;
  uint32_t threads = uint32_t(launch.block.count());
  uint32_t warps = (threads + lanesPerWarp - 1) / lanesPerWarp;
  uint64_t shared = roundUp(block.sharedBytes) + 64;
  uint64_t registers = roundUp(program.registerBytes);
  uint64_t local = roundUp(uint64_t(program.localBytes) * lanesPerWarp);
  // Shared memory is aligned as strictly as swizzled tiles want it.
  uint64_t total = 2 * shared + warps * (registers + local) + 2048;
  if (storage.size() < total)
    storage.assign(total, 0);
  char *base = storage.data();
  base += -reinterpret_cast<uintptr_t>(base) & 1023;
  block.shared = base;
  base += shared;
  if (launch.checks.uninitialized) {
    block.sharedWritten = reinterpret_cast<uint8_t *>(base);
    std::memset(base, 0, shared);
  }
  base += shared;
  block.liveThreads = threads;
  block.warps.resize(warps);
  for (uint32_t w = 0; w < warps; ++w) {
    Warp &warp = block.warps[w];
    warp.block = &block;
    warp.index = w;
    warp.bases[0] = base;
    warp.bases[1] = const_cast<char *>(program.constants.data());
    base += registers;
    warp.local = base;
    base += local;
    uint32_t lanes = std::min(lanesPerWarp, threads - w * lanesPerWarp);
    warp.live = lanes == lanesPerWarp ? ~uint32_t(0) : (1u << lanes) - 1;
    warp.groups.assign(1, {0, warp.live, false});
    for (const Program::Special &special : program.specials) {
      if (special.bytes == 0) {
        warp.predicate(special.slot) =
            specialValue(special.name, launch, block, w, 0) ? ~uint32_t(0) : 0;
        continue;
      }
      for (unsigned l = 0; l < lanesPerWarp; ++l) {
        uint32_t value = specialValue(special.name, launch, block, w, l);
        if (special.bytes == 8)
          warp.lanes<uint64_t>(special.slot)[l] = value;
        else
          warp.lanes<uint32_t>(special.slot)[l] = value;
      }
    }
  }
}

/// Who waits where, at most a dozen warps by name.
[[noreturn]] void reportDeadlock(Cluster &cluster, bool polling) {
  const Program &program = *cluster.launch->program;
  std::string text;
  unsigned shown = 0, hidden = 0;
  Warp *first = nullptr;
  bool divergent = false;
  for (Block &block : cluster.blocks)
    for (Warp &warp : block.warps) {
      if (!warp.live)
        continue;
      if (!first)
        first = &warp;
      bool joins = warp.waiting.ends_with("to join");
      if (joins && !divergent) {
        divergent = true;
        first = &warp;
      }
      if (shown == 12) {
        ++hidden;
        continue;
      }
      ++shown;
      for (const LaneGroup &group : warp.groups) {
        text +=
            fmt::format("; {} lanes {:#010x} at {}", describeThread(warp, -1),
                        group.mask, describe(program, group.pc));
        if (!warp.waiting.empty() && group.pc == warp.pc)
          text += fmt::format(" wait for {}", warp.waiting);
      }
      std::string more = hooks::describeWait(warp);
      if (!more.empty())
        text += fmt::format(" [{}]", more);
    }
  if (hidden)
    text += fmt::format("; and {} warps more", hidden);
  fail(*first,
       program.code[std::min<size_t>(first->pc, program.code.size() - 1)], -1,
       divergent ? HazardKind::Divergence : HazardKind::Deadlock,
       (polling ? "all warps only poll" : "no warp can go on") + text);
}

void runCluster(Launch &launch, uint64_t number, ClusterStorage &storage,
                std::vector<uint64_t> &warpExecutions,
                std::vector<uint64_t> &laneExecutions) {
  Cluster cluster;
  cluster.launch = &launch;
  cluster.number = number;
  uint32_t size = launch.blocksPerCluster();
  Dim3 clusters{launch.grid.x / launch.cluster.x,
                launch.grid.y / launch.cluster.y,
                launch.grid.z / launch.cluster.z};
  cluster.index = {uint32_t(number % clusters.x),
                   uint32_t(number / clusters.x % clusters.y),
                   uint32_t(number / clusters.x / clusters.y)};
  cluster.warpExecutions.swap(warpExecutions);
  cluster.laneExecutions.swap(laneExecutions);
  cluster.blocks.resize(size);
  storage.blocks.resize(size);
  for (uint32_t rank = 0; rank < size; ++rank) {
    Block &block = cluster.blocks[rank];
    block.cluster = &cluster;
    block.rank = rank;
    Dim3 c = launch.cluster;
    block.clusterPosition = {rank % c.x, rank / c.x % c.y, rank / c.x / c.y};
    block.index = {cluster.index.x * c.x + block.clusterPosition.x,
                   cluster.index.y * c.y + block.clusterPosition.y,
                   cluster.index.z * c.z + block.clusterPosition.z};
    block.sharedBytes = launch.program->dynamicShared + launch.dynamicShared;
    prepareBlock(block, launch, storage.blocks[rank]);
  }
  hooks::beginCluster(cluster);
  std::vector<Warp *> running;
  for (Block &block : cluster.blocks)
    for (Warp &warp : block.warps)
      running.push_back(&warp);
  std::mt19937_64 random(launch.seed * 0x9e3779b97f4a7c15 + number);
  unsigned idleRounds = 0;
  uint64_t executed = 0;
  while (!running.empty()) {
    if (launch.seed)
      std::shuffle(running.begin(), running.end(), random);
    bool ran = false, polled = false;
    uint64_t progress = cluster.progress;
    for (Warp *&warp : running) {
      unsigned budget = launch.seed ? unsigned(random() % 256) + 1 : warpSlice;
      uint64_t before = warp->executed;
      Turn turn = WarpRunner(*warp, cluster).run(budget);
      executed += warp->executed - before;
      ran |= turn == Turn::Ran || turn == Turn::Exited;
      polled |= turn == Turn::Polled;
      if (turn == Turn::Exited)
        warp = nullptr;
    }
    std::erase(running, nullptr);
    bool changed = cluster.progress != progress;
    changed |= hooks::advance(cluster, !ran && !polled);
    if (ran || changed)
      idleRounds = 0;
    else if (!running.empty() && (!polled || ++idleRounds > mostIdleRounds))
      reportDeadlock(cluster, polled);
    if (launch.limit && executed > launch.limit && !running.empty())
      fail(*running[0], launch.program->code[running[0]->pc], -1,
           HazardKind::Limit,
           fmt::format("{} instructions of warps in one cluster; "
                       "ADZE_PTXSIM_LIMIT sets the limit",
                       executed));
  }
  hooks::endCluster(cluster);
  cluster.warpExecutions.swap(warpExecutions);
  cluster.laneExecutions.swap(laneExecutions);
}

} // namespace

void runLaunch(Launch &launch) {
  size_t instructions = launch.program->code.size();
  launch.warpExecutions.assign(instructions, 0);
  launch.laneExecutions.assign(instructions, 0);
  hooks::beginLaunch(launch);
  uint64_t clusters = launch.grid.count() / launch.blocksPerCluster();
  unsigned threads =
      launch.program->usesGlobalAtomics || launch.seed
          ? 1
          : unsigned(std::min<uint64_t>(launch.threads, clusters));
  // Clusters start in order; the first one in that order that fails is
  // reported, whatever the threads do.
  std::atomic<uint64_t> next{0}, failed{clusters};
  std::exception_ptr failure;
  std::mutex mutex;
  auto work = [&] {
    ClusterStorage storage;
    std::vector<uint64_t> warpExecutions(instructions),
        laneExecutions(instructions);
    for (;;) {
      uint64_t number = next++;
      if (number >= clusters || number > failed)
        break;
      try {
        runCluster(launch, number, storage, warpExecutions, laneExecutions);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (number < failed) {
          failed = number;
          failure = std::current_exception();
        }
        break;
      }
    }
    std::lock_guard lock(mutex);
    for (size_t i = 0; i < warpExecutions.size(); ++i) {
      launch.warpExecutions[i] += warpExecutions[i];
      launch.laneExecutions[i] += laneExecutions[i];
    }
  };
  std::vector<std::thread> pool;
  for (unsigned i = 1; i < threads; ++i)
    pool.emplace_back(work);
  work();
  for (std::thread &thread : pool)
    thread.join();
  if (failure)
    std::rethrow_exception(failure);
  hooks::endLaunch(launch);
}

} // namespace adze::ptxsim
