//===- Weights.cpp - Scales of weights, and biases ------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Weights.h"
#include "Insert.h"
#include "Ranges.h"

#include "adze/Diagnostics.h"

#include <algorithm>
#include <cmath>

using namespace adze;
using namespace adze::quantize;

static const Constant &weightsOf(const Graph &graph, const Layer &layer) {
  return graph.constants.at(graph.nodes[size_t(layer.nodes[0])].inputs[1]);
}

static float roundWeight(float weight, double scale) {
  return float(roundTrip(double(weight), scale, 0, -127, 127));
}

//===----------------------------------------------------------------------===//
// By the weights alone
//===----------------------------------------------------------------------===//

/// Of the weights that `visit` goes through.
template <typename ForEach>
static double weightScale(const Constant &weights, bool leastError,
                          const ForEach &forEach) {
  double most = 0;
  forEach([&](int64_t at) {
    most = std::max(most, std::fabs(double(weights.floats[size_t(at)])));
  });
  // A channel of zeros has any scale; its bias needs a fine one.
  constexpr double least = 1e-12;
  double scale = std::max(most / 127, least);
  if (!leastError || most == 0)
    return most == 0 ? 1.0 / 256 : scale;
  double best = scale, bestError = -1;
  for (int percent = 100; percent >= 50; --percent) {
    double candidate = scale * percent / 100, error = 0;
    forEach([&](int64_t at) {
      double weight = double(weights.floats[size_t(at)]);
      double difference = roundTrip(weight, candidate, 0, -127, 127) - weight;
      error += difference * difference;
    });
    if (bestError < 0 || error < bestError) {
      bestError = error;
      best = candidate;
    }
  }
  return best;
}

void quantize::chooseWeightScales(const Graph &graph,
                                  const QuantizeOptions &options, Plan &plan) {
  bool leastError = options.method == Calibration::Mse ||
                    options.method == Calibration::Cosine;
  plan.weightScales.assign(plan.layers.size(), {});
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer &layer = plan.layers[i];
    if (!layer.weights)
      continue;
    const Constant &weights = weightsOf(graph, layer);
    std::vector<double> &scales = plan.weightScales[i];
    if (options.perChannel && layer.weights->axis) {
      for (int64_t c = 0; c < layer.weights->channels; ++c)
        scales.push_back(
            weightScale(weights, leastError, [&](const auto &visit) {
              layer.weights->forEach(c, visit);
            }));
    } else {
      scales.push_back(weightScale(weights, leastError, [&](const auto &visit) {
        for (size_t at = 0; at < weights.floats.size(); ++at)
          visit(int64_t(at));
      }));
    }
  }
}

void quantize::fitBiases(const Graph &graph, Plan &plan) {
  // A quarter of the range is left to the sum.
  constexpr double most = double(int64_t(1) << 30);
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer &layer = plan.layers[i];
    if (!layer.weights || layer.bias.empty())
      continue;
    const Constant &bias = graph.constants.at(layer.bias);
    double inputScale = plan.group(layer.inputs[0])->scale;
    std::vector<double> &scales = plan.weightScales[i];
    for (size_t c = 0; c < bias.floats.size(); ++c) {
      double &scale = scales[scales.size() == 1 ? 0 : c];
      scale = std::max(scale,
                       std::fabs(double(bias.floats[c])) / inputScale / most);
    }
  }
}

//===----------------------------------------------------------------------===//
// By the layer's results
//===----------------------------------------------------------------------===//

namespace {
/// Sums of products, of which a cosine is made.
struct Cosine {
  double xy = 0, xx = 0, yy = 0;
  void add(float x, float y) {
    xy += double(x) * double(y);
    xx += double(x) * double(x);
    yy += double(y) * double(y);
  }
  double value() const {
    double norm = std::sqrt(xx) * std::sqrt(yy);
    return norm > 0 ? xy / norm : xx == yy ? 1 : 0;
  }
};

/// The search in one layer.
struct LayerSearch {
  const Constant &constant;
  const WeightLayout &layout;
  const LinearData &data;
  std::vector<std::vector<float>> exact; // float results

  using Matrices = std::vector<std::vector<float>>;

  LayerSearch(const Constant &constant, const WeightLayout &layout,
              const LinearData &data)
      : constant(constant), layout(layout), data(data) {
    Matrices weights = data.weights(
        constant, layout, [](float weight, int64_t) { return weight; });
    exact = multiply(data, data.inputs, weights);
  }

  Matrices roundedWeights(const std::vector<double> &scales,
                          double factor) const {
    return data.weights(constant, layout, [&](float weight, int64_t c) {
      return roundWeight(weight,
                         scales[scales.size() == 1 ? 0 : size_t(c)] * factor);
    });
  }

  /// The cosine of each channel, or of all together.
  std::vector<double> cosines(const Matrices &result, bool byChannel) const {
    std::vector<Cosine> sums(byChannel ? size_t(layout.channels) : 1);
    for (size_t g = 0; g < result.size(); ++g)
      for (size_t at = 0; at < result[g].size(); ++at) {
        size_t channel =
            g * size_t(data.groupChannels) + at % size_t(data.groupChannels);
        sums[byChannel ? channel : 0].add(exact[g][at], result[g][at]);
      }
    std::vector<double> values;
    for (const Cosine &sum : sums)
      values.push_back(sum.value());
    return values;
  }

  /// Weights that fit the input as it is rounded now.
  void searchWeights(const Matrices &inputs,
                     std::vector<double> &scales) const {
    std::vector<double> best(scales.size(), -2), chosen = scales;
    for (int percent = 50; percent <= 120; percent += 5) {
      std::vector<double> now = cosines(
          multiply(data, inputs, roundedWeights(scales, percent / 100.0)),
          scales.size() > 1);
      for (size_t c = 0; c < scales.size(); ++c)
        if (now[c] > best[c]) {
          best[c] = now[c];
          chosen[c] = scales[c] * percent / 100;
        }
    }
    scales = chosen;
  }
};
} // namespace

/// Whether only this layer computes with the group's numbers, as they were
/// made: what one layer would rather clip, another may need; and behind an
/// average numbers are smaller than before it.
static bool ownsInput(const Plan &plan, const Layer &layer,
                      const Group &group) {
  int readers = 0;
  for (const Layer &other : plan.layers)
    for (const std::string &name : other.inputs)
      readers += plan.group(name) == &group;
  return readers == 1 && group.sources.size() == 1 &&
         group.sources[0] == layer.inputs[0];
}

void quantize::searchScales(const Graph &graph,
                            const std::vector<LinearData> &data,
                            const Progress &progress, Plan &plan) {
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    if (progress)
      progress("searching scales of " + printable(plan.layers[i].name),
               0.4 + 0.3 * double(i) / double(plan.layers.size()));
    const Layer &layer = plan.layers[i];
    if (!layer.weights || data[i].rows() == 0)
      continue;
    LayerSearch search(weightsOf(graph, layer), *layer.weights, data[i]);
    Group &group = plan.groups[plan.groupOf[layer.inputs[0]]];
    const int high = largest(group.bits);
    Range start{(-high - 1 - group.zeroPoint) * group.scale,
                (high - group.zeroPoint) * group.scale};
    for (int turn = 0; turn < 2; ++turn) {
      search.searchWeights(
          data[i].rounded(group.scale, group.zeroPoint, group.bits),
          plan.weightScales[i]);
      if (group.fixed || !ownsInput(plan, layer, group))
        break;
      LayerSearch::Matrices weights =
          search.roundedWeights(plan.weightScales[i], 1);
      double best = -2;
      Group chosen = group;
      for (int percent = 50; percent <= 120; percent += 2) {
        Group candidate = group;
        setScale(candidate,
                 {start.low * percent / 100, start.high * percent / 100});
        double now = search.cosines(
            multiply(data[i],
                     data[i].rounded(candidate.scale, candidate.zeroPoint,
                                     candidate.bits),
                     weights),
            false)[0];
        if (now > best) {
          best = now;
          chosen = candidate;
        }
      }
      group.scale = chosen.scale;
      group.zeroPoint = chosen.zeroPoint;
    }
  }
}

//===----------------------------------------------------------------------===//
// Biases
//===----------------------------------------------------------------------===//

void quantize::correctBiases(const std::vector<LinearData> &data, Graph &graph,
                             Plan &plan) {
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    Layer &layer = plan.layers[i];
    // A MatMul of more than two dimensions has no place for a new bias.
    if (!layer.weights || data[i].rows() == 0 ||
        (layer.bias.empty() && layer.op == "MatMul"))
      continue;
    LayerSearch search(weightsOf(graph, layer), *layer.weights, data[i]);
    const Group &group = *plan.group(layer.inputs[0]);
    LayerSearch::Matrices rounded = multiply(
        data[i], data[i].rounded(group.scale, group.zeroPoint, group.bits),
        search.roundedWeights(plan.weightScales[i], 1));
    std::vector<double> sums(size_t(layer.weights->channels));
    for (size_t g = 0; g < rounded.size(); ++g)
      for (size_t at = 0; at < rounded[g].size(); ++at)
        sums[g * size_t(data[i].groupChannels) +
             at % size_t(data[i].groupChannels)] +=
            double(search.exact[g][at]) - double(rounded[g][at]);
    // The bias may be another layer's too: this one gets its own.
    Node &node = graph.nodes[size_t(layer.nodes[0])];
    Constant bias = Constant::ofFloats({layer.weights->channels},
                                       std::vector<float>(sums.size(), 0.0f));
    if (!layer.bias.empty())
      bias = graph.constants.at(layer.bias);
    for (size_t c = 0; c < sums.size(); ++c)
      bias.floats[c] += float(sums[c] / double(data[i].rows()));
    std::string name = graph.freshName(node.outputs[0] + "_corrected_bias");
    if (layer.bias.empty()) {
      node.inputs.resize(3);
      node.inputs[2] = name;
    } else {
      for (int index : layer.nodes)
        for (std::string &input : graph.nodes[size_t(index)].inputs)
          if (input == layer.bias)
            input = name;
    }
    layer.bias = name;
    graph.constants[name] = std::move(bias);
  }
}
