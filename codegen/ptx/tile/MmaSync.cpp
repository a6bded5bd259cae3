//===- MmaSync.cpp - Products of one warp as PTX (sm_80) --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/tile/Snippet.h"
#include "codegen/ptx/tile/TilePatterns.h"
#include "dialects/tile/tile.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

template <typename Op>
static Value matrixAddress(Op op, typename Op::Adaptor adaptor,
                           OpBuilder &builder) {
  return sharedAddress(
             builder, op.getLoc(), cast<MemRefType>(op.getMemory().getType()),
             adaptor.getMemory(), op.getIndices(), adaptor.getIndices())
      .value(builder, op.getLoc());
}

/// ".sync.aligned.m8n8.x4.trans.shared.b16 ".
static std::string matrixForm(size_t count, bool transposed) {
  return ".sync.aligned.m8n8.x" + std::to_string(count) +
         (transposed ? ".trans" : "") + ".shared.b16 ";
}

/// The registers behind one value of a snippet with several results.
static SmallVector<Value> unpack(OpBuilder &builder, Location loc, Value value,
                                 size_t count) {
  if (count == 1)
    return {value};
  SmallVector<Value> parts;
  for (size_t i = 0; i < count; ++i)
    parts.push_back(LLVM::ExtractValueOp::create(builder, loc, value, i));
  return parts;
}

namespace {

struct LdmatrixPattern final : ConvertOpToLLVMPattern<tile::LdmatrixOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::LdmatrixOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    size_t count = op.getMatrices().size();
    SmallVector<std::string> registers;
    for (size_t i = 0; i < count; ++i)
      registers.push_back(s.result(rewriter.getI32Type()));
    std::string address = s.operand(matrixAddress(op, adaptor, rewriter));
    Value loaded = s.emit("ldmatrix" + matrixForm(count, op.getTransposed()) +
                          registerList(registers) + ", [" + address + "];");
    rewriter.replaceOp(op, unpack(rewriter, op.getLoc(), loaded, count));
    return success();
  }
};

struct StmatrixPattern final : ConvertOpToLLVMPattern<tile::StmatrixOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::StmatrixOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string address = s.operand(matrixAddress(op, adaptor, rewriter));
    SmallVector<std::string> registers;
    for (Value matrix : adaptor.getMatrices())
      registers.push_back(s.operand(matrix));
    s.emit("stmatrix" + matrixForm(registers.size(), op.getTransposed()) + "[" +
           address + "], " + registerList(registers) + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

struct MmaPattern final : ConvertOpToLLVMPattern<tile::MmaOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::MmaOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    SmallVector<std::string> a, b, d;
    for (size_t i = 0; i < 4; ++i)
      d.push_back(s.result(rewriter.getF32Type()));
    for (Value value : adaptor.getA())
      a.push_back(s.operand(value));
    for (Value value : adaptor.getB())
      b.push_back(s.operand(value));
    for (auto [i, value] : llvm::enumerate(adaptor.getC()))
      s.tied(value, i);
    std::string type = op.getElement().isBF16()  ? "bf16"
                       : op.getElement().isF16() ? "f16"
                                                 : "tf32";
    Value product =
        s.emit("mma.sync.aligned.m16n8k" + std::to_string(op.getK()) +
                   ".row.col.f32." + type + "." + type + ".f32 " +
                   registerList(d) + ", " + registerList(a) + ", " +
                   registerList(b) + ", " + registerList(d) + ";",
               Snippet::Effect::Registers);
    rewriter.replaceOp(op, unpack(rewriter, op.getLoc(), product, 4));
    return success();
  }
};

} // namespace

void ptx::populateMmaSyncPatterns(LLVMTypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns.add<LdmatrixPattern, StmatrixPattern, MmaPattern>(converter);
}
