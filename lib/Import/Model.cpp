//===- Model.cpp - A model on its way into the compiler ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// From a path to a parsed message whose versions adze can read. The default
/// domain has two spellings, "" and "ai.onnx"; only "" remains.
///
//===----------------------------------------------------------------------===//

#include "Model.h"

#include "google/protobuf/io/coded_stream.h"

using namespace adze;
using namespace adze::reader;

// protobuf cannot write a larger message.
static constexpr uint64_t maxFileSize = uint64_t(2) << 30;
// Opsets that adze reads: 7 is the first with NumPy broadcasting, 28 the last
// one of ONNX 1.23.
static constexpr int64_t firstOpset = 7, lastOpset = 28;

Problem Model::problemAt(const ::onnx::NodeProto &node,
                         std::string what) const {
  Problem problem;
  problem.node = node.name();
  if (problem.node.empty() && node.output_size() > 0)
    problem.node = node.output(0);
  problem.op = node.op_type();
  problem.domain = node.domain();
  auto found = opsets.find(node.domain());
  if (found != opsets.end())
    problem.opset = found->second;
  problem.what = std::move(what);
  return problem;
}

void reader::forEachGraph(
    ::onnx::GraphProto &graph,
    const std::function<void(::onnx::GraphProto &)> &visit) {
  visit(graph);
  for (::onnx::NodeProto &node : *graph.mutable_node())
    for (::onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        forEachGraph(*attribute.mutable_g(), visit);
      for (::onnx::GraphProto &inner : *attribute.mutable_graphs())
        forEachGraph(inner, visit);
    }
}

void reader::forEachTensor(
    google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes,
    const TensorVisitor &visit) {
  for (::onnx::NodeProto &node : nodes)
    for (::onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_t())
        visit(*attribute.mutable_t(), &node);
      for (::onnx::TensorProto &tensor : *attribute.mutable_tensors())
        visit(tensor, &node);
      if (attribute.has_g())
        forEachTensor(*attribute.mutable_g(), visit);
      for (::onnx::GraphProto &inner : *attribute.mutable_graphs())
        forEachTensor(inner, visit);
    }
}

void reader::forEachTensor(::onnx::GraphProto &graph,
                           const TensorVisitor &visit) {
  for (::onnx::TensorProto &tensor : *graph.mutable_initializer())
    visit(tensor, nullptr);
  forEachTensor(*graph.mutable_node(), visit);
}

static void parse(const std::string &skeleton, ::onnx::ModelProto &proto) {
  google::protobuf::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t *>(skeleton.data()), int(skeleton.size()));
  // The walk over the wire format has bounded the depth of what it knows.
  stream.SetRecursionLimit(4 * maxGraphDepth + 64);
  if (!proto.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    refuse("the file is damaged: it is no well-formed ONNX model",
           "download or export the model again");
}

/// Spells the default domain "" everywhere, also in nodes of bodies.
static void
normaliseDomains(google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes) {
  for (::onnx::NodeProto &node : nodes) {
    if (node.domain() == "ai.onnx")
      node.clear_domain();
    for (::onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        normaliseDomains(*attribute.mutable_g()->mutable_node());
      for (::onnx::GraphProto &inner : *attribute.mutable_graphs())
        normaliseDomains(*inner.mutable_node());
    }
  }
}

static void normaliseOpsets(
    google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto> &imports,
    std::map<std::string, int64_t> &opsets) {
  for (::onnx::OperatorSetIdProto &set : imports) {
    if (set.domain() == "ai.onnx")
      set.clear_domain();
    auto [entry, isNew] = opsets.emplace(set.domain(), set.version());
    if (!isNew && entry->second != set.version())
      refuse("the model imports two versions of the operator set " +
                 quoted(set.domain().empty() ? "ai.onnx" : set.domain()) +
                 ", " + std::to_string(entry->second) + " and " +
                 std::to_string(set.version()),
             "export the model again");
    if (set.version() < 1 || set.version() > INT32_MAX)
      refuse("the model imports version " + std::to_string(set.version()) +
                 " of the operator set " +
                 quoted(set.domain().empty() ? "ai.onnx" : set.domain()) +
                 ", which is no version",
             "export the model again");
  }
  imports.Clear();
  for (auto &[domain, version] : opsets) {
    ::onnx::OperatorSetIdProto *set = imports.Add();
    set->set_domain(domain);
    set->set_version(version);
  }
}

static void checkVersions(Model &model) {
  ::onnx::ModelProto &proto = model.proto;
  model.irVersion = proto.ir_version();
  if (model.irVersion < 1)
    refuse("the model has no ir_version, which every ONNX model has",
           "export the model again");
  if (model.irVersion > ::onnx::IR_VERSION)
    refuse("the model has IR version " + std::to_string(model.irVersion) +
               "; adze reads versions up to " +
               std::to_string(int(::onnx::IR_VERSION)),
           "export the model with an older IR version (in Python: "
           "model.ir_version = " +
               std::to_string(int(::onnx::IR_VERSION)) + ")");
  normaliseOpsets(*proto.mutable_opset_import(), model.opsets);
  if (model.opsets.empty()) {
    if (model.irVersion >= 3)
      refuse("the model imports no operator set",
             "export the model again; the file may be truncated");
    model.opsets[""] = 1; // what IR versions 1 and 2 mean
  }
  auto found = model.opsets.find("");
  if (found == model.opsets.end())
    return;
  if (found->second < firstOpset)
    refuse("the model uses opset " + std::to_string(found->second) +
               " of ai.onnx, which is too old: adze reads opsets " +
               std::to_string(firstOpset) + " to " + std::to_string(lastOpset),
           "convert it with onnx.version_converter.convert_version(model, " +
               std::to_string(13) + ") or export it with a newer opset");
  if (found->second > lastOpset)
    refuse("the model uses opset " + std::to_string(found->second) +
               " of ai.onnx, which is too new: adze reads opsets " +
               std::to_string(firstOpset) + " to " + std::to_string(lastOpset),
           "export the model with opset_version=" + std::to_string(lastOpset) +
               " or lower");
}

Model reader::loadModel(const std::string &path) {
  Model model;
  model.path = path;
  model.file = MappedFile::open(path);
  std::string_view bytes = model.file->bytes();
  if (bytes.size() > maxFileSize)
    refuse("the file has " + std::to_string(bytes.size()) +
               " bytes; an ONNX model cannot be larger than 2 GiB",
           "store the weights as external data (onnx.save_model(..., "
           "save_as_external_data=True))");
  DetachedModel detached = detachTensorData(bytes, model.file);
  model.pieces = std::move(detached.pieces);
  parse(detached.skeleton, model.proto);
  if (!model.proto.has_graph()) {
    std::string guess = foreignFormat(bytes);
    if (!guess.empty())
      refuse("this is not an ONNX model but " + guess);
    refuse("the file holds no graph",
           "it may be truncated, or not an ONNX model; export it again");
  }
  checkVersions(model);
  normaliseDomains(*model.graph().mutable_node());
  for (::onnx::FunctionProto &function : *model.proto.mutable_functions()) {
    std::map<std::string, int64_t> imports;
    normaliseOpsets(*function.mutable_opset_import(), imports);
    normaliseDomains(*function.mutable_node());
  }
  if (model.graph().output_size() == 0)
    refuse("the graph has no outputs, so there is nothing to compute",
           "name the results as outputs when exporting the model");
  return model;
}
