//===- Normalize.cpp - Quantized graphs in one form -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/quantize/Normalize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/lower/ElementEmitter.h"
#include "passes/quantize/Parameters.h"

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;
using lower::shapeOf;

static bool isByteOrWord(Value value) {
  Type type = elementTypeOf(value);
  return type.isInteger(8) || type.isInteger(16);
}

/// A zero point of unsigned integers as one of signed integers.
static Value signedZeroPoint(OpBuilder &b, Location loc, Value zeroPoint,
                             Value scale, Type element) {
  auto type = cast<RankedTensorType>(scale.getType()).clone(element);
  unsigned bits = element.getIntOrFloatBitWidth();
  if (!zeroPoint)
    return adze::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(
            type, b.getIntegerAttr(element, APInt::getSignMask(bits))));
  if (auto values = integersOf(zeroPoint)) {
    for (int64_t &value : *values)
      value ^= int64_t(1) << (bits - 1);
    return makeConstant(b, loc, type, *values, "zero_point");
  }
  return nn::RebaseOp::create(b, loc, zeroPoint.getType(), zeroPoint);
}

namespace {

struct SignedQuantize final : OpRewritePattern<nn::QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getIsUnsigned() || !isByteOrWord(op.getOutput()))
      return rewriter.notifyMatchFailure(op, "is signed");
    Value zeroPoint =
        signedZeroPoint(rewriter, op.getLoc(), op.getZeroPoint(), op.getScale(),
                        elementTypeOf(op.getOutput()));
    Value made = nn::QuantizeOp::create(
        rewriter, op.getLoc(), op.getType(), op.getInput(), op.getScale(),
        zeroPoint, op.getAxis(), op.getBlockSize(), op.getPrecision(),
        /*is_unsigned=*/false, op.getInputUnsigned(), op.getScaleUnsigned(),
        op.getOverflows());
    rewriter.replaceOpWithNewOp<nn::RebaseOp>(op, op.getType(), made);
    return success();
  }
};

struct SignedDequantize final : OpRewritePattern<nn::DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getIsUnsigned() || !isByteOrWord(op.getInput()))
      return rewriter.notifyMatchFailure(op, "is signed");
    Value zeroPoint =
        signedZeroPoint(rewriter, op.getLoc(), op.getZeroPoint(), op.getScale(),
                        elementTypeOf(op.getInput()));
    Value input = nn::RebaseOp::create(rewriter, op.getLoc(),
                                       op.getInput().getType(), op.getInput());
    rewriter.replaceOpWithNewOp<nn::DequantizeOp>(
        op, op.getType(), input, op.getScale(), zeroPoint, op.getAxis(),
        op.getBlockSize(), /*is_unsigned=*/false);
    return success();
  }
};

/// A copy of a movement with another first operand, whose element type its
/// result gets.
Value moved(PatternRewriter &rewriter, Operation *movement, Value input) {
  Operation *made = rewriter.clone(*movement);
  made->setOperand(0, input);
  auto type = cast<RankedTensorType>(made->getResult(0).getType());
  made->getResult(0).setType(type.clone(elementTypeOf(input)));
  return made->getResult(0);
}

/// Moves the elements of its first operand, whatever they are.
bool isMovement(Operation *op) {
  if (auto resize = dyn_cast<nn::ResizeOp>(op))
    return !resize.getWeighted();
  return isa<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp, nn::BroadcastOp,
             nn::GatherOp>(op);
}

/// Flipped bits move as well as others; two flips meet and vanish.
struct SinkRebase final : RewritePattern {
  explicit SinkRebase(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isMovement(op))
      return rewriter.notifyMatchFailure(op, "is no movement");
    auto rebase = op->getOperand(0).getDefiningOp<nn::RebaseOp>();
    if (!rebase)
      return rewriter.notifyMatchFailure(op, "its input is not rebased");
    Value made = moved(rewriter, op, rebase.getInput());
    rewriter.replaceOpWithNewOp<nn::RebaseOp>(op, made.getType(), made);
    return success();
  }
};

struct SinkRebaseThroughPool final : OpRewritePattern<nn::PoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::PoolOp op,
                                PatternRewriter &rewriter) const override {
    auto rebase = op.getInput().getDefiningOp<nn::RebaseOp>();
    if (!rebase || op.getKind() != nn::PoolKind::max || !op.getIsUnsigned() ||
        op.getOutputs().size() != 1)
      return rewriter.notifyMatchFailure(op, "does not compare rebased bytes");
    auto made = cast<nn::PoolOp>(rewriter.clone(*op));
    made.getInputMutable().assign(rebase.getInput());
    made.setIsUnsigned(false);
    rewriter.replaceOpWithNewOp<nn::RebaseOp>(op, op.getOutputs()[0].getType(),
                                              made.getOutputs()[0]);
    return success();
  }
};

struct SinkRebaseThroughConcat final : OpRewritePattern<nn::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ConcatOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> inputs;
    for (Value input : op.getInputs()) {
      auto rebase = input.getDefiningOp<nn::RebaseOp>();
      if (!rebase)
        return rewriter.notifyMatchFailure(op, "an input is not rebased");
      inputs.push_back(rebase.getInput());
    }
    Value made = nn::ConcatOp::create(rewriter, op.getLoc(), op.getType(),
                                      inputs, op.getAxis());
    rewriter.replaceOpWithNewOp<nn::RebaseOp>(op, op.getType(), made);
    return success();
  }
};

bool isWhole(nn::DequantizeOp op) {
  return cast<RankedTensorType>(op.getScale().getType()).getNumElements() == 1;
}

Value dequantizedLike(PatternRewriter &rewriter, nn::DequantizeOp op,
                      Value input, int64_t axis) {
  auto type = cast<RankedTensorType>(input.getType())
                  .clone(elementTypeOf(op.getOutput()));
  return nn::DequantizeOp::create(rewriter, op.getLoc(), type, input,
                                  op.getScale(), op.getZeroPoint(), axis,
                                  op.getBlockSize(), op.getIsUnsigned());
}

/// movement(dequantize(x)) is dequantize(movement(x)).
struct SinkDequantize final : RewritePattern {
  explicit SinkDequantize(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isMovement(op))
      return rewriter.notifyMatchFailure(op, "is no movement");
    auto dequantize = op->getOperand(0).getDefiningOp<nn::DequantizeOp>();
    if (!dequantize)
      return rewriter.notifyMatchFailure(op, "its input is not dequantized");
    int64_t axis = dequantize.getAxis();
    if (!isWhole(dequantize)) {
      auto transpose = dyn_cast<nn::TransposeOp>(op);
      if (!transpose || dequantize.getBlockSize() != 0)
        return rewriter.notifyMatchFailure(op, "scales lie along an axis");
      axis =
          llvm::find(transpose.getPerm(), axis) - transpose.getPerm().begin();
    }
    Value made = moved(rewriter, op, dequantize.getInput());
    rewriter.replaceOp(op, dequantizedLike(rewriter, dequantize, made, axis));
    return success();
  }
};

/// The largest of dequantized numbers is the largest of the integers.
struct SinkDequantizeThroughPool final : OpRewritePattern<nn::PoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::PoolOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getKind() != nn::PoolKind::max || op.getOutputs().size() != 1)
      return rewriter.notifyMatchFailure(op, "is not maximum alone");
    auto x = quantizedTensorOf(op.getInput());
    if (!x)
      return rewriter.notifyMatchFailure(op, "its input is not dequantized");
    auto dequantize = op.getInput().getDefiningOp<nn::DequantizeOp>();
    auto made = cast<nn::PoolOp>(rewriter.clone(*op));
    made.getInputMutable().assign(x->value);
    auto type = cast<RankedTensorType>(op.getOutputs()[0].getType());
    made.getOutputs()[0].setType(type.clone(elementTypeOf(x->value)));
    rewriter.replaceOp(
        op, dequantizedLike(rewriter, dequantize, made.getOutputs()[0], 0));
    return success();
  }
};

struct SinkDequantizeThroughConcat final : OpRewritePattern<nn::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ConcatOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> inputs;
    std::optional<Parameters> common;
    for (Value input : op.getInputs()) {
      auto x = quantizedTensorOf(input);
      if (!x || (common && *common != x->parameters))
        return rewriter.notifyMatchFailure(op, "inputs differ in scale");
      common = x->parameters;
      inputs.push_back(x->value);
    }
    auto type = op.getType().clone(elementTypeOf(inputs[0]));
    Value made =
        nn::ConcatOp::create(rewriter, op.getLoc(), type, inputs, op.getAxis());
    auto dequantize = op.getInputs()[0].getDefiningOp<nn::DequantizeOp>();
    rewriter.replaceOp(op, dequantizedLike(rewriter, dequantize, made, 0));
    return success();
  }
};

/// Padding with a number that the tensor's scale can say.
struct SinkDequantizeThroughPad final : OpRewritePattern<nn::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::PadOp op,
                                PatternRewriter &rewriter) const override {
    auto x = quantizedTensorOf(op.getInput());
    if (!x)
      return rewriter.notifyMatchFailure(op, "its input is not dequantized");
    double number = 0;
    if (op.getValue()) {
      auto numbers = numbersOf(op.getValue());
      if (!numbers || numbers->empty())
        return rewriter.notifyMatchFailure(op, "its value is not known");
      number = (*numbers)[0];
    }
    const Parameters &p = x->parameters;
    double code = number / p.scale + double(p.zeroPoint);
    auto filled = int64_t(std::nearbyint(code));
    if (std::abs(code - double(filled)) > 1e-3 || filled < p.lowest() ||
        filled > p.highest())
      return rewriter.notifyMatchFailure(op, "its value lies between steps");
    Type element = elementTypeOf(x->value);
    Value value;
    if (op.getMode() == nn::PadMode::constant)
      value = makeConstant(rewriter, op.getLoc(),
                           RankedTensorType::get({1}, element), filled, "pad");
    Value made = nn::PadOp::create(rewriter, op.getLoc(),
                                   op.getType().clone(element), x->value, value,
                                   op.getMode(), op.getLow(), op.getHigh());
    auto dequantize = op.getInput().getDefiningOp<nn::DequantizeOp>();
    rewriter.replaceOp(op, dequantizedLike(rewriter, dequantize, made, 0));
    return success();
  }
};

/// quantize(reshape(x)) is reshape(quantize(x)), transpose and slice alike.
struct RaiseQuantize final : OpRewritePattern<nn::QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Operation *movement = op.getInput().getDefiningOp();
    // What a transposed convolution cuts off is little.
    bool moves =
        movement &&
        (isa<nn::ReshapeOp, nn::TransposeOp>(movement) ||
         (isa<nn::SliceOp>(movement) && movement->getOperand(0).hasOneUse()));
    if (!moves ||
        cast<RankedTensorType>(op.getScale().getType()).getNumElements() != 1)
      return rewriter.notifyMatchFailure(op, "no order or shape is changed");
    auto made = cast<nn::QuantizeOp>(rewriter.clone(*op));
    made.getInputMutable().assign(movement->getOperand(0));
    auto type = cast<RankedTensorType>(movement->getOperand(0).getType());
    made.getOutput().setType(type.clone(elementTypeOf(op.getOutput())));
    made->setAttr("axis", rewriter.getI64IntegerAttr(0));
    rewriter.replaceOp(op, moved(rewriter, movement, made.getOutput()));
    return success();
  }
};

/// f(reshape(x)) is reshape(f(x)) for a function of one element, and transpose
/// alike.
struct RaiseFunction final : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (!lower::isElementwise(op) || op.getNumResults() != 1 ||
        op.getNumDpsInputs() != 1 || op.hasIndexSemantics() ||
        !op.getIndexingMapsArray()[0].isIdentity() ||
        !op.getBody()->getArgument(1).use_empty())
      return rewriter.notifyMatchFailure(op, "is no function of one element");
    Operation *movement = op.getInputs()[0].getDefiningOp();
    if (!movement || !isa<nn::ReshapeOp, nn::TransposeOp>(movement))
      return rewriter.notifyMatchFailure(op, "no order or shape is changed");
    Value x = movement->getOperand(0);
    auto type = cast<RankedTensorType>(x.getType())
                    .clone(elementTypeOf(op.getResult(0)));
    Value init = tensor::EmptyOp::create(rewriter, op.getLoc(), type.getShape(),
                                         type.getElementType());
    AffineMap map =
        AffineMap::getMultiDimIdentityMap(type.getRank(), getContext());
    auto made = linalg::GenericOp::create(
        rewriter, op.getLoc(), type, x, init, ArrayRef<AffineMap>{map, map},
        SmallVector<utils::IteratorType>(type.getRank(),
                                         utils::IteratorType::parallel));
    rewriter.cloneRegionBefore(op.getRegion(), made.getRegion(),
                               made.getRegion().begin());
    rewriter.replaceOp(op, moved(rewriter, movement, made.getResult(0)));
    return success();
  }
};

/// The mean of a dequantized tensor over all of its spatial dimensions is an
/// average pool: sum / count with the sum over dimensions 1.. or 2.. .
struct MeanToPool final : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    auto refuse = [&] {
      return rewriter.notifyMatchFailure(op, "is no mean over an image");
    };
    if (!lower::isElementwise(op) || op.getNumDpsInputs() != 1 ||
        op.getNumResults() != 1 || !op.getIndexingMapsArray()[0].isIdentity())
      return refuse();
    auto sum = op.getInputs()[0].getDefiningOp<linalg::GenericOp>();
    auto divide = dyn_cast<arith::DivFOp>(op.getBody()->front());
    if (!divide) // a constant may stand in front
      divide = dyn_cast_if_present<arith::DivFOp>(
          op.getBody()->front().getNextNode());
    FloatAttr count;
    if (!divide || divide->getNextNode() != op.getBody()->getTerminator() ||
        divide.getLhs() != op.getBody()->getArgument(0) ||
        !matchPattern(divide.getRhs(), m_Constant(&count)) || !sum ||
        sum.getNumReductionLoops() == 0 || sum.getNumDpsInputs() != 1 ||
        sum.getNumResults() != 1 || !sum.getIndexingMapsArray()[0].isIdentity())
      return refuse();
    auto add = dyn_cast<arith::AddFOp>(sum.getBody()->front());
    auto fill = sum.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
    FloatAttr start;
    if (!add || add->getNextNode() != sum.getBody()->getTerminator() || !fill ||
        !matchPattern(fill.getInputs()[0], m_Constant(&start)) ||
        !start.getValue().isZero() || !quantizedTensorOf(sum.getInputs()[0]))
      return refuse();
    ArrayRef<int64_t> shape = shapeOf(sum.getInputs()[0]);
    SmallVector<unsigned> reduced;
    sum.getReductionDims(reduced);
    if (shape.size() < 3 || reduced.size() + 2 != shape.size() ||
        reduced.back() - reduced.front() + 1 != reduced.size() ||
        (reduced.front() != 1 && reduced.front() != 2))
      return refuse();
    bool last = reduced.front() == 1;
    SmallVector<int64_t> window, ones(reduced.size(), 1),
        zeros(2 * reduced.size(), 0), pooled(shape);
    double elements = 1;
    for (unsigned d : reduced) {
      window.push_back(shape[d]);
      elements *= double(shape[d]);
      pooled[d] = 1;
    }
    if (count.getValueAsDouble() != elements)
      return refuse();
    auto type = cast<RankedTensorType>(op.getResult(0).getType());
    auto pool = nn::PoolOp::create(
        rewriter, op.getLoc(), TypeRange{type.clone(pooled)},
        sum.getInputs()[0], nn::PoolKind::average, window, ones, ones, zeros,
        /*count_include_pad=*/false, /*p=*/2, /*column_major=*/false,
        /*is_unsigned=*/false,
        last ? nn::Layout::channels_last : nn::Layout::channels_first);
    rewriter.replaceOpWithNewOp<nn::ReshapeOp>(op, type, pool.getOutputs()[0]);
    return success();
  }
};

} // namespace

LogicalResult quantize::normalize(Operation *root) {
  RewritePatternSet patterns(root->getContext());
  patterns
      .add<SignedQuantize, SignedDequantize, SinkRebase, SinkRebaseThroughPool,
           SinkRebaseThroughConcat, SinkDequantize, SinkDequantizeThroughPool,
           SinkDequantizeThroughConcat, SinkDequantizeThroughPad, RaiseQuantize,
           RaiseFunction, MeanToPool>(root->getContext());
  nn::ReshapeOp::getCanonicalizationPatterns(patterns, root->getContext());
  nn::TransposeOp::getCanonicalizationPatterns(patterns, root->getContext());
  return applyPatternsGreedily(root, std::move(patterns));
}
