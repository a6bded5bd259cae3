//===- GraphBuilder.cpp - From messages to the onnx dialect -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The graph has been checked: names resolve, nodes are in order, tensors have
/// their data. What can still be refused here are absurd sizes of values and
/// forms of attributes for which the dialect has no place.
///
//===----------------------------------------------------------------------===//

#include "GraphBuilder.h"

#include "Constants.h"
#include "dialects/onnx/onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "onnx/defs/schema.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace adze;
using namespace adze::reader;
using ::onnx::AttributeProto;

namespace {

/// The values of a graph being built, inside those of the graphs around it.
struct Scope {
  const ::onnx::GraphProto &graph;
  Scope *outer;
  mlir::Block *block;
  mlir::Operation *lastConstant = nullptr;
  llvm::StringMap<mlir::Value> values;
  /// Initialisers become constants when something reads them.
  llvm::StringMap<const ::onnx::TensorProto *> tensors;
  llvm::StringMap<const ::onnx::SparseTensorProto *> sparseTensors;

  Scope(const ::onnx::GraphProto &graph, Scope *outer, mlir::Block *block)
      : graph(graph), outer(outer), block(block) {
    for (const ::onnx::TensorProto &tensor : graph.initializer())
      tensors[tensor.name()] = &tensor;
    for (const ::onnx::SparseTensorProto &tensor : graph.sparse_initializer())
      sparseTensors[tensor.values().name()] = &tensor;
  }
};

class Builder {
public:
  Builder(const Model &model, const ValueTypes &types,
          const ReadOptions &options, mlir::MLIRContext &context)
      : model(model), types(types), options(options), context(context),
        builder(&context) {}

  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  const Model &model;
  const ValueTypes &types;
  const ReadOptions &options;
  mlir::MLIRContext &context;
  mlir::OpBuilder builder;
  int64_t nodeNumber = 0;

  mlir::Location nameLocation(llvm::StringRef name) {
    return mlir::NameLoc::get(builder.getStringAttr(name));
  }
  mlir::Value lookUp(Scope &scope, const std::string &name);
  mlir::Value readInput(Scope &scope, const std::string &name,
                        mlir::Location location);
  mlir::Type typeOf(const Scope &scope, const std::string &name,
                    const ::onnx::NodeProto *node);
  void buildNodes(Scope &scope);
  void buildNode(Scope &scope, const ::onnx::NodeProto &node);
  bool buildConstant(Scope &scope, const ::onnx::NodeProto &node,
                     mlir::Location location);
  mlir::Attribute attributeOf(const ::onnx::NodeProto &node,
                              const AttributeProto &attribute);
  void buildBody(Scope &outer, const ::onnx::GraphProto &graph,
                 mlir::Region &region, mlir::Location location);
  int64_t versionOf(const ::onnx::NodeProto &node);
  void setModuleAttributes(mlir::ModuleOp module);
};

} // namespace

/// Since_version of the operator; 0 if ONNX does not know it.
int64_t Builder::versionOf(const ::onnx::NodeProto &node) {
  auto opset = model.opsets.find(node.domain());
  if (opset == model.opsets.end())
    return 0;
  const ::onnx::OpSchema *schema = ::onnx::OpSchemaRegistry::Schema(
      node.op_type(), int(opset->second), node.domain());
  return schema ? schema->since_version() : 0;
}

mlir::Type Builder::typeOf(const Scope &scope, const std::string &name,
                           const ::onnx::NodeProto *node) {
  mlir::Type type = valueType(&context, types.find(scope.graph, name));
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor)
    return type;
  std::vector<int64_t> known;
  for (int64_t dim : tensor.getShape())
    if (!mlir::ShapedType::isDynamic(dim))
      known.push_back(dim);
  // One byte an element at least; kernels count elements in 64 bits.
  if (packedBytes(known, 8))
    return type;
  Problem problem = node ? model.problemAt(*node, "") : Problem();
  problem.what = "the value " + adze::quoted(name) + " would be absurdly large";
  problem.expected = "at most 2^40 elements";
  for (int64_t dim : known)
    problem.found += (problem.found.empty() ? "" : "x") + std::to_string(dim);
  problem.advice = "check the shapes given and the model's constants";
  refuse(std::move(problem));
}

/// The value of that name in this scope or one around it. The structure check
/// has made sure that there is one.
mlir::Value Builder::lookUp(Scope &scope, const std::string &name) {
  for (Scope *at = &scope; at; at = at->outer) {
    auto value = at->values.find(name);
    if (value != at->values.end())
      return value->second;
    auto tensor = at->tensors.find(name);
    auto sparse = at->sparseTensors.find(name);
    if (tensor == at->tensors.end() && sparse == at->sparseTensors.end())
      continue;
    mlir::OpBuilder::InsertionGuard guard(builder);
    if (at->lastConstant)
      builder.setInsertionPointAfter(at->lastConstant);
    else
      builder.setInsertionPointToStart(at->block);
    mlir::TypedAttr attribute =
        tensor != at->tensors.end()
            ? tensorAttribute(&context, model, *tensor->second, name)
            : sparseAttribute(&context, model, *sparse->second, name);
    auto constant = ConstantOp::create(builder, nameLocation(name), attribute);
    at->lastConstant = constant;
    at->values[name] = constant.getResult();
    return constant.getResult();
  }
  refuse("the value " + adze::quoted(name) + " is read and never defined",
         "export the model again");
}

mlir::Value Builder::readInput(Scope &scope, const std::string &name,
                               mlir::Location location) {
  if (!name.empty())
    return lookUp(scope, name);
  return adze::onnx::NoneOp::create(builder, location, builder.getNoneType());
}

mlir::Attribute Builder::attributeOf(const ::onnx::NodeProto &node,
                                     const AttributeProto &attribute) {
  auto weightName = [&] {
    std::string name = attribute.t().name();
    if (name.empty())
      name = node.name().empty() && node.output_size() ? node.output(0)
                                                       : node.name();
    return name;
  };
  auto typeOfProto = [&](const ::onnx::TypeProto &type) {
    return mlir::TypeAttr::get(valueType(&context, &type));
  };
  llvm::SmallVector<mlir::Attribute> list;
  switch (attribute.type()) {
  case AttributeProto::INT:
    return builder.getI64IntegerAttr(attribute.i());
  case AttributeProto::FLOAT:
    return builder.getF32FloatAttr(attribute.f());
  case AttributeProto::STRING:
    return builder.getStringAttr(attribute.s());
  case AttributeProto::INTS:
    return builder.getDenseI64ArrayAttr(
        {attribute.ints().data(), size_t(attribute.ints_size())});
  case AttributeProto::FLOATS:
    return builder.getDenseF32ArrayAttr(
        {attribute.floats().data(), size_t(attribute.floats_size())});
  case AttributeProto::STRINGS:
    for (const std::string &text : attribute.strings())
      list.push_back(builder.getStringAttr(text));
    return builder.getArrayAttr(list);
  case AttributeProto::TENSOR:
    return tensorAttribute(&context, model, attribute.t(), weightName());
  case AttributeProto::TENSORS:
    for (const ::onnx::TensorProto &tensor : attribute.tensors())
      list.push_back(tensorAttribute(&context, model, tensor, weightName()));
    return builder.getArrayAttr(list);
  case AttributeProto::SPARSE_TENSOR:
    return sparseAttribute(&context, model, attribute.sparse_tensor(),
                           weightName());
  case AttributeProto::TYPE_PROTO:
    return typeOfProto(attribute.tp());
  case AttributeProto::TYPE_PROTOS:
    for (const ::onnx::TypeProto &type : attribute.type_protos())
      list.push_back(typeOfProto(type));
    return builder.getArrayAttr(list);
  default: {
    Problem problem = model.problemAt(
        node, "its attribute " + adze::quoted(attribute.name()) +
                  " has the type " +
                  AttributeProto::AttributeType_Name(attribute.type()) +
                  ", which is not supported");
    problem.advice = "export the model again with a current exporter";
    refuse(std::move(problem));
  }
  }
}

/// A Constant node becomes adze.constant. False: not in a form that has one.
bool Builder::buildConstant(Scope &scope, const ::onnx::NodeProto &node,
                            mlir::Location location) {
  if (node.op_type() != "Constant" || !node.domain().empty() ||
      node.attribute_size() != 1 || node.output_size() != 1 ||
      node.output(0).empty())
    return false;
  const AttributeProto &attribute = node.attribute(0);
  const std::string &name = node.output(0);
  auto tensorOf = [&](llvm::ArrayRef<int64_t> shape, mlir::Type element) {
    return mlir::RankedTensorType::get(shape, element);
  };
  auto fromBytes = [&](mlir::RankedTensorType type, const void *data,
                       size_t size) {
    TensorBytes bytes;
    const char *begin = static_cast<const char *>(data);
    bytes.owned.assign(begin, begin + size);
    return bytesAttribute(type, std::move(bytes), name);
  };
  mlir::TypedAttr value;
  switch (attribute.type()) {
  case AttributeProto::TENSOR:
    value = tensorAttribute(&context, model, attribute.t(), name);
    break;
  case AttributeProto::SPARSE_TENSOR:
    value = sparseAttribute(&context, model, attribute.sparse_tensor(), name);
    break;
  case AttributeProto::INT: {
    int64_t number = attribute.i();
    value = fromBytes(tensorOf({}, builder.getI64Type()), &number, 8);
    break;
  }
  case AttributeProto::FLOAT: {
    float number = attribute.f();
    value = fromBytes(tensorOf({}, builder.getF32Type()), &number, 4);
    break;
  }
  case AttributeProto::INTS:
    value =
        fromBytes(tensorOf({attribute.ints_size()}, builder.getI64Type()),
                  attribute.ints().data(), 8 * size_t(attribute.ints_size()));
    break;
  case AttributeProto::FLOATS:
    value = fromBytes(tensorOf({attribute.floats_size()}, builder.getF32Type()),
                      attribute.floats().data(),
                      4 * size_t(attribute.floats_size()));
    break;
  case AttributeProto::STRING:
    value = mlir::DenseStringElementsAttr::get(
        tensorOf({}, adze::onnx::StringType::get(&context)),
        {llvm::StringRef(attribute.s())});
    break;
  case AttributeProto::STRINGS: {
    llvm::SmallVector<llvm::StringRef> texts(attribute.strings().begin(),
                                             attribute.strings().end());
    value = mlir::DenseStringElementsAttr::get(
        tensorOf({int64_t(texts.size())},
                 adze::onnx::StringType::get(&context)),
        texts);
    break;
  }
  default:
    return false;
  }
  scope.values[name] = ConstantOp::create(builder, location, value).getResult();
  return true;
}

void Builder::buildBody(Scope &outer, const ::onnx::GraphProto &graph,
                        mlir::Region &region, mlir::Location location) {
  mlir::OpBuilder::InsertionGuard guard(builder);
  mlir::Block *block = builder.createBlock(&region);
  Scope scope(graph, &outer, block);
  for (const ::onnx::ValueInfoProto &input : graph.input())
    scope.values[input.name()] = block->addArgument(
        typeOf(scope, input.name(), nullptr), nameLocation(input.name()));
  buildNodes(scope);
  llvm::SmallVector<mlir::Value> results;
  for (const ::onnx::ValueInfoProto &output : graph.output())
    results.push_back(lookUp(scope, output.name()));
  adze::onnx::ReturnOp::create(builder, location, results);
}

void Builder::buildNode(Scope &scope, const ::onnx::NodeProto &node) {
  int64_t number = nodeNumber++;
  mlir::Location location = nameLocation(
      node.name().empty() ? node.op_type() + "_" + std::to_string(number)
                          : node.name());
  if (buildConstant(scope, node, location))
    return;
  int inputCount = node.input_size(), outputCount = node.output_size();
  while (inputCount > 0 && node.input(inputCount - 1).empty())
    --inputCount;
  while (outputCount > 0 && node.output(outputCount - 1).empty())
    --outputCount;
  llvm::SmallVector<mlir::Value> inputs;
  for (int i = 0; i < inputCount; ++i)
    inputs.push_back(readInput(scope, node.input(i), location));
  llvm::SmallVector<mlir::Type> results;
  for (int i = 0; i < outputCount; ++i)
    results.push_back(node.output(i).empty()
                          ? builder.getNoneType()
                          : typeOf(scope, node.output(i), &node));
  mlir::NamedAttrList attributes;
  llvm::SmallVector<mlir::Attribute> regionNames;
  llvm::SmallVector<const ::onnx::GraphProto *> bodies;
  for (const AttributeProto &attribute : node.attribute()) {
    if (!attribute.ref_attr_name().empty())
      refuse(model.problemAt(
          node, "its attribute " + adze::quoted(attribute.name()) +
                    " refers to an attribute of a function, but the node is "
                    "in none"));
    if (attribute.type() == AttributeProto::GRAPH) {
      regionNames.push_back(builder.getStringAttr(attribute.name()));
      bodies.push_back(&attribute.g());
      continue;
    }
    attributes.set(attribute.name(), attributeOf(node, attribute));
  }
  auto op = adze::onnx::NodeOp::create(
      builder, location, results, builder.getStringAttr(node.op_type()),
      builder.getStringAttr(node.domain()),
      builder.getI64IntegerAttr(versionOf(node)),
      attributes.getDictionary(&context),
      regionNames.empty() ? nullptr : builder.getArrayAttr(regionNames), inputs,
      unsigned(bodies.size()));
  for (size_t i = 0; i < bodies.size(); ++i)
    buildBody(scope, *bodies[i], op->getRegion(unsigned(i)), location);
  for (int i = 0; i < outputCount; ++i)
    if (!node.output(i).empty())
      scope.values[node.output(i)] = op.getResult(unsigned(i));
}

void Builder::buildNodes(Scope &scope) {
  for (const ::onnx::NodeProto &node : scope.graph.node())
    buildNode(scope, node);
}

void Builder::setModuleAttributes(mlir::ModuleOp module) {
  size_t slash = model.path.rfind('/');
  module->setAttr("onnx.file",
                  builder.getStringAttr(slash == std::string::npos
                                            ? model.path
                                            : model.path.substr(slash + 1)));
  module->setAttr("onnx.ir_version",
                  builder.getI64IntegerAttr(model.irVersion));
  mlir::NamedAttrList opsets;
  for (auto &[domain, version] : model.opsets)
    opsets.set(domain.empty() ? "ai.onnx" : domain,
               builder.getI64IntegerAttr(version));
  module->setAttr("onnx.opset_imports", opsets.getDictionary(&context));
  std::string producer = model.proto.producer_name();
  if (!model.proto.producer_version().empty())
    producer += " " + model.proto.producer_version();
  module->setAttr("onnx.producer", builder.getStringAttr(producer));
}

mlir::OwningOpRef<mlir::ModuleOp> Builder::run() {
  context.loadDialect<AdzeDialect, adze::onnx::OnnxDialect,
                      mlir::func::FuncDialect>();
  const ::onnx::GraphProto &graph = model.graph();
  mlir::Location location = nameLocation(graph.name());
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(builder, location);
  setModuleAttributes(*module);
  builder.setInsertionPointToEnd(module->getBody());
  auto function = mlir::func::FuncOp::create(builder, location, "main",
                                             builder.getFunctionType({}, {}));
  mlir::Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  Scope scope(graph, nullptr, block);

  llvm::SmallVector<mlir::Type> inputs;
  llvm::SmallVector<mlir::DictionaryAttr> inputNames, outputNames;
  auto named = [&](const std::string &name) {
    return builder.getDictionaryAttr(
        builder.getNamedAttr("onnx.name", builder.getStringAttr(name)));
  };
  for (const ::onnx::ValueInfoProto &input : graph.input()) {
    if (input.type().has_tensor_type() &&
        !elementType(&context, input.type().tensor_type().elem_type()))
      refuse("input " + adze::quoted(input.name()) + " has the data type " +
                 std::to_string(input.type().tensor_type().elem_type()) +
                 ", which ONNX does not define",
             "export the model again");
    inputs.push_back(typeOf(scope, input.name(), nullptr));
    inputNames.push_back(named(input.name()));
    scope.values[input.name()] =
        block->addArgument(inputs.back(), nameLocation(input.name()));
  }
  buildNodes(scope);

  llvm::SmallVector<mlir::Value> results;
  llvm::StringSet<> returned;
  auto add = [&](const std::string &name) {
    if (!returned.insert(name).second)
      return;
    results.push_back(lookUp(scope, name));
    outputNames.push_back(named(name));
  };
  for (const ::onnx::ValueInfoProto &output : graph.output())
    add(output.name());
  if (options.keepAllValues)
    for (const ::onnx::NodeProto &node : graph.node())
      for (const std::string &name : node.output()) {
        auto found = scope.values.find(name);
        if (name.empty() || found == scope.values.end() ||
            !mlir::isa<mlir::TensorType>(found->second.getType()) ||
            found->second.getDefiningOp<ConstantOp>())
          continue;
        add(name);
      }
  mlir::func::ReturnOp::create(builder, location, results);
  function.setFunctionType(
      builder.getFunctionType(inputs, mlir::ValueRange(results).getTypes()));
  function.setAllArgAttrs(inputNames);
  function.setAllResultAttrs(outputNames);
  return module;
}

mlir::OwningOpRef<mlir::ModuleOp>
reader::buildModule(const Model &model, const ValueTypes &types,
                    const ReadOptions &options, mlir::MLIRContext &context) {
  return Builder(model, types, options, context).run();
}
