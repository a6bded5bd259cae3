//===- Copies.cpp - TMA and cp.async as PTX ---------------------*- C++ -*-===//
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

/// The generic address of a tensor map among the parameters of the kernel.
static Value mapAddress(OpBuilder &builder, Location loc, Value map) {
  auto generic = LLVM::LLVMPointerType::get(builder.getContext());
  if (map.getType() == generic)
    return map;
  return LLVM::AddrSpaceCastOp::create(builder, loc, generic, map);
}

template <typename Op>
static Value memoryAddress(Op op, typename Op::Adaptor adaptor,
                           OpBuilder &builder) {
  return sharedAddress(
             builder, op.getLoc(), cast<MemRefType>(op.getMemory().getType()),
             adaptor.getMemory(), op.getIndices(), adaptor.getIndices())
      .value(builder, op.getLoc());
}

/// "[map, {x, y}]".
static std::string boxText(Snippet &s, Value map, ValueRange coordinates) {
  std::string text = "[" + s.operand(map) + ", ";
  SmallVector<std::string> names;
  for (Value coordinate : coordinates)
    names.push_back(s.operand(coordinate));
  return text + registerList(names) + "]";
}

namespace {

struct TmaLoadPattern final : ConvertOpToLLVMPattern<tile::TmaLoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::TmaLoadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Snippet s(op, rewriter);
    std::string to = s.operand(memoryAddress(op, adaptor, rewriter));
    std::string box = boxText(s, mapAddress(rewriter, loc, adaptor.getMap()),
                              adaptor.getCoordinates());
    std::string barrier = s.operand(
        sharedAddress(rewriter, loc,
                      cast<MemRefType>(op.getBarriers().getType()),
                      adaptor.getBarriers(), op.getStage(), adaptor.getStage())
            .value(rewriter, loc));
    std::string text = "cp.async.bulk.tensor." +
                       std::to_string(op.getCoordinates().size()) +
                       "d.shared::cluster.global.mbarrier::complete_tx::bytes" +
                       (op.getMask() ? ".multicast::cluster [" : " [") + to +
                       "], " + box + ", [" + barrier + "]";
    if (Value mask = adaptor.getMask())
      text += ", " + s.operand(mask);
    s.emit(text + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

struct TmaStorePattern final : ConvertOpToLLVMPattern<tile::TmaStoreOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::TmaStoreOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string from = s.operand(memoryAddress(op, adaptor, rewriter));
    std::string box =
        boxText(s, mapAddress(rewriter, op.getLoc(), adaptor.getMap()),
                adaptor.getCoordinates());
    s.emit("cp.async.bulk.tensor." +
           std::to_string(op.getCoordinates().size()) +
           "d.global.shared::cta.bulk_group " + box + ", [" + from + "];");
    rewriter.eraseOp(op);
    return success();
  }
};

struct PrefetchMapPattern final : ConvertOpToLLVMPattern<tile::PrefetchMapOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::PrefetchMapOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string map =
        s.operand(mapAddress(rewriter, op.getLoc(), adaptor.getMap()));
    s.emit("prefetch.tensormap [" + map + "];");
    rewriter.eraseOp(op);
    return success();
  }
};

struct CpAsyncPattern final : ConvertOpToLLVMPattern<tile::CpAsyncOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::CpAsyncOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string to = s.operand(memoryAddress(op, adaptor, rewriter));
    std::string from = s.operand(globalAddress(
        rewriter, op.getLoc(), cast<MemRefType>(op.getSource().getType()),
        adaptor.getSource(), adaptor.getSourceIndices()));
    std::string text = op.getBytes() == 16 ? "cp.async.cg" : "cp.async.ca";
    text += ".shared.global [" + to + "], [" + from + "], " +
            std::to_string(op.getBytes());
    if (Value valid = adaptor.getValid())
      text += ", " + s.operand(valid);
    s.emit(text + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

/// Operations without operands: their text, with %N for the groups that may be
/// under way.
template <typename Op> struct GroupPattern final : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet(op, rewriter).emit(text(op));
    rewriter.eraseOp(op);
    return success();
  }

private:
  static std::string text(tile::BulkCommitOp) {
    return "cp.async.bulk.commit_group;";
  }
  static std::string text(tile::BulkWaitOp op) {
    return (op.getRead() ? "cp.async.bulk.wait_group.read "
                         : "cp.async.bulk.wait_group ") +
           std::to_string(op.getPending()) + ";";
  }
  static std::string text(tile::CpAsyncCommitOp) {
    return "cp.async.commit_group;";
  }
  static std::string text(tile::CpAsyncWaitOp op) {
    return "cp.async.wait_group " + std::to_string(op.getPending()) + ";";
  }
};

} // namespace

void ptx::populateCopyPatterns(LLVMTypeConverter &converter,
                               RewritePatternSet &patterns) {
  patterns
      .add<TmaLoadPattern, TmaStorePattern, PrefetchMapPattern, CpAsyncPattern,
           GroupPattern<tile::BulkCommitOp>, GroupPattern<tile::BulkWaitOp>,
           GroupPattern<tile::CpAsyncCommitOp>,
           GroupPattern<tile::CpAsyncWaitOp>>(converter);
}
