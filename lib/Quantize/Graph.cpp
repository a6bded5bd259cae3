//===- Graph.cpp - A float model that is being quantized ------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Graph.h"

#include <algorithm>

using namespace adze;
using namespace adze::quantize;

Constant Constant::ofFloats(std::vector<int64_t> shape,
                            std::vector<float> floats) {
  Constant constant;
  constant.shape = std::move(shape);
  constant.floats = std::move(floats);
  return constant;
}

int64_t Constant::size() const {
  return int64_t(floats.size() * sizeof(float) + bytes.size() + opaque.size());
}

int64_t Attributes::integer(const std::string &name, int64_t otherwise) const {
  auto found = integers.find(name);
  return found == integers.end() ? otherwise : found->second;
}

float Attributes::number(const std::string &name, float otherwise) const {
  auto found = floats.find(name);
  return found == floats.end() ? otherwise : found->second;
}

std::vector<int64_t> Attributes::list(const std::string &name, size_t count,
                                      int64_t otherwise) const {
  auto found = lists.find(name);
  return found == lists.end() ? std::vector<int64_t>(count, otherwise)
                              : found->second;
}

const Constant *Graph::constant(const std::string &name) const {
  auto found = constants.find(name);
  return found == constants.end() ? nullptr : &found->second;
}

bool Graph::isOutput(const std::string &name) const {
  return std::find(outputs.begin(), outputs.end(), name) != outputs.end();
}

int Graph::producer(const std::string &name) const {
  for (size_t i = 0; i < nodes.size(); ++i)
    if (std::count(nodes[i].outputs.begin(), nodes[i].outputs.end(), name))
      return int(i);
  return -1;
}

std::vector<int> Graph::consumers(const std::string &name) const {
  std::vector<int> users;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].captured.count(name) ||
        std::count(nodes[i].inputs.begin(), nodes[i].inputs.end(), name))
      users.push_back(int(i));
  return users;
}

int Graph::onlyConsumer(const std::string &name) const {
  if (isOutput(name))
    return -1;
  std::vector<int> users = consumers(name);
  if (users.size() != 1)
    return -1;
  const Node &user = nodes[size_t(users[0])];
  bool once = !user.captured.count(name) &&
              std::count(user.inputs.begin(), user.inputs.end(), name) == 1;
  return once ? users[0] : -1;
}

std::string Graph::freshName(const std::string &wanted) {
  auto taken = [&](const std::string &name) {
    if (constants.count(name) || made.count(name) || types.count(name) ||
        isOutput(name) || producer(name) >= 0)
      return true;
    return std::any_of(
        inputs.begin(), inputs.end(),
        [&](const TensorSpec &input) { return input.name == name; });
  };
  std::string name = wanted;
  for (int number = 2; taken(name); ++number)
    name = wanted + "_" + std::to_string(number);
  made.insert(name);
  return name;
}

void Graph::removeDead() {
  std::set<std::string> needed(outputs.begin(), outputs.end());
  std::vector<Node> kept;
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    if (std::none_of(
            node->outputs.begin(), node->outputs.end(),
            [&](const std::string &name) { return needed.count(name); }))
      continue;
    needed.insert(node->inputs.begin(), node->inputs.end());
    needed.insert(node->captured.begin(), node->captured.end());
    kept.push_back(std::move(*node));
  }
  std::reverse(kept.begin(), kept.end());
  nodes = std::move(kept);
  std::erase_if(constants,
                [&](const auto &entry) { return !needed.count(entry.first); });
}
