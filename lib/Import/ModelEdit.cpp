//===- ModelEdit.cpp - Parts of ONNX models ---------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A part is described by node numbers and value names and built anew from the
/// model each time it is written, so nothing has to be undone when a reduction
/// turns out to be one too many.
///
//===----------------------------------------------------------------------===//

#include "ModelEdit.h"

#include "GraphCheck.h"
#include "InputShapes.h"
#include "TensorData.h"
#include "ValueTypes.h"
#include "lib/Support/Files.h"

#include "onnx/defs/schema.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <tuple>
#include <unordered_set>

using namespace adze;
using namespace adze::reader;

// Smaller tensors stay in the model, so that most models are one file.
static constexpr uint64_t besideThreshold = uint64_t(1) << 20;
// Offsets of external data are multiples of this: other programs map it.
static constexpr uint64_t weightAlignment = 4096;

bool ModelPart::operator<(const ModelPart &other) const {
  return std::tie(nodes, hidden, aliases) <
         std::tie(other.nodes, other.hidden, other.aliases);
}

struct EditableModel::Impl {
  Model model;
  std::unique_ptr<Model> typed; // a copy in which inference has run
  std::unique_ptr<ValueTypes> types;
  std::vector<GraphNode> nodes;
  std::unordered_map<std::string, int> producer; // of a node's result
  std::unordered_set<std::string> initialisers;
  std::unordered_map<std::string, const ::onnx::ValueInfoProto *> inputs,
      outputs, declared;
  /// Values that a node or an output reads.
  std::unordered_set<std::string> read;

  void index();
  const ::onnx::TypeProto *typeOf(const std::string &value) const {
    return types->find(typed->graph(), value);
  }
  ::onnx::ModelProto build(const ModelPart &part, const EditableModel &edit,
                           WeightFile *beside, std::ofstream &weights) const;
  void storeTensor(::onnx::TensorProto &tensor, WeightFile *beside,
                   std::ofstream &weights) const;
};

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

using NameSet = std::set<std::string>;

/// Names that the graph defines itself.
static NameSet definitions(const ::onnx::GraphProto &graph) {
  NameSet names;
  for (const ::onnx::ValueInfoProto &input : graph.input())
    names.insert(input.name());
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    names.insert(tensor.name());
  for (const ::onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    names.insert(tensor.values().name());
  for (const ::onnx::NodeProto &node : graph.node())
    names.insert(node.output().begin(), node.output().end());
  return names;
}

/// Calls `visit` on every name that the node reads from the graph in which it
/// stands: its inputs, and what its bodies do not define themselves.
template <typename Visit>
static void forEachRead(::onnx::NodeProto &node, const NameSet &hidden,
                        const Visit &visit) {
  auto read = [&](std::string &name) {
    if (!name.empty() && !hidden.count(name))
      visit(name);
  };
  for (std::string &input : *node.mutable_input())
    read(input);
  auto descend = [&](::onnx::GraphProto &body) {
    NameSet inner = definitions(body);
    inner.insert(hidden.begin(), hidden.end());
    for (::onnx::NodeProto &child : *body.mutable_node())
      forEachRead(child, inner, visit);
    for (::onnx::ValueInfoProto &output : *body.mutable_output())
      if (!inner.count(output.name()))
        visit(*output.mutable_name());
  };
  for (::onnx::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_g())
      descend(*attribute.mutable_g());
    for (::onnx::GraphProto &body : *attribute.mutable_graphs())
      descend(body);
  }
}

void EditableModel::Impl::index() {
  ::onnx::GraphProto &graph = model.graph();
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    initialisers.insert(tensor.name());
  for (const ::onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    initialisers.insert(tensor.values().name());
  for (const ::onnx::ValueInfoProto &info : graph.input())
    inputs.emplace(info.name(), &info);
  for (const ::onnx::ValueInfoProto &info : graph.output()) {
    outputs.emplace(info.name(), &info);
    read.insert(info.name());
  }
  for (const ::onnx::ValueInfoProto &info : graph.value_info())
    declared.emplace(info.name(), &info);
  for (::onnx::NodeProto &proto : *graph.mutable_node()) {
    GraphNode node;
    node.name = proto.name();
    node.op = proto.op_type();
    node.domain = proto.domain();
    NameSet seen;
    forEachRead(proto, {}, [&](std::string &name) {
      if (seen.insert(name).second)
        node.inputs.push_back(name);
    });
    read.insert(seen.begin(), seen.end());
    for (const std::string &output : proto.output())
      if (!output.empty()) {
        node.outputs.push_back(output);
        producer.emplace(output, int(nodes.size()));
      }
    if (node.name.empty() && !node.outputs.empty())
      node.name = node.outputs[0];
    nodes.push_back(std::move(node));
  }
}

/// Inference stops at operators that ONNX does not know. In this copy of the
/// model their results are inputs, where the file declares a type for them, so
/// that it goes on behind them.
static void cutUnknownOperators(Model &model) {
  ::onnx::GraphProto &graph = model.graph();
  std::unordered_map<std::string, const ::onnx::ValueInfoProto *> declared;
  for (const ::onnx::ValueInfoProto &info : graph.value_info())
    declared.emplace(info.name(), &info);
  google::protobuf::RepeatedPtrField<::onnx::NodeProto> kept;
  for (::onnx::NodeProto &node : *graph.mutable_node()) {
    auto version = model.opsets.find(node.domain());
    bool known = version != model.opsets.end() &&
                 ::onnx::OpSchemaRegistry::Instance()->GetSchema(
                     node.op_type(), int(version->second), node.domain());
    bool typed = !known;
    for (const std::string &output : node.output())
      typed &= output.empty() || declared.count(output) != 0;
    if (!typed) {
      kept.Add()->Swap(&node);
      continue;
    }
    for (const std::string &output : node.output())
      if (!output.empty())
        *graph.add_input() = *declared.at(output);
  }
  graph.mutable_node()->Swap(&kept);
}

Status
EditableModel::open(const std::string &path,
                    const std::map<std::string, std::vector<int64_t>> &shapes,
                    EditableModel &model) {
  Problem problem;
  try {
    auto impl = std::make_shared<Impl>();
    impl->model = loadModel(path);
    resolveTensors(impl->model);
    normaliseGraphs(impl->model);
    inlineLocalFunctions(impl->model);
    if (!shapes.empty())
      fixInputShapes(impl->model, shapes, /*assumeOnes=*/false);
    impl->typed = std::make_unique<Model>(impl->model);
    cutUnknownOperators(*impl->typed);
    impl->types = std::make_unique<ValueTypes>(*impl->typed);
    impl->index();
    model.impl = std::move(impl);
    return Status::success();
  } catch (const Refusal &refusal) {
    problem = refusal.problem;
  } catch (const std::bad_alloc &) {
    problem.what = "there is not enough memory to read the model";
  } catch (const std::exception &error) {
    problem.what = "the model cannot be read: " + printable(error.what(), 600);
  }
  problem.model = path;
  return Status::failure(problem.text());
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

const std::vector<GraphNode> &EditableModel::nodes() const {
  return impl->nodes;
}

std::set<int> EditableModel::liveNodes() const {
  std::set<int> live;
  std::vector<std::string> work;
  for (const auto &[name, info] : impl->outputs)
    work.push_back(name);
  while (!work.empty()) {
    auto found = impl->producer.find(work.back());
    work.pop_back();
    if (found == impl->producer.end() || !live.insert(found->second).second)
      continue;
    const GraphNode &node = impl->nodes[size_t(found->second)];
    work.insert(work.end(), node.inputs.begin(), node.inputs.end());
  }
  return live;
}

/// What a name stands for once nodes are bypassed.
static const std::string &resolve(const ModelPart &part,
                                  const std::string &name) {
  auto found = part.aliases.find(name);
  return found == part.aliases.end() ? name : resolve(part, found->second);
}

static NameSet readsOf(const EditableModel &model, const ModelPart &part) {
  NameSet reads;
  for (int index : part.nodes)
    for (const std::string &input : model.nodes()[size_t(index)].inputs)
      reads.insert(resolve(part, input));
  return reads;
}

std::vector<std::string> EditableModel::outputsOf(const ModelPart &part) const {
  NameSet reads = readsOf(*this, part);
  std::vector<std::string> outputs;
  for (int index : part.nodes) {
    const GraphNode &node = impl->nodes[size_t(index)];
    bool needed = false;
    for (const std::string &output : node.outputs) {
      bool isRead = reads.count(output);
      bool isOutput = impl->outputs.count(output) && !part.hidden.count(output);
      if (isOutput)
        outputs.push_back(output);
      needed |= isRead || isOutput;
    }
    if (needed)
      continue;
    // Results that nobody ever read say nothing; but a node needs one.
    size_t before = outputs.size();
    for (const std::string &output : node.outputs)
      if (impl->read.count(output))
        outputs.push_back(output);
    if (outputs.size() == before && !node.outputs.empty())
      outputs.push_back(node.outputs[0]);
  }
  return outputs;
}

std::vector<std::string> EditableModel::inputsOf(const ModelPart &part) const {
  std::vector<std::string> inputs;
  for (const std::string &name : readsOf(*this, part)) {
    auto found = impl->producer.find(name);
    if (!impl->initialisers.count(name) &&
        (found == impl->producer.end() || !part.nodes.count(found->second)))
      inputs.push_back(name);
  }
  return inputs;
}

static bool isKnown(const ::onnx::TypeProto &type) {
  if (!type.has_tensor_type() || !type.tensor_type().has_shape() ||
      type.tensor_type().elem_type() == ::onnx::TensorProto::UNDEFINED)
    return false;
  for (const auto &dim : type.tensor_type().shape().dim())
    if (!dim.has_dim_value() && dim.dim_param().empty())
      return false;
  return true;
}

bool EditableModel::canBeInput(const std::string &value) const {
  if (impl->inputs.count(value))
    return true;
  const ::onnx::TypeProto *type = impl->typeOf(value);
  return type && isKnown(*type);
}

bool EditableModel::sameType(const std::string &a, const std::string &b) const {
  const ::onnx::TypeProto *first = impl->typeOf(a), *second = impl->typeOf(b);
  if (!first || !second || !isKnown(*first) || !isKnown(*second) ||
      first->tensor_type().elem_type() != second->tensor_type().elem_type())
    return false;
  const auto &dims = first->tensor_type().shape().dim(),
             &others = second->tensor_type().shape().dim();
  if (dims.size() != others.size())
    return false;
  for (int i = 0; i < dims.size(); ++i)
    if (dims[i].SerializeAsString() != others[i].SerializeAsString())
      return false;
  return true;
}

uint64_t EditableModel::largeBytes(const ModelPart &part) const {
  uint64_t bytes = 0;
  NameSet reads = readsOf(*this, part);
  auto count = [&](const ::onnx::TensorProto &tensor) {
    if (tensor.has_segment())
      bytes += packedBytes(dimsOf(tensor), dataTypeBits(tensor.data_type()))
                   .value_or(0);
  };
  for (const ::onnx::TensorProto &tensor : impl->model.graph().initializer())
    if (reads.count(tensor.name()))
      count(tensor);
  for (int index : part.nodes) {
    google::protobuf::RepeatedPtrField<::onnx::NodeProto> copy;
    *copy.Add() = impl->model.graph().node(index);
    forEachTensor(copy, [&](::onnx::TensorProto &tensor,
                            const ::onnx::NodeProto *) { count(tensor); });
  }
  return bytes;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Gives a tensor whose data was detached its data back: inside the message, or
/// as a range of the file beside it.
void EditableModel::Impl::storeTensor(::onnx::TensorProto &tensor,
                                      WeightFile *beside,
                                      std::ofstream &weights) const {
  if (!tensor.has_segment())
    return;
  int64_t number = tensor.segment().begin();
  TensorBytes data = readTensor(model, tensor);
  std::string_view bytes = data.bytes();
  tensor.clear_segment();
  tensor.clear_data_location();
  tensor.clear_float_data();
  tensor.clear_int32_data();
  tensor.clear_int64_data();
  tensor.clear_double_data();
  tensor.clear_uint64_data();
  if (!beside || bytes.size() < besideThreshold) {
    tensor.set_raw_data(bytes.data(), bytes.size());
    return;
  }
  tensor.clear_raw_data();
  auto [entry, isNew] = beside->offsets.emplace(number, beside->size);
  if (isNew) {
    weights.write(bytes.data(), std::streamsize(bytes.size()));
    uint64_t padding =
        (weightAlignment - bytes.size() % weightAlignment) % weightAlignment;
    weights.write(std::string(padding, '\0').data(), std::streamsize(padding));
    beside->size += bytes.size() + padding;
  }
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  auto add = [&](const char *key, std::string value) {
    ::onnx::StringStringEntryProto &pair = *tensor.add_external_data();
    pair.set_key(key);
    pair.set_value(std::move(value));
  };
  add("location", std::filesystem::path(beside->path).filename().string());
  add("offset", std::to_string(entry->second));
  add("length", std::to_string(bytes.size()));
}

::onnx::ModelProto EditableModel::Impl::build(const ModelPart &part,
                                              const EditableModel &edit,
                                              WeightFile *beside,
                                              std::ofstream &weights) const {
  const ::onnx::GraphProto &from = model.graph();
  ::onnx::ModelProto proto;
  proto.set_ir_version(model.proto.ir_version());
  proto.set_producer_name(model.proto.producer_name());
  proto.set_producer_version(model.proto.producer_version());
  *proto.mutable_opset_import() = model.proto.opset_import();
  *proto.mutable_functions() = model.proto.functions();
  ::onnx::GraphProto &graph = *proto.mutable_graph();
  graph.set_name(from.name());
  NameSet computed;
  for (int index : part.nodes) {
    ::onnx::NodeProto &node = *graph.add_node();
    node = from.node(index);
    forEachRead(node, {},
                [&](std::string &name) { name = resolve(part, name); });
    computed.insert(node.output().begin(), node.output().end());
  }
  NameSet reads = readsOf(edit, part);
  for (const ::onnx::TensorProto &tensor : from.initializer())
    if (reads.count(tensor.name()))
      *graph.add_initializer() = tensor;
  for (const ::onnx::SparseTensorProto &tensor : from.sparse_initializer())
    if (reads.count(tensor.values().name()))
      *graph.add_sparse_initializer() = tensor;
  for (const std::string &name : edit.inputsOf(part)) {
    ::onnx::ValueInfoProto &info = *graph.add_input();
    auto found = inputs.find(name);
    if (found != inputs.end()) {
      info = *found->second;
      continue;
    }
    if (!edit.canBeInput(name))
      refuse("the value " + adze::quoted(name) +
             " cannot become an input: its type and shape are not known");
    info.set_name(name);
    *info.mutable_type() = *typeOf(name);
  }
  for (const std::string &name : edit.outputsOf(part)) {
    ::onnx::ValueInfoProto &info = *graph.add_output();
    auto found = outputs.find(name);
    if (found != outputs.end()) {
      info = *found->second;
      continue;
    }
    info.set_name(name);
    if (const ::onnx::TypeProto *type = typeOf(name))
      *info.mutable_type() = *type;
    computed.erase(name);
  }
  for (const ::onnx::ValueInfoProto &info : from.value_info())
    if (computed.count(info.name()) && !outputs.count(info.name()))
      *graph.add_value_info() = info;
  forEachTensor(graph,
                [&](::onnx::TensorProto &tensor, const ::onnx::NodeProto *) {
                  storeTensor(tensor, beside, weights);
                });
  return proto;
}

Status EditableModel::write(const ModelPart &part, const std::string &path,
                            WeightFile *beside) const {
  Problem problem;
  problem.model = path;
  try {
    std::ofstream weights;
    if (beside)
      weights.open(beside->path, std::ios::binary | std::ios::app);
    ::onnx::ModelProto proto = impl->build(part, *this, beside, weights);
    weights.flush();
    if (beside && !weights)
      refuse("the weights cannot be written to " + adze::quoted(beside->path) +
             ": " + std::strerror(errno));
    std::string bytes;
    if (!proto.SerializeToString(&bytes))
      refuse("the model is larger than the 2 GiB of a protobuf message");
    WholeFile file(path);
    file.write(bytes.data(), bytes.size());
    return file.commit();
  } catch (const Refusal &refusal) {
    problem.what = refusal.problem.what;
    problem.advice = refusal.problem.advice;
  } catch (const std::exception &error) {
    problem.what =
        "the model cannot be written: " + printable(error.what(), 600);
  }
  return Status::failure(problem.text());
}
