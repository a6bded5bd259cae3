//===- FunctionBodies.cpp - Operators that ONNX defines by others -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Bodies are asked for one node at a time when the types of its inputs are
/// known exactly, so the bodies that depend on types need no shape inference
/// of ONNX's (whose inliner aborts where a type is unknown).
///
//===----------------------------------------------------------------------===//

#include "FunctionBodies.h"

#include "GraphBuilder.h"
#include "contrib/FusedOperators.h"
#include "Model.h"
#include "ValueTypes.h"

#include "onnx/defs/function.h"
#include "onnx/defs/schema.h"

#include <map>
#include <set>

using namespace adze;
using namespace adze::reader;
using ::onnx::AttributeProto;

static const ::onnx::OpSchema *schemaOf(llvm::StringRef domain,
                                        llvm::StringRef name, int64_t version) {
  return ::onnx::OpSchemaRegistry::Schema(name.str(), int(version),
                                          domain.str());
}

bool reader::hasFunctionBody(llvm::StringRef domain, llvm::StringRef name,
                             int64_t version) {
  if (findFusedOperator(domain, name))
    return true;
  const ::onnx::OpSchema *schema = schemaOf(domain, name, version);
  return schema &&
         (schema->HasFunction() || schema->HasContextDependentFunction());
}

::onnx::TensorProto::DataType reader::dataTypeOf(mlir::Type element) {
  using ::onnx::TensorProto;
  if (auto integer = mlir::dyn_cast<mlir::IntegerType>(element)) {
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 1:
      return TensorProto::BOOL;
    case 4:
      return isUnsigned ? TensorProto::UINT4 : TensorProto::INT4;
    case 8:
      return isUnsigned ? TensorProto::UINT8 : TensorProto::INT8;
    case 16:
      return isUnsigned ? TensorProto::UINT16 : TensorProto::INT16;
    case 32:
      return isUnsigned ? TensorProto::UINT32 : TensorProto::INT32;
    case 64:
      return isUnsigned ? TensorProto::UINT64 : TensorProto::INT64;
    default:
      return TensorProto::UNDEFINED;
    }
  }
  if (element.isF32())
    return TensorProto::FLOAT;
  if (element.isF64())
    return TensorProto::DOUBLE;
  if (element.isF16())
    return TensorProto::FLOAT16;
  if (element.isBF16())
    return TensorProto::BFLOAT16;
  return TensorProto::UNDEFINED;
}

static ::onnx::TypeProto typeProto(mlir::Type type) {
  ::onnx::TypeProto proto;
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor)
    return proto;
  auto *tensorType = proto.mutable_tensor_type();
  tensorType->set_elem_type(dataTypeOf(tensor.getElementType()));
  auto *shape = tensorType->mutable_shape();
  for (int64_t size : tensor.getShape())
    shape->add_dim()->set_dim_value(size);
  return proto;
}

/// False: the attribute has a form that no operator with a body takes.
static bool attributeProto(mlir::NamedAttribute from, AttributeProto &to) {
  to.set_name(from.getName().str());
  mlir::Attribute value = from.getValue();
  if (auto integer = mlir::dyn_cast<mlir::IntegerAttr>(value)) {
    to.set_type(AttributeProto::INT);
    to.set_i(integer.getInt());
  } else if (auto real = mlir::dyn_cast<mlir::FloatAttr>(value)) {
    to.set_type(AttributeProto::FLOAT);
    to.set_f(float(real.getValueAsDouble()));
  } else if (auto text = mlir::dyn_cast<mlir::StringAttr>(value)) {
    to.set_type(AttributeProto::STRING);
    to.set_s(text.str());
  } else if (auto ints = mlir::dyn_cast<mlir::DenseI64ArrayAttr>(value)) {
    to.set_type(AttributeProto::INTS);
    for (int64_t i : ints.asArrayRef())
      to.add_ints(i);
  } else if (auto floats = mlir::dyn_cast<mlir::DenseF32ArrayAttr>(value)) {
    to.set_type(AttributeProto::FLOATS);
    for (float f : floats.asArrayRef())
      to.add_floats(f);
  } else if (auto list = mlir::dyn_cast<mlir::ArrayAttr>(value)) {
    to.set_type(AttributeProto::STRINGS);
    for (mlir::Attribute element : list) {
      auto text = mlir::dyn_cast<mlir::StringAttr>(element);
      if (!text)
        return false;
      to.add_strings(text.str());
    }
  } else {
    return false;
  }
  return true;
}

namespace {

/// Writes a function as a graph for one call of it.
class Instance {
public:
  /// `schema` (may be null) knows the values of attributes that are not given.
  Instance(const ::onnx::NodeProto &call, const ::onnx::OpSchema *schema,
           const ::onnx::FunctionProto &function)
      : function(function) {
    if (schema)
      for (auto &[name, attribute] : schema->attributes())
        if (attribute.default_value.has_type())
          attributes[name] = attribute.default_value;
    for (const AttributeProto &attribute : function.attribute_proto())
      attributes[attribute.name()] = attribute;
    for (const AttributeProto &attribute : call.attribute())
      attributes[attribute.name()] = attribute;
    for (int i = 0; i < function.input_size(); ++i)
      if (i >= call.input_size() || call.input(i).empty())
        omitted.insert(function.input(i));
  }

  bool build(const ::onnx::NodeProto &call, ::onnx::GraphProto &graph,
             std::string &why) {
    graph.set_name(function.name());
    for (const std::string &input : function.input())
      if (!omitted.count(input))
        graph.add_input()->set_name(input);
    std::set<std::string> made;
    for (const ::onnx::NodeProto &node : function.node()) {
      *graph.add_node() = node;
      for (const std::string &name : node.output())
        made.insert(name);
    }
    resolve(*graph.mutable_node());
    for (int i = 0; i < call.output_size() && i < function.output_size(); ++i) {
      if (call.output(i).empty())
        continue;
      if (!made.count(function.output(i))) {
        why = "its body does not compute the output '" + function.output(i) +
              "' for these inputs";
        return false;
      }
      graph.add_output()->set_name(function.output(i));
    }
    return true;
  }

private:
  /// Attributes that refer to those of the call take their values; inputs
  /// that the call omits are omitted within.
  void resolve(google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes) {
    for (::onnx::NodeProto &node : nodes) {
      if (node.domain() == "ai.onnx")
        node.clear_domain();
      for (std::string &input : *node.mutable_input())
        if (omitted.count(input))
          input.clear();
      google::protobuf::RepeatedPtrField<AttributeProto> kept;
      for (AttributeProto &attribute : *node.mutable_attribute()) {
        if (!attribute.ref_attr_name().empty()) {
          auto found = attributes.find(attribute.ref_attr_name());
          if (found == attributes.end())
            continue;
          AttributeProto *value = kept.Add();
          *value = found->second;
          value->set_name(attribute.name());
          continue;
        }
        if (attribute.has_g())
          resolve(*attribute.mutable_g()->mutable_node());
        *kept.Add() = attribute;
      }
      *node.mutable_attribute() = kept;
    }
  }

  const ::onnx::FunctionProto &function;
  std::map<std::string, AttributeProto> attributes;
  std::set<std::string> omitted;
};

} // namespace

/// The opset of the default domain for a body that does not say it: the
/// node's own version, or the model's for a node of another domain.
static int64_t defaultOpset(adze::onnx::NodeOp node, int64_t version) {
  if (node.getDomain().empty())
    return version;
  auto module = node->getParentOfType<mlir::ModuleOp>();
  if (auto imports =
          module->getAttrOfType<mlir::DictionaryAttr>("onnx.opset_imports"))
    if (auto own = imports.getAs<mlir::IntegerAttr>("ai.onnx"))
      return own.getInt();
  return ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance()
      .Map()
      .at("")
      .second;
}

/// The operators of ONNX of which bodies of our own are made.
static constexpr int64_t fusedOpset = 23;

/// The body that a row of the table of fused operators makes for a node.
static ::onnx::FunctionProto makeFused(const FusedOperator &fused,
                                       adze::onnx::NodeOp node,
                                       llvm::ArrayRef<mlir::Type> inputs) {
  ::onnx::FunctionProto function;
  function.set_name(node.getOpType().str());
  for (const std::string &name : fused.inputs)
    function.add_input(name);
  for (const std::string &name : fused.outputs)
    function.add_output(name);
  ::onnx::OperatorSetIdProto *set = function.add_opset_import();
  set->set_domain("");
  set->set_version(fusedOpset);
  FusedBody body(node, inputs, function);
  fused.build(body);
  return function;
}

static mlir::OwningOpRef<mlir::ModuleOp>
makeBody(adze::onnx::NodeOp node, llvm::ArrayRef<mlir::Type> inputs,
         std::string &why) {
  int64_t version = node.getVersion();
  const ::onnx::OpSchema *schema =
      schemaOf(node.getDomain(), node.getOpType(), version);
  ::onnx::NodeProto call;
  call.set_op_type(node.getOpType().str());
  call.set_domain(node.getDomain().str());
  std::vector<::onnx::TypeProto> types;
  for (auto [i, type] : llvm::enumerate(inputs)) {
    bool isThere = mlir::isa<mlir::TensorType>(type);
    call.add_input(isThere ? "input" + std::to_string(i) : "");
    types.push_back(typeProto(type));
  }
  for (auto [i, result] : llvm::enumerate(node.getOutputs()))
    call.add_output(mlir::isa<mlir::NoneType>(result.getType())
                        ? ""
                        : "output" + std::to_string(i));
  for (mlir::NamedAttribute attribute : node.getAttrs())
    if (!attributeProto(attribute, *call.add_attribute())) {
      why = "its attribute '" + attribute.getName().str() +
            "' has a form that is not supported";
      return nullptr;
    }
  if (node->getNumRegions()) {
    why = "bodies with bodies of their own are not supported";
    return nullptr;
  }

  ::onnx::FunctionProto function;
  if (const FusedOperator *fused =
          findFusedOperator(node.getDomain(), node.getOpType())) {
    function = makeFused(*fused, node, inputs);
    schema = nullptr;
  } else if (schema->HasContextDependentFunction()) {
    ::onnx::FunctionBodyBuildContextImpl context(call, types);
    if (!schema->BuildContextDependentFunction(context, function,
                                               int(version))) {
      why = "ONNX gives it no body for these inputs";
      return nullptr;
    }
  } else {
    const ::onnx::FunctionProto *fixed = schema->GetFunction(int(version));
    if (!fixed) {
      why = "ONNX gives it no body in this version";
      return nullptr;
    }
    function = *fixed;
  }

  Model model;
  model.irVersion = ::onnx::IR_VERSION;
  model.proto.set_ir_version(::onnx::IR_VERSION);
  for (const ::onnx::OperatorSetIdProto &set : function.opset_import())
    model.opsets[set.domain() == "ai.onnx" ? "" : set.domain()] = set.version();
  model.opsets.emplace("", defaultOpset(node, version));
  for (auto &[domain, number] : model.opsets) {
    ::onnx::OperatorSetIdProto *set = model.proto.add_opset_import();
    set->set_domain(domain);
    set->set_version(number);
  }
  Instance instance(call, schema, function);
  if (!instance.build(call, model.graph(), why))
    return nullptr;
  ValueTypes none(model);
  return buildModule(model, none, ReadOptions(), *node.getContext());
}

mlir::OwningOpRef<mlir::ModuleOp>
reader::functionBody(adze::onnx::NodeOp node, llvm::ArrayRef<mlir::Type> inputs,
                     std::string &why) {
  try {
    return makeBody(node, inputs, why);
  } catch (const Refusal &refusal) {
    why = refusal.problem.what;
  } catch (const std::exception &error) {
    why = "its body cannot be read: " + std::string(error.what());
  }
  return nullptr;
}
