//===- Order.cpp - Independent launches on several streams ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/host/Order.h"

using namespace adze;
using namespace adze::cuda;

static bool conflicts(const Work &a, const Work &b) {
  for (const Work::Access &x : a.accesses)
    for (const Work::Access &y : b.accesses)
      if ((x.isWrite || y.isWrite) && x.place.overlaps(y.place))
        return true;
  return false;
}

namespace {
/// A stream as it is being filled.
struct Stream {
  int last = -1; // work
  /// For each stream the latest work of it that is known to have ended.
  std::vector<int> knows;
};
} // namespace

Schedule cuda::scheduleStreams(const std::vector<Work> &work, unsigned most) {
  Schedule schedule;
  schedule.slots.resize(work.size());
  std::vector<Stream> streams(1);
  // What was known behind each piece of work, and its event.
  std::vector<std::vector<int>> known(work.size());
  auto eventOf = [&](int i) {
    if (schedule.slots[i].event < 0)
      schedule.slots[i].event = int(schedule.events++);
    return unsigned(schedule.slots[i].event);
  };
  auto at = [](std::vector<int> &list, size_t i) -> int & {
    if (list.size() <= i)
      list.resize(i + 1, -1);
    return list[i];
  };

  for (int i = 0, e = int(work.size()); i < e; ++i) {
    std::vector<int> needed; // latest predecessor in each stream
    for (int j = 0; j < i; ++j)
      if (conflicts(work[j], work[i])) {
        int &latest = at(needed, schedule.slots[j].stream);
        latest = std::max(latest, j);
      }
    int chosen = -1, best = -1;
    for (size_t s = 0; s < needed.size(); ++s)
      if (needed[s] >= 0 && streams[s].last == needed[s] && needed[s] > best) {
        best = needed[s];
        chosen = int(s);
      }
    bool isFirst = i == 0;
    if (chosen < 0 && isFirst)
      chosen = 0;
    if (chosen < 0 && streams.size() < most) {
      chosen = int(streams.size());
      streams.emplace_back();
    }
    if (chosen < 0) { // the stream that has been idle longest
      chosen = 0;
      for (size_t s = 1; s < streams.size(); ++s)
        if (streams[s].last < streams[chosen].last)
          chosen = int(s);
    }
    Stream &stream = streams[chosen];
    Slot &slot = schedule.slots[i];
    slot.stream = unsigned(chosen);
    // A stream becomes part of a capture by waiting for one that is: work
    // without a predecessor waits for the first.
    if (stream.last < 0 && chosen != 0 &&
        llvm::all_of(needed, [](int j) { return j < 0; }))
      at(needed, 0) = 0;
    // Latest first: it may bring knowledge of the others.
    std::vector<int> order;
    for (size_t s = 0; s < needed.size(); ++s)
      if (int(s) != chosen && needed[s] >= 0)
        order.push_back(needed[s]);
    llvm::sort(order, std::greater<int>());
    for (int j : order) {
      unsigned from = schedule.slots[j].stream;
      if (at(stream.knows, from) >= j)
        continue;
      slot.waits.push_back(eventOf(j));
      at(stream.knows, from) = j;
      for (size_t s = 0; s < known[j].size(); ++s)
        at(stream.knows, s) = std::max(at(stream.knows, s), known[j][s]);
    }
    stream.last = i;
    known[i] = stream.knows;
    at(known[i], chosen) = i;
  }
  for (size_t s = 1; s < streams.size(); ++s)
    schedule.joins.push_back(eventOf(streams[s].last));
  schedule.streams = unsigned(streams.size());
  return schedule;
}
