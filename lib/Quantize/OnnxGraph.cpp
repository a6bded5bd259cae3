//===- OnnxGraph.cpp - The quantizer's graph from and to ONNX -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Part of the library that sees protobuf. The file passes the same doors as in
// a compilation before anything here looks at it.
//
//===----------------------------------------------------------------------===//

#include "Graph.h"

#include "lib/Import/GraphCheck.h"
#include "lib/Import/InputShapes.h"
#include "lib/Import/TensorData.h"
#include "lib/Import/ValueTypes.h"
#include "lib/Support/Files.h"

#include "onnx/version_converter/convert.h"

#include <algorithm>
#include <cstring>

using namespace adze;
using namespace adze::quantize;
using namespace adze::reader;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Puts the data of detached tensors back: the version converter looks at it.
static void attachTensors(Model &model) {
  forEachTensor(model.graph(),
                [&](::onnx::TensorProto &tensor, const ::onnx::NodeProto *) {
                  if (!tensor.has_segment())
                    return;
                  TensorBytes data = readTensor(model, tensor);
                  std::string_view bytes = data.bytes();
                  tensor.clear_segment();
                  tensor.clear_data_location();
                  tensor.clear_external_data();
                  tensor.clear_float_data();
                  tensor.clear_int32_data();
                  tensor.clear_int64_data();
                  tensor.clear_double_data();
                  tensor.clear_uint64_data();
                  tensor.set_raw_data(bytes.data(), bytes.size());
                });
}

static Constant readConstant(const Model &model,
                             const ::onnx::TensorProto &tensor) {
  Constant constant;
  constant.type = ElementType(tensor.data_type());
  constant.shape = dimsOf(tensor);
  if (tensor.data_type() == ::onnx::TensorProto::STRING) {
    constant.opaque = tensor.SerializeAsString();
    return constant;
  }
  TensorBytes data = readTensor(model, tensor);
  std::string_view bytes = data.bytes();
  if (!constant.isFloat()) {
    constant.bytes = bytes;
    return constant;
  }
  constant.floats.resize(bytes.size() / sizeof(float));
  std::memcpy(constant.floats.data(), bytes.data(),
              constant.floats.size() * sizeof(float));
  return constant;
}

/// The value of a Constant node; nothing of one that holds strings.
static bool constantOf(const Model &model, const ::onnx::NodeProto &node,
                       Constant &constant) {
  if (node.op_type() != "Constant" || !node.domain().empty() ||
      node.attribute_size() != 1 || node.output_size() != 1)
    return false;
  const ::onnx::AttributeProto &attribute = node.attribute(0);
  auto integers = [&](auto begin, auto end) {
    std::vector<int64_t> values(begin, end);
    constant.type = ElementType::Int64;
    constant.bytes.assign(reinterpret_cast<const char *>(values.data()),
                          values.size() * sizeof(int64_t));
  };
  if (attribute.name() == "value") {
    constant = readConstant(model, attribute.t());
  } else if (attribute.name() == "value_float") {
    constant = Constant::ofFloats({}, {attribute.f()});
  } else if (attribute.name() == "value_floats") {
    constant = Constant::ofFloats(
        {attribute.floats_size()},
        {attribute.floats().begin(), attribute.floats().end()});
  } else if (attribute.name() == "value_int") {
    int64_t value = attribute.i();
    integers(&value, &value + 1);
  } else if (attribute.name() == "value_ints") {
    integers(attribute.ints().begin(), attribute.ints().end());
    constant.shape = {attribute.ints_size()};
  } else {
    return false;
  }
  return true;
}

static std::set<std::string> definitions(const ::onnx::GraphProto &graph) {
  std::set<std::string> names;
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

/// Names that the graphs within a node read from outside.
static void addCaptures(const ::onnx::NodeProto &node,
                        std::set<std::string> &captured) {
  auto descend = [&](const ::onnx::GraphProto &body) {
    std::set<std::string> own = definitions(body), reads;
    for (const ::onnx::NodeProto &child : body.node()) {
      reads.insert(child.input().begin(), child.input().end());
      addCaptures(child, reads);
    }
    for (const ::onnx::ValueInfoProto &output : body.output())
      reads.insert(output.name());
    for (const std::string &name : reads)
      if (!name.empty() && !own.count(name))
        captured.insert(name);
  };
  for (const ::onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      descend(attribute.g());
    for (const ::onnx::GraphProto &body : attribute.graphs())
      descend(body);
  }
}

static Node readNode(const ::onnx::NodeProto &proto) {
  Node node;
  node.name = proto.name();
  if (node.name.empty() && proto.output_size() > 0)
    node.name = proto.output(0);
  node.op = proto.op_type();
  node.domain = proto.domain();
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  addCaptures(proto, node.captured);
  for (const ::onnx::AttributeProto &attribute : proto.attribute()) {
    const std::string &name = attribute.name();
    if (attribute.type() == ::onnx::AttributeProto::INT)
      node.attributes.integers[name] = attribute.i();
    else if (attribute.type() == ::onnx::AttributeProto::FLOAT)
      node.attributes.floats[name] = attribute.f();
    else if (attribute.type() == ::onnx::AttributeProto::INTS)
      node.attributes.lists[name].assign(attribute.ints().begin(),
                                         attribute.ints().end());
    else if (attribute.type() == ::onnx::AttributeProto::STRING)
      node.attributes.strings[name] = attribute.s();
  }
  proto.SerializeToString(&node.message);
  return node;
}

static TensorSpec specOf(const std::string &name,
                         const ::onnx::TypeProto &type) {
  TensorSpec spec;
  spec.name = name;
  spec.type = ElementType(type.tensor_type().elem_type());
  for (const auto &dim : type.tensor_type().shape().dim())
    spec.shape.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
  return spec;
}

static int64_t opsetOf(const Model &model) {
  auto found = model.opsets.find("");
  return found == model.opsets.end() ? 0 : found->second;
}

/// ONNX's own version converter; what it cannot convert it says by throwing.
static void convertTo(Model &model, int64_t opset) {
  int64_t now = opsetOf(model);
  if (now >= opset || now == 0)
    return;
  try {
    ::onnx::ModelProto converted =
        ::onnx::version_conversion::ConvertVersion(model.proto, int(opset));
    model.proto = std::move(converted);
  } catch (const std::exception &error) {
    refuse("the model is of opset " + std::to_string(now) +
               ", quantization here needs opset " + std::to_string(opset) +
               ", and ONNX's converter cannot bring it there: " +
               printable(error.what(), 300),
           "export the model with opset " + std::to_string(opset) +
               " or later");
  }
  for (::onnx::OperatorSetIdProto &set : *model.proto.mutable_opset_import())
    if (set.domain().empty() || set.domain() == "ai.onnx")
      set.set_version(opset);
  model.opsets[""] = opset;
  normaliseGraphs(model);
}

static void read(const std::string &path,
                 const std::map<std::string, std::vector<int64_t>> &shapes,
                 int64_t opset, Graph &graph) {
  Model model = loadModel(path);
  resolveTensors(model);
  normaliseGraphs(model);
  checkAgainstSchemas(model);
  inlineLocalFunctions(model);
  fixInputShapes(model, shapes, /*assumeOnes=*/false);
  attachTensors(model);
  convertTo(model, opset);

  const ::onnx::GraphProto &proto = model.graph();
  graph.path = path;
  graph.opset = opsetOf(model);
  for (const ::onnx::TensorProto &tensor : proto.initializer())
    graph.constants[tensor.name()] = readConstant(model, tensor);
  if (proto.sparse_initializer_size())
    refuse("the model has sparse initialisers, which cannot be quantized",
           "make them dense");
  for (const ::onnx::NodeProto &node : proto.node()) {
    if (node.op_type() == "QuantizeLinear" ||
        node.op_type() == "DequantizeLinear" ||
        node.op_type() == "QLinearConv" || node.op_type() == "QLinearMatMul") {
      Problem problem = model.problemAt(node, "the model is quantized already");
      problem.advice = "give the float model that it was made from, or compile "
                       "this one as it is";
      refuse(problem);
    }
    Constant constant;
    if (constantOf(model, node, constant))
      graph.constants[node.output(0)] = std::move(constant);
    else
      graph.nodes.push_back(readNode(node));
  }
  for (const ::onnx::ValueInfoProto &input : proto.input())
    graph.inputs.push_back(specOf(input.name(), input.type()));
  for (const ::onnx::ValueInfoProto &output : proto.output())
    graph.outputs.push_back(output.name());
  ::onnx::ModelProto header = model.proto;
  header.clear_graph();
  header.clear_functions();
  header.clear_metadata_props();
  header.SerializeToString(&graph.header);

  ValueTypes types(model);
  auto note = [&](const std::string &name) {
    const ::onnx::TypeProto *type = types.find(model.graph(), name);
    if (type && type->has_tensor_type() && type->tensor_type().has_shape())
      graph.types[name] = specOf(name, *type);
  };
  for (const Node &node : graph.nodes)
    for (const std::string &name : node.outputs)
      note(name);
  for (const TensorSpec &input : graph.inputs)
    note(input.name);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static void writeConstant(const std::string &name, const Constant &constant,
                          ::onnx::TensorProto &tensor) {
  if (!constant.opaque.empty()) {
    tensor.ParseFromString(constant.opaque);
    tensor.set_name(name);
    return;
  }
  tensor.set_name(name);
  tensor.set_data_type(int(constant.type));
  for (int64_t dim : constant.shape)
    tensor.add_dims(dim);
  if (constant.isFloat())
    tensor.set_raw_data(constant.floats.data(),
                        constant.floats.size() * sizeof(float));
  else
    tensor.set_raw_data(constant.bytes);
}

static void writeNode(const Node &node, ::onnx::NodeProto &proto) {
  if (!node.message.empty())
    proto.ParseFromString(node.message);
  proto.set_name(node.name);
  proto.set_op_type(node.op);
  proto.set_domain(node.domain);
  proto.clear_input();
  proto.clear_output();
  for (const std::string &name : node.inputs)
    proto.add_input(name);
  for (const std::string &name : node.outputs)
    proto.add_output(name);
  if (!node.message.empty())
    return;
  auto add = [&](const std::string &name,
                 ::onnx::AttributeProto::AttributeType type)
      -> ::onnx::AttributeProto & {
    ::onnx::AttributeProto &attribute = *proto.add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  };
  for (const auto &[name, value] : node.attributes.integers)
    add(name, ::onnx::AttributeProto::INT).set_i(value);
  for (const auto &[name, value] : node.attributes.floats)
    add(name, ::onnx::AttributeProto::FLOAT).set_f(value);
  for (const auto &[name, value] : node.attributes.strings)
    add(name, ::onnx::AttributeProto::STRING).set_s(value);
  for (const auto &[name, values] : node.attributes.lists) {
    ::onnx::AttributeProto &attribute = add(name, ::onnx::AttributeProto::INTS);
    for (int64_t value : values)
      attribute.add_ints(value);
  }
}

static void writeType(const TensorSpec &spec, ::onnx::ValueInfoProto &info) {
  info.set_name(spec.name);
  ::onnx::TypeProto::Tensor &type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(int(spec.type));
  type.mutable_shape();
  for (int64_t dim : spec.shape) {
    auto &entry = *type.mutable_shape()->add_dim();
    if (dim >= 0)
      entry.set_dim_value(dim);
  }
}

static ::onnx::ModelProto build(const Graph &graph) {
  ::onnx::ModelProto model;
  model.ParseFromString(graph.header);
  // The IR version that came with each opset (onnx/docs/Versioning.md).
  int64_t ir = graph.opset >= 21 ? 10 : graph.opset >= 19 ? 9 : 7;
  model.set_ir_version(std::max<int64_t>(model.ir_version(), ir));
  model.set_producer_name("adze");
  model.clear_producer_version();
  ::onnx::GraphProto &proto = *model.mutable_graph();
  proto.set_name("quantized");
  for (const TensorSpec &input : graph.inputs)
    writeType(input, *proto.add_input());
  for (const std::string &name : graph.outputs) {
    auto type = graph.types.find(name);
    if (type != graph.types.end())
      writeType(type->second, *proto.add_output());
    else
      proto.add_output()->set_name(name);
  }
  // In the order of their first use, so that equal inputs give equal files.
  std::set<std::string> written;
  auto write = [&](const std::string &name) {
    const Constant *constant = graph.constant(name);
    if (constant && written.insert(name).second)
      writeConstant(name, *constant, *proto.add_initializer());
  };
  for (const Node &node : graph.nodes) {
    writeNode(node, *proto.add_node());
    for (const std::string &name : node.inputs)
      write(name);
    for (const std::string &name : node.captured)
      write(name);
  }
  for (const std::string &name : graph.outputs)
    write(name);
  return model;
}

//===----------------------------------------------------------------------===//
// The border: no exception of ONNX or protobuf passes
//===----------------------------------------------------------------------===//

template <typename Function>
static Status guarded(const std::string &path, const char *verb, Function run) {
  Problem problem;
  try {
    return run();
  } catch (const Refusal &refusal) {
    problem = refusal.problem;
  } catch (const std::bad_alloc &) {
    problem.what =
        std::string("there is not enough memory to ") + verb + " the model";
  } catch (const std::exception &error) {
    problem.what = std::string("the model cannot be ") + verb +
                   (std::strcmp(verb, "read") == 0 ? ": " : "d: ") +
                   printable(error.what(), 600);
  }
  problem.model = path;
  return Status::failure(problem.text());
}

Status adze::quantize::readGraph(
    const std::string &path,
    const std::map<std::string, std::vector<int64_t>> &shapes, int64_t opset,
    Graph &graph) {
  return guarded(path, "read", [&] {
    read(path, shapes, opset, graph);
    return Status::success();
  });
}

Status adze::quantize::writeGraph(const Graph &graph, const std::string &path) {
  return guarded(path, "store", [&] {
    ::onnx::ModelProto model = build(graph);
    std::string bytes;
    if (!model.SerializeToString(&bytes))
      refuse("the model is larger than the 2 GiB of a protobuf message");
    WholeFile file(path);
    file.write(bytes.data(), bytes.size());
    return file.commit();
  });
}
