//===- Tables.cpp - Functions of one quantized tensor -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A tensor of int8 has 256 values: whatever float operations compute from one
/// such tensor, element by element, and quantize again, is a table. It is
/// computed by evaluating just these operations on the 256 values, so that it
/// holds what they would have computed.
///
//===----------------------------------------------------------------------===//
#include "passes/quantize/Former.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/graph/ConstantEvaluation.h"
#include "passes/lower/ElementEmitter.h"
#include "llvm/ADT/SetVector.h"

#include <cmath>

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;
using lower::shapeOf;

TypedAttr quantize::splatOf(Value value) {
  Operation *op = value.getDefiningOp();
  while (isa_and_nonnull<nn::ReshapeOp, nn::BroadcastOp>(op)) {
    value = op->getOperand(0);
    op = value.getDefiningOp();
  }
  if (!op)
    return {};
  DenseElementsAttr dense;
  if (auto constant = dyn_cast<adze::ConstantOp>(op))
    dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  else if (cast<RankedTensorType>(value.getType()).getNumElements() == 1)
    dense = evaluateConstant(value, 64);
  if (!dense || !dense.isSplat())
    return {};
  return cast<TypedAttr>(dense.getSplatValue<Attribute>());
}

/// An element-wise operation on elements at one place and constant numbers.
static bool isPointwise(linalg::GenericOp op) {
  if (!lower::isElementwise(op) || op.getNumResults() != 1 ||
      op.hasIndexSemantics() ||
      !op.getMatchingBlockArgument(op.getDpsInitOperand(0)).use_empty())
    return false;
  for (OpOperand *operand : op.getDpsInputOperands())
    if (!op.getMatchingIndexingMap(operand).isIdentity() &&
        !splatOf(operand->get()))
      return false;
  return true;
}

namespace {

/// Copies of pointwise operations over vectors of `count` numbers.
class VectorCopy {
public:
  VectorCopy(OpBuilder &b, Location loc, int64_t count)
      : b(b), loc(loc), count(count) {}

  void define(Value value, Value copy) { copies[value] = copy; }
  Value of(Value value) const { return copies.lookup(value); }
  void copy(linalg::GenericOp op) {
    MLIRContext *context = b.getContext();
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      if (Value known = copies.lookup(operand->get())) {
        inputs.push_back(known);
        maps.push_back(AffineMap::getMultiDimIdentityMap(1, context));
        continue;
      }
      TypedAttr number = splatOf(operand->get());
      auto one = RankedTensorType::get({1}, number.getType());
      inputs.push_back(adze::ConstantOp::create(
          b, loc, DenseElementsAttr::get(one, Attribute(number))));
      maps.push_back(
          AffineMap::get(1, 0, getAffineConstantExpr(0, context), context));
    }
    maps.push_back(AffineMap::getMultiDimIdentityMap(1, context));
    auto type = RankedTensorType::get({count}, elementTypeOf(op.getResult(0)));
    Value init =
        tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
    auto made = linalg::GenericOp::create(
        b, loc, type, inputs, init, maps,
        SmallVector<utils::IteratorType>{utils::IteratorType::parallel});
    IRMapping mapping;
    op.getRegion().cloneInto(&made.getRegion(), mapping);
    copies[op.getResult(0)] = made.getResult(0);
  }
  /// What `op` makes of the copy of `value`.
  Value quantized(nn::QuantizeOp op, Value value) {
    IRMapping mapping;
    mapping.map(op.getInput(), copies.lookup(value));
    auto made = cast<nn::QuantizeOp>(b.clone(*op, mapping));
    made.getOutput().setType(
        RankedTensorType::get({count}, elementTypeOf(op.getOutput())));
    made->setAttr("axis", b.getI64IntegerAttr(0));
    return made.getOutput();
  }
  Value dequantized(nn::DequantizeOp op, Value integers) {
    IRMapping mapping;
    mapping.map(op.getInput(), integers);
    auto made = cast<nn::DequantizeOp>(b.clone(*op, mapping));
    made.getOutput().setType(
        RankedTensorType::get({count}, elementTypeOf(op.getOutput())));
    made->setAttr("axis", b.getI64IntegerAttr(0));
    return made.getOutput();
  }

private:
  OpBuilder &b;
  Location loc;
  int64_t count;
  llvm::DenseMap<Value, Value> copies;
};

} // namespace

Value quantize::functionSource(Value value,
                               llvm::SetVector<Operation *> &between) {
  Value source;
  SmallVector<std::pair<Value, bool>> work{{value, false}};
  llvm::SmallDenseSet<Value> seen;
  while (!work.empty()) {
    auto [next, isDone] = work.pop_back_val();
    if (isDone) {
      between.insert(next.getDefiningOp());
      continue;
    }
    if (!seen.insert(next).second)
      continue;
    auto generic = next.getDefiningOp<linalg::GenericOp>();
    if (!generic || !isPointwise(generic)) {
      if (source && source != next)
        return nullptr;
      source = next;
      continue;
    }
    if (seen.size() > 64)
      return nullptr;
    work.push_back({next, true});
    for (OpOperand *operand : generic.getDpsInputOperands())
      if (!splatOf(operand->get()))
        work.push_back({operand->get(), false});
  }
  return source;
}

static void eraseIfUnused(Operation *until, Operation *from) {
  // Backwards over what was inserted in front of `until` after `from`.
  for (Operation *op = until->getPrevNode(); op && op != from;) {
    Operation *previous = op->getPrevNode();
    if (isOpTriviallyDead(op))
      op->erase();
    op = previous;
  }
}

std::optional<Samples>
quantize::evaluate(nn::QuantizeOp op, Value source,
                   const llvm::SetVector<Operation *> &between,
                   ArrayRef<float> points) {
  Operation *before = op->getPrevNode();
  OpBuilder b(op);
  auto type = RankedTensorType::get({int64_t(points.size())}, b.getF32Type());
  VectorCopy copies(b, op.getLoc(), points.size());
  copies.define(source,
                adze::ConstantOp::create(b, op.getLoc(),
                                         DenseElementsAttr::get(type, points)));
  for (Operation *inner : between)
    copies.copy(cast<linalg::GenericOp>(inner));
  auto codes = integersOf(copies.quantized(op, op.getInput()));
  // Both may have become constants: of the same operations, made again.
  for (Operation *inner : between)
    copies.copy(cast<linalg::GenericOp>(inner));
  auto reals = numbersOf(copies.of(op.getInput()));
  eraseIfUnused(op, before);
  if (!codes || !reals)
    return std::nullopt;
  return Samples{std::move(*reals), std::move(*codes)};
}

bool Former::formTable(nn::QuantizeOp op, const Parameters &to) {
  llvm::SetVector<Operation *> between;
  Value from = functionSource(op.getInput(), between);
  auto source =
      from ? from.getDefiningOp<nn::DequantizeOp>() : nn::DequantizeOp();
  if (!source || !quantizedTensorOf(from))
    return false;
  auto x = quantizedTensorOf(source.getOutput());
  if (between.empty() && x->parameters == to) {
    replace(op, x->value);
    return true;
  }
  if (x->parameters.bits == 16)
    return formWideTable(op, to, source, between);
  Operation *before = op->getPrevNode();
  OpBuilder b(op);
  VectorCopy copies(b, op.getLoc(), 256);
  std::vector<int64_t> all;
  for (int64_t i = -128; i < 128; ++i)
    all.push_back(i);
  auto bytes = RankedTensorType::get({256}, b.getI8Type());
  Value integers = makeConstant(b, op.getLoc(), bytes, all, "integers");
  copies.define(source.getOutput(), copies.dequantized(source, integers));
  for (Operation *inner : between)
    copies.copy(cast<linalg::GenericOp>(inner));
  Value table = copies.quantized(op, op.getInput());
  auto values = integersOf(table);
  eraseIfUnused(op, before);
  if (!values)
    return refuse(op, "its table could not be computed");
  if (to.bits == 8 && *values == all) {
    replace(op, x->value);
    return true;
  }
  Location loc = between.empty() ? op.getLoc() : between.back()->getLoc();
  Value constant = makeConstant(
      b, loc, bytes.clone(elementTypeOf(op.getOutput())), *values, "table");
  replace(op, nn::LookupOp::create(b, loc, op.getType(), x->value, constant));
  return true;
}

bool quantize::onlyCompares(linalg::GenericOp op) {
  if (!isPointwise(op))
    return false;
  int tensors = 0;
  for (OpOperand *operand : op.getDpsInputOperands())
    tensors += !splatOf(operand->get());
  return tensors == 1 &&
         llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
           return isa<arith::CmpFOp, arith::SelectOp, arith::MaximumFOp,
                      arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
                      arith::ConstantOp, arith::OrIOp, arith::AndIOp,
                      arith::ExtFOp, arith::TruncFOp>(inner);
         });
}

Tail quantize::tailOf(Value value) {
  Tail tail;
  while (Operation *op = value.getDefiningOp()) {
    if (auto reshape = dyn_cast<nn::ReshapeOp>(op)) {
      if (tail.bias && shapeOf(reshape.getInput()).back() !=
                           shapeOf(reshape.getOutput()).back())
        break;
      value = reshape.getInput();
      continue;
    }
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic || tail.bias)
      break;
    if (onlyCompares(generic)) {
      tail.functions.push_back(generic);
      for (OpOperand *operand : generic.getDpsInputOperands())
        if (!splatOf(operand->get()))
          value = operand->get();
      continue;
    }
    // x + b with b along the last dimension.
    if (!lower::isElementwise(generic) || generic.getNumDpsInputs() != 2 ||
        generic.getNumResults() != 1)
      break;
    Block &body = *generic.getBody();
    auto add = dyn_cast<arith::AddFOp>(body.front());
    if (!add || add->getNextNode() != body.getTerminator() ||
        body.getTerminator()->getOperand(0) != add.getResult())
      break;
    OpOperand *bias = nullptr, *main = nullptr;
    for (OpOperand *operand : generic.getDpsInputOperands())
      (constantSlice(operand->get()) ? bias : main) = operand;
    if (!bias || !main || !generic.getMatchingIndexingMap(main).isIdentity() ||
        !llvm::is_contained(add.getOperands(),
                            generic.getMatchingBlockArgument(bias)) ||
        !llvm::is_contained(add.getOperands(),
                            generic.getMatchingBlockArgument(main)))
      break;
    // Along the channels of a convolution, or the columns of a matrix.
    Value product = main->get();
    bool isConv = product.getDefiningOp<nn::ConvOp>() != nullptr;
    while (auto reshape = product.getDefiningOp<nn::ReshapeOp>())
      product = reshape.getInput();
    AffineMap map = generic.getMatchingIndexingMap(bias);
    int64_t axis = isConv ? 1 : int64_t(map.getNumDims()) - 1;
    ArrayRef<int64_t> sizes = shapeOf(bias->get());
    bool alongChannels = isConv || product.getDefiningOp<nn::MatmulOp>();
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      alongChannels &=
          sizes[i] == 1 || (dim && int64_t(dim.getPosition()) == axis);
    }
    if (!alongChannels)
      break;
    tail.bias = bias->get();
    value = main->get();
  }
  tail.base = value;
  return tail;
}

std::optional<std::pair<int64_t, int64_t>>
Former::clampOf(ArrayRef<linalg::GenericOp> functions, nn::QuantizeOp op,
                const Parameters &to) {
  if (functions.empty())
    return std::pair(to.lowest(), to.highest());
  // The functions only compare, so it is enough to look at every step of the
  // result and between steps.
  std::vector<float> points;
  std::vector<int64_t> expected;
  for (int64_t i = to.lowest() - 1; i <= to.highest() + 1; ++i)
    for (double offset : {-0.25, 0.0, 0.25}) {
      points.push_back(float((double(i - to.zeroPoint) + offset) * to.scale));
      expected.push_back(i);
    }
  Operation *before = op->getPrevNode();
  OpBuilder b(op);
  linalg::GenericOp innermost = functions.back();
  Value first = innermost->getOperand(0);
  for (OpOperand *operand : innermost.getDpsInputOperands())
    if (!splatOf(operand->get()))
      first = operand->get();
  if (!elementTypeOf(first).isF32())
    return std::nullopt;
  auto count = int64_t(points.size());
  VectorCopy copies(b, op.getLoc(), count);
  auto type = RankedTensorType::get({count}, b.getF32Type());
  copies.define(first, adze::ConstantOp::create(
                           b, op.getLoc(),
                           DenseElementsAttr::get(type, ArrayRef(points))));
  Value last = first;
  for (linalg::GenericOp function : llvm::reverse(functions)) {
    // Reshapes stand between: each reads what the one before it made.
    for (OpOperand *operand : function.getDpsInputOperands())
      if (!splatOf(operand->get()) && operand->get() != last)
        copies.define(operand->get(), copies.of(last));
    copies.copy(function);
    last = function.getResult(0);
  }
  auto values = integersOf(copies.quantized(op, last));
  eraseIfUnused(op, before);
  if (!values)
    return std::nullopt;
  int64_t low = values->front(), high = values->back();
  for (auto [value, step] : llvm::zip(*values, expected))
    if (value != std::clamp(step, low, std::max(low, high)))
      return std::nullopt;
  return std::pair(low, high);
}

Value Former::rescaled(OpBuilder &b, Location loc, Value x,
                       const Parameters &from, const Parameters &to,
                       int64_t low, int64_t high) {
  std::vector<int64_t> table;
  bool isIdentity = true;
  for (int64_t i = -128; i < 128; ++i) {
    auto real = float(double(i - from.zeroPoint) * float(from.scale));
    double step = std::nearbyint(real / float(to.scale)) + double(to.zeroPoint);
    table.push_back(int64_t(std::clamp(step, double(low), double(high))));
    isIdentity &= table.back() == i;
  }
  if (isIdentity)
    return x;
  Value constant = makeConstant(
      b, loc, RankedTensorType::get({256}, b.getI8Type()), table, "table");
  return nn::LookupOp::create(b, loc, x.getType(), x, constant);
}
