//===- Equalize.cpp - Cross-layer equalisation ----------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, "Data-free quantization
// through weight equalization and bias correction", ICCV 2019, section 4.1:
// f(s x) = s f(x) for s > 0 holds for relu, for leaky relu, for pooling and for
// what moves numbers, so a factor may travel from a channel's weights to those
// that read the channel.
//
//===----------------------------------------------------------------------===//

#include "Weights.h"

#include <algorithm>
#include <cmath>

using namespace adze;
using namespace adze::quantize;

namespace {
/// A linear node and the only one that reads its result.
struct Pair {
  size_t first, second;
};
} // namespace

static bool isHomogeneous(const Node &node) {
  static const char *const operators[] = {
      "Relu",        "LeakyRelu",         "MaxPool",
      "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};
  return node.domain.empty() && node.outputs.size() == 1 &&
         std::any_of(std::begin(operators), std::end(operators),
                     [&](const char *name) { return node.op == name; });
}

static bool isLinear(const Graph &graph, const Node &node) {
  if ((node.op != "Conv" && node.op != "Gemm") || !weightLayout(graph, node))
    return false;
  if (node.inputs.size() < 3 || node.inputs[2].empty())
    return true;
  const Constant *bias = graph.constant(node.inputs[2]);
  return bias && bias->isFloat() && bias->shape.size() == 1 &&
         bias->shape[0] == weightLayout(graph, node)->channels;
}

/// Channels that the node reads, or 0 if they cannot be scaled one by one.
static int64_t inputChannels(const Graph &graph, const Node &node) {
  const std::vector<int64_t> &shape = graph.constants.at(node.inputs[1]).shape;
  if (node.op == "Conv") {
    int64_t groups = node.attributes.integer("group", 1);
    return groups < 1 || shape[0] % groups != 0 ? 0 : shape[1] * groups;
  }
  if (node.attributes.integer("transA", 0) != 0)
    return 0;
  return shape[node.attributes.integer("transB", 0) != 0 ? 1 : 0];
}

/// Visits (index, input channel) of every weight.
template <typename Visit>
static void forEachInput(const Graph &graph, const Node &node,
                         const Visit &visit) {
  const Constant &weights = graph.constants.at(node.inputs[1]);
  if (node.op == "Gemm") {
    int64_t columns = weights.shape[1];
    bool transposed = node.attributes.integer("transB", 0) != 0;
    for (int64_t at = 0; at < int64_t(weights.floats.size()); ++at)
      visit(at, transposed ? at % columns : at / columns);
    return;
  }
  int64_t groups = node.attributes.integer("group", 1);
  int64_t perGroup = weights.shape[1], outputs = weights.shape[0] / groups;
  int64_t taps = int64_t(weights.floats.size()) /
                 std::max<int64_t>(weights.shape[0] * perGroup, 1);
  for (int64_t at = 0; at < int64_t(weights.floats.size()); ++at) {
    int64_t result = at / (perGroup * taps), channel = at / taps % perGroup;
    visit(at, result / outputs * perGroup + channel);
  }
}

static std::vector<Pair> findPairs(const Graph &graph) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!isLinear(graph, graph.nodes[i]))
      continue;
    int next = graph.onlyConsumer(graph.nodes[i].outputs[0]);
    while (next >= 0 && isHomogeneous(graph.nodes[size_t(next)]))
      next = graph.onlyConsumer(graph.nodes[size_t(next)].outputs[0]);
    if (next < 0 || !isLinear(graph, graph.nodes[size_t(next)]) ||
        graph.nodes[size_t(next)].op != graph.nodes[i].op ||
        inputChannels(graph, graph.nodes[size_t(next)]) !=
            weightLayout(graph, graph.nodes[i])->channels)
      continue;
    pairs.push_back({i, size_t(next)});
  }
  return pairs;
}

/// Constants that only this node reads, under names of their own.
static void ownConstants(Graph &graph, Node &node) {
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i].empty())
      continue;
    std::string name =
        graph.freshName(node.outputs[0] + (i == 1 ? "_weights" : "_bias"));
    graph.constants[name] = graph.constants.at(node.inputs[i]);
    node.inputs[i] = name;
  }
}

int64_t quantize::equalizeLayers(Graph &graph) {
  std::vector<Pair> pairs = findPairs(graph);
  std::set<size_t> members;
  for (const Pair &pair : pairs)
    for (size_t index : {pair.first, pair.second})
      if (members.insert(index).second)
        ownConstants(graph, graph.nodes[index]);
  constexpr int rounds = 20; // of the pairs of a chain, to convergence
  for (int round = 0; round < rounds; ++round) {
    for (const Pair &pair : pairs) {
      const Node &first = graph.nodes[pair.first],
                 &second = graph.nodes[pair.second];
      WeightLayout layout = *weightLayout(graph, first);
      Constant &made = graph.constants.at(first.inputs[1]);
      Constant &read = graph.constants.at(second.inputs[1]);
      size_t channels = size_t(layout.channels);
      std::vector<double> madeRange(channels), readRange(channels),
          factor(channels, 1);
      for (size_t c = 0; c < channels; ++c)
        layout.forEach(int64_t(c), [&](int64_t at) {
          madeRange[c] = std::max(madeRange[c],
                                  std::fabs(double(made.floats[size_t(at)])));
        });
      forEachInput(graph, second, [&](int64_t at, int64_t c) {
        readRange[size_t(c)] = std::max(
            readRange[size_t(c)], std::fabs(double(read.floats[size_t(at)])));
      });
      // A channel that training has all but switched off stays: its result is
      // its bias, which must not grow with its weights.
      constexpr double dead = 1e-2;
      double mostMade = *std::max_element(madeRange.begin(), madeRange.end()),
             mostRead = *std::max_element(readRange.begin(), readRange.end());
      for (size_t c = 0; c < channels; ++c)
        if (madeRange[c] > dead * mostMade && readRange[c] > dead * mostRead)
          factor[c] = std::sqrt(madeRange[c] / readRange[c]);
      for (size_t c = 0; c < channels; ++c)
        layout.forEach(int64_t(c), [&](int64_t at) {
          float &weight = made.floats[size_t(at)];
          weight = float(double(weight) / factor[c]);
        });
      if (first.inputs.size() > 2 && !first.inputs[2].empty()) {
        Constant &bias = graph.constants.at(first.inputs[2]);
        for (size_t c = 0; c < channels; ++c)
          bias.floats[c] = float(double(bias.floats[c]) / factor[c]);
      }
      forEachInput(graph, second, [&](int64_t at, int64_t c) {
        float &weight = read.floats[size_t(at)];
        weight = float(double(weight) * factor[size_t(c)]);
      });
    }
  }
  graph.removeDead();
  return int64_t(pairs.size());
}
