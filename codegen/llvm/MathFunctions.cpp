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

#include "codegen/llvm/Patterns.h"

#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "llvm/ADT/FloatingPointMode.h"

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

/// A multiply-add on scalars may be one instruction, as on vectors, but never a
/// call: `llvm.fma` is a library function where the processor has none.
struct FusePattern final : OpConversionPattern<math::FmaOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(math::FmaOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::FMulAddOp>(
        op, adaptor.getA(), adaptor.getB(), adaptor.getC());
    return success();
  }
};

/// value < min ? min : value > max ? max : value, so that NaN stays NaN.
/// Upstream's expansion (LLVM 22) takes minimum and maximum the wrong way
/// round.
struct ClampPattern final : OpConversionPattern<math::ClampFOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(math::ClampFOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value value = adaptor.getValue();
    for (auto [bound, predicate] :
         {std::pair(adaptor.getMin(), LLVM::FCmpPredicate::olt),
          std::pair(adaptor.getMax(), LLVM::FCmpPredicate::ogt)}) {
      Value outside =
          LLVM::FCmpOp::create(rewriter, op.getLoc(), predicate, value, bound);
      value =
          LLVM::SelectOp::create(rewriter, op.getLoc(), outside, bound, value);
    }
    rewriter.replaceOp(op, value);
    return success();
  }
};

/// A test that the processor can make on the bits of a number.
template <typename Op, unsigned classes>
struct ClassPattern final : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::IsFPClass>(
        op, this->getTypeConverter()->convertType(op.getType()),
        adaptor.getOperand(), classes);
    return success();
  }
};

} // namespace

void adze::codegen::callMathFunctions(ModuleOp module) {
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

void adze::codegen::populateMathPatterns(const LLVMTypeConverter &converter,
                                         RewritePatternSet &patterns) {
  populateMathToLLVMConversionPatterns(converter, patterns);
  math::populateExpansionPatterns(patterns, {"fpowi"});
  patterns
      .add<FusePattern, ClampPattern, ClassPattern<math::IsInfOp, llvm::fcInf>,
           ClassPattern<math::IsNormalOp, llvm::fcNormal>>(
          converter, patterns.getContext(), /*benefit=*/10);
}
