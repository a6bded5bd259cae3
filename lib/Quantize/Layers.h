//===- Layers.h - What is quantized together --------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_LAYERS_H
#define ADZE_QUANTIZE_LAYERS_H

#include "Operators.h"

#include "adze/Quantize.h"

namespace adze::quantize {

/// Types and shapes of values, as the compiler knows them.
using ValueSpecs = std::unordered_map<std::string, TensorSpec>;

/// An operator with what is computed before its result is rounded: a bias, a
/// relu. It reads and writes integers.
struct Layer {
  std::string name, op; // of the operator's node
  Rule rule = Rule::None;
  std::vector<int> nodes; // of the graph, the operator's first
  /// Values that are read, each once, and the values that are made.
  std::vector<std::string> inputs, outputs;
  int bits = 8; // of the numbers that it reads and writes
  /// Of a linear layer with constant weights.
  std::optional<WeightLayout> weights;
  /// Name of its bias (one number for each channel), empty if it has none.
  std::string bias;
};

/// Values that have one scale and one zero point, and where these come from.
struct Group {
  std::vector<std::string> values;
  /// Values whose ranges decide: the others are made of their numbers.
  std::vector<std::string> sources;
  std::vector<std::string> constants; // of Concat, which count as well
  int bits = 8;
  std::optional<FixedRange> fixed;
  double scale = 0;
  int zeroPoint = 0;
};

struct Plan {
  std::vector<Layer> layers; // in order of execution
  std::vector<Group> groups;
  std::unordered_map<std::string, size_t> groupOf; // by value
  std::vector<QuantizeReport::Kept> kept; // nodes that stay as they are
  /// Scales of weights by layer: one for each channel, or one.
  std::vector<std::vector<double>> weightScales;

  const Group *group(const std::string &value) const {
    auto found = groupOf.find(value);
    return found == groupOf.end() ? nullptr : &groups[found->second];
  }
};

/// Finds layers and groups. `keep` says by node name what is not to be int8;
/// a name that is no node's is an error.
Status formPlan(const Graph &graph, const ValueSpecs &specs,
                const std::map<std::string, Keep> &keep, Plan &plan);

} // namespace adze::quantize

#endif
