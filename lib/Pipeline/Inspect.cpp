//===- Inspect.cpp - What is known of a model without running it -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/Driver.h"

#include "adze/Reader.h"
#include "lib/Import/ops/NodeLowering.h"
#include "lib/Pipeline/CompiledModule.h"
#include "passes/fuse/KernelName.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace adze;

static std::string textOf(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<StringAttr>(name);
  return attr ? attr.str() : "";
}

/// Counts operators, and the nodes without a lowering.
static void countNodes(ModuleOp module, ModelInfo &info) {
  std::map<std::tuple<std::string, std::string, int64_t>, OperatorCount> counts;
  module.walk([&](onnx::NodeOp node) {
    ++info.nodes;
    OperatorCount &count = counts[{node.getDomain().str(),
                                   node.getOpType().str(),
                                   int64_t(node.getVersion())}];
    count.domain = node.getDomain().str();
    count.name = node.getOpType().str();
    count.sinceVersion = node.getVersion();
    ++count.count;
    if (import::findLowering(node.getDomain(), node.getOpType(),
                             node.getVersion()))
      return;
    count.supported = false;
    UnsupportedNode missing;
    missing.node = nodeName(node.getLoc());
    missing.domain = count.domain;
    missing.op = count.name;
    missing.opset = count.sinceVersion;
    missing.reason = node.getVersion() == 0
                         ? "no such operator is known in this domain; export "
                           "it as standard operators"
                         : "this operator has no lowering; export with another "
                           "opset or replace the node";
    info.unsupported.push_back(std::move(missing));
  });
  for (auto &[key, count] : counts)
    info.operators.push_back(count);
  llvm::stable_sort(info.operators, [](auto &a, auto &b) {
    return std::tuple(-a.count, a.name) < std::tuple(-b.count, b.name);
  });
}

static void countParameters(ModuleOp module, ModelInfo &info) {
  module.walk([&](ConstantOp constant) {
    auto type = cast<ShapedType>(constant.getType());
    info.parameters += type.getNumElements();
    Type element = type.getElementType();
    if (element.isIntOrFloat())
      info.weightBytes +=
          llvm::divideCeil(type.getNumElements() * std::max(8u, element.getIntOrFloatBitWidth()), 8);
  });
}

/// What the file says of itself, and its inputs and outputs.
static void describeGraph(ModuleOp module, ModelInfo &info) {
  info.producer = textOf(module, "onnx.producer");
  if (auto version = module->getAttrOfType<IntegerAttr>("onnx.ir_version"))
    info.irVersion = version.getInt();
  if (auto imports = module->getAttrOfType<DictionaryAttr>("onnx.opset_imports"))
    for (NamedAttribute entry : imports)
      if (auto version = dyn_cast<IntegerAttr>(entry.getValue()))
        info.opsets.push_back({entry.getName().str(), version.getInt()});
  if (auto assumed = module->getAttrOfType<ArrayAttr>("onnx.assumed"))
    for (StringAttr dimension : assumed.getAsRange<StringAttr>())
      info.freeDimensions.push_back(dimension.str());
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto specOf = [](Type type, StringAttr name) {
    TensorSpec spec;
    spec.name = name ? name.str() : "";
    if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      spec.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
      spec.type = elementTypeNamed(import::typeName(tensor.getElementType()));
    }
    return spec;
  };
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    info.inputs.push_back(
        specOf(main.getArgumentTypes()[i],
               main.getArgAttrOfType<StringAttr>(i, "onnx.name")));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    info.outputs.push_back(
        specOf(main.getResultTypes()[i],
               main.getResultAttrOfType<StringAttr>(i, "onnx.name")));
}

Status adze::inspectModel(const std::string &path,
                          const CompileOptions &options, ModelInfo &info) {
  info.path = path;
  ReadOptions read;
  read.shapes = options.shapes;
  read.assumeOnes = true;
  CompiledModel::Impl impl;
  if (Status status = readOnnx(path, read, impl.context, impl.module); !status)
    return status;
  describeGraph(*impl.module, info);
  countNodes(*impl.module, info);
  countParameters(*impl.module, info);
  if (!info.unsupported.empty()) {
    info.notCompiled = std::to_string(info.unsupported.size()) +
                       " nodes have operators that are not supported";
    return Status::success();
  }
  CompiledModel compiled;
  CompileOptions fixed = options;
  fixed.shapes.clear();
  for (const TensorSpec &input : info.inputs)
    fixed.shapes[input.name] = input.shape;
  if (Status status = compileModel(path, fixed, compiled); !status) {
    info.notCompiled = status.message;
    return Status::success();
  }
  info.macs = 0;
  for (const KernelInfo &kernel : compiled.kernels)
    info.macs += kernel.macs * std::max<int64_t>(1, kernel.calls);
  info.memory = compiled.memory;
  info.kernels = compiled.kernels;
  return Status::success();
}
