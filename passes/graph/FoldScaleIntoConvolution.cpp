//===- FoldScaleIntoConvolution.cpp - Batch norm disappears - -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// conv(x, w, b) * s + t with s and t constant per output channel is
/// conv(x, w * s, b * s + t): batch normalization in inference costs nothing
/// at run time. The new constants are operations on constants, which
/// fold-constants turns into data. The same holds for a depthwise or
/// transposed convolution in either layout; here it is done before layouts
/// are assigned.
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;
using adze::lower::shapeOf;

namespace adze {
#define GEN_PASS_DEF_FOLDSCALEINTOCONVOLUTION
#include "passes/Passes.h.inc"
} // namespace adze

namespace {

/// What an element-wise body does to the convolution's result: value * scale +
/// offset, each a block argument of the body (or nothing).
struct Affine {
  BlockArgument scale, offset;
  bool subtract = false; // offset is subtracted
};

} // namespace

/// Reads mul, add, sub and mul followed by add off the body of a generic whose
/// argument `x` is the convolution.
static std::optional<Affine> affineBody(linalg::GenericOp op, BlockArgument x) {
  Affine form;
  Value current = x;
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (inner.getNumOperands() != 2 || inner.getNumResults() != 1)
      return std::nullopt;
    Value a = inner.getOperand(0), b = inner.getOperand(1);
    if (b == current && !isa<arith::SubFOp>(inner))
      std::swap(a, b);
    auto other = dyn_cast<BlockArgument>(b);
    if (a != current || !other || other == x)
      return std::nullopt;
    if (isa<arith::MulFOp>(inner) && !form.scale && !form.offset)
      form.scale = other;
    else if (isa<arith::AddFOp, arith::SubFOp>(inner) && !form.offset) {
      form.offset = other;
      form.subtract = isa<arith::SubFOp>(inner);
    } else {
      return std::nullopt;
    }
    current = inner.getResult(0);
  }
  if (current == x || op.getBody()->getTerminator()->getOperand(0) != current)
    return std::nullopt;
  return form;
}

/// Whether an operand is a constant vector over dimension 1.
static bool isPerChannel(linalg::GenericOp op, OpOperand *operand) {
  AffineMap map = op.getMatchingIndexingMap(operand);
  bool perChannel = map.getNumResults() == 1 &&
                    map.getResult(0) == getAffineDimExpr(1, op.getContext());
  Value value = operand->get();
  if (auto reshape = value.getDefiningOp<nn::ReshapeOp>())
    value = reshape.getInput();
  return perChannel && value.getDefiningOp<ConstantOp>();
}

/// value[...] op vector[index of `axis`], element by element; a null `value`
/// is zero.
static Value perChannel(OpBuilder &b, Location loc, Value value, Value vector,
                        unsigned axis,
                        function_ref<Value(OpBuilder &, Location, Value, Value)>
                            combine) {
  auto type = cast<RankedTensorType>(value.getType());
  MLIRContext *context = b.getContext();
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), context);
  AffineMap channel = AffineMap::get(
      type.getRank(), 0, getAffineDimExpr(axis, context), context);
  Value init =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  return linalg::GenericOp::create(
             b, loc, TypeRange{type}, ValueRange{value, vector},
             ValueRange{init}, ArrayRef<AffineMap>{identity, channel, identity},
             SmallVector<utils::IteratorType>(type.getRank(),
                                              utils::IteratorType::parallel),
             [&](OpBuilder &inner, Location at, ValueRange x) {
               linalg::YieldOp::create(inner, at, combine(inner, at, x[0], x[1]));
             })
      .getResult(0);
}

namespace {

struct FoldScale final : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (!lower::isElementwise(op) || op.getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "is not element-wise");
    nn::ConvOp conv;
    OpOperand *link = nullptr;
    for (OpOperand *operand : op.getDpsInputOperands())
      if (auto candidate = operand->get().getDefiningOp<nn::ConvOp>();
          candidate && op.getMatchingIndexingMap(operand).isIdentity()) {
        conv = candidate;
        link = operand;
      }
    if (!conv || !conv->hasOneUse() ||
        conv.getLayout() != nn::Layout::channels_first ||
        !conv.getFilter().getDefiningOp<ConstantOp>() ||
        (conv.getBias() && !conv.getBias().getDefiningOp<ConstantOp>()))
      return rewriter.notifyMatchFailure(op, "no convolution with constants");
    auto form = affineBody(op, op.getMatchingBlockArgument(link));
    if (!form)
      return rewriter.notifyMatchFailure(op, "is no scale and offset");
    Value scale, offset;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      if (operand == link)
        continue;
      BlockArgument argument = op.getMatchingBlockArgument(operand);
      if (!isPerChannel(op, operand))
        return rewriter.notifyMatchFailure(op, "is not per channel");
      (argument == form->scale ? scale : offset) = operand->get();
    }
    Location loc = conv.getLoc();
    auto multiply = [](OpBuilder &b, Location at, Value x, Value y) -> Value {
      return arith::MulFOp::create(b, at, x, y);
    };
    Value filter = conv.getFilter(), bias = conv.getBias();
    if (scale) {
      filter = perChannel(rewriter, loc, filter, scale, 0, multiply);
      if (bias)
        bias = perChannel(rewriter, loc, bias, scale, 0, multiply);
    }
    if (offset) {
      if (!bias) {
        auto type = cast<RankedTensorType>(offset.getType());
        bias = ConstantOp::create(
            rewriter, loc,
            DenseElementsAttr::get(type,
                                   rewriter.getZeroAttr(type.getElementType())));
      }
      bias = perChannel(rewriter, loc, bias, offset, 0,
                        [&](OpBuilder &b, Location at, Value x, Value y) -> Value {
                          if (form->subtract)
                            return arith::SubFOp::create(b, at, x, y);
                          return arith::AddFOp::create(b, at, x, y);
                        });
    }
    rewriter.replaceOpWithNewOp<nn::ConvOp>(
        op, conv.getType(), conv.getInput(), filter, bias, conv.getStrides(),
        conv.getDilations(), conv.getPads(), conv.getGroup(), conv.getLayout(),
        conv.getPadValue());
    return success();
  }
};

struct FoldScaleIntoConvolutionPass final
    : adze::impl::FoldScaleIntoConvolutionBase<FoldScaleIntoConvolutionPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldScale>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
