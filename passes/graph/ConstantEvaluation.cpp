//===- ConstantEvaluation.cpp - Computes what depends on constants alone -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/graph/ConstantEvaluation.h"
#include "passes/graph/WeightMovement.h"

#include "adze/Interpreter.h"
#include "passes/Passes.h"
#include "passes/lower/ElementEmitter.h"
#include "passes/lower/KernelLowering.h"
#include "passes/quantize/Expand.h"

using namespace mlir;
using namespace adze;

SmallVector<Value> adze::valuesReadBy(Operation *op) {
  SmallVector<Value> values(op->getOperands());
  llvm::SmallDenseSet<Value> seen;
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Operation *home = operand.getParentBlock()->getParentOp();
        bool inside = home && op->isAncestor(home);
        if (!inside && seen.insert(operand).second)
          values.push_back(operand);
      }
    });
  return values;
}

/// Bits of an element in memory: sub-byte integers are packed, i1 is a byte.
static unsigned memoryBits(Type element) {
  if (element.isIndex())
    return 64;
  unsigned bits = element.getIntOrFloatBitWidth();
  return bits == 1 ? 8 : bits;
}

static int64_t byteSize(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return llvm::divideCeil(tensor.getNumElements() *
                              memoryBits(tensor.getElementType()),
                          8);
}

std::vector<char> adze::bytesOf(DenseElementsAttr dense) {
  auto type = cast<RankedTensorType>(dense.getType());
  Type element = type.getElementType();
  std::vector<char> bytes;
  if (element.isInteger(1)) {
    for (bool value : dense.getValues<bool>())
      bytes.push_back(value);
    return bytes;
  }
  if (unsigned bits = memoryBits(element); bits < 8) {
    bytes.assign(byteSize(type), 0);
    int64_t at = 0;
    auto put = [&](const APInt &value) {
      bytes[at / 8] |= char(value.getZExtValue() << (at % 8));
      at += bits;
    };
    if (isa<FloatType>(element))
      for (const APFloat &value : dense.getValues<APFloat>())
        put(value.bitcastToAPInt());
    else
      for (const APInt &value : dense.getValues<APInt>())
        put(value);
    return bytes;
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return std::vector<char>(raw.begin(), raw.end());
  bytes.reserve(type.getNumElements() * raw.size());
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  return bytes;
}

DenseElementsAttr adze::denseOf(RankedTensorType type, ArrayRef<char> bytes) {
  Type element = type.getElementType();
  unsigned bits = memoryBits(element);
  if (element.isInteger(1)) {
    SmallVector<bool> values;
    for (char byte : bytes)
      values.push_back(byte != 0);
    return DenseElementsAttr::get(type, values);
  }
  if (bits >= 8)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<Attribute> values;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    uint64_t code = (uint8_t(bytes[i * bits / 8]) >> (i * bits % 8)) &
                    ((1u << bits) - 1);
    if (auto real = dyn_cast<FloatType>(element))
      values.push_back(FloatAttr::get(
          real, APFloat(real.getFloatSemantics(), APInt(bits, code))));
    else
      values.push_back(IntegerAttr::get(element, APInt(bits, code)));
  }
  return DenseElementsAttr::get(type, values);
}

std::optional<SmallVector<Operation *>> adze::constantSlice(Value value) {
  SmallVector<Operation *> order;
  llvm::SmallDenseSet<Operation *> done;
  // Depth first without recursion: graphs from files may be very deep.
  struct Frame {
    Operation *op;
    SmallVector<Value> operands; // of the operation and captured by its body
    unsigned next;
  };
  SmallVector<Frame> stack;
  auto push = [&](Value v) {
    Operation *op = v.getDefiningOp();
    if (!op || isa<onnx::NodeOp, kernel::IfOp, kernel::WhileOp, kernel::CallOp>(op))
      return false;
    if (done.contains(op))
      return true;
    stack.push_back({op, valuesReadBy(op), 0});
    return true;
  };
  if (!push(value))
    return std::nullopt;
  while (!stack.empty()) {
    Frame &frame = stack.back();
    if (done.contains(frame.op)) {
      stack.pop_back();
      continue;
    }
    if (frame.next < frame.operands.size()) {
      Value operand = frame.operands[frame.next++];
      if (!push(operand))
        return std::nullopt;
      continue;
    }
    done.insert(frame.op);
    order.push_back(frame.op);
    stack.pop_back();
  }
  return order;
}

namespace {

/// A constant computation: a function over buffers and what it reads.
struct Computation {
  OwningOpRef<ModuleOp> module;
  SmallVector<TypedAttr> inputs;
  SmallVector<int64_t> scratch;
  RankedTensorType type;

  Status run(WeightStore &store, std::vector<char> &bytes) const;
};

} // namespace

Status Computation::run(WeightStore &store, std::vector<char> &bytes) const {
  std::vector<std::vector<char>> held;
  std::vector<void *> buffers;
  held.reserve(inputs.size() + scratch.size());
  for (TypedAttr input : inputs) {
    if (auto weight = dyn_cast<WeightAttr>(input)) {
      // Mapped bytes have any alignment; the interpreter reads by copying.
      buffers.push_back(const_cast<char *>(store.bytes(weight.getName()).data()));
      continue;
    }
    held.push_back(bytesOf(cast<DenseElementsAttr>(input)));
    buffers.push_back(held.back().data());
  }
  bytes.assign(byteSize(type), 0);
  buffers.push_back(bytes.data());
  for (int64_t size : scratch) {
    held.emplace_back(size);
    buffers.push_back(held.back().data());
  }
  return interpret(*module, "fold", buffers);
}

/// Outlines the operations behind `value` as one kernel and lowers it.
static std::shared_ptr<Computation> makeComputation(Value value,
                                                    ArrayRef<Operation *> slice) {
  MLIRContext *context = value.getContext();
  auto computation = std::make_shared<Computation>();
  Location loc = UnknownLoc::get(context);
  computation->module = ModuleOp::create(loc);
  computation->type = cast<RankedTensorType>(value.getType());
  OpBuilder builder = OpBuilder::atBlockEnd(computation->module->getBody());

  SmallVector<Type> arguments;
  llvm::DenseMap<Operation *, unsigned> position;
  for (Operation *op : slice)
    if (auto constant = dyn_cast<adze::ConstantOp>(op)) {
      auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
      if (dense && dense.isSplat())
        continue;
      position[op] = arguments.size();
      arguments.push_back(constant.getType());
      computation->inputs.push_back(constant.getValue());
    }
  auto kernel = kernel::FuncOp::create(
      builder, loc, "fold_tensors",
      builder.getFunctionType(arguments, {value.getType()}));
  Block &body = kernel.getBody().front();
  OpBuilder inner = OpBuilder::atBlockEnd(&body);
  IRMapping map;
  for (Operation *op : slice) {
    if (auto it = position.find(op); it != position.end())
      map.map(op->getResult(0), body.getArgument(it->second));
    else
      inner.clone(*op, map);
  }
  kernel::ReturnOp::create(inner, loc, map.lookup(value));
  expandQuantization(kernel);
  lower::LoweredKernel lowered;
  builder.setInsertionPoint(kernel);
  lower::lowerKernel(kernel, builder, lowered);
  lowered.function.setSymName("fold");
  lowered.function.setPublic();
  computation->scratch.assign(lowered.scratchBytes.begin(),
                              lowered.scratchBytes.end());
  kernel.erase();
  return computation;
}

static void replaceBy(Value value, TypedAttr constant) {
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  auto op = adze::ConstantOp::create(builder, value.getLoc(), constant);
  value.replaceAllUsesWith(op.getResult());
}

DenseElementsAttr adze::evaluateConstant(Value value, int64_t limit) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || byteSize(type) > limit)
    return nullptr;
  WeightStore &store = WeightStore::get(value.getContext());
  if (auto constant = value.getDefiningOp<adze::ConstantOp>()) {
    if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
      return dense;
    auto weight = cast<WeightAttr>(constant.getValue());
    return denseOf(type, store.bytes(weight.getName()));
  }
  auto slice = constantSlice(value);
  if (!slice)
    return nullptr;
  auto computation = makeComputation(value, *slice);
  std::vector<char> bytes;
  if (Status status = computation->run(store, bytes); !status) {
    emitWarning(value.getLoc()) << "not folded: " << status.message;
    return nullptr;
  }
  DenseElementsAttr result = denseOf(type, bytes);
  replaceBy(value, result);
  return result;
}

bool adze::foldToConstant(Value value) {
  constexpr int64_t inlineLimit = 1024; // as for imported constants
  auto slice = constantSlice(value);
  if (!slice)
    return false;
  if (byteSize(value.getType()) <= inlineLimit)
    return evaluateConstant(value, inlineLimit) != nullptr;
  // A mere transpose needs no interpreter.
  if (auto transpose = value.getDefiningOp<nn::TransposeOp>())
    if (auto constant = transpose.getInput().getDefiningOp<adze::ConstantOp>())
      if (TypedAttr moved =
              transposeConstant(constant.getValue(), transpose.getPerm())) {
        replaceBy(value, moved);
        return true;
      }
  WeightStore &store = WeightStore::get(value.getContext());
  std::shared_ptr<Computation> computation = makeComputation(value, *slice);
  std::string base = "folded";
  for (Operation *op : *slice)
    if (auto constant = dyn_cast<adze::ConstantOp>(op))
      if (auto weight = dyn_cast<WeightAttr>(constant.getValue())) {
        base = weight.getName().str();
        break;
      }
  std::string name = store.addRecipe(
      base, byteSize(value.getType()), [computation, &store]() {
        std::vector<char> bytes;
        Status status = computation->run(store, bytes);
        if (!status)
          llvm::report_fatal_error(llvm::Twine("folding failed: ") +
                                   status.message);
        return bytes;
      });
  replaceBy(value, WeightAttr::get(value.getContext(), name, value.getType()));
  return true;
}
