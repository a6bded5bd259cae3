//===- ConvertOnnxToNn.cpp - ONNX nodes become tensor operations -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "lib/Import/FunctionBodies.h"
#include "lib/Import/ops/NodeLowering.h"
#include "passes/graph/ConstantEvaluation.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

namespace adze {
#define GEN_PASS_DEF_CONVERTONNXTONN
#include "passes/Passes.h.inc"
} // namespace adze

/// The signless form of an `onnx`-level type; null for what has none.
static RankedTensorType signless(Type type, bool &isUnsigned) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return nullptr;
  isUnsigned = tensor.getElementType().isUnsignedInteger();
  if (auto integer = dyn_cast<IntegerType>(tensor.getElementType()))
    return tensor.clone(IntegerType::get(type.getContext(), integer.getWidth()));
  if (!isa<FloatType>(tensor.getElementType()))
    return nullptr;
  return tensor;
}

namespace {

struct FoldingEvaluator final : Evaluator {
  DenseElementsAttr evaluate(Value value) override {
    DenseElementsAttr &known = cache[value];
    if (!known)
      known = evaluateConstant(value, int64_t(1) << 24);
    return known;
  }
  llvm::DenseMap<Value, DenseElementsAttr> cache;
};

class Converter {
public:
  explicit Converter(ModuleOp module)
      : module(module), builder(module.getContext()) {}

  LogicalResult run(func::FuncOp main);

private:
  LogicalResult convertBlock(Block &block);
  void convertConstant(adze::ConstantOp constant);
  LogicalResult convertNode(onnx::NodeOp node);
  /// Lowers copies of the nodes of `body` at the insertion point.
  LogicalResult lowerBody(Block &body, ArrayRef<TensorValue> arguments,
                          SmallVectorImpl<TensorValue> &results);
  /// A node without a lowering of its own, by the body that ONNX gives it.
  LogicalResult expandFunction(onnx::NodeOp node, ArrayRef<TensorValue> inputs);
  LogicalResult checkSupport(func::FuncOp main);
  void describe(func::FuncOp main);

  ModuleOp module;
  OpBuilder builder;
  FoldingEvaluator evaluator;
  llvm::DenseMap<Value, TensorValue> values;
};

} // namespace

/// "/layer1/conv (Conv, ai.onnx version 11)"
static std::string nodeText(onnx::NodeOp node) {
  std::string name;
  if (auto loc = dyn_cast<NameLoc>(node.getLoc()))
    name = loc.getName().str();
  StringRef domain = node.getDomain().empty() ? "ai.onnx" : node.getDomain();
  return "'" + name + "' (" + node.getOpType().str() + ", " + domain.str() +
         " version " + std::to_string(node.getVersion()) + ")";
}

LogicalResult Converter::checkSupport(func::FuncOp main) {
  // All at once, one line an operator with the nodes that use it.
  std::map<std::string, SmallVector<std::string>> missing;
  main.walk([&](onnx::NodeOp node) {
    if (findLowering(node.getDomain(), node.getOpType(), node.getVersion()) ||
        reader::hasFunctionBody(node.getDomain(), node.getOpType(),
                                node.getVersion()))
      return;
    StringRef domain = node.getDomain().empty() ? "ai.onnx" : node.getDomain();
    std::string op = node.getOpType().str() + " (" + domain.str() + " version " +
                     std::to_string(node.getVersion()) + ")";
    std::string name;
    if (auto loc = dyn_cast<NameLoc>(node.getLoc()))
      name = loc.getName().str();
    missing[op].push_back(name);
  });
  if (missing.empty())
    return success();
  std::string text = "these operators are not supported:";
  for (auto &[op, nodes] : missing) {
    text += "\n  " + op + " at node '" + nodes.front() + "'";
    if (nodes.size() > 1)
      text += " and " + std::to_string(nodes.size() - 1) + " more";
  }
  text += "\nExport with another opset, or replace these nodes by supported "
          "operators (adze inspect lists what a model needs).";
  main.emitError(text);
  return failure();
}

void Converter::convertConstant(adze::ConstantOp constant) {
  bool isUnsigned = false;
  RankedTensorType type = signless(constant.getType(), isUnsigned);
  if (!type)
    return;
  if (type != constant.getType()) {
    TypedAttr value;
    if (auto weight = dyn_cast<WeightAttr>(constant.getValue()))
      value = WeightAttr::get(type.getContext(), weight.getName(), type);
    else
      value = cast<DenseElementsAttr>(constant.getValue())
                  .bitcast(type.getElementType());
    constant.setValueAttr(value);
    constant.getResult().setType(type);
  }
  values[constant] = {constant.getResult(), isUnsigned};
}

LogicalResult Converter::lowerBody(Block &body, ArrayRef<TensorValue> arguments,
                                   SmallVectorImpl<TensorValue> &results) {
  for (auto [argument, value] : llvm::zip(body.getArguments(), arguments))
    values[argument] = value;
  OpBuilder::InsertionGuard guard(builder);
  IRMapping map;
  SmallVector<Operation *> clones;
  for (Operation &op : body.without_terminator())
    clones.push_back(builder.clone(op, map));
  for (Operation *clone : clones) {
    if (auto constant = dyn_cast<adze::ConstantOp>(clone))
      convertConstant(constant);
    else if (auto inner = dyn_cast<onnx::NodeOp>(clone))
      if (failed(convertNode(inner)))
        return failure();
  }
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(values.lookup(map.lookupOrDefault(value)));
  return success();
}

LogicalResult Converter::expandFunction(onnx::NodeOp node,
                                        ArrayRef<TensorValue> inputs) {
  auto refuse = [&](const Twine &why) {
    return node.emitError("node " + nodeText(node) + ": " + why + ".");
  };
  if (!reader::hasFunctionBody(node.getDomain(), node.getOpType(),
                               node.getVersion()))
    return refuse("this operator is not supported");
  SmallVector<Type> types;
  SmallVector<TensorValue> arguments;
  for (const TensorValue &input : inputs) {
    if (!input.value) {
      types.push_back(builder.getNoneType());
      continue;
    }
    auto type = cast<RankedTensorType>(input.value.getType());
    if (input.isUnsigned)
      type = type.clone(IntegerType::get(type.getContext(),
                                         type.getElementTypeBitWidth(),
                                         IntegerType::Unsigned));
    types.push_back(type);
    arguments.push_back(input);
  }
  std::string why;
  OwningOpRef<ModuleOp> body = reader::functionBody(node, types, why);
  if (!body)
    return refuse(why);
  auto main = body->lookupSymbol<func::FuncOp>("main");
  Block &block = main.getBody().front();
  if (block.getNumArguments() != arguments.size())
    return refuse("its body takes " + Twine(block.getNumArguments()) +
                  " inputs, found " + Twine(arguments.size()));
  // Messages about the body name the node of the model.
  main.walk([&](Operation *op) { op->setLoc(node.getLoc()); });
  // When the body goes away, in whatever way, the copies let go of its
  // arguments, and these must not be taken for other values.
  llvm::scope_exit release([&] {
    for (auto [argument, value] : llvm::zip(block.getArguments(), arguments)) {
      values.erase(argument);
      argument.replaceAllUsesWith(value.value);
    }
  });
  SmallVector<TensorValue> results;
  builder.setInsertionPoint(node);
  if (failed(lowerBody(block, arguments, results)))
    return failure();
  auto outputs = llvm::make_filter_range(node.getOutputs(), [](Value output) {
    return !isa<NoneType>(output.getType());
  });
  for (auto [result, value] : llvm::zip(outputs, results))
    if (value.value)
      values[result] = value;
  return success();
}

LogicalResult Converter::convertNode(onnx::NodeOp node) {
  SmallVector<TensorValue> inputs;
  for (Value input : node.getInputs()) {
    if (isa<NoneType>(input.getType())) {
      inputs.push_back({});
      continue;
    }
    TensorValue value = values.lookup(input);
    if (!value.value)
      return node.emitError("node " + nodeText(node) +
                            " uses a value that is no tensor of numbers, which "
                            "is not supported");
    inputs.push_back(value);
  }
  const OpLowering *lowering =
      findLowering(node.getDomain(), node.getOpType(), node.getVersion());
  if (!lowering)
    return expandFunction(node, inputs);
  builder.setInsertionPoint(node);
  NodeLowering n(builder, node, inputs, evaluator);
  n.lowerBody = [&](Block &body, ArrayRef<TensorValue> arguments,
                    SmallVectorImpl<TensorValue> &results) {
    return lowerBody(body, arguments, results);
  };
  if (failed(lowering->lower(n))) {
    std::string why = n.message.empty() ? "its inputs do not fit" : n.message;
    return node.emitError("node " + nodeText(node) + ": " + why + ".");
  }
  for (auto [result, value] : llvm::zip(node.getOutputs(), n.getResults()))
    if (value.value)
      values[result] = value;
  return success();
}

LogicalResult Converter::convertBlock(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto constant = dyn_cast<adze::ConstantOp>(op))
      convertConstant(constant);
    else if (auto node = dyn_cast<onnx::NodeOp>(op))
      if (failed(convertNode(node)))
        return failure();
  }
  return success();
}

/// Names and types of inputs and outputs, as the later levels want them.
void Converter::describe(func::FuncOp main) {
  auto describeOne = [&](Attribute name, Type type, auto set) {
    set("adze.name", name ? name : builder.getStringAttr(""));
    set("adze.type", builder.getStringAttr(typeName(getElementTypeOrSelf(type))));
  };
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    describeOne(main.getArgAttr(i, "onnx.name"), main.getArgument(i).getType(),
                [&](StringRef key, Attribute value) {
                  main.setArgAttr(i, key, value);
                });
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    main.setResultAttr(i, "adze.name", main.getResultAttr(i, "onnx.name"));
    Type type = main.getResultTypes()[i];
    main.setResultAttr(i, "adze.type",
                       builder.getStringAttr(typeName(getElementTypeOrSelf(type))));
  }
}

LogicalResult Converter::run(func::FuncOp main) {
  if (failed(checkSupport(main)))
    return failure();
  Block &body = main.getBody().front();
  describe(main);
  for (BlockArgument argument : body.getArguments()) {
    bool isUnsigned = false;
    RankedTensorType type = signless(argument.getType(), isUnsigned);
    if (!type) {
      main.emitError() << "input " << argument.getArgNumber()
                       << " has the type " << argument.getType()
                       << ", which is not supported as an input";
      return failure();
    }
    argument.setType(type);
    values[argument] = {argument, isUnsigned};
  }
  if (failed(convertBlock(body)))
    return failure();

  Operation *terminator = body.getTerminator();
  SmallVector<Value> results;
  SmallVector<Type> types;
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    TensorValue result = values.lookup(value);
    if (!result.value) {
      main.emitError() << "output " << i
                       << " is no tensor of numbers, which is not supported";
      return failure();
    }
    results.push_back(result.value);
    types.push_back(result.value.getType());
    // The type that the file states may be missing; the one computed is right.
    Type element = getElementTypeOrSelf(types.back());
    if (auto integer = dyn_cast<IntegerType>(element);
        integer && result.isUnsigned)
      element = IntegerType::get(element.getContext(), integer.getWidth(),
                                 IntegerType::Unsigned);
    main.setResultAttr(i, "adze.type", builder.getStringAttr(typeName(element)));
  }
  terminator->setOperands(results);
  main.setType(builder.getFunctionType(body.getArgumentTypes(), types));
  // Also in the bodies of kernel.if and kernel.while.
  SmallVector<Operation *> converted;
  main.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isa<onnx::NodeOp, onnx::NoneOp>(op))
      return WalkResult::advance();
    converted.push_back(op);
    return WalkResult::skip();
  });
  // Copies of a body read the arguments of the original.
  for (Operation *op : converted)
    op->dropAllReferences();
  for (Operation *op : converted) {
    op->dropAllUses();
    op->erase();
  }
  main.walk([&](Block *block) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  });
  return success();
}

namespace {
struct ConvertOnnxToNnPass final
    : adze::impl::ConvertOnnxToNnBase<ConvertOnnxToNnPass> {
  using ConvertOnnxToNnBase::ConvertOnnxToNnBase;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError("there is no graph @main");
      return signalPassFailure();
    }
    if (failed(Converter(getOperation()).run(main)))
      signalPassFailure();
  }
};
} // namespace
