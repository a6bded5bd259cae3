//===- CopyKernels.cpp - Kernels that only move tensors -------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/CopyKernels.h"

#include "passes/lower/KernelLowering.h"
#include "passes/memory/ProgramBuffers.h"

using namespace mlir;
using namespace adze;
using namespace adze::memory;

/// The only operation of a kernel, if it is of this type and its result is the
/// kernel's.
template <typename Op> static Op onlyOperation(kernel::FuncOp kernel) {
  // A kernel that came as text has no body.
  if (kernel.getBody().empty() || kernel.getBody().front().empty())
    return {};
  Block &body = kernel.getBody().front();
  if (!llvm::hasSingleElement(body.without_terminator()))
    return {};
  auto op = dyn_cast<Op>(body.front());
  Operation *ret = body.getTerminator();
  if (!op || ret->getNumOperands() != 1 ||
      ret->getOperand(0) != op->getResult(0))
    return {};
  return op;
}

nn::SliceOp adze::memory::findSlice(kernel::FuncOp kernel) {
  return onlyOperation<nn::SliceOp>(kernel);
}

SmallVector<Value> adze::memory::findParts(kernel::CallOp call,
                                           kernel::FuncOp kernel) {
  auto concat = onlyOperation<nn::ConcatOp>(kernel);
  if (!concat || call.getNumResults() != 1)
    return {};
  auto type = cast<RankedTensorType>(concat.getOutput().getType());
  Type element = type.getElementType();
  if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0 ||
      llvm::any_of(type.getShape().take_front(concat.getAxis()),
                   [](int64_t size) { return size != 1; }))
    return {};
  SmallVector<Value> parts;
  for (Value input : concat.getInputs()) {
    auto argument = dyn_cast<BlockArgument>(input);
    if (!argument)
      return {};
    Value part = call.getInputs()[argument.getArgNumber()];
    if (llvm::is_contained(parts, part))
      return {};
    parts.push_back(part);
  }
  return parts;
}

bool adze::memory::canBePart(Value part, Operation *user) {
  return part.getDefiningOp<kernel::CallOp>() &&
         part.getParentBlock() == user->getBlock() && !joinOf(part) &&
         llvm::none_of(part.getUsers(), llvm::IsaPred<func::ReturnOp>);
}

void adze::memory::eraseUnusedKernels(ModuleOp module) {
  llvm::StringMap<bool> isCalled;
  module.walk([&](kernel::CallOp call) { isCalled[call.getCallee()] = true; });
  SymbolTable symbols(module);
  for (auto kernel :
       llvm::make_early_inc_range(module.getOps<kernel::FuncOp>())) {
    if (isCalled.lookup(kernel.getSymName()))
      continue;
    if (Operation *loops =
            symbols.lookup(lower::loopsName(kernel.getSymName())))
      symbols.erase(loops);
    symbols.erase(kernel);
  }
}
