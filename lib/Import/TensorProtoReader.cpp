//===- TensorProtoReader.cpp - Tensors in ONNX's files ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/TensorProto.h"

#include "Refusal.h"
#include "TensorData.h"

#include "onnx/onnx-data.pb.h"

#include <algorithm>
#include <set>

using namespace adze;
using namespace adze::reader;

/// Runs `read`; whatever is thrown becomes a message about `path`.
template <typename Function>
static Status guarded(const std::string &path, Function read) {
  Problem problem;
  try {
    read();
    return Status::success();
  } catch (const Refusal &refusal) {
    problem = refusal.problem;
  } catch (const std::bad_alloc &) {
    problem.what = "there is not enough memory to read the file";
  } catch (const std::exception &error) {
    problem.what = "the file cannot be read: " + printable(error.what(), 600);
  }
  problem.model = path;
  return Status::failure(problem.text());
}

template <typename Message>
static bool parses(std::string_view bytes, Message &message) {
  return bytes.size() <= size_t(INT32_MAX) &&
         message.ParseFromArray(bytes.data(), int(bytes.size()));
}

/// A file does not say which message it holds. Field 1 is a name in a
/// SequenceProto and an OptionalProto and a dimension in a TensorProto, of
/// which ONNX's writers make a number each; and only a tensor has its elements'
/// type in field 2 and nothing in field 3.
static void refuseOtherMessages(std::string_view bytes) {
  constexpr char name = 1 << 3 | 2; // the tag of a string in field 1
  ::onnx::TensorProto tensor;
  bool isTensor = parses(bytes, tensor);
  if (isTensor && !bytes.starts_with(name) && !tensor.has_segment() &&
      tensor.data_type() != ::onnx::TensorProto::UNDEFINED)
    return;
  ::onnx::SequenceProto sequence;
  ::onnx::OptionalProto optional;
  if (parses(bytes, sequence) || parses(bytes, optional))
    refuse("the file holds a sequence or an optional value, which is not "
           "supported");
  refuse("the file is no well-formed TensorProto");
}

Status adze::readTensorProto(const std::string &path, Tensor &tensor) {
  return guarded(path, [&] {
    std::shared_ptr<const MappedFile> file = MappedFile::open(path);
    refuseOtherMessages(file->bytes());
    Model model;
    model.path = path;
    model.file = file;
    ::onnx::TensorProto &proto = *model.graph().add_initializer();
    parses(file->bytes(), proto);
    if (proto.data_type() == ::onnx::TensorProto::STRING)
      refuse("the file holds a tensor of strings, which is not supported");
    resolveTensors(model);
    TensorSpec spec;
    spec.name = proto.name();
    spec.type = ElementType(proto.data_type());
    spec.shape = dimsOf(proto);
    TensorBytes data = readTensor(model, proto);
    std::string_view bytes = data.bytes();
    if (elementBits(spec.type) == 0 || spec.byteSize() != int64_t(bytes.size()))
      refuse("the file holds a tensor of a type that is not supported: " +
             tensorText(proto.data_type(), spec.shape));
    tensor = Tensor(std::move(spec));
    std::copy(bytes.begin(), bytes.end(), tensor.data());
  });
}

bool ModelValue::isStatic() const {
  return hasShape && std::all_of(spec.shape.begin(), spec.shape.end(),
                                 [](int64_t size) { return size >= 0; });
}

static ModelValue describe(const ::onnx::ValueInfoProto &info) {
  ModelValue value;
  value.spec.name = info.name();
  const ::onnx::TypeProto &type = info.type();
  if (type.has_sequence_type())
    value.kind = "sequence";
  else if (type.has_optional_type())
    value.kind = "optional";
  else if (type.has_map_type())
    value.kind = "map";
  else if (type.has_sparse_tensor_type())
    value.kind = "sparse tensor";
  if (!type.has_tensor_type())
    return value;
  value.kind = "tensor";
  value.spec.type = ElementType(type.tensor_type().elem_type());
  value.hasShape = type.tensor_type().has_shape();
  for (const auto &size : type.tensor_type().shape().dim())
    value.spec.shape.push_back(size.has_dim_value() ? size.dim_value() : -1);
  return value;
}

Status adze::readSignature(const std::string &path, ModelSignature &signature) {
  return guarded(path, [&] {
    std::shared_ptr<const MappedFile> file = MappedFile::open(path);
    ::onnx::ModelProto model;
    if (!parses(file->bytes(), model) || !model.has_graph())
      refuse("the file is no well-formed ONNX model");
    const ::onnx::GraphProto &graph = model.graph();
    std::set<std::string> initialised;
    for (const ::onnx::TensorProto &tensor : graph.initializer())
      initialised.insert(tensor.name());
    for (const ::onnx::ValueInfoProto &input : graph.input())
      if (!initialised.count(input.name()))
        signature.inputs.push_back(describe(input));
    for (const ::onnx::ValueInfoProto &output : graph.output())
      signature.outputs.push_back(describe(output));
    std::set<std::string> operators;
    for (const ::onnx::NodeProto &node : graph.node())
      operators.insert(node.op_type());
    signature.operators.assign(operators.begin(), operators.end());
    for (const ::onnx::OperatorSetIdProto &set : model.opset_import())
      signature.opsets.emplace_back(
          set.domain().empty() ? "ai.onnx" : set.domain(), set.version());
  });
}
