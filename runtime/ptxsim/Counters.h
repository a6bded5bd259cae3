//===- Counters.h - What a kernel cost --------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_COUNTERS_H
#define ADZE_RUNTIME_PTXSIM_COUNTERS_H

#include "runtime/ptxsim/State.h"

#include <string>

namespace adze::ptxsim {

/// Addresses of one warp's execution of one load or store.
struct AccessBatch {
  const Warp *warp = nullptr;
  uint64_t execution = 0;
  Space space = Space::Global;
  bool write = false;
  uint32_t bytes = 0; ///< of one lane
  unsigned lanes = 0;
  std::array<uint64_t, lanesPerWarp> addresses{};
};

/// Sums over a cluster, then a launch, then all launches of a kernel.
struct KernelCounts {
  // Shared memory by loads, stores, ldmatrix and stmatrix. A wavefront moves
  // up to 128 bytes; `ideal` is what the bytes would need without conflicts.
  uint64_t sharedReadBytes = 0, sharedWriteBytes = 0;
  uint64_t sharedWavefronts = 0, sharedIdeal = 0;
  // Global memory by loads, stores and atomics: bytes asked for, and sectors
  // of 32 bytes.
  uint64_t globalReadBytes = 0, globalWriteBytes = 0;
  uint64_t globalReadSectors = 0, globalWriteSectors = 0;
  uint64_t asyncCopyBytes = 0;                    ///< cp.async
  uint64_t bulkLoadBytes = 0, bulkStoreBytes = 0; ///< cp.async.bulk (TMA)
  uint64_t bulkCopies = 0;
  // Tensor cores: instructions of warps (mma) and warpgroups (wgmma, counted
  // as quarters), multiply-accumulates by operand width, and bytes that wgmma
  // reads of shared memory.
  uint64_t mmaInstructions = 0, wgmmaQuarters = 0;
  uint64_t macs8 = 0, macs16 = 0, macs32 = 0;
  uint64_t wgmmaSharedBytes = 0;

  AccessBatch batch;

  /// One lane's access; lanes of one execution come one after the other.
  void add(const Warp &warp, const Access &access);
  /// Counts the batch.
  void flush();
  void add(const KernelCounts &other);
};

/// Wavefronts that a warp's access to shared memory takes: lanes are served in
/// groups of 128 bytes; within a group each of the 32 banks gives one word a
/// cycle, to all lanes that want it.
unsigned wavefronts(const uint64_t *addresses, unsigned lanes, uint32_t bytes);

/// Is a report wanted (ADZE_PTXSIM_REPORT)?
bool reportWanted();
/// Adds a launch to the report and writes the file again.
void reportLaunch(const Launch &launch, const KernelCounts &counts);

} // namespace adze::ptxsim

#endif
