//===- Layers.cpp - What is quantized together ----------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Layers.h"

#include "adze/Diagnostics.h"
#include "lib/Support/Spelling.h"

#include <algorithm>
#include <numeric>

using namespace adze;
using namespace adze::quantize;

namespace {

class Former {
public:
  Former(const Graph &graph, const ValueSpecs &specs,
         const std::map<std::string, Keep> &keep, Plan &plan)
      : graph(graph), specs(specs), keep(keep), plan(plan) {}
  Status run();

private:
  const Graph &graph;
  const ValueSpecs &specs;
  const std::map<std::string, Keep> &keep;
  Plan &plan;
  std::vector<bool> taken; // nodes that are in a layer

  Status checkNames() const;
  bool isActivation(const std::string &value) const;
  std::string refusal(const Node &node, Layer &layer) const;
  void fuse(Layer &layer);
  bool isFusable(const Node &node) const;
  int biasBehind(const Layer &layer) const;
  void addLayer(int index);
  void dropIsolated();
  void formGroups();
};

} // namespace

Status Former::checkNames() const {
  std::vector<std::string> names;
  for (const Node &node : graph.nodes)
    names.push_back(node.name);
  for (const auto &[name, what] : keep)
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      Problem problem;
      problem.model = graph.path;
      problem.what = "there is no node " + adze::quoted(name) +
                     " to be kept at " +
                     (what == Keep::Float ? "float" : "int16");
      std::string near = nearest(name, names);
      if (!near.empty())
        problem.advice = "did you mean " + adze::quoted(near) + "? ";
      problem.advice += "The report of 'adze quantize' lists the names (a node "
                        "that was folded into another has gone)";
      return Status::failure(problem.text());
    }
  return Status::success();
}

bool Former::isActivation(const std::string &value) const {
  auto found = specs.find(value);
  return found != specs.end() && found->second.type == ElementType::Float32;
}

/// Whether any value that the node touches is of floating point.
static bool touchesFloat(const Graph &graph, const ValueSpecs &specs,
                         const Node &node) {
  auto check = [&](const std::string &name) {
    if (auto found = specs.find(name); found != specs.end())
      return isFloat(found->second.type);
    const Constant *constant = graph.constant(name);
    return constant && isFloat(constant->type);
  };
  return std::any_of(node.outputs.begin(), node.outputs.end(), check);
}

/// Why the node cannot be a layer's operator, or nothing; fills the layer.
std::string Former::refusal(const Node &node, Layer &layer) const {
  layer.name = node.name;
  layer.op = node.op;
  layer.rule = ruleOf(node);
  if (auto found = keep.find(node.name); found != keep.end()) {
    if (found->second == Keep::Float)
      return "it was to be kept at float";
    layer.bits = 16;
  }
  // A relu behind an operator in float is computed before rounding.
  if (node.op == "Relu" || node.op == "Clip")
    if (int producer = graph.producer(node.inputs[0]);
        producer >= 0 && !taken[size_t(producer)])
      return "what it reads is computed in float";
  if (layer.rule == Rule::None)
    return "there is no rule to quantize " +
           (node.domain.empty() ? node.op : node.domain + "." + node.op);
  if (layer.rule == Rule::Linear) {
    layer.weights = weightLayout(graph, node);
    if (!layer.weights) {
      if (node.op != "MatMul")
        return "its weights are no float32 constant";
      layer.rule = Rule::Arithmetic;
    } else {
      if (node.op == "Gemm" && (node.attributes.integer("transA", 0) != 0 ||
                                node.attributes.number("alpha", 1) != 1 ||
                                node.attributes.number("beta", 1) != 1))
        return "its first operand is transposed or its bias is no vector";
      if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
        const Constant *bias = graph.constant(node.inputs[2]);
        if (!bias || !bias->isFloat() || bias->shape.size() != 1 ||
            bias->shape[0] != layer.weights->channels)
          return "its bias is no constant with a number for each channel";
        layer.bias = node.inputs[2];
      }
    }
  }
  if (node.op == "Pad" && node.inputs.size() > 2 && !node.inputs[2].empty()) {
    const Constant *value = graph.constant(node.inputs[2]);
    if (!value || !value->isFloat() || value->floats.size() != 1 ||
        value->floats[0] != 0)
      return "it pads with something other than zero";
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const std::string &name = node.inputs[i];
    if (name.empty() || graph.constant(name))
      continue;
    if (isActivation(name)) {
      if (!std::count(layer.inputs.begin(), layer.inputs.end(), name))
        layer.inputs.push_back(name);
      continue;
    }
    auto found = specs.find(name);
    if (found == specs.end())
      return "its input " + adze::quoted(name) +
             " is computed from constants in a way that could not be folded";
    if (isFloat(found->second.type))
      return std::string("it computes in ") +
             elementTypeName(found->second.type) +
             ", and only float32 is quantized";
  }
  if (layer.inputs.empty())
    return "it reads no activation";
  for (const std::string &name : node.outputs) {
    if (name.empty())
      continue;
    if (!isActivation(name))
      return "its result is no float32 tensor";
    layer.outputs.push_back(name);
  }
  return "";
}

/// A relu or a clip between constants.
bool Former::isFusable(const Node &node) const {
  if (!node.domain.empty() || node.outputs.size() != 1)
    return false;
  if (auto found = keep.find(node.name);
      found != keep.end() && found->second == Keep::Float)
    return false;
  if (node.op == "Relu")
    return true;
  if (node.op != "Clip")
    return false;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const Constant *bound = graph.constant(node.inputs[i]);
    if (!node.inputs[i].empty() && (!bound || bound->floats.size() != 1))
      return false;
  }
  return true;
}

/// The Add of a constant vector behind a MatMul, or -1.
int Former::biasBehind(const Layer &layer) const {
  if (layer.op != "MatMul" || !layer.weights)
    return -1;
  int next = graph.onlyConsumer(layer.outputs[0]);
  if (next < 0)
    return -1;
  const Node &node = graph.nodes[size_t(next)];
  if (node.op != "Add" || !node.domain.empty() || node.inputs.size() != 2)
    return -1;
  size_t side = node.inputs[0] == layer.outputs[0] ? 1 : 0;
  const Constant *bias = graph.constant(node.inputs[side]);
  return bias && bias->isFloat() && bias->shape.size() == 1 &&
                 bias->shape[0] == layer.weights->channels
             ? next
             : -1;
}

void Former::fuse(Layer &layer) {
  auto join = [&](int next) {
    layer.nodes.push_back(next);
    taken[size_t(next)] = true;
    layer.outputs[0] = graph.nodes[size_t(next)].outputs[0];
  };
  if (int bias = biasBehind(layer); bias >= 0) {
    const Node &node = graph.nodes[size_t(bias)];
    layer.bias = node.inputs[node.inputs[0] == layer.outputs[0] ? 1 : 0];
    join(bias);
  }
  if (layer.rule != Rule::Linear && layer.rule != Rule::Arithmetic)
    return;
  int next = graph.onlyConsumer(layer.outputs[0]);
  if (next >= 0 && isFusable(graph.nodes[size_t(next)]) &&
      graph.nodes[size_t(next)].inputs[0] == layer.outputs[0])
    join(next);
}

void Former::addLayer(int index) {
  const Node &node = graph.nodes[size_t(index)];
  Layer layer;
  std::string reason = refusal(node, layer);
  if (!reason.empty()) {
    if (touchesFloat(graph, specs, node))
      plan.kept.push_back({node.name, node.op, reason});
    return;
  }
  taken[size_t(index)] = true;
  layer.nodes = {index};
  fuse(layer);
  plan.layers.push_back(std::move(layer));
}

/// Numbers that are only moved stay float where nothing around is quantized.
void Former::dropIsolated() {
  std::set<std::string> quantized;
  std::vector<bool> live(plan.layers.size());
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t i = 0; i < plan.layers.size(); ++i) {
      const Layer &layer = plan.layers[i];
      auto touches = [&](const std::vector<std::string> &names) {
        return std::any_of(
            names.begin(), names.end(),
            [&](const std::string &name) { return quantized.count(name); });
      };
      if (live[i] || (layer.rule == Rule::Shared && !touches(layer.inputs) &&
                      !touches(layer.outputs)))
        continue;
      live[i] = changed = true;
      quantized.insert(layer.inputs.begin(), layer.inputs.end());
      quantized.insert(layer.outputs.begin(), layer.outputs.end());
    }
  }
  std::vector<Layer> kept;
  for (size_t i = 0; i < plan.layers.size(); ++i)
    if (live[i])
      kept.push_back(std::move(plan.layers[i]));
    else
      plan.kept.push_back({plan.layers[i].name, plan.layers[i].op,
                           "nothing around it is quantized"});
  plan.layers = std::move(kept);
}

/// Union-find over the values; a shared layer joins its values.
void Former::formGroups() {
  std::vector<std::string> values;
  std::unordered_map<std::string, size_t> number;
  auto note = [&](const std::string &name) {
    if (number.emplace(name, values.size()).second)
      values.push_back(name);
  };
  for (const Layer &layer : plan.layers) {
    for (const std::string &name : layer.inputs)
      note(name);
    for (const std::string &name : layer.outputs)
      note(name);
  }
  std::vector<size_t> parent(values.size());
  std::iota(parent.begin(), parent.end(), size_t(0));
  auto root = [&](size_t i) {
    while (parent[i] != i)
      i = parent[i] = parent[parent[i]];
    return i;
  };
  std::set<std::string> moved; // made by a shared layer
  for (const Layer &layer : plan.layers) {
    if (layer.rule != Rule::Shared)
      continue;
    moved.insert(layer.outputs.begin(), layer.outputs.end());
    for (const auto *names : {&layer.inputs, &layer.outputs})
      for (const std::string &name : *names)
        parent[root(number[name])] = root(number[layer.inputs[0]]);
  }
  std::unordered_map<size_t, size_t> groupOfRoot;
  for (size_t i = 0; i < values.size(); ++i) {
    auto [found, isNew] = groupOfRoot.emplace(root(i), plan.groups.size());
    if (isNew)
      plan.groups.emplace_back();
    Group &group = plan.groups[found->second];
    group.values.push_back(values[i]);
    if (!moved.count(values[i]))
      group.sources.push_back(values[i]);
    plan.groupOf[values[i]] = found->second;
  }
  for (const Layer &layer : plan.layers) {
    for (const auto *names : {&layer.inputs, &layer.outputs})
      for (const std::string &name : *names)
        if (layer.bits == 16)
          plan.groups[plan.groupOf[name]].bits = 16;
    if (layer.op == "Concat")
      for (const std::string &name : graph.nodes[size_t(layer.nodes[0])].inputs)
        if (graph.constant(name))
          plan.groups[plan.groupOf[layer.outputs[0]]].constants.push_back(name);
  }
  // A range that is known: of the only source, if nothing else joins it.
  for (const Layer &layer : plan.layers) {
    const Node &node = graph.nodes[size_t(layer.nodes.back())];
    Group &group = plan.groups[plan.groupOf[layer.outputs[0]]];
    if (group.sources.size() == 1 && group.constants.empty() &&
        group.sources[0] == layer.outputs[0])
      group.fixed = fixedRange(node, group.bits);
  }
}

Status Former::run() {
  if (Status status = checkNames(); !status)
    return status;
  taken.resize(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (!taken[i])
      addLayer(int(i));
  dropIsolated();
  formGroups();
  if (!plan.layers.empty())
    return Status::success();
  Problem problem;
  problem.model = graph.path;
  problem.what = "nothing of the model can be quantized";
  if (!plan.kept.empty()) {
    problem.node = plan.kept[0].name;
    problem.op = plan.kept[0].op;
    problem.what += ": " + plan.kept[0].reason;
  }
  return Status::failure(problem.text());
}

Status quantize::formPlan(const Graph &graph, const ValueSpecs &specs,
                          const std::map<std::string, Keep> &keep, Plan &plan) {
  return Former(graph, specs, keep, plan).run();
}
