//===- ValueTypes.cpp - Types of the values in a model ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ValueTypes.h"

#include "onnx/defs/schema.h"
#include "onnx/shape_inference/implementation.h"

using namespace adze;
using namespace adze::reader;

/// Forgets the shape but not the element type of a declared type. Sequences
/// and optionals keep theirs: inference rarely finds it.
static void dropShape(::onnx::TypeProto &type) {
  if (type.has_tensor_type())
    type.mutable_tensor_type()->clear_shape();
}

/// Fills what `type` leaves open from what the file declares.
static void fillGaps(::onnx::TypeProto &type,
                     const ::onnx::TypeProto &declared) {
  if (type.value_case() == ::onnx::TypeProto::VALUE_NOT_SET) {
    type = declared;
    return;
  }
  if (!type.has_tensor_type() || !declared.has_tensor_type())
    return;
  ::onnx::TypeProto::Tensor &tensor = *type.mutable_tensor_type();
  const ::onnx::TypeProto::Tensor &other = declared.tensor_type();
  if (tensor.elem_type() == ::onnx::TensorProto::UNDEFINED)
    tensor.set_elem_type(other.elem_type());
  if (tensor.elem_type() != other.elem_type() || !other.has_shape())
    return;
  if (!tensor.has_shape()) {
    *tensor.mutable_shape() = other.shape();
    return;
  }
  if (tensor.shape().dim_size() != other.shape().dim_size())
    return;
  for (int i = 0; i < tensor.shape().dim_size(); ++i) {
    auto &dim = *tensor.mutable_shape()->mutable_dim(i);
    if (!dim.has_dim_value() && other.shape().dim(i).has_dim_value())
      dim.set_dim_value(other.shape().dim(i).dim_value());
  }
}

ValueTypes::ValueTypes(Model &model) {
  std::unordered_map<const ::onnx::GraphProto *, Table> declared;
  forEachGraph(model.graph(), [&](::onnx::GraphProto &graph) {
    Table &table = declared[&graph];
    for (::onnx::ValueInfoProto &info : *graph.mutable_value_info())
      if (info.has_type())
        table.emplace(info.name(), std::move(*info.mutable_type()));
    graph.clear_value_info();
    for (::onnx::ValueInfoProto &output : *graph.mutable_output())
      if (output.has_type()) {
        table.emplace(output.name(), output.type());
        dropShape(*output.mutable_type());
      }
  });
  try {
    ::onnx::shape_inference::DataValueMap values;
    ::onnx::ShapeInferenceOptions options(/*check_type_val=*/false,
                                          /*strict_mode_val=*/0,
                                          /*data_prop_val=*/true);
    ::onnx::shape_inference::InferShapes(
        model.proto, ::onnx::OpSchemaRegistry::Instance(), options, &values);
  } catch (const std::exception &) {
    // What had been found until then is in the graph.
  }
  forEachGraph(model.graph(), [&](::onnx::GraphProto &graph) {
    Table &table = tables[&graph];
    for (auto *list : {&graph.value_info(), &graph.output(), &graph.input()})
      for (const ::onnx::ValueInfoProto &info : *list)
        if (info.has_type())
          table[info.name()] = info.type();
    for (auto &[name, type] : declared[&graph])
      fillGaps(table[name], type);
  });
}

const ::onnx::TypeProto *ValueTypes::find(const ::onnx::GraphProto &graph,
                                          const std::string &name) const {
  auto table = tables.find(&graph);
  if (table == tables.end())
    return nullptr;
  auto entry = table->second.find(name);
  return entry == table->second.end() ? nullptr : &entry->second;
}
