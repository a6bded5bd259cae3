//===- SinkQuantized.cpp - Transposes and quantized tensors -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/layout/Sinking.h"

#include "dialects/adze/adze.h"
#include "dialects/nn/nn.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;

SmallVector<int64_t> layout::inverse(ArrayRef<int64_t> perm) {
  SmallVector<int64_t> result(perm.size());
  for (auto [i, p] : llvm::enumerate(perm))
    result[p] = i;
  return result;
}

SmallVector<int64_t> layout::permuted(ArrayRef<int64_t> values,
                                      ArrayRef<int64_t> perm) {
  SmallVector<int64_t> result;
  for (int64_t p : perm)
    result.push_back(values[p]);
  return result;
}

RankedTensorType layout::permutedType(Value value, ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.clone(permuted(type.getShape(), perm));
}

namespace {

/// Operations whose first operand alone has the shape of the result; an `axis`
/// follows the permutation.
template <typename Op> struct SinkThroughOne final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    auto transpose =
        op->getOperand(0).template getDefiningOp<nn::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    ArrayRef<int64_t> perm = transpose.getPerm();
    Operation *made = rewriter.clone(*op);
    made->setOperand(0, transpose.getInput());
    made->getResult(0).setType(
        layout::permutedType(op->getResult(0), layout::inverse(perm)));
    if (auto axis = made->getAttrOfType<IntegerAttr>("axis"))
      made->setAttr("axis", rewriter.getI64IntegerAttr(perm[axis.getInt()]));
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made->getResult(0), perm);
    return success();
  }
};

/// Data known at compile time: a transpose of it costs nothing.
bool isConstant(Value value) {
  while (auto op = value.getDefiningOp()) {
    if (isa<adze::ConstantOp>(op))
      return true;
    if (!isa<nn::ReshapeOp, nn::BroadcastOp, nn::TransposeOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

/// Operations on two tensors of the result's shape, both of them transposed the
/// same way, or one of them cheap to transpose.
template <typename Op> struct SinkThroughTwo final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    nn::TransposeOp leader;
    for (Value operand : {op.getA(), op.getB()})
      if (auto transpose = operand.template getDefiningOp<nn::TransposeOp>();
          transpose && !isConstant(operand) && !leader)
        leader = transpose;
    if (!leader)
      return rewriter.notifyMatchFailure(op, "no operand is a transpose");
    ArrayRef<int64_t> perm = leader.getPerm();
    SmallVector<int64_t> back = layout::inverse(perm);
    auto movesNothing = [](Value value, ArrayRef<int64_t> order) {
      int64_t last = -1;
      for (int64_t p : order) {
        if (lower::shapeOf(value)[p] == 1)
          continue;
        if (p < last)
          return false;
        last = p;
      }
      return true;
    };
    SmallVector<Value> operands;
    for (Value operand : {op.getA(), op.getB()}) {
      auto transpose = operand.template getDefiningOp<nn::TransposeOp>();
      auto broadcast = operand.template getDefiningOp<nn::BroadcastOp>();
      if (transpose && transpose.getPerm() == perm) {
        operands.push_back(transpose.getInput());
      } else if (broadcast && (movesNothing(broadcast.getInput(), back) ||
                               isConstant(operand))) {
        Value x = nn::TransposeOp::create(rewriter, op.getLoc(),
                                          broadcast.getInput(), back);
        operands.push_back(nn::BroadcastOp::create(
            rewriter, op.getLoc(), layout::permutedType(operand, back), x));
      } else if (isConstant(operand)) {
        operands.push_back(
            nn::TransposeOp::create(rewriter, op.getLoc(), operand, back));
      } else {
        return rewriter.notifyMatchFailure(op, "operands differ in order");
      }
    }
    Operation *made = rewriter.clone(*op);
    made->setOperands(operands);
    made->getResult(0).setType(layout::permutedType(op.getOutput(), back));
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, made->getResult(0), perm);
    return success();
  }
};

} // namespace

void layout::addQuantizedSinking(RewritePatternSet &patterns) {
  patterns
      .add<SinkThroughOne<nn::InterpolateOp>, SinkThroughOne<nn::LookupOp>,
           SinkThroughOne<nn::QuantizedSoftmaxOp>, SinkThroughOne<nn::RebaseOp>,
           SinkThroughOne<nn::RequantizeOp>,
           SinkThroughOne<nn::RequantizePreluOp>,
           SinkThroughTwo<nn::QuantizedAddOp>,
           SinkThroughTwo<nn::QuantizedMulOp>>(patterns.getContext());
}
