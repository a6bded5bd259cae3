//===- KernelLowering.cpp - A fused kernel becomes loops over buffers -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The body of a kernel.func is a small graph. Roots (reductions, convolution,
/// ...) make loop nests; everything else is evaluated per element where it is
/// used. The last root stores through the operations behind it, the epilogue,
/// straight into the outputs; earlier roots go to scratch buffers.
///
//===----------------------------------------------------------------------===//
#include "passes/lower/KernelLowering.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/lower/Roots.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

static MemRefType bufferType(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return MemRefType::get(type.getShape(), type.getElementType());
}

namespace {

/// Which results of `root` a value depends on.
llvm::BitVector resultsBehind(Value value, Operation *root) {
  llvm::BitVector results(root->getNumResults());
  llvm::SmallDenseSet<Value> seen;
  SmallVector<Value> worklist{value};
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || !seen.insert(next).second)
      continue;
    if (op == root)
      results.set(cast<OpResult>(next).getResultNumber());
    else
      llvm::append_range(worklist, op->getOperands());
  }
  return results;
}

/// Whether every element of `value` at index i depends on `root` only through
/// its element at i, so that it can be computed at the moment of the store.
bool isEpilogueOf(Value value, Operation *root,
                  llvm::SmallDenseMap<Value, bool> &memo) {
  Operation *op = value.getDefiningOp();
  if (!op || op == root)
    return true;
  auto it = memo.find(value);
  if (it != memo.end())
    return it->second;
  memo[value] = false;
  bool ok = findElementRule(op) != nullptr;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!ok)
      break;
    if (resultsBehind(operand.get(), root).none())
      continue;
    ok = readsSameElement(operand) &&
         shapeOf(operand.get()) == shapeOf(value) &&
         isEpilogueOf(operand.get(), root, memo);
  }
  memo[value] = ok;
  return ok;
}

class KernelLowering final : public RootContext {
public:
  KernelLowering(ElementEmitter &emitter, kernel::FuncOp kernel,
                 func::FuncOp function)
      : RootContext(emitter, kernel.getScheduleAttr()), kernel(kernel),
        function(function) {}

  void run();
  void store(unsigned result, ArrayRef<Value> indices, Value value,
             int64_t lanes) override;
  Value buffer(unsigned result) override;
  Value scratch(ArrayRef<int64_t> shape, Type element) override;

  SmallVector<int64_t> scratchBytes;

private:
  /// An output that is stored by the root at hand: the value behind an
  /// optional trailing transpose.
  struct Output {
    Value returned; // operand of kernel.return
    Value computed; // what the epilogue computes (indices of the root)
    SmallVector<int64_t> perm;
    Value memory; // null once stored
    unsigned rootResult = 0;
  };
  void lowerRoot(Operation *root);
  void storeWhole(Value tensor, Value memory);
  void put(Value memory, ArrayRef<Value> indices, Value value, int64_t lanes);

  kernel::FuncOp kernel;
  func::FuncOp function;
  SmallVector<Output> outputs; // all, in order
  Operation *current = nullptr;
  SmallVector<Output *> stored;             // by the current root
  llvm::DenseMap<unsigned, Value> asked;    // buffers the root asked for
  llvm::DenseMap<unsigned, Value> spilled;  // results that others read
};

} // namespace

Value KernelLowering::scratch(ArrayRef<int64_t> shape, Type element) {
  auto type = MemRefType::get(shape, element);
  unsigned bits = std::max(8u, unsigned(element.getIntOrFloatBitWidth()));
  scratchBytes.push_back(type.getNumElements() * bits / 8);
  unsigned position = function.getNumArguments();
  (void)function.insertArgument(position, type, {}, e.loc);
  return function.getArgument(position);
}

void KernelLowering::put(Value memory, ArrayRef<Value> indices, Value value,
                         int64_t lanes) {
  if (lanes == 1)
    e.make<memref::StoreOp>(value, memory, indices);
  else
    e.make<vector::StoreOp>(value, memory, indices);
}

void KernelLowering::store(unsigned result, ArrayRef<Value> indices,
                           Value value, int64_t lanes) {
  Value tensor = current->getResult(result);
  if (Value memory = spilled.lookup(result))
    put(memory, indices, value, lanes);
  e.define(tensor, indices, lanes, value);
  for (Output *output : stored) {
    if (output->rootResult != result)
      continue;
    Value final = output->computed == tensor
                      ? value
                      : e.element(output->computed, indices, lanes);
    if (output->perm.empty()) {
      put(output->memory, indices, final, lanes);
      continue;
    }
    for (int64_t lane = 0; lane < lanes; ++lane) {
      Indices at(indices);
      at.back() = e.add(at.back(), lane);
      Indices to;
      for (int64_t p : output->perm)
        to.push_back(at[p]);
      Value scalar =
          lanes == 1 ? final
                     : e.make<vector::ExtractOp>(final, lane).getResult();
      put(output->memory, to, scalar, 1);
    }
  }
}

Value KernelLowering::buffer(unsigned result) {
  Value &memory = asked[result];
  if (memory)
    return memory;
  if (Value spill = spilled.lookup(result))
    return memory = spill;
  // Straight into the output where the result is returned as it is.
  Value tensor = current->getResult(result);
  for (Output *output : stored)
    if (output->rootResult == result && output->computed == tensor &&
        output->perm.empty())
      return memory = output->memory;
  return memory = scratch(shapeOf(tensor), elementTypeOf(tensor));
}

void KernelLowering::storeWhole(Value tensor, Value memory) {
  ArrayRef<int64_t> shape = shapeOf(tensor);
  e.nest(shape, [&](ArrayRef<Value> at) {
    put(memory, at, e.element(tensor, at), 1);
  });
}

void KernelLowering::lowerRoot(Operation *root) {
  current = root;
  stored.clear();
  asked.clear();
  spilled.clear();
  // Outputs that depend on one result of the root, element by element, are
  // stored by it. Anything else that depends on it reads a spilled copy.
  llvm::SmallDenseMap<Value, bool> memo;
  llvm::BitVector spill(root->getNumResults());
  for (Output &output : outputs) {
    if (!output.memory)
      continue;
    llvm::BitVector from = resultsBehind(output.computed, root);
    if (from.none())
      continue;
    Value first = root->getResult(from.find_first());
    if (from.count() == 1 && shapeOf(output.computed) == shapeOf(first) &&
        isEpilogueOf(output.computed, root, memo)) {
      output.rootResult = from.find_first();
      stored.push_back(&output);
    } else {
      spill |= from;
    }
  }
  for (Operation *later = root->getNextNode(); later;
       later = later->getNextNode())
    if (!later->hasTrait<OpTrait::IsTerminator>() && !findElementRule(later))
      for (Value operand : later->getOperands())
        spill |= resultsBehind(operand, root);
  for (unsigned result : spill.set_bits())
    spilled[result] = scratch(shapeOf(root->getResult(result)),
                              elementTypeOf(root->getResult(result)));

  RootFn lower = findRootRule(root);
  assert(lower && "a root without a rule");
  lower(root, *this);

  // What the root kept in buffers of its own still has to pass the epilogue.
  for (auto [result, memory] : asked)
    e.setBuffer(root->getResult(result), memory);
  for (auto [result, memory] : spilled)
    e.setBuffer(root->getResult(result), memory);
  for (Output *output : stored)
    if (Value memory = asked.lookup(output->rootResult);
        memory && memory != output->memory)
      storeWhole(output->returned, output->memory);
  for (Output *output : stored)
    output->memory = nullptr; // done
  stored.clear();
}

void KernelLowering::run() {
  Block &body = kernel.getBody().front();
  for (auto [argument, memory] :
       llvm::zip(body.getArguments(), function.getArguments()))
    e.setBuffer(argument, memory);
  unsigned position = body.getNumArguments();
  for (Value returned : body.getTerminator()->getOperands()) {
    Output output{returned, returned, {}, function.getArgument(position++)};
    if (auto transpose = returned.getDefiningOp<nn::TransposeOp>()) {
      // Stored where it belongs by whatever computes its input.
      output.computed = transpose.getInput();
      output.perm.assign(transpose.getPerm().begin(),
                         transpose.getPerm().end());
    }
    outputs.push_back(output);
  }
  for (Operation &op : body.without_terminator())
    if (!findElementRule(&op))
      lowerRoot(&op);
  // Outputs that no root stores: plain loops over their elements.
  for (Output &output : outputs)
    if (output.memory)
      storeWhole(output.returned, output.memory);
}

std::string adze::lower::loopsName(StringRef kernel) {
  return (kernel + ".loops").str();
}

static void setWrites(func::FuncOp function, unsigned inputs) {
  SmallVector<bool> writes(function.getNumArguments(), true);
  std::fill(writes.begin(), writes.begin() + inputs, false);
  function->setAttr("adze.writes", DenseBoolArrayAttr::get(
                                       function.getContext(), writes));
}

void adze::lower::declareTextKernel(kernel::FuncOp kernel, OpBuilder &builder) {
  SmallVector<Type> types;
  for (Type type : kernel.getArgumentTypes())
    types.push_back(bufferType(type));
  for (Type type : kernel.getResultTypes())
    types.push_back(bufferType(type));
  for (int64_t bytes : kernel.getScratch().value_or(ArrayRef<int64_t>{}))
    types.push_back(MemRefType::get({bytes / 4}, builder.getI32Type()));
  auto function = func::FuncOp::create(builder, kernel.getLoc(),
                                       loopsName(kernel.getSymName()),
                                       builder.getFunctionType(types, {}));
  function.setPrivate();
  setWrites(function, kernel.getArgumentTypes().size());
  if (auto doc = kernel.getDocAttr())
    function->setAttr("adze.doc", doc);
  if (auto schedule = kernel.getScheduleAttr())
    function->setAttr("adze.schedule", schedule);
  for (StringRef code : {"adze.code", "adze.tile"})
    if (Attribute attribute = kernel->getAttr(code))
      function->setAttr(code, attribute);
}

void adze::lower::lowerKernel(kernel::FuncOp kernel, OpBuilder &builder,
                              LoweredKernel &lowered) {
  Location loc = kernel.getLoc();
  SmallVector<Type> types;
  for (Type type : kernel.getArgumentTypes())
    types.push_back(bufferType(type));
  for (Type type : kernel.getResultTypes())
    types.push_back(bufferType(type));
  auto function = func::FuncOp::create(builder, loc, loopsName(kernel.getSymName()),
                                       builder.getFunctionType(types, {}));
  function.setPrivate();
  Block *entry = function.addEntryBlock();
  OpBuilder inner = OpBuilder::atBlockBegin(entry);
  func::ReturnOp::create(inner, loc);
  inner.setInsertionPointToStart(entry);
  ElementEmitter emitter(inner, loc);
  KernelLowering lowering(emitter, kernel, function);
  lowering.run();

  setWrites(function, kernel.getArgumentTypes().size());
  if (auto doc = kernel.getDocAttr())
    function->setAttr("adze.doc", doc);
  if (auto schedule = kernel.getScheduleAttr())
    function->setAttr("adze.schedule", schedule);
  if (!lowering.scratchBytes.empty())
    function->setAttr("adze.scratch", builder.getI64IntegerAttr(
                                          lowering.scratchBytes.size()));
  lowered.function = function;
  lowered.scratchBytes = lowering.scratchBytes;
}
