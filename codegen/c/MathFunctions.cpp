//===- MathFunctions.cpp - math operations as C calls ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What hardware computes or the C library computes exactly (sqrt, floor, ...)
/// calls <math.h>; everything else is a function of runtime/core, whose text
/// travels in the artifact.
///
//===----------------------------------------------------------------------===//

#include "codegen/c/FunctionEmitter.h"
#include "codegen/c/Helpers.h"
#include "codegen/c/Literals.h"

#include "llvm/ADT/StringSwitch.h"

using namespace adze::c;
using namespace mlir;

/// The name in <math.h>, for double; empty if the operation is not there.
static llvm::StringRef libraryFunction(llvm::StringRef operation) {
  return llvm::StringSwitch<llvm::StringRef>(operation)
      .Case("math.sqrt", "sqrt")
      .Case("math.absf", "fabs")
      .Case("math.floor", "floor")
      .Case("math.ceil", "ceil")
      .Case("math.trunc", "trunc")
      .Case("math.round", "round")
      // rint rounds to even in the default rounding mode.
      .Case("math.roundeven", "rint")
      .Case("math.copysign", "copysign")
      .Default("");
}

/// The name in runtime/core, for double.
static llvm::StringRef runtimeFunction(llvm::StringRef operation) {
  static constexpr llvm::StringLiteral sameName[] = {
      "exp",  "exp2", "expm1", "log",  "log2", "log10", "log1p",
      "sin",  "cos",  "tan",   "asin", "acos", "atan",  "atan2",
      "sinh", "cosh", "tanh",  "asinh", "acosh", "atanh", "erf",
      "erfc", "rsqrt", "cbrt"};
  if (!operation.consume_front("math."))
    return "";
  if (operation == "powf")
    return "pow";
  for (llvm::StringRef name : sameName)
    if (name == operation)
      return name;
  return "";
}

std::optional<Expression> FunctionEmitter::mathFunction(Operation *op) {
  Type type = getElementTypeOrSelf(op->getOperand(0).getType());
  llvm::StringRef suffix = type.isF32() ? "f" : "";
  llvm::StringRef name = op->getName().getStringRef();
  llvm::SmallVector<Expression> operands;
  for (Value value : op->getOperands())
    operands.push_back(use(value));

  if (isa<math::FmaOp, vector::FMAOp>(op)) {
    std::string macro = type.isF32() ? "ADZE_FMAF" : "ADZE_FMA";
    context.helpers.insert(type.isF32() ? "FMAF" : "FMA");
    context.usesMath = true;
    return call(macro, operands);
  }
  if (llvm::StringRef function = libraryFunction(name); !function.empty()) {
    context.usesMath = true;
    return call((function + suffix).str(), operands);
  }
  if (llvm::StringRef function = runtimeFunction(name); !function.empty()) {
    std::string full = ("adze_" + function + suffix).str();
    context.runtimeFunctions.insert(full);
    return call(full, operands);
  }
  if (isa<math::FPowIOp>(op)) {
    std::string full = ("adze_pow" + suffix).str();
    context.runtimeFunctions.insert(full);
    operands[1] = cast(valueType(type), operands[1]);
    return call(full, operands);
  }
  if (isa<math::AbsIOp>(op)) {
    // The smallest number stays what it is.
    Expression negated =
        cast(valueType(type), binary(Expression("0u"), "-",
                                     asUnsigned(op->getOperand(0))));
    return conditional(binary(operands[0], "<", literalExpression("0")),
                       negated, operands[0]);
  }
  if (isa<math::IsNaNOp>(op))
    return binary(operands[0], "!=", operands[0]);
  if (isa<math::IsInfOp, math::IsFiniteOp, math::IsNormalOp>(op)) {
    context.usesMath = true;
    llvm::StringRef test = isa<math::IsInfOp>(op)      ? "isinf"
                           : isa<math::IsFiniteOp>(op) ? "isfinite"
                                                       : "isnormal";
    return binary(call(test, operands), "!=", literalExpression("0"));
  }
  if (isa<math::ClampFOp>(op)) {
    Expression atLeast =
        conditional(binary(operands[0], "<", operands[1]), operands[1],
                    operands[0]);
    return conditional(binary(operands[0], ">", operands[2]), operands[2],
                       atLeast);
  }
  bool counts = isa<math::CountLeadingZerosOp, math::CountTrailingZerosOp,
                    math::CtPopOp>(op);
  if (counts || isa<math::IPowIOp>(op)) {
    llvm::StringRef kind = isa<math::CountLeadingZerosOp>(op)    ? "ctlz"
                           : isa<math::CountTrailingZerosOp>(op) ? "cttz"
                           : isa<math::CtPopOp>(op)              ? "ctpop"
                                                                 : "ipow";
    std::string full = kind.str() + "_" + shortTypeName(type);
    context.helpers.insert(full);
    return call(full, operands);
  }
  return std::nullopt;
}
