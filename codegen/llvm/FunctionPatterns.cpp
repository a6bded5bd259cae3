//===- FunctionPatterns.cpp - Kernels and calls of them ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/llvm/Patterns.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace {

/// The result types as LLVM returns them; at most one.
Type convertResults(const TypeConverter &converter, TypeRange results,
                    MLIRContext *context) {
  if (results.empty())
    return LLVM::LLVMVoidType::get(context);
  return results.size() == 1 ? converter.convertType(results.front()) : Type();
}

/// Functions with a body are internal to the module. Kernels stay functions of
/// their own (inlined into the one entry they would cost compile time and make
/// every profile useless), what they call may be inlined.
struct FunctionPattern final : ConvertOpToLLVMPattern<func::FuncOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(func::FuncOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    const LLVMTypeConverter &converter = *getTypeConverter();
    TypeConverter::SignatureConversion signature(op.getNumArguments());
    SmallVector<Type> inputs;
    for (auto [index, type] : llvm::enumerate(op.getArgumentTypes())) {
      Type converted = converter.convertType(type);
      if (!converted)
        return op.emitError() << "the host cannot pass a " << type;
      inputs.push_back(converted);
      signature.addInputs(index, converted);
    }
    Type result =
        convertResults(converter, op.getResultTypes(), op.getContext());
    if (!result)
      return op.emitError("a function returns one scalar at most");

    auto function = LLVM::LLVMFuncOp::create(
        rewriter, op.getLoc(), op.getSymName(),
        LLVM::LLVMFunctionType::get(result, inputs),
        op.isDeclaration() ? LLVM::Linkage::External : LLVM::Linkage::Internal);
    function.setNoUnwind(true);
    if (op->hasAttr("adze.kernel"))
      function.setNoInline(true);
    if (op->hasAttr("adze.restrict"))
      for (auto [index, type] : llvm::enumerate(op.getArgumentTypes()))
        if (isa<MemRefType>(type))
          function.setArgAttr(index, LLVM::LLVMDialect::getNoAliasAttrName(),
                              rewriter.getUnitAttr());
    rewriter.inlineRegionBefore(op.getBody(), function.getBody(),
                                function.end());
    if (!function.isDeclaration() &&
        failed(rewriter.convertRegionTypes(&function.getBody(), converter,
                                           &signature)))
      return failure();
    rewriter.eraseOp(op);
    return success();
  }
};

struct CallPattern final : ConvertOpToLLVMPattern<func::CallOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(func::CallOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> results;
    if (op.getNumResults() > 1 ||
        failed(typeConverter->convertTypes(op.getResultTypes(), results)))
      return rewriter.notifyMatchFailure(op, "returns one scalar at most");
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(op, results, op.getCallee(),
                                              adaptor.getOperands());
    return success();
  }
};

struct ReturnPattern final : ConvertOpToLLVMPattern<func::ReturnOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(func::ReturnOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::ReturnOp>(op, adaptor.getOperands());
    return success();
  }
};

} // namespace

void adze::codegen::populateFunctionPatterns(const LLVMTypeConverter &converter,
                                             RewritePatternSet &patterns) {
  patterns.add<FunctionPattern, CallPattern, ReturnPattern>(converter);
}
