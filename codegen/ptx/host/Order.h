//===- Order.h - Independent launches on several streams --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_HOST_ORDER_H
#define ADZE_CODEGEN_PTX_HOST_ORDER_H

#include "codegen/ptx/host/Places.h"

namespace adze::cuda {

/// What a launch or a copy touches.
struct Work {
  struct Access {
    Place place;
    bool isWrite = false;
  };
  std::vector<Access> accesses;
};

/// Where and after what a piece of work runs.
struct Slot {
  unsigned stream = 0;
  std::vector<unsigned> waits; // events that its stream waits for
  int event = -1;              // recorded behind it
};

struct Schedule {
  std::vector<Slot> slots; // one for each piece of work
  unsigned streams = 1, events = 0;
  /// Events on which stream 0 waits at the end.
  std::vector<unsigned> joins;
};

/// Spreads the work of a program without conditions over at most `streams`
/// streams: what shares no buffer that one of them writes may run at the same
/// time. Stream 0 begins and ends the program. Greedy, in program order: work
/// continues the stream of the predecessor that comes last, if nothing else
/// has yet, and opens a stream otherwise.
Schedule scheduleStreams(const std::vector<Work> &work, unsigned streams);

} // namespace adze::cuda

#endif
