//===- nn.cpp - The nn dialect -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/nn/nn.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace adze::nn;

#include "dialects/nn/nnDialect.cpp.inc"
#include "dialects/nn/nnEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/nn/nnAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/nn/nnOps.cpp.inc"

void NnDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/nn/nnAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/nn/nnOps.cpp.inc"
      >();
}

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  auto from = cast<RankedTensorType>(getInput().getType());
  auto to = cast<RankedTensorType>(getOutput().getType());
  if (from.getElementType() != to.getElementType() || !from.hasStaticShape() ||
      !to.hasStaticShape() || from.getNumElements() != to.getNumElements())
    return emitOpError("needs as many elements of the same type on both sides");
  return success();
}

void TransposeOp::build(OpBuilder &builder, OperationState &state, Value input,
                        ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(input.getType());
  SmallVector<int64_t> shape;
  for (int64_t p : perm)
    shape.push_back(type.getDimSize(p));
  build(builder, state, type.clone(shape), input,
        builder.getDenseI64ArrayAttr(perm));
}

LogicalResult TransposeOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getOutput());
  SmallVector<bool> seen(in.size());
  if (getPerm().size() != in.size() || out.size() != in.size())
    return emitOpError("needs a permutation of all dimensions");
  for (auto [i, p] : llvm::enumerate(getPerm())) {
    if (p < 0 || p >= int64_t(in.size()) || seen[p])
      return emitOpError("'perm' is no permutation");
    seen[p] = true;
    if (out[i] != in[p])
      return emitOpError("result dimension ")
             << i << " is " << out[i] << ", input dimension " << p << " is "
             << in[p];
  }
  return success();
}

LogicalResult SliceOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getOutput());
  if (in.size() != out.size() || getStarts().size() != in.size() ||
      getSteps().size() != in.size())
    return emitOpError("needs a start and a step for each dimension");
  for (size_t i = 0; i < in.size(); ++i) {
    if (out[i] == 0)
      continue;
    int64_t first = getStarts()[i];
    int64_t last = first + (out[i] - 1) * getSteps()[i];
    if (getSteps()[i] == 0 || first < 0 || first >= in[i] || last < 0 ||
        last >= in[i])
      return emitOpError("leaves its input in dimension ") << i;
  }
  return success();
}

LogicalResult BroadcastOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getOutput());
  if (in.size() != out.size())
    return emitOpError("needs equal ranks");
  for (size_t i = 0; i < in.size(); ++i)
    if (in[i] != out[i] && in[i] != 1)
      return emitOpError("cannot repeat dimension ") << i;
  return success();
}

LogicalResult PadOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getOutput());
  if (in.size() != out.size() || getLow().size() != in.size() ||
      getHigh().size() != in.size())
    return emitOpError("needs two amounts for each dimension");
  for (size_t i = 0; i < in.size(); ++i)
    if (out[i] != in[i] + getLow()[i] + getHigh()[i])
      return emitOpError("dimension ") << i << " does not add up";
  return success();
}

LogicalResult ConcatOp::verify() {
  ArrayRef<int64_t> out = shapeOf(getOutput());
  int64_t axis = getAxis(), sum = 0;
  if (getInputs().empty() || axis < 0 || axis >= int64_t(out.size()))
    return emitOpError("needs inputs and an axis of theirs");
  for (Value input : getInputs()) {
    ArrayRef<int64_t> in = shapeOf(input);
    if (in.size() != out.size())
      return emitOpError("needs equal ranks");
    for (size_t i = 0; i < in.size(); ++i)
      if (int64_t(i) != axis && in[i] != out[i])
        return emitOpError("inputs differ in dimension ") << i;
    sum += in[axis];
  }
  if (sum != out[axis])
    return emitOpError("the axis does not add up");
  return success();
}

LogicalResult ResizeOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getOutput());
  if (in.size() != out.size() || getAxes().size() != getRepeats().size())
    return emitOpError("needs equal ranks and a factor for each axis");
  size_t table = 0;
  for (auto [axis, repeat] : llvm::zip(getAxes(), getRepeats())) {
    if (axis < 0 || axis >= int64_t(in.size()))
      return emitOpError("has no axis ") << axis;
    if (repeat > 0) {
      if (getWeighted() || llvm::divideCeilSigned(out[axis], repeat) > in[axis])
        return emitOpError("cannot repeat axis ") << axis;
      continue;
    }
    for (size_t i = 0; i < (getWeighted() ? 2 : 1); ++i, ++table)
      if (table >= getTables().size() ||
          shapeOf(getTables()[table]).size() != 2 ||
          shapeOf(getTables()[table])[0] != out[axis])
        return emitOpError("needs a table of [size, taps] for axis ") << axis;
  }
  if (table != getTables().size())
    return emitOpError("has tables that belong to no axis");
  return success();
}

LogicalResult UnpackOp::verify() {
  ArrayRef<int64_t> panels = shapeOf(getPanels()), out = shapeOf(getOutput());
  if (panels.size() != 3 || out.size() != 2 || panels[1] != out[0] ||
      panels[0] !=
          llvm::divideCeilSigned(out[1], std::max<int64_t>(1, panels[2])))
    return emitOpError("needs panels [P,K,C] for a matrix [K,N] with P = N / C "
                       "rounded up");
  return success();
}

LogicalResult MatmulOp::verify() {
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB()),
                    y = shapeOf(getOutput());
  size_t rank = y.size();
  if (rank < 2 || a.size() != rank || b.size() != rank)
    return emitOpError("needs operands of the result's rank, at least 2");
  int64_t m = a[rank - (getTransA() ? 1 : 2)],
          k = a[rank - (getTransA() ? 2 : 1)];
  int64_t kb = b[rank - (getTransB() ? 1 : 2)],
          n = b[rank - (getTransB() ? 2 : 1)];
  if (k != kb || y[rank - 2] != m || y[rank - 1] != n)
    return emitOpError("sizes do not match: [")
           << m << "," << k << "] x [" << kb << "," << n << "]";
  for (size_t i = 0; i + 2 < rank; ++i)
    if ((a[i] != y[i] && a[i] != 1) || (b[i] != y[i] && b[i] != 1))
      return emitOpError("batch dimension ") << i << " does not broadcast";
  return success();
}

/// Checks the window arithmetic of convolution and pooling: out = (in + pads -
/// ((window - 1) * dilation + 1)) / stride + 1, where ceil mode may add one.
static LogicalResult
verifyWindow(Operation *op, ArrayRef<int64_t> in, ArrayRef<int64_t> out,
             ArrayRef<int64_t> window, ArrayRef<int64_t> strides,
             ArrayRef<int64_t> dilations, ArrayRef<int64_t> pads) {
  size_t n = in.size();
  if (out.size() != n || window.size() != n || strides.size() != n ||
      dilations.size() != n || pads.size() != 2 * n)
    return op->emitOpError("needs one stride, dilation and window size and two "
                           "pads for each spatial dimension");
  for (size_t i = 0; i < n; ++i)
    if (strides[i] < 1 || dilations[i] < 1 || window[i] < 1 || pads[i] < 0 ||
        pads[i + n] < 0)
      return op->emitOpError("stride, dilation and window are positive, pads "
                             "are not negative (spatial dimension ")
             << i << ")";
  return success();
}

LogicalResult ConvOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getInput()), w = shapeOf(getFilter()),
                    y = shapeOf(getOutput());
  if (x.size() < 3 || w.size() != x.size() || y.size() != x.size())
    return emitOpError("needs at least one spatial dimension, and equal ranks");
  bool last = getLayout() == Layout::channels_last;
  size_t n = x.size() - 2;
  int64_t channels = last ? x.back() : x[1];
  int64_t perGroup = last ? w[n] : w[1], outputs = last ? w[n + 1] : w[0];
  if (getGroup() < 1 || channels != perGroup * getGroup() ||
      outputs % getGroup() != 0 || (last ? y.back() : y[1]) != outputs)
    return emitOpError("channels, groups and filter do not match");
  return verifyWindow(*this, x.slice(last ? 1 : 2, n), y.slice(last ? 1 : 2, n),
                      w.slice(last ? 0 : 2, n), getStrides(), getDilations(),
                      getPads());
}

LogicalResult RequantizeOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getInput()), factors = shapeOf(getMultiplier());
  int64_t axis = getAxis();
  if (factors.size() != 1 || shapeOf(getShift()) != factors ||
      x != shapeOf(getOutput()))
    return emitOpError("needs a vector of multipliers and one of shifts");
  if (factors[0] != 1 &&
      (axis < 0 || axis >= int64_t(x.size()) || x[axis] != factors[0]))
    return emitOpError("needs one factor, or one for each index of its axis");
  return success();
}

LogicalResult RequantizePreluOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getInput()), factors = shapeOf(getMultiplier());
  int64_t axis = getAxis();
  for (Value factor : {getShift(), getNegativeMultiplier(), getNegativeShift()})
    if (factors.size() != 1 || shapeOf(factor) != factors)
      return emitOpError("needs four vectors of one size as its factors");
  if (x != shapeOf(getOutput()))
    return emitOpError("keeps the shape of its input");
  if (factors[0] != 1 &&
      (axis < 0 || axis >= int64_t(x.size()) || x[axis] != factors[0]))
    return emitOpError("needs one factor, or one for each index of its axis");
  return success();
}

static LogicalResult verifyTable(Operation *op, Value table,
                                 int64_t size = 256) {
  if (shapeOf(table) != ArrayRef<int64_t>{size})
    return op->emitOpError("needs a table of ") << size << " elements";
  return success();
}

LogicalResult InterpolateOp::verify() {
  if (shapeOf(getInput()) != shapeOf(getOutput()))
    return emitOpError("keeps the shape of its input");
  ArrayRef<int64_t> table = shapeOf(getTable());
  if (table.size() != 1 || table[0] < 17 || table[0] > 4097 ||
      !llvm::isPowerOf2_64(table[0] - 1))
    return emitOpError("needs a table of 2^b + 1 elements, b from 4 to 12");
  return success();
}

LogicalResult LookupOp::verify() {
  if (shapeOf(getInput()) != shapeOf(getOutput()))
    return emitOpError("keeps the shape of its input");
  return verifyTable(*this, getTable());
}

LogicalResult QuantizedSoftmaxOp::verify() {
  if (getAxis() < 0 || getAxis() >= int64_t(shapeOf(getInput()).size()))
    return emitOpError("has no axis ") << getAxis();
  bool isWide =
      cast<ShapedType>(getOutput().getType()).getElementType().isInteger(16);
  return verifyTable(*this, getExponentials(), isWide ? 512 : 256);
}

LogicalResult PoolOp::verify() {
  if (getOutputs().empty() || getOutputs().size() > 2)
    return emitOpError("has one or two results");
  ArrayRef<int64_t> x = shapeOf(getInput()), y = shapeOf(getOutputs()[0]);
  if (x.size() < 3 || y.size() != x.size())
    return emitOpError("needs at least one spatial dimension, and equal ranks");
  size_t first = getLayout() == Layout::channels_last ? 1 : 2;
  return verifyWindow(*this, x.slice(first, x.size() - 2),
                      y.slice(first, x.size() - 2), getWindow(), getStrides(),
                      getDilations(), getPads());
}

//===----------------------------------------------------------------------===//
// Folders and canonicalizations of data movement
//===----------------------------------------------------------------------===//

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto dense = dyn_cast_if_present<DenseElementsAttr>(adaptor.getInput()))
    return dense.reshape(cast<ShapedType>(getType()));
  if (auto weight = dyn_cast_if_present<WeightAttr>(adaptor.getInput()))
    return WeightAttr::get(getContext(), weight.getName(), getType());
  return {};
}

namespace {
/// reshape(reshape(x)) is one reshape.
struct ReshapeOfReshape final : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<ReshapeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "input is no reshape");
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getInput());
    return success();
  }
};

/// transpose(transpose(x)) is one transpose.
struct TransposeOfTranspose final : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<TransposeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    SmallVector<int64_t> perm;
    for (int64_t p : op.getPerm())
      perm.push_back(inner.getPerm()[p]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, inner.getInput(), perm);
    return success();
  }
};

/// A transpose that keeps the order of all dimensions larger than one moves
/// no bytes: it is a reshape.
struct TransposeToReshape final : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    int64_t last = -1;
    for (int64_t p : op.getPerm()) {
      if (shapeOf(op.getInput())[p] == 1)
        continue;
      if (p < last)
        return rewriter.notifyMatchFailure(op, "moves elements");
      last = p;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput());
    return success();
  }
};
} // namespace

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<ReshapeOfReshape>(context);
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  for (auto [i, p] : llvm::enumerate(getPerm()))
    if (int64_t(i) != p)
      return {};
  return getInput();
}

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<TransposeOfTranspose, TransposeToReshape>(context);
}

OpFoldResult RebaseOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<RebaseOp>();
  return inner ? OpFoldResult(inner.getInput()) : OpFoldResult();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  bool whole = getInput().getType() == getType() &&
               llvm::all_of(getSteps(), [](int64_t s) { return s == 1; });
  return whole ? OpFoldResult(getInput()) : OpFoldResult();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput())
                                           : OpFoldResult();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs()[0])
                                 : OpFoldResult();
}
