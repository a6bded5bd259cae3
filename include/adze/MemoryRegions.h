//===- MemoryRegions.h - Buffers over several memories ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Which buffer lies in which of a chip's memories. The memories are ranges of
/// one space of offsets, one behind the other, each as long as what lies in it:
/// code that knows offsets alone need not know of them.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_MEMORYREGIONS_H
#define ADZE_MEMORYREGIONS_H

#include "adze/MemoryPlan.h"

namespace adze::memory {

/// A memory of the chip: what it offers, and what of it is taken.
struct Region {
  int64_t capacity = 0; ///< bytes that may be taken
  int64_t begin = 0;    ///< the offset at which its range begins
  int64_t size = 0;     ///< bytes that are taken
};

struct RegionPlan {
  std::vector<Region> regions;  ///< in the order given
  std::vector<int> regionOf;    ///< by buffer
  std::vector<int64_t> offsets; ///< by buffer, in the space of all regions
  /// The first buffer that fits in no region (-1: all do), the region in which
  /// the fewest bytes are missing for it, how many, and the buffers that are
  /// there in its lifetime.
  int misfit = -1;
  int nearest = -1;
  int64_t missing = 0;
  std::vector<int> beside;
};

/// Puts buffers into regions, the fastest first: one buffer after the other
/// takes the first region in which it fits beside those before it, judged by
/// planning the region anew. `traffic` are the bytes read and written of each
/// buffer; heat is traffic by size. The hottest choose first, with two ways to
/// order equals, then the largest; of these plans that one is taken which has
/// the most traffic in the fastest region. All buffers have one alignment, at
/// which regions begin and end; capacities are rounded down to it.
RegionPlan planRegions(const Problem &problem,
                       const std::vector<int64_t> &traffic,
                       const std::vector<int64_t> &capacities);

} // namespace adze::memory

#endif
