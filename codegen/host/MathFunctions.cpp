//===- MathFunctions.cpp - Elementary functions from the runtime -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Elementary functions are those of runtime/core, the same C that an artifact
/// carries, so that a model computes the same on every target. LLVM's own
/// intrinsics would end in whichever libm the process happens to have loaded.
///
//===----------------------------------------------------------------------===//

#include "codegen/host/Patterns.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace {

struct MathFunction {
  StringRef op;       ///< the operation
  StringRef function; ///< the C99 name of its f64 form
};

/// C99 has these functions; runtime/core prefixes them with `adze_`.
constexpr MathFunction mathFunctions[] = {
    {"math.acos", "acos"},   {"math.acosh", "acosh"}, {"math.asin", "asin"},
    {"math.asinh", "asinh"}, {"math.atan", "atan"},   {"math.atan2", "atan2"},
    {"math.atanh", "atanh"}, {"math.cbrt", "cbrt"},   {"math.cos", "cos"},
    {"math.cosh", "cosh"},   {"math.erf", "erf"},     {"math.erfc", "erfc"},
    {"math.exp", "exp"},     {"math.exp2", "exp2"},   {"math.expm1", "expm1"},
    {"math.log", "log"},     {"math.log10", "log10"}, {"math.log1p", "log1p"},
    {"math.log2", "log2"},   {"math.powf", "pow"},    {"math.sin", "sin"},
    {"math.sinh", "sinh"},   {"math.tan", "tan"},     {"math.tanh", "tanh"},
};

/// `adze_expf` or `adze_exp`; empty if the type has no such function.
std::string functionName(StringRef function, Type type) {
  if (type.isF32())
    return ("adze_" + function + "f").str();
  if (type.isF64())
    return ("adze_" + function).str();
  return {};
}

func::FuncOp declare(ModuleOp module, StringRef name, unsigned arity,
                     Type type) {
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  SmallVector<Type> arguments(arity, type);
  auto declaration =
      func::FuncOp::create(builder, module.getLoc(), name,
                           builder.getFunctionType(arguments, {type}));
  declaration.setPrivate();
  return declaration;
}

/// The call on scalars, or one call for each lane of a 1-D vector.
void replaceByCall(Operation *op, func::FuncOp function) {
  OpBuilder builder(op);
  Location loc = op->getLoc();
  auto call = [&](ValueRange operands) {
    return func::CallOp::create(builder, loc, function, operands).getResult(0);
  };
  Type type = op->getResult(0).getType();
  auto vectorType = dyn_cast<VectorType>(type);
  if (!vectorType) {
    op->replaceAllUsesWith(ValueRange{call(op->getOperands())});
    op->erase();
    return;
  }
  SmallVector<Value> lanes;
  for (int64_t lane = 0; lane < vectorType.getNumElements(); ++lane) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(
          vector::ExtractOp::create(builder, loc, operand, lane));
    lanes.push_back(call(operands));
  }
  Value result =
      vector::FromElementsOp::create(builder, loc, vectorType, lanes);
  op->replaceAllUsesWith(ValueRange{result});
  op->erase();
}

} // namespace

void adze::host::callMathFunctions(ModuleOp module) {
  llvm::StringMap<StringRef> table;
  for (const MathFunction &row : mathFunctions)
    table[row.op] = row.function;
  SmallVector<Operation *> calls;
  module.walk([&](Operation *op) {
    if (isa_and_nonnull<math::MathDialect>(op->getDialect()) &&
        table.contains(op->getName().getStringRef()))
      calls.push_back(op);
  });
  for (Operation *op : calls) {
    Type type = op->getResult(0).getType();
    if (auto vectorType = dyn_cast<VectorType>(type);
        vectorType && (vectorType.getRank() != 1 || vectorType.isScalable()))
      continue;
    std::string name = functionName(table[op->getName().getStringRef()],
                                    getElementTypeOrSelf(type));
    if (!name.empty())
      replaceByCall(op, declare(module, name, op->getNumOperands(),
                                getElementTypeOrSelf(type)));
  }
}
