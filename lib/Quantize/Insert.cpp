//===- Insert.cpp - The quantized graph -----------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The patterns are those that onnxruntime's own quantizer and tf2onnx write:
// a value that is read as integers is followed by QuantizeLinear and
// DequantizeLinear; weights and biases are integer constants with a
// DequantizeLinear; the bias' scale is the product of the input's and the
// weights'.
//
//===----------------------------------------------------------------------===//

#include "Insert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace adze;
using namespace adze::quantize;

int64_t quantize::roundTo(double value, int64_t low, int64_t high) {
  double rounded = std::nearbyint(value);
  if (std::isnan(rounded))
    return 0;
  return int64_t(std::clamp(rounded, double(low), double(high)));
}

namespace {

class Inserter {
public:
  Inserter(const Graph &graph, const Plan &plan, Graph &out)
      : graph(graph), plan(plan), out(out) {
    for (const Node &node : graph.nodes)
      names.insert(node.name);
  }

  /// The dequantized form of `from`, which has the group's scale.
  std::string roundTrip(const std::string &from, const Group &group,
                        const std::string &base, const std::string &result);
  /// Adds the layer; `read` gives the name under which it reads a value.
  /// Returns the names of the float results before they are rounded.
  template <typename Read>
  std::vector<std::string> addLayer(size_t index, const Read &read,
                                    const std::string &suffix);

private:
  const Graph &graph;
  const Plan &plan;
  Graph &out;
  std::set<std::string> names; // of nodes, which onnxruntime wants distinct

  Node &addNode(const std::string &op, const std::string &name,
                std::vector<std::string> inputs,
                std::vector<std::string> outputs);
  std::string weights(size_t layer, const std::string &suffix);
  std::string bias(size_t layer, const std::string &suffix);
  std::string operand(const std::string &name, const Layer &layer,
                      const std::string &suffix);
  std::string groupConstant(const std::string &name, const Group &group,
                            const std::string &suffix);
};

} // namespace

template <typename T> static std::string bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

template <typename T>
static Constant integers(ElementType type, std::vector<int64_t> shape,
                         const std::vector<int64_t> &values) {
  Constant constant;
  constant.type = type;
  constant.shape = std::move(shape);
  constant.bytes = bytesOf(std::vector<T>(values.begin(), values.end()));
  return constant;
}

static Constant smallIntegers(int bits, std::vector<int64_t> shape,
                              const std::vector<int64_t> &values) {
  return bits == 8
             ? integers<int8_t>(ElementType::Int8, std::move(shape), values)
             : integers<int16_t>(ElementType::Int16, std::move(shape), values);
}

Node &Inserter::addNode(const std::string &op, const std::string &name,
                        std::vector<std::string> inputs,
                        std::vector<std::string> outputs) {
  Node node;
  node.op = op;
  node.name = name + "_" + op;
  for (int number = 2; !names.insert(node.name).second; ++number)
    node.name = name + "_" + op + "_" + std::to_string(number);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  out.nodes.push_back(std::move(node));
  return out.nodes.back();
}

std::string Inserter::roundTrip(const std::string &from, const Group &group,
                                const std::string &base,
                                const std::string &result) {
  std::string integer = out.freshName(base + "_quantized"),
              scale = out.freshName(base + "_scale"),
              zeroPoint = out.freshName(base + "_zero_point");
  out.constants[scale] = Constant::ofFloats({}, {float(group.scale)});
  out.constants[zeroPoint] = smallIntegers(group.bits, {}, {group.zeroPoint});
  addNode("QuantizeLinear", base, {from, scale, zeroPoint}, {integer});
  addNode("DequantizeLinear", base, {integer, scale, zeroPoint}, {result});
  return result;
}

std::string Inserter::weights(size_t index, const std::string &suffix) {
  const Layer &layer = plan.layers[index];
  const std::string &name = graph.nodes[size_t(layer.nodes[0])].inputs[1];
  const Constant &weights = graph.constants.at(name);
  const std::vector<double> &scales = plan.weightScales[index];
  std::vector<int64_t> values(weights.floats.size());
  for (int64_t c = 0; c < layer.weights->channels; ++c) {
    double scale = double(float(scales[scales.size() == 1 ? 0 : size_t(c)]));
    layer.weights->forEach(c, [&](int64_t at) {
      values[size_t(at)] =
          roundTo(double(weights.floats[size_t(at)]) / scale, -127, 127);
    });
  }
  std::string base = name + suffix;
  std::string integer = out.freshName(base + "_quantized"),
              scale = out.freshName(base + "_scale"),
              zeroPoint = out.freshName(base + "_zero_point"),
              result = out.freshName(base + "_dequantized");
  out.constants[integer] = smallIntegers(8, weights.shape, values);
  bool perChannel = scales.size() > 1;
  int64_t count = int64_t(scales.size());
  std::vector<int64_t> shape;
  if (perChannel)
    shape = {count};
  out.constants[scale] =
      Constant::ofFloats(shape, {scales.begin(), scales.end()});
  out.constants[zeroPoint] =
      smallIntegers(8, shape, std::vector<int64_t>(size_t(count)));
  Node &node =
      addNode("DequantizeLinear", base, {integer, scale, zeroPoint}, {result});
  if (perChannel)
    node.attributes.integers["axis"] = *layer.weights->axis;
  return result;
}

std::string Inserter::bias(size_t index, const std::string &suffix) {
  const Layer &layer = plan.layers[index];
  const Constant &bias = graph.constants.at(layer.bias);
  const std::vector<double> &scales = plan.weightScales[index];
  const Group &input = *plan.group(layer.inputs[0]);
  std::vector<int64_t> values;
  std::vector<float> products;
  for (double scale : scales)
    products.push_back(float(input.scale) * float(scale));
  for (size_t c = 0; c < bias.floats.size(); ++c)
    values.push_back(roundTo(double(bias.floats[c]) /
                                 double(products[scales.size() == 1 ? 0 : c]),
                             INT32_MIN, INT32_MAX));
  std::string base = layer.bias + suffix;
  std::string integer = out.freshName(base + "_quantized"),
              scale = out.freshName(base + "_scale"),
              zeroPoint = out.freshName(base + "_zero_point"),
              result = out.freshName(base + "_dequantized");
  bool perChannel = products.size() > 1;
  std::vector<int64_t> shape;
  if (perChannel)
    shape = {int64_t(products.size())};
  out.constants[integer] =
      integers<int32_t>(ElementType::Int32, bias.shape, values);
  out.constants[zeroPoint] = integers<int32_t>(
      ElementType::Int32, shape, std::vector<int64_t>(products.size()));
  out.constants[scale] = Constant::ofFloats(shape, std::move(products));
  Node &node =
      addNode("DequantizeLinear", base, {integer, scale, zeroPoint}, {result});
  if (perChannel)
    node.attributes.integers["axis"] = 0;
  return result;
}

/// A constant operand, in one scale that fits it.
std::string Inserter::operand(const std::string &name, const Layer &layer,
                              const std::string &suffix) {
  const Constant &constant = graph.constants.at(name);
  double low = 0, high = 0;
  for (float value : constant.floats) {
    low = std::min(low, double(value));
    high = std::max(high, double(value));
  }
  Group group;
  group.bits = layer.bits;
  if (layer.bits == 8) {
    group.scale = std::max((high - low) / 255, 1e-30);
    group.zeroPoint = int(roundTo(-128 - low / group.scale, -128, 127));
  } else {
    group.scale = std::max(std::max(high, -low) / 32767, 1e-30);
  }
  return groupConstant(name, group, suffix);
}

std::string Inserter::groupConstant(const std::string &name, const Group &group,
                                    const std::string &suffix) {
  const Constant &constant = graph.constants.at(name);
  std::vector<int64_t> values;
  int64_t high = largest(group.bits);
  for (float value : constant.floats)
    values.push_back(
        roundTo(double(value) / double(float(group.scale)) + group.zeroPoint,
                -high - 1, high));
  std::string base = name + suffix;
  std::string integer = out.freshName(base + "_quantized"),
              scale = out.freshName(base + "_scale"),
              zeroPoint = out.freshName(base + "_zero_point"),
              result = out.freshName(base + "_dequantized");
  out.constants[integer] = smallIntegers(group.bits, constant.shape, values);
  out.constants[scale] = Constant::ofFloats({}, {float(group.scale)});
  out.constants[zeroPoint] = smallIntegers(group.bits, {}, {group.zeroPoint});
  addNode("DequantizeLinear", base, {integer, scale, zeroPoint}, {result});
  return result;
}

template <typename Read>
std::vector<std::string> Inserter::addLayer(size_t index, const Read &read,
                                            const std::string &suffix) {
  const Layer &layer = plan.layers[index];
  // Names of what the layer's nodes have made so far.
  std::unordered_map<std::string, std::string> inner;
  std::vector<std::string> results;
  for (size_t n = 0; n < layer.nodes.size(); ++n) {
    Node node = graph.nodes[size_t(layer.nodes[n])];
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      std::string &name = node.inputs[i];
      const Constant *constant = graph.constant(name);
      bool isNumbers = constant && constant->isFloat();
      if (name.empty())
        continue;
      if (auto made = inner.find(name); made != inner.end())
        name = made->second;
      else if (std::count(layer.inputs.begin(), layer.inputs.end(), name))
        name = read(name);
      else if (isNumbers && name == layer.bias && layer.weights)
        name = bias(index, suffix);
      else if (isNumbers && n == 0 && i == 1 && layer.weights)
        name = weights(index, suffix);
      else if (isNumbers && n == 0 && layer.rule == Rule::Arithmetic)
        name = operand(name, layer, suffix);
      else if (isNumbers && n == 0 && layer.op == "Concat")
        name = groupConstant(name, *plan.group(layer.outputs[0]), suffix);
    }
    bool last = n + 1 == layer.nodes.size();
    for (std::string &name : node.outputs) {
      if (name.empty())
        continue;
      std::string made = out.freshName(name + "_float" + suffix);
      inner[name] = made;
      if (last)
        results.push_back(made);
      name = made;
    }
    node.name += suffix;
    out.nodes.push_back(std::move(node));
  }
  return results;
}

/// What the new graph has of the old one: all but the nodes.
static Graph emptyCopy(const Graph &graph) {
  Graph out;
  out.path = graph.path;
  out.opset = graph.opset;
  out.header = graph.header;
  out.constants = graph.constants;
  out.inputs = graph.inputs;
  out.outputs = graph.outputs;
  out.types = graph.types;
  return out;
}

Graph quantize::insertQuantization(const Graph &graph, const Plan &plan,
                                   std::vector<std::string> *results) {
  Graph out = emptyCopy(graph);
  Inserter inserter(graph, plan, out);
  std::unordered_map<int, size_t> layerOf; // by its first node
  std::set<int> inLayers;
  std::set<std::string> read; // by layers
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer &layer = plan.layers[i];
    layerOf[layer.nodes[0]] = i;
    inLayers.insert(layer.nodes.begin(), layer.nodes.end());
    read.insert(layer.inputs.begin(), layer.inputs.end());
  }
  // A value of the float part is rounded for the layers that read it; the
  // others, and the model's outputs, go on reading the float value.
  std::unordered_map<std::string, std::string> rounded;
  auto roundForLayers = [&](const std::string &name) {
    if (read.count(name))
      rounded[name] = inserter.roundTrip(name, *plan.group(name), name,
                                         out.freshName(name + "_dequantized"));
  };
  for (const TensorSpec &input : graph.inputs)
    roundForLayers(input.name);
  if (results)
    results->resize(plan.layers.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    auto found = layerOf.find(int(i));
    if (found == layerOf.end()) {
      if (inLayers.count(int(i)))
        continue;
      out.nodes.push_back(graph.nodes[i]);
      for (const std::string &name : graph.nodes[i].outputs)
        roundForLayers(name);
      continue;
    }
    const Layer &layer = plan.layers[found->second];
    std::vector<std::string> made = inserter.addLayer(
        found->second,
        [&](const std::string &name) {
          auto known = rounded.find(name);
          return known == rounded.end() ? name : known->second;
        },
        "");
    // The results keep their names, dequantized: all others read those.
    for (size_t k = 0; k < made.size(); ++k)
      inserter.roundTrip(made[k], *plan.group(layer.outputs[k]),
                         layer.outputs[k], layer.outputs[k]);
    if (results)
      (*results)[found->second] = layer.outputs[0];
  }
  if (results)
    for (const std::string &name : *results)
      if (!out.isOutput(name))
        out.outputs.push_back(name);
  out.removeDead();
  return out;
}

Graph quantize::isolateLayers(const Graph &graph, const Plan &plan,
                              const ValueSpecs &specs,
                              std::vector<std::string> &results) {
  Graph out = emptyCopy(graph);
  out.inputs.clear();
  out.outputs.clear();
  Inserter inserter(graph, plan, out);
  std::unordered_map<std::string, std::string> rounded;
  auto asInput = [&](const std::string &name) {
    if (std::none_of(out.inputs.begin(), out.inputs.end(),
                     [&](const TensorSpec &spec) { return spec.name == name; }))
      out.inputs.push_back(specs.at(name));
  };
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer &layer = plan.layers[i];
    // Integers that it reads, such as indices.
    for (int index : layer.nodes)
      for (const std::string &name : graph.nodes[size_t(index)].inputs)
        if (specs.count(name) && !isFloat(specs.at(name).type))
          asInput(name);
    std::vector<std::string> made = inserter.addLayer(
        i,
        [&](const std::string &name) {
          asInput(name);
          std::string &result = rounded[name];
          if (result.empty())
            result = inserter.roundTrip(name, *plan.group(name), name,
                                        out.freshName(name + "_dequantized"));
          return result;
        },
        "_" + std::to_string(i));
    results.push_back(out.freshName("layer_" + std::to_string(i)));
    inserter.roundTrip(made[0], *plan.group(layer.outputs[0]), results.back(),
                       results.back());
    out.outputs.push_back(results.back());
    TensorSpec spec = specs.at(layer.outputs[0]);
    spec.name = results.back();
    out.types[results.back()] = spec;
  }
  out.removeDead();
  return out;
}
