//===- InputShapes.cpp - Fixing the shapes of inputs ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InputShapes.h"

#include "TensorData.h"

#include <set>

using namespace adze;
using namespace adze::reader;

using Shapes = std::map<std::string, std::vector<int64_t>>;
using Dimension = ::onnx::TensorShapeProto::Dimension;

/// Some exporters write -1 for "any".
static bool isFree(const Dimension &dim) {
  return !dim.has_dim_value() || dim.dim_value() == -1;
}

static bool isNamed(const Dimension &dim) { return !dim.dim_param().empty(); }

/// "batchx3x?", as the file has it.
static std::string shapeText(const ::onnx::TypeProto::Tensor &type) {
  if (!type.has_shape())
    return "any shape";
  std::string text;
  for (const Dimension &dim : type.shape().dim())
    text += (text.empty() ? "" : "x") +
            (!isFree(dim)   ? std::to_string(dim.dim_value())
             : isNamed(dim) ? printable(dim.dim_param(), 40)
                            : "?");
  return text.empty() ? "scalar" : text;
}

static std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t dim : shape)
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text.empty() ? "scalar" : text;
}

namespace {
class Fixer {
public:
  Fixer(Model &model, const Shapes &shapes) : model(model), shapes(shapes) {}
  void run(bool assumeOnes);
  std::vector<std::string> assumed; // "input[0] = batch"

private:
  Model &model;
  const Shapes &shapes;
  std::map<std::string, int64_t> names; // values of named dimensions
  std::map<std::string, std::string> givenBy;

  void nameDimension(const std::string &name, int64_t value,
                     const std::string &by);
  void fixInput(::onnx::ValueInfoProto &input,
                const std::vector<int64_t> &shape);
  void substitute(::onnx::TypeProto &type);
  void assumeFreeDimensions();
  void checkNothingFree();
};
} // namespace

void Fixer::nameDimension(const std::string &name, int64_t value,
                          const std::string &by) {
  auto [entry, isNew] = names.emplace(name, value);
  if (isNew) {
    givenBy[name] = by;
    return;
  }
  if (entry->second != value)
    refuse("the dimension " + quoted(name) + " is given two values: " +
               std::to_string(entry->second) + " by " + givenBy[name] +
               " and " + std::to_string(value) + " by " + by,
           "give shapes that agree");
}

void Fixer::fixInput(::onnx::ValueInfoProto &input,
                     const std::vector<int64_t> &shape) {
  ::onnx::TypeProto::Tensor &type =
      *input.mutable_type()->mutable_tensor_type();
  auto mismatch = [&](const std::string &reason) {
    Problem problem;
    problem.what = "the shape given for input " + quoted(input.name()) +
                   " does not fit: " + reason;
    problem.expected = shapeText(type);
    problem.found = shapeText(shape);
    problem.advice = "change --shape, or export the model with free dimensions";
    refuse(std::move(problem));
  };
  if (!type.has_shape()) {
    for (size_t i = 0; i < shape.size(); ++i)
      type.mutable_shape()->add_dim();
    type.mutable_shape();
  }
  if (size_t(type.shape().dim_size()) != shape.size())
    mismatch("it has another number of dimensions");
  for (size_t i = 0; i < shape.size(); ++i) {
    const Dimension &dim = type.shape().dim(int(i));
    if (!isFree(dim) && dim.dim_value() != shape[i])
      mismatch("dimension " + std::to_string(i) + " is fixed in the model");
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    Dimension &dim = *type.mutable_shape()->mutable_dim(int(i));
    if (isFree(dim) && isNamed(dim))
      nameDimension(dim.dim_param(), shape[i],
                    "the shape of " + quoted(input.name()));
    dim.set_dim_value(shape[i]);
  }
}

/// Replaces named dimensions that have a value.
void Fixer::substitute(::onnx::TypeProto &type) {
  switch (type.value_case()) {
  case ::onnx::TypeProto::kTensorType: {
    if (!type.tensor_type().has_shape())
      return;
    for (Dimension &dim :
         *type.mutable_tensor_type()->mutable_shape()->mutable_dim()) {
      auto found = names.find(dim.dim_param());
      if (isNamed(dim) && found != names.end())
        dim.set_dim_value(found->second);
      else if (dim.has_dim_value() && dim.dim_value() < 0)
        dim.clear_value();
    }
    return;
  }
  case ::onnx::TypeProto::kSequenceType:
    return substitute(*type.mutable_sequence_type()->mutable_elem_type());
  case ::onnx::TypeProto::kOptionalType:
    return substitute(*type.mutable_optional_type()->mutable_elem_type());
  default:
    return;
  }
}

/// Gives what the user left free the value 1. A dimension without a name is
/// one of its own.
void Fixer::assumeFreeDimensions() {
  for (onnx::ValueInfoProto &input : *model.graph().mutable_input()) {
    if (!input.type().has_tensor_type())
      continue;
    onnx::TypeProto::Tensor &type =
        *input.mutable_type()->mutable_tensor_type();
    for (int i = 0; i < type.shape().dim_size(); ++i) {
      Dimension &dim = *type.mutable_shape()->mutable_dim(i);
      if (!isFree(dim) || names.count(dim.dim_param()))
        continue;
      assumed.push_back(input.name() + "[" + std::to_string(i) +
                        "] = " + (isNamed(dim) ? dim.dim_param() : "?"));
      if (!isNamed(dim))
        dim.set_dim_value(1);
    }
  }
  for (onnx::ValueInfoProto &input : *model.graph().mutable_input())
    for (const Dimension &dim : input.type().tensor_type().shape().dim())
      if (isFree(dim) && isNamed(dim))
        names.emplace(dim.dim_param(), 1);
}

/// Lists what is still free, with the options that would fix it.
void Fixer::checkNothingFree() {
  std::set<std::string> freeNames;
  std::string inputs, options;
  for (const ::onnx::ValueInfoProto &input : model.graph().input()) {
    if (!input.type().has_tensor_type())
      continue;
    const ::onnx::TypeProto::Tensor &type = input.type().tensor_type();
    bool free = !type.has_shape(), nameless = !type.has_shape();
    for (const Dimension &dim : type.shape().dim()) {
      free |= isFree(dim);
      nameless |= isFree(dim) && !isNamed(dim);
    }
    if (!free)
      continue;
    inputs += (inputs.empty() ? "" : ", ") + quoted(input.name()) + " (" +
              shapeText(type) + ")";
    std::string example;
    for (const Dimension &dim : type.shape().dim()) {
      if (isFree(dim) && !nameless)
        freeNames.insert(dim.dim_param());
      example += (example.empty() ? "" : "x") +
                 std::to_string(isFree(dim) ? 1 : dim.dim_value());
    }
    if (nameless)
      options += " --shape " + printable(input.name()) + "=" +
                 (type.has_shape() ? example : "1x...");
  }
  if (inputs.empty())
    return;
  for (const std::string &name : freeNames)
    options += " --shape " + printable(name) + "=1";
  refuse("the model leaves dimensions of its inputs free: " + inputs +
             "; adze compiles for fixed shapes",
         "give each free dimension a value, for example" + options +
             " (with the numbers that you need instead of 1)");
}

void Fixer::run(bool assumeOnes) {
  std::set<std::string> dimNames;
  std::map<std::string, ::onnx::ValueInfoProto *> inputs;
  for (::onnx::ValueInfoProto &input : *model.graph().mutable_input()) {
    if (!input.type().has_tensor_type())
      continue;
    inputs[input.name()] = &input;
    const ::onnx::TypeProto::Tensor &type = input.type().tensor_type();
    if (type.shape().dim_size() > maxRank)
      refuse("input " + quoted(input.name()) + " has " +
                 std::to_string(type.shape().dim_size()) +
                 " dimensions; at most " + std::to_string(maxRank) +
                 " are supported",
             "export the model again");
    for (const Dimension &dim : type.shape().dim()) {
      if (isFree(dim) && isNamed(dim))
        dimNames.insert(dim.dim_param());
      if (dim.has_dim_value() && dim.dim_value() < -1)
        refuse("input " + quoted(input.name()) +
                   " has a negative dimension: " + shapeText(type),
               "export the model again");
    }
  }
  for (auto &[given, shape] : shapes) {
    // No value of a model has an empty name: it stands for the only input.
    if (given.empty() && inputs.size() != 1) {
      std::string known;
      for (auto &entry : inputs)
        known += (known.empty() ? "" : ", ") + quoted(entry.first);
      refuse("a shape is given without saying for which input",
             "write --shape NAME=" + shapeText(shape) + "; the inputs are " +
                 (known.empty() ? "none" : known));
    }
    const std::string &name = given.empty() ? inputs.begin()->first : given;
    for (int64_t dim : shape)
      if (dim < 0)
        refuse("the shape given for " + quoted(name) +
                   " has a negative dimension: " + shapeText(shape),
               "give dimensions of at least 0");
    auto input = inputs.find(name);
    // A name may be both; one number for an input of another rank means the
    // dimension.
    bool asDimension =
        dimNames.count(name) && shape.size() == 1 &&
        (input == inputs.end() ||
         input->second->type().tensor_type().shape().dim_size() != 1);
    if (asDimension) {
      nameDimension(name, shape[0], "--shape " + printable(name));
      continue;
    }
    if (input != inputs.end()) {
      fixInput(*input->second, shape);
      continue;
    }
    std::string known;
    for (auto &entry : inputs)
      known += (known.empty() ? "" : ", ") + quoted(entry.first);
    std::string free;
    for (const std::string &dim : dimNames)
      free += (free.empty() ? "" : ", ") + quoted(dim);
    refuse("a shape is given for " + quoted(name) +
               ", but the model has no such input" +
               (dimNames.count(name)
                    ? ", and the dimension of that name takes one number"
                    : " or free dimension"),
           "the inputs are " + (known.empty() ? "none" : known) +
               (free.empty() ? "" : ", the free dimensions " + free));
  }
  if (assumeOnes)
    assumeFreeDimensions();
  // Named dimensions stand in value infos of every graph.
  forEachGraph(model.graph(), [&](::onnx::GraphProto &graph) {
    for (auto *list : {graph.mutable_input(), graph.mutable_output(),
                       graph.mutable_value_info()})
      for (::onnx::ValueInfoProto &info : *list)
        if (info.has_type())
          substitute(*info.mutable_type());
  });
  checkNothingFree();
  for (auto &[name, input] : inputs) {
    const ::onnx::TypeProto::Tensor &type = input->type().tensor_type();
    std::vector<int64_t> dims;
    for (const Dimension &dim : type.shape().dim())
      dims.push_back(dim.dim_value());
    unsigned bits = dataTypeBits(type.elem_type());
    if (!packedBytes(dims, bits ? bits : 8))
      refuse("input " + quoted(name) +
                 " is absurdly large: " + tensorText(type.elem_type(), dims),
             "give a smaller shape with --shape, or export the model again");
  }
}

std::vector<std::string>
reader::fixInputShapes(Model &model, const Shapes &shapes, bool assumeOnes) {
  Fixer fixer(model, shapes);
  fixer.run(assumeOnes);
  return fixer.assumed;
}
