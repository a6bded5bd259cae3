//===- Barriers.h - mbarrier objects ----------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_BARRIERS_H
#define ADZE_RUNTIME_PTXSIM_BARRIERS_H

#include "runtime/ptxsim/Hazards.h"

namespace adze::ptxsim {

/// An mbarrier object (PTX ISA 9.7.13.15). A phase ends when no arrival and no
/// byte is outstanding.
struct Mbarrier {
  uint32_t count = 0;    ///< arrivals that a phase takes
  uint32_t pending = 0;  ///< arrivals outstanding
  int64_t bytes = 0;     ///< tx-count
  uint32_t phase = 0;    ///< phases that have ended
  unsigned agent = 0;    ///< in vector clocks; its time is `phase`
  uint32_t baseTime = 0; ///< phases of objects that lay here before
  uint32_t initSite = 0;
  unsigned initAgent = 0;
  uint32_t initTime = 0;
  bool initFenced = false; ///< visible to the async proxy
  Knowledge arriving;      ///< of the current phase
  Knowledge done;          ///< of all phases that have ended

  uint32_t time() const { return baseTime + phase; }
};

/// Where an operand's mbarrier lies.
struct MbarrierPlace {
  Block *block = nullptr;
  uint32_t offset = 0;
};

/// The object there, or a hazard: nothing initialized it, or the warp has not
/// synchronized with the one who did. `asyncProxy`: a copy will complete on it.
Mbarrier &mbarrierAt(const Warp &warp, const Instruction &instruction, int lane,
                     const MbarrierPlace &place, bool asyncProxy);
/// The object there, or null.
Mbarrier *findMbarrier(Block &block, uint32_t offset);
/// Resolves lane `lane`'s address operand.
MbarrierPlace mbarrierPlace(const Warp &warp, const Instruction &instruction,
                            int lane, const AddressView &address, Space space);

/// `count` arrivals; `knowledge` is what they publish.
void arrive(const Warp &warp, const Instruction &instruction, int lane,
            const MbarrierPlace &place, Mbarrier &barrier, uint32_t count);
void expectBytes(const Warp &warp, const Instruction &instruction, int lane,
                 Mbarrier &barrier, int64_t bytes);
/// `bytes` of a copy that was issued in phase `issued` have arrived.
void completeBytes(const Warp &warp, const Instruction &instruction, int lane,
                   const MbarrierPlace &place, uint32_t bytes, uint32_t issued);

} // namespace adze::ptxsim

#endif
