//===- MemoryPlan.h - Arena planning as a problem on numbers ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Where buffers with known lifetimes lie in one arena, and in which order the
/// steps of a program make the least of them live at once. Plain data without
/// any IR, so that it can be tested against brute force. Everything here is
/// deterministic: limits count work, never time.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_MEMORYPLAN_H
#define ADZE_MEMORYPLAN_H

#include <cstdint>
#include <string>
#include <vector>

namespace adze::memory {

/// A buffer that is live in the steps `first` to `last`, both included.
struct Buffer {
  int64_t size = 0;      ///< bytes; 0 needs no memory
  int64_t alignment = 1; ///< of the offset, a power of two
  int64_t first = 0;
  int64_t last = 0;
};

/// Leave for a kernel's output to share memory with an input that dies in that
/// step. It holds only where `input.last == output.first` and
/// `input.first < output.first`, and is ignored elsewhere.
///
/// distance > 0: the kernel works upwards, and the output may lie `distance`
/// bytes or more below the input: offset(output) + distance <= offset(input)
/// (diagonal memory optimisation: Blacker, Bridges, Hadfield, "Rapid
/// deployment of DNNs for edge computing via structured pruning and diagonal
/// memory optimisation"). distance = 0: exactly in place,
/// offset(output) == offset(input), and nothing in between.
///
/// Rules are judged pair by pair, so an output may lie over two of its inputs.
/// Several rules for one pair are alternatives.
struct Overlap {
  int output = 0;
  int input = 0;
  int64_t distance = 0;
};

/// Two buffers that are live in a common step occupy disjoint bytes, unless an
/// overlap rule is met.
struct Problem {
  std::vector<Buffer> buffers;
  std::vector<Overlap> overlaps;
};

/// How much work is spent, in units that do not depend on the machine.
struct Effort {
  int64_t improvementVisits = 20'000'000; ///< pairs looked at when improving
  int64_t exactNodes = 100'000;           ///< placements of branch and bound
  int exactBuffers = 40; ///< at most so many for an exact solution
};

struct Plan {
  std::vector<int64_t> offsets; ///< one for each buffer
  int64_t peak = 0;             ///< bytes of the arena
  int64_t bound = 0;            ///< no plan needs fewer bytes
  /// The step that needs the most bytes among those in which a buffer reaches
  /// the peak (-1: no buffer), and what is live there.
  int64_t peakStep = -1;
  std::vector<int> peakBuffers;

  bool optimal() const { return peak == bound; }
};

/// Offsets with a small peak: several greedy orders, branch and bound when the
/// problem is small, improvement of the best order otherwise. Sizes count as
/// rounded up to the smallest alignment in the problem.
Plan planOffsets(const Problem &problem, const Effort &effort = {});

/// A proven lower bound without search: the most bytes that one step needs,
/// where the sizes of an output and its dying inputs count less the largest
/// overlap that the rules could allow.
int64_t lowerBound(const Problem &problem);

/// Checks a plan from the definitions above, sharing no code with the planner.
/// Returns what is wrong, or an empty string.
std::string verifyPlan(const Problem &problem,
                       const std::vector<int64_t> &offsets);

/// A program whose steps may be reordered. Values live from the step that
/// makes them to their last use.
struct StepGraph {
  struct Value {
    int64_t size = 0;
    int producer = -1; ///< a step, or -1: there from the start
    bool kept = false; ///< live to the end of the program
    /// The whole that it is a part of, by index into `wholes`; -1: none.
    int whole = -1;
  };
  struct Step {
    std::vector<int> uses; ///< values read
    int64_t scratch = 0;   ///< bytes that are live in this step alone
    /// Bytes that an output saves by overlapping an input that dies in this
    /// step: (value, bytes). The largest of each value that dies counts, and
    /// together they count up to the bytes that the step makes.
    std::vector<std::pair<int, int64_t>> savings;
    std::vector<int> after; ///< steps that must come before this one
  };
  std::vector<Value> values;
  std::vector<Step> steps; ///< in a valid order
  /// Bytes of buffers that are made in parts: all of one is live as soon as the
  /// first of its values is made, and as long as any of them is live. Their own
  /// sizes count for savings alone.
  std::vector<int64_t> wholes;
};

struct StepOrder {
  std::vector<int> steps; ///< the steps in their new order
  int64_t peak = 0;       ///< the most live bytes in a step
  bool optimal = false;   ///< proven least over all orders
};

/// The most bytes live in a step when the steps run in the given order.
int64_t livePeak(const StepGraph &graph, const std::vector<int> &order);

/// A topological order with the least peak of live bytes: best-first search
/// over the sets of finished steps, within `states` sets; a beam search where
/// that is not enough. Keeps the given order unless another one is better.
StepOrder orderSteps(const StepGraph &graph, int64_t states = 50'000);

/// A proven lower bound of the peak over all orders: the least peak where the
/// search within `states` sets of finished steps comes to an end, else what the
/// largest step needs by itself.
int64_t orderBound(const StepGraph &graph, int64_t states = 50'000);

} // namespace adze::memory

#endif
