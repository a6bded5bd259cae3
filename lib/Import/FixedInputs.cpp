//===- FixedInputs.cpp - Inputs that become constants -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedInputs.h"

#include "TensorData.h"
#include "lib/Support/Spelling.h"

using namespace adze;
using namespace adze::reader;

static std::string declared(const ::onnx::TypeProto::Tensor &type) {
  std::vector<int64_t> dims;
  for (const auto &dim : type.shape().dim())
    dims.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
  return tensorText(type.elem_type(), dims);
}

static bool fits(const ::onnx::TypeProto &type, const TensorSpec &spec) {
  if (!type.has_tensor_type() ||
      type.tensor_type().elem_type() != int(spec.type))
    return false;
  if (!type.tensor_type().has_shape())
    return true;
  const auto &dims = type.tensor_type().shape().dim();
  if (size_t(dims.size()) != spec.shape.size())
    return false;
  for (int i = 0; i < dims.size(); ++i)
    if (dims[i].has_dim_value() && dims[i].dim_value() >= 0 &&
        dims[i].dim_value() != spec.shape[size_t(i)])
      return false;
  return true;
}

static void fixInput(::onnx::GraphProto &graph, const std::string &name,
                     const Tensor &tensor) {
  int index = 0;
  std::vector<std::string> names;
  for (; index < graph.input_size(); ++index) {
    if (graph.input(index).name() == name)
      break;
    names.push_back(graph.input(index).name());
  }
  if (index == graph.input_size())
    refuse("a constant is given for the input " + quoted(name) +
               ", but the model has no input of that name" +
               didYouMean(name, names),
           "name one of its inputs");
  const ::onnx::TypeProto &type = graph.input(index).type();
  if (!fits(type, tensor.spec)) {
    Problem problem;
    problem.what =
        "the constant given for the input " + quoted(name) + " does not fit";
    problem.expected =
        type.has_tensor_type() ? declared(type.tensor_type()) : "no tensor";
    problem.found = tensorText(int(tensor.spec.type), tensor.spec.shape);
    refuse(std::move(problem));
  }
  ::onnx::TensorProto &initializer = *graph.add_initializer();
  initializer.set_name(name);
  initializer.set_data_type(int(tensor.spec.type));
  for (int64_t size : tensor.spec.shape)
    initializer.add_dims(size);
  initializer.set_raw_data(tensor.data(), size_t(tensor.spec.byteSize()));
  graph.mutable_input()->DeleteSubrange(index, 1);
}

void reader::fixInputs(Model &model,
                       const std::map<std::string, Tensor> &constants) {
  for (const auto &[name, tensor] : constants)
    fixInput(model.graph(), name, tensor);
}
