//===- Prepare.cpp - The float graph as it will be quantized --------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Prepare.h"
#include "Operators.h"

#include "adze/Driver.h"
#include "runtime/native/TemporaryFolder.h"

#include <cmath>
#include <cstring>

using namespace adze;
using namespace adze::quantize;

//===----------------------------------------------------------------------===//
// Nodes without effect
//===----------------------------------------------------------------------===//

static void replaceReads(Graph &graph, const std::string &from,
                         const std::string &to) {
  for (Node &node : graph.nodes)
    for (std::string &input : node.inputs)
      if (input == from)
        input = to;
}

static bool isCaptured(const Graph &graph, const std::string &name) {
  for (const Node &node : graph.nodes)
    if (node.captured.count(name))
      return true;
  return false;
}

/// Identity, and Dropout whose mask nobody reads.
static void dropIdentities(Graph &graph) {
  for (Node &node : graph.nodes) {
    bool none = node.domain.empty() &&
                (node.op == "Identity" || node.op == "Dropout") &&
                !node.inputs.empty() && !node.outputs.empty();
    if (!none || graph.isOutput(node.outputs[0]) ||
        isCaptured(graph, node.outputs[0]))
      continue;
    if (node.op == "Dropout" && (node.inputs.size() > 2 || // training_mode
                                 (node.outputs.size() > 1 &&
                                  !graph.consumers(node.outputs[1]).empty())))
      continue;
    replaceReads(graph, node.outputs[0], node.inputs[0]);
  }
  graph.removeDead();
}

//===----------------------------------------------------------------------===//
// Weights of linear operators, row by row
//===----------------------------------------------------------------------===//

static void makeEditable(Node &node) { node.message.clear(); }

/// A constant of its own for the node's input, filled by `values`.
static Constant &ownConstant(Graph &graph, Node &node, size_t input,
                             const std::string &suffix,
                             std::vector<int64_t> shape) {
  std::string name = graph.freshName(node.outputs[0] + suffix);
  if (node.inputs.size() <= input)
    node.inputs.resize(input + 1);
  Constant constant;
  const Constant *old = graph.constant(node.inputs[input]);
  if (old)
    constant = *old;
  else
    constant = Constant::ofFloats(
        shape, std::vector<float>(size_t(shape.empty() ? 1 : shape[0]), 0.0f));
  node.inputs[input] = name;
  return graph.constants[name] = std::move(constant);
}

/// y = factor[c] * y + offset[c] for each output channel c, moved into the
/// weights and bias of the linear node that makes y.
static void scaleOutputs(Graph &graph, Node &node,
                         const std::vector<double> &factor,
                         const std::vector<double> &offset) {
  WeightLayout layout = *weightLayout(graph, node);
  Constant &weights =
      ownConstant(graph, node, 1, "_weights", {layout.channels});
  for (int64_t c = 0; c < layout.channels; ++c)
    layout.forEach(c, [&](int64_t at) {
      weights.floats[size_t(at)] =
          float(double(weights.floats[size_t(at)]) * factor[size_t(c)]);
    });
  Constant &bias = ownConstant(graph, node, 2, "_bias", {layout.channels});
  for (int64_t c = 0; c < layout.channels; ++c)
    bias.floats[size_t(c)] = float(
        double(bias.floats[size_t(c)]) * factor[size_t(c)] + offset[size_t(c)]);
}

/// The result of `linear` is now what `follower` made, which is to be removed.
static void absorb(Graph &graph, int linear, int follower) {
  Node &node = graph.nodes[size_t(linear)];
  Node &gone = graph.nodes[size_t(follower)];
  node.outputs[0] = gone.outputs[0];
  gone.outputs[0].clear();
  gone.inputs.clear();
}

static bool hasBias(const Node &node) {
  return node.inputs.size() > 2 && !node.inputs[2].empty();
}

/// Whether weights and bias can be changed: constants, a bias of one number
/// for each channel.
static bool isLinear(const Graph &graph, const Node &node) {
  std::optional<WeightLayout> layout = weightLayout(graph, node);
  if (!layout || node.op == "MatMul")
    return false;
  if (!hasBias(node))
    return true;
  const Constant *bias = graph.constant(node.inputs[2]);
  return bias && bias->isFloat() && bias->shape.size() == 1 &&
         bias->shape[0] == layout->channels;
}

/// Numbers of a constant that has one element, or one for each channel of a
/// result of rank `rank` with channels at dimension `axis`.
static bool perChannel(const Constant *constant, int64_t channels, size_t rank,
                       size_t axis, std::vector<double> &values) {
  if (!constant || !constant->isFloat() || constant->shape.size() > rank)
    return false;
  if (constant->floats.size() == 1) {
    values.assign(size_t(channels), double(constant->floats[0]));
    return true;
  }
  if (int64_t(constant->floats.size()) != channels)
    return false;
  size_t missing = rank - constant->shape.size();
  if (axis < missing || constant->shape[axis - missing] != channels)
    return false;
  values.assign(constant->floats.begin(), constant->floats.end());
  return true;
}

/// What a node that follows a linear one does to its channels.
static bool channelwise(const Graph &graph, const Node &node,
                        const std::string &value, const WeightLayout &layout,
                        std::vector<double> &factor,
                        std::vector<double> &offset) {
  size_t channels = size_t(layout.channels);
  factor.assign(channels, 1);
  offset.assign(channels, 0);
  if (!node.domain.empty())
    return false;
  if (node.op == "BatchNormalization") {
    if (node.inputs.size() != 5 || node.inputs[0] != value ||
        node.attributes.integer("training_mode", 0) != 0)
      return false;
    const Constant *parts[4];
    for (size_t i = 0; i < 4; ++i) {
      parts[i] = graph.constant(node.inputs[i + 1]);
      if (!parts[i] || !parts[i]->isFloat() ||
          parts[i]->floats.size() != channels)
        return false;
    }
    double epsilon = double(node.attributes.number("epsilon", 1e-5f));
    for (size_t c = 0; c < channels; ++c) {
      factor[c] = double(parts[0]->floats[c]) /
                  std::sqrt(double(parts[3]->floats[c]) + epsilon);
      offset[c] =
          double(parts[1]->floats[c]) - double(parts[2]->floats[c]) * factor[c];
      if (!std::isfinite(factor[c]) || !std::isfinite(offset[c]))
        return false;
    }
    return true;
  }
  if (node.inputs.size() != 2)
    return false;
  bool first = node.inputs[0] == value;
  const Constant *other = graph.constant(node.inputs[first ? 1 : 0]);
  size_t rank = layout.resultRank, axis = layout.resultAxis;
  if (node.op == "Add")
    return perChannel(other, layout.channels, rank, axis, offset);
  if (node.op == "Mul")
    return perChannel(other, layout.channels, rank, axis, factor);
  if (!first)
    return false;
  if (node.op == "Sub" &&
      perChannel(other, layout.channels, rank, axis, offset)) {
    for (double &value : offset)
      value = -value;
    return true;
  }
  if (node.op == "Div" &&
      perChannel(other, layout.channels, rank, axis, factor)) {
    for (double &value : factor) {
      if (value == 0)
        return false;
      value = 1 / value;
    }
    return true;
  }
  return false;
}

static void foldIntoWeights(Graph &graph) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (!isLinear(graph, graph.nodes[i]))
        continue;
      std::string value = graph.nodes[i].outputs[0];
      int next = graph.onlyConsumer(value);
      if (next < 0)
        continue;
      const Node &follower = graph.nodes[size_t(next)];
      if (follower.outputs.size() != 1)
        continue;
      WeightLayout layout = *weightLayout(graph, graph.nodes[i]);
      std::vector<double> factor, offset;
      if (!channelwise(graph, follower, value, layout, factor, offset))
        continue;
      scaleOutputs(graph, graph.nodes[i], factor, offset);
      absorb(graph, int(i), next);
      graph.nodes.erase(graph.nodes.begin() + next);
      changed = true;
      break;
    }
  }
  graph.removeDead();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// A MatMul of a matrix of known rank 2 with constant weights is a Gemm, which
/// has a place for a bias.
static void turnIntoGemm(Graph &graph) {
  for (Node &node : graph.nodes) {
    if (node.op != "MatMul" || !node.domain.empty() || node.inputs.size() != 2)
      continue;
    const Constant *weights = graph.constant(node.inputs[1]);
    auto type = graph.types.find(node.inputs[0]);
    if (!weights || !weights->isFloat() || weights->shape.size() != 2 ||
        type == graph.types.end() || type->second.shape.size() != 2)
      continue;
    makeEditable(node);
    node.op = "Gemm";
    node.attributes = {};
  }
}

/// alpha and beta of a Gemm move into its weights and bias; a bias of shape
/// [1, N] or of one number becomes one of shape [N].
static void normaliseGemms(Graph &graph) {
  for (Node &node : graph.nodes) {
    if (node.op != "Gemm" || !node.domain.empty() || node.inputs.size() < 2 ||
        !weightLayout(graph, node))
      continue;
    WeightLayout layout = *weightLayout(graph, node);
    std::vector<double> values;
    if (hasBias(node) && !perChannel(graph.constant(node.inputs[2]),
                                     layout.channels, 2, 1, values))
      continue;
    double alpha = double(node.attributes.number("alpha", 1)),
           beta = double(node.attributes.number("beta", 1));
    node.attributes.floats.clear();
    makeEditable(node);
    if (hasBias(node)) {
      std::string name = graph.freshName(node.outputs[0] + "_bias");
      std::vector<float> bias;
      for (double value : values)
        bias.push_back(float(value * beta));
      node.inputs[2] = name;
      graph.constants[name] =
          Constant::ofFloats({layout.channels}, std::move(bias));
    }
    if (alpha != 1) {
      Constant &weights = ownConstant(graph, node, 1, "_weights", {});
      for (float &value : weights.floats)
        value = float(double(value) * alpha);
    }
  }
}

/// A normalisation that no convolution takes in is a depthwise convolution of
/// one pixel.
static void turnIntoConvolution(Graph &graph) {
  for (Node &node : graph.nodes) {
    if (node.op != "BatchNormalization" || !node.domain.empty() ||
        node.outputs.size() != 1 || node.inputs.size() != 5)
      continue;
    auto type = graph.types.find(node.inputs[0]);
    if (type == graph.types.end() || type->second.shape.size() < 3 ||
        type->second.type != ElementType::Float32)
      continue;
    size_t rank = type->second.shape.size();
    int64_t channels = type->second.shape[1];
    WeightLayout layout;
    layout.channels = channels;
    std::vector<double> factor, offset;
    if (channels < 1 ||
        !channelwise(graph, node, node.inputs[0], layout, factor, offset))
      continue;
    std::vector<int64_t> shape(rank, 1);
    shape[0] = channels;
    std::string weights = graph.freshName(node.outputs[0] + "_weights"),
                bias = graph.freshName(node.outputs[0] + "_bias");
    graph.constants[weights] =
        Constant::ofFloats(shape, {factor.begin(), factor.end()});
    graph.constants[bias] =
        Constant::ofFloats({channels}, {offset.begin(), offset.end()});
    makeEditable(node);
    node.op = "Conv";
    node.attributes = {};
    node.attributes.integers["group"] = channels;
    node.attributes.lists["kernel_shape"] = std::vector<int64_t>(rank - 2, 1);
    node.inputs = {node.inputs[0], weights, bias};
  }
  graph.removeDead();
}

void quantize::prepare(Graph &graph) {
  dropIdentities(graph);
  turnIntoGemm(graph);
  normaliseGemms(graph);
  foldIntoWeights(graph);
  turnIntoConvolution(graph);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Status quantize::foldConstants(Graph &graph) {
  Graph part;
  part.path = graph.path;
  part.opset = graph.opset;
  part.header = graph.header;
  std::set<std::string> known;
  for (const auto &[name, constant] : graph.constants)
    if (constant.opaque.empty())
      known.insert(name);
  for (const Node &node : graph.nodes) {
    bool constant = !node.inputs.empty() && node.captured.empty() &&
                    node.domain.empty() && node.op.rfind("Random", 0) != 0 &&
                    node.op != "Bernoulli" && node.op != "Multinomial";
    for (const std::string &input : node.inputs)
      constant &= input.empty() || known.count(input) != 0;
    // A node that only makes a large tensor of a small one stays.
    constant &= node.op != "ConstantOfShape" && node.op != "Expand" &&
                node.op != "Tile";
    if (!constant)
      continue;
    known.insert(node.outputs.begin(), node.outputs.end());
    part.nodes.push_back(node);
  }
  std::set<std::string> made;
  for (const Node &node : part.nodes)
    made.insert(node.outputs.begin(), node.outputs.end());
  made.erase("");
  // What a node that stays reads.
  for (const std::string &name : made) {
    bool read = false;
    for (int user : graph.consumers(name))
      for (const std::string &result : graph.nodes[size_t(user)].outputs)
        read |= !made.count(result);
    auto type = graph.types.find(name);
    if (read && type != graph.types.end() &&
        type->second.type == ElementType::Float32 && !graph.isOutput(name)) {
      part.outputs.push_back(name);
      part.types[name] = type->second;
    }
  }
  if (part.outputs.empty())
    return Status::success();
  part.constants = graph.constants;
  part.removeDead();
  TemporaryFolder folder;
  if (Status status = folder.create(); !status)
    return status;
  std::string path = folder.file("constants.onnx");
  if (Status status = writeGraph(part, path); !status)
    return status;
  CompileOptions options;
  CompiledModel compiled;
  std::unique_ptr<Executable> executable;
  std::vector<Tensor> results;
  // What cannot be evaluated stays a node: its layer will stay in float.
  if (!compileModel(path, options, compiled) ||
      !loadExecutable(compiled, executable) || !executable->run({}, results))
    return Status::success();
  for (const Tensor &result : results) {
    if (result.spec.type != ElementType::Float32)
      continue;
    Constant constant = Constant::ofFloats(
        result.spec.shape,
        std::vector<float>(size_t(result.spec.numElements())));
    std::memcpy(constant.floats.data(), result.data(),
                constant.floats.size() * sizeof(float));
    int producer = graph.producer(result.spec.name);
    if (producer < 0 || graph.nodes[size_t(producer)].outputs.size() != 1)
      continue;
    graph.constants[result.spec.name] = std::move(constant);
    graph.nodes.erase(graph.nodes.begin() + producer);
  }
  graph.removeDead();
  return Status::success();
}
