//===- PlannerModel.h - The arena problem as pairwise distances -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What the solvers share. For two buffers a, b that are live together every
/// rule comes down to two distances: b above a wants
/// offset(b) >= offset(a) + gap(a, b), and a above b the other way round; gap
/// is the size of the lower buffer, or less where an overlap rule says so.
/// Pairs with an in-place rule may also have equal offsets.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_MEMORY_PLANNERMODEL_H
#define ADZE_PASSES_MEMORY_PLANNERMODEL_H

#include "adze/MemoryPlan.h"

#include <algorithm>

namespace adze::memory {

/// The other buffer of a pair that is live together, seen from one of the two.
struct Conflict {
  int other;
  int64_t
      gapAbove; ///< other above this: offset(other) - offset(this) >= gapAbove
  int64_t
      gapBelow; ///< other below this: offset(this) - offset(other) >= gapBelow
  bool inPlace; ///< offset(other) == offset(this) is allowed too
};

struct Model {
  std::vector<Buffer> buffers; ///< sizes rounded up to the smallest alignment
  std::vector<std::vector<Conflict>>
      conflicts; ///< by buffer, ascending `other`
  /// An output over an input of the same step, where a rule lets them overlap.
  struct RulePair {
    int output, input;
    int64_t overlap; ///< the most bytes that they can share
    int64_t head;    ///< first bytes of the output that stay free of the input
  };
  /// What is live in a step in which some buffer begins: the live set of any
  /// other step is contained in one of these.
  struct LiveSet {
    int64_t step;
    std::vector<int> buffers;
    std::vector<RulePair> pairs;

    /// The fewest bytes that those of the buffers for which `counts` holds can
    /// occupy together.
    template <typename Predicate>
    int64_t leastBytes(const std::vector<Buffer> &all, Predicate counts) const;
    int64_t leastBytes(const std::vector<Buffer> &all) const {
      return leastBytes(all, [](int) { return true; });
    }
  };
  std::vector<LiveSet> liveSets;

  explicit Model(const Problem &problem);

  int size() const { return static_cast<int>(buffers.size()); }
  const Conflict *findConflict(int a, int b) const;
  /// max(offset + size).
  int64_t peak(const std::vector<int64_t> &offsets) const;
};

/// Outputs of a step are disjoint, and so are its inputs; hence a byte lies in
/// at most one output and one input, and the union has as many bytes as the
/// sizes together less the pairwise overlaps. A pair in place overlaps by the
/// smaller size; on the diagonal the first `distance` bytes of the output stay
/// free of the input. The overlaps of one buffer with all its partners are
/// disjoint too, which caps their sum by the size of that buffer.
template <typename Predicate>
int64_t Model::LiveSet::leastBytes(const std::vector<Buffer> &all,
                                   Predicate counts) const {
  int64_t bytes = 0;
  for (int b : buffers)
    if (counts(b))
      bytes += all[b].size;
  int64_t savedByOutputs = 0, savedByInputs = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (!counts(pairs[i].output) || !counts(pairs[i].input))
      continue;
    int64_t byOutput = 0, byInput = 0, head = pairs[i].head;
    bool firstOfOutput = true, firstOfInput = true;
    for (size_t k = 0; k < pairs.size(); ++k) {
      if (!counts(pairs[k].output) || !counts(pairs[k].input))
        continue;
      if (pairs[k].output == pairs[i].output) {
        firstOfOutput &= k >= i;
        byOutput += pairs[k].overlap;
        head = std::min(head, pairs[k].head);
      }
      if (pairs[k].input == pairs[i].input) {
        firstOfInput &= k >= i;
        byInput += pairs[k].overlap;
      }
    }
    if (firstOfOutput)
      savedByOutputs += std::min(byOutput, all[pairs[i].output].size - head);
    if (firstOfInput)
      savedByInputs += std::min(byInput, all[pairs[i].input].size);
  }
  return bytes - std::min(savedByOutputs, savedByInputs);
}

inline int64_t alignUp(int64_t value, int64_t alignment) {
  return (value + alignment - 1) & -alignment;
}

/// A repeatable sequence of numbers (splitmix64: Steele, Lea, Flood 2014); the
/// distributions of the C++ library differ between implementations.
class Sequence {
public:
  explicit Sequence(uint64_t seed) : state(seed) {}
  /// A number below `limit`.
  uint64_t below(uint64_t limit) {
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (z ^ (z >> 31)) % limit;
  }

private:
  uint64_t state;
};

/// Greedy placement in several orders, then improvement of the best order by
/// moving buffers forward in it, until `bound` is met or the work is spent.
std::vector<int64_t> placeGreedily(const Model &model, int64_t bound);
std::vector<int64_t> improveGreedily(const Model &model, int64_t bound,
                                     std::vector<int64_t> start,
                                     int64_t visits);

/// Branch and bound. Starts from the best known offsets and replaces them by
/// better ones; returns whether what it leaves there is proven optimal.
bool placeExactly(const Model &model, int64_t bound,
                  std::vector<int64_t> &offsets, int64_t nodes);

} // namespace adze::memory

#endif
