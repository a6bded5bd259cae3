//===- AssignLayout.cpp - Channels last inside - -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Convolution and pooling read and write channels last; that puts the
/// reduction over channels and the vector of outputs in contiguous memory.
/// The transposes that this needs then sink: an element-wise operation takes
/// the order of its transposed operands and is followed by one transpose, until
/// that meets the transpose in front of the next convolution and both vanish.
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "passes/layout/Sinking.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;
using adze::lower::shapeOf;

namespace adze {
#define GEN_PASS_DEF_ASSIGNLAYOUT
#include "passes/Passes.h.inc"
} // namespace adze

/// The permutation that moves dimension 1 of `rank` to the end.
static SmallVector<int64_t> toLast(int64_t rank) {
  SmallVector<int64_t> perm{0};
  for (int64_t i = 2; i < rank; ++i)
    perm.push_back(i);
  perm.push_back(1);
  return perm;
}

using layout::inverse;
using layout::permuted;
using layout::permutedType;

namespace {

struct ConvToChannelsLast final : OpRewritePattern<nn::ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ConvOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getLayout() == nn::Layout::channels_last)
      return rewriter.notifyMatchFailure(op, "is channels last");
    int64_t rank = shapeOf(op.getInput()).size();
    SmallVector<int64_t> perm = toLast(rank), filterPerm;
    for (int64_t i = 2; i < rank; ++i)
      filterPerm.push_back(i);
    filterPerm.append({1, 0});
    Location loc = op.getLoc();
    Value x = nn::TransposeOp::create(rewriter, loc, op.getInput(), perm);
    Value w = nn::TransposeOp::create(rewriter, loc, op.getFilter(), filterPerm);
    Value y = nn::ConvOp::create(
        rewriter, loc, permutedType(op.getOutput(), perm), x, w, op.getBias(),
        op.getStrides(), op.getDilations(), op.getPads(), op.getGroup(),
        nn::Layout::channels_last, op.getPadValue());
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, y, inverse(perm));
    return success();
  }
};

struct PoolToChannelsLast final : OpRewritePattern<nn::PoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::PoolOp op,
                                PatternRewriter &rewriter) const override {
    // Flat indices count in the order of the input.
    if (op.getLayout() == nn::Layout::channels_last ||
        op.getOutputs().size() != 1)
      return rewriter.notifyMatchFailure(op, "keeps its layout");
    SmallVector<int64_t> perm = toLast(shapeOf(op.getInput()).size());
    Location loc = op.getLoc();
    Value x = nn::TransposeOp::create(rewriter, loc, op.getInput(), perm);
    auto pool = nn::PoolOp::create(
        rewriter, loc, TypeRange{permutedType(op.getOutputs()[0], perm)}, x,
        op.getKind(), op.getWindow(), op.getStrides(), op.getDilations(),
        op.getPads(), op.getCountIncludePad(), op.getP(), op.getColumnMajor(),
        op.getIsUnsigned(), nn::Layout::channels_last);
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, pool.getOutputs()[0],
                                                 inverse(perm));
    return success();
  }
};

/// generic(transpose(x), y) is transpose(generic'(x, y)) with the loops of
/// generic' in the order of x; other operands are read under permuted maps.
struct SinkThroughGeneric final : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (!lower::isElementwise(op))
      return rewriter.notifyMatchFailure(op, "is not element-wise");
    nn::TransposeOp leader;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      auto transpose = operand->get().getDefiningOp<nn::TransposeOp>();
      if (transpose && op.getMatchingIndexingMap(operand).isIdentity()) {
        leader = transpose;
        break;
      }
    }
    if (!leader)
      return rewriter.notifyMatchFailure(op, "no operand is a transpose");
    ArrayRef<int64_t> perm = leader.getPerm();
    MLIRContext *context = getContext();
    unsigned rank = perm.size();
    // Loop k becomes loop perm[k]: the order of the leader's input.
    SmallVector<AffineExpr> renamed;
    for (int64_t p : perm)
      renamed.push_back(getAffineDimExpr(p, context));
    SmallVector<AffineMap> maps;
    SmallVector<Value> inputs;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(operand);
      Value value = operand->get();
      SmallVector<AffineExpr> exprs;
      for (AffineExpr expr : map.getResults())
        exprs.push_back(expr.replaceDims(renamed));
      if (auto transpose = value.getDefiningOp<nn::TransposeOp>()) {
        SmallVector<AffineExpr> source(exprs.size());
        for (auto [i, p] : llvm::enumerate(transpose.getPerm()))
          source[p] = exprs[i];
        exprs = source;
        value = transpose.getInput();
      }
      maps.push_back(AffineMap::get(rank, 0, exprs, context));
      inputs.push_back(value);
    }
    SmallVector<Value> inits;
    SmallVector<Type> types;
    SmallVector<int64_t> back = inverse(perm);
    for (OpOperand &init : op.getDpsInitsMutable()) {
      if (!op.getMatchingBlockArgument(&init).use_empty())
        return rewriter.notifyMatchFailure(op, "reads its init");
      RankedTensorType type = permutedType(init.get(), back);
      inits.push_back(tensor::EmptyOp::create(rewriter, op.getLoc(),
                                              type.getShape(),
                                              type.getElementType()));
      types.push_back(type);
      maps.push_back(AffineMap::getMultiDimIdentityMap(rank, context));
    }
    auto made = linalg::GenericOp::create(
        rewriter, op.getLoc(), types, inputs, inits, maps,
        SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel));
    rewriter.cloneRegionBefore(op.getRegion(), made.getRegion(),
                               made.getRegion().begin());
    made.walk([&](linalg::IndexOp index) {
      index.setDim(perm[index.getDim()]);
    });
    SmallVector<Value> results;
    for (Value result : made.getResults())
      results.push_back(
          nn::TransposeOp::create(rewriter, op.getLoc(), result, perm));
    rewriter.replaceOp(op, results);
    return success();
  }
};

/// A generic reads its transposed inputs where they lie: reductions always,
/// element-wise ones where the order of the loops is not up for a change.
struct AbsorbIntoGeneric final : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    bool elementwise = lower::isElementwise(op);
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    bool changed = false;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      auto transpose = operand->get().getDefiningOp<nn::TransposeOp>();
      AffineMap &map = maps[operand->getOperandNumber()];
      if (!transpose || (elementwise && map.isIdentity()))
        continue;
      SmallVector<AffineExpr> source(map.getNumResults());
      for (auto [i, p] : llvm::enumerate(transpose.getPerm()))
        source[p] = map.getResult(i);
      map = AffineMap::get(map.getNumDims(), 0, source, getContext());
      rewriter.modifyOpInPlace(op, [&] { operand->set(transpose.getInput()); });
      changed = true;
    }
    if (!changed)
      return rewriter.notifyMatchFailure(op, "no operand is a transpose");
    rewriter.modifyOpInPlace(op, [&] {
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    return success();
  }
};

struct SinkThroughPad final : OpRewritePattern<nn::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::PadOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<nn::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    SmallVector<int64_t> back = inverse(transpose.getPerm());
    Value made = nn::PadOp::create(
        rewriter, op.getLoc(), permutedType(op.getOutput(), back),
        transpose.getInput(), op.getValue(), op.getMode(),
        permuted(op.getLow(), back), permuted(op.getHigh(), back));
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made, transpose.getPerm());
    return success();
  }
};

struct SinkThroughSlice final : OpRewritePattern<nn::SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<nn::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    SmallVector<int64_t> back = inverse(transpose.getPerm());
    Value made = nn::SliceOp::create(
        rewriter, op.getLoc(), permutedType(op.getOutput(), back),
        transpose.getInput(), permuted(op.getStarts(), back),
        permuted(op.getSteps(), back));
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made, transpose.getPerm());
    return success();
  }
};

struct SinkThroughConcat final : OpRewritePattern<nn::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ConcatOp op,
                                PatternRewriter &rewriter) const override {
    nn::TransposeOp leader;
    for (Value input : op.getInputs()) {
      auto transpose = input.getDefiningOp<nn::TransposeOp>();
      if (!transpose || (leader && leader.getPerm() != transpose.getPerm()))
        return rewriter.notifyMatchFailure(op, "inputs are ordered differently");
      leader = transpose;
    }
    SmallVector<int64_t> back = inverse(leader.getPerm());
    SmallVector<Value> inputs;
    for (Value input : op.getInputs())
      inputs.push_back(input.getDefiningOp<nn::TransposeOp>().getInput());
    Value made = nn::ConcatOp::create(
        rewriter, op.getLoc(), permutedType(op.getOutput(), back), inputs,
        leader.getPerm()[op.getAxis()]);
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made, leader.getPerm());
    return success();
  }
};

struct SinkThroughSoftmax final : OpRewritePattern<nn::SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::SoftmaxOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<nn::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    Value made = nn::SoftmaxOp::create(
        rewriter, op.getLoc(), transpose.getInput().getType(),
        transpose.getInput(), transpose.getPerm()[op.getAxis()], op.getLog());
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made, transpose.getPerm());
    return success();
  }
};

struct SinkThroughBroadcast final : OpRewritePattern<nn::BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::BroadcastOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<nn::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    SmallVector<int64_t> back = inverse(transpose.getPerm());
    Value made = nn::BroadcastOp::create(rewriter, op.getLoc(),
                                         permutedType(op.getOutput(), back),
                                         transpose.getInput());
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made, transpose.getPerm());
    return success();
  }
};

struct SinkThroughResize final : OpRewritePattern<nn::ResizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ResizeOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<nn::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    ArrayRef<int64_t> perm = transpose.getPerm();
    SmallVector<int64_t> axes;
    for (int64_t axis : op.getAxes())
      axes.push_back(perm[axis]);
    Value made = nn::ResizeOp::create(
        rewriter, op.getLoc(), permutedType(op.getOutput(), inverse(perm)),
        transpose.getInput(), op.getTables(), axes, op.getRepeats(),
        op.getWeighted());
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made, perm);
    return success();
  }
};

struct SinkThroughArgReduce final : OpRewritePattern<nn::ArgReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ArgReduceOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<nn::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    ArrayRef<int64_t> perm = transpose.getPerm();
    Value made = nn::ArgReduceOp::create(
        rewriter, op.getLoc(), permutedType(op.getOutput(), inverse(perm)),
        transpose.getInput(), perm[op.getAxis()], op.getSmallest(),
        op.getSelectLast(), op.getIsUnsigned());
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made, perm);
    return success();
  }
};

/// A reshape that splits or merges dimensions which lie side by side in the
/// input of the transpose, too, is done there. Dimensions of size 1 lie
/// anywhere.
struct SinkThroughReshape final : OpRewritePattern<nn::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<nn::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    ArrayRef<int64_t> from = shapeOf(op.getInput()), to = shapeOf(op.getOutput());
    if (llvm::is_contained(from, 0))
      return rewriter.notifyMatchFailure(op, "is empty");
    // The dimensions larger than 1: where those of `from` lie in the input,
    // counting only these, and the positions of those of `to`.
    SmallVector<int64_t> rank(from.size(), 0), places, sizes, kept;
    int64_t count = 0;
    for (auto [i, size] : llvm::enumerate(shapeOf(transpose.getInput())))
      rank[i] = size == 1 ? -1 : count++;
    for (auto [size, p] : llvm::zip(from, transpose.getPerm()))
      if (size != 1) {
        places.push_back(rank[p]);
        sizes.push_back(size);
      }
    for (auto [i, size] : llvm::enumerate(to))
      if (size != 1)
        kept.push_back(i);
    // The smallest groups of equal size on both sides.
    struct Run {
      int64_t place; // in the input
      SmallVector<int64_t> dims; // of `to`
    };
    SmallVector<Run> runs;
    for (size_t i = 0, j = 0; i < sizes.size();) {
      Run run{places[i], {}};
      int64_t a = sizes[i++], b = to[kept[j]];
      run.dims.push_back(kept[j++]);
      while (a != b) {
        if (a > b) {
          b *= to[kept[j]];
          run.dims.push_back(kept[j++]);
          continue;
        }
        if (places[i] != places[i - 1] + 1)
          return rewriter.notifyMatchFailure(op, "joins what lies apart");
        a *= sizes[i++];
      }
      runs.push_back(run);
    }
    llvm::sort(runs, [](const Run &a, const Run &b) { return a.place < b.place; });
    SmallVector<int64_t> shape, perm(to.size());
    for (auto [i, size] : llvm::enumerate(to))
      if (size == 1) {
        perm[i] = shape.size();
        shape.push_back(1);
      }
    for (const Run &run : runs)
      for (int64_t dim : run.dims) {
        perm[dim] = shape.size();
        shape.push_back(to[dim]);
      }
    Value made = nn::ReshapeOp::create(rewriter, op.getLoc(),
                                       op.getType().clone(shape),
                                       transpose.getInput());
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made, perm);
    return success();
  }
};

/// A constant right-hand side is kept the way round in which it is read.
struct TransposeConstantMatrix final : OpRewritePattern<nn::MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::MatmulOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getTransB() || !op.getB().getDefiningOp<ConstantOp>())
      return rewriter.notifyMatchFailure(op, "b is as it should be");
    SmallVector<int64_t> perm;
    int64_t rank = shapeOf(op.getB()).size();
    for (int64_t i = 0; i < rank; ++i)
      perm.push_back(i);
    std::swap(perm[rank - 1], perm[rank - 2]);
    Value b = nn::TransposeOp::create(rewriter, op.getLoc(), op.getB(), perm);
    rewriter.replaceOpWithNewOp<nn::MatmulOp>(op, op.getType(), op.getA(), b,
                                              op.getBias(), op.getTransA(),
                                              false);
    return success();
  }
};

struct AssignLayoutPass final : adze::impl::AssignLayoutBase<AssignLayoutPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    layout::addQuantizedSinking(patterns);
    patterns.add<ConvToChannelsLast, PoolToChannelsLast, SinkThroughGeneric,
                 AbsorbIntoGeneric, SinkThroughPad, SinkThroughSlice,
                 SinkThroughConcat, SinkThroughSoftmax, SinkThroughBroadcast,
                 SinkThroughResize, SinkThroughArgReduce, SinkThroughReshape,
                 TransposeConstantMatrix>(&getContext());
    nn::TransposeOp::getCanonicalizationPatterns(patterns, &getContext());
    nn::ReshapeOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
