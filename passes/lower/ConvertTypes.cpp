//===- ConvertTypes.cpp - Changes the types of values in place -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/ConvertTypes.h"

#include "dialects/adze/adze.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace adze;

bool adze::lower::isDeviceCode(Operation *op) {
  return isa<FunctionOpInterface>(op) && !isa<func::FuncOp>(op);
}

void adze::lower::convertTypes(ModuleOp module,
                               llvm::function_ref<Type(Type)> convert) {
  auto convertValue = [&](Value value) {
    if (Type type = convert(value.getType()); type != value.getType())
      value.setType(type);
  };
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isDeviceCode(op))
      return WalkResult::skip();
    for (Value result : op->getResults())
      convertValue(result);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Value argument : block.getArguments())
          convertValue(argument);
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      FunctionType type = function.getFunctionType();
      SmallVector<Type> inputs(llvm::map_range(type.getInputs(), convert));
      SmallVector<Type> results(llvm::map_range(type.getResults(), convert));
      function.setFunctionType(
          FunctionType::get(op->getContext(), inputs, results));
    } else if (auto global = dyn_cast<memref::GlobalOp>(op)) {
      auto type = cast<MemRefType>(convert(global.getType()));
      if (type == global.getType())
        return WalkResult::advance();
      global.setType(type);
      // The bytes stay what they are.
      if (auto weight = op->getAttrOfType<WeightAttr>("adze.weight"))
        op->setAttr(
            "adze.weight",
            WeightAttr::get(
                op->getContext(), weight.getName(),
                RankedTensorType::get(type.getShape(), type.getElementType())));
    }
    return WalkResult::advance();
  });
}
