//===- Elementwise.cpp - Additions, pools, softmax of integers --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/quantize/Former.h"

#include "adze/QuantizedSoftmax.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/lower/ElementEmitter.h"

#include <cmath>

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;
using lower::shapeOf;

/// `value`, read under `map` by loops over `shape`, repeated to that shape.
/// Null if its dimensions are in another order.
static Value broadcast(OpBuilder &b, Location loc, Value value, AffineMap map,
                       ArrayRef<int64_t> shape) {
  SmallVector<int64_t> spread(shape.size(), 1);
  int64_t last = -1;
  ArrayRef<int64_t> sizes = shapeOf(value);
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      if (int64_t(dim.getPosition()) <= last)
        return nullptr;
      last = dim.getPosition();
      spread[last] = sizes[i];
    } else if (sizes[i] != 1) {
      return nullptr;
    }
  }
  auto type = cast<RankedTensorType>(value.getType());
  if (ArrayRef<int64_t>(spread) != type.getShape())
    value = nn::ReshapeOp::create(b, loc, type.clone(spread), value);
  if (ArrayRef<int64_t>(spread) != shape)
    value = nn::BroadcastOp::create(b, loc, type.clone(shape), value);
  return value;
}

bool Former::formElementwise(nn::QuantizeOp op, const Parameters &to,
                             const Tail &tail) {
  auto generic = tail.base.getDefiningOp<linalg::GenericOp>();
  Block &body = *generic.getBody();
  Operation &inner = body.front();
  if (tail.bias || !lower::isElementwise(generic) ||
      generic.getNumResults() != 1 || generic.getNumDpsInputs() != 2 ||
      !isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(inner) ||
      inner.getNextNode() != body.getTerminator() ||
      body.getTerminator()->getOperand(0) != inner.getResult(0))
    return refuse(generic, "no integer form of this element-wise operation");
  OpBuilder b(op);
  Location loc = generic.getLoc();
  ArrayRef<int64_t> shape = shapeOf(tail.base);
  Value operands[2];
  Parameters p[2];
  for (auto [i, argument] : llvm::enumerate(inner.getOperands())) {
    auto blockArgument = dyn_cast<BlockArgument>(argument);
    if (!blockArgument || blockArgument.getOwner() != &body ||
        blockArgument.getArgNumber() >= 2)
      return refuse(generic, "no integer form of this element-wise operation");
    OpOperand &operand = generic->getOpOperand(blockArgument.getArgNumber());
    auto x = quantizedTensorOf(operand.get());
    if (!x)
      return refuse(generic, "an operand is not quantized with one constant "
                             "scale");
    if (x->parameters.bits != to.bits)
      return refuse(generic, "its operands and result have different widths");
    p[i] = x->parameters;
    operands[i] = broadcast(b, loc, x->value,
                            generic.getMatchingIndexingMap(&operand), shape);
    if (!operands[i])
      return refuse(generic, "its operands differ in the order of dimensions");
  }
  auto bounds = clampOf(tail.functions, op, to);
  if (!bounds)
    return refuse(generic, "the function behind it is no clamp");
  auto type = cast<RankedTensorType>(tail.base.getType())
                  .clone(elementTypeOf(op.getOutput()));
  Value y;
  if (isa<arith::MulFOp>(inner)) {
    // TFLite computes this factor in float.
    double factor = float(p[0].scale) * float(p[1].scale) / float(to.scale);
    if (!isRepresentable(factor))
      return refuse(generic, "the factor between its scales is out of range");
    FixedPoint f = fixedPoint(factor);
    y = nn::QuantizedMulOp::create(b, loc, type, operands[0], operands[1],
                                   p[0].zeroPoint, p[1].zeroPoint, f.multiplier,
                                   f.shift, to.zeroPoint, bounds->first,
                                   bounds->second, rounding);
  } else {
    int64_t leftShift = to.bits == 8 ? 20 : 15;
    double twice = 2 * std::max(p[0].scale, p[1].scale);
    double factors[] = {p[0].scale / twice, p[1].scale / twice,
                        twice / (std::exp2(leftShift) * to.scale)};
    for (double factor : factors)
      if (!isRepresentable(factor) || factor >= 1)
        return refuse(generic, "the factors between its scales are out of "
                               "range");
    FixedPoint a = fixedPoint(factors[0]), c = fixedPoint(factors[1]),
               f = fixedPoint(factors[2]);
    y = nn::QuantizedAddOp::create(
        b, loc, type, operands[0], operands[1], p[0].zeroPoint, p[1].zeroPoint,
        a.multiplier, a.shift, c.multiplier, c.shift, f.multiplier, f.shift,
        leftShift, to.zeroPoint, bounds->first, bounds->second,
        isa<arith::SubFOp>(inner), rounding);
  }
  if (y.getType() != op.getType())
    y = nn::ReshapeOp::create(b, loc, op.getType(), y);
  replace(op, y);
  return true;
}

/// The sums of (x - zero point) over windows that lie in the input. Few weights
/// of one make it a depthwise convolution, for which there are better kernels.
static Value sumsOfWindows(OpBuilder &b, nn::PoolOp pool, Value x,
                           int64_t zeroPoint, int64_t count) {
  Location loc = pool.getLoc();
  auto type = cast<RankedTensorType>(pool.getOutputs()[0].getType())
                  .clone(b.getI32Type());
  constexpr int64_t mostWeights = 4096; // bytes of flash
  int64_t channels = shapeOf(x)[1];
  if (pool.getLayout() == nn::Layout::channels_first &&
      elementTypeOf(x).isInteger(8) && channels * count <= mostWeights) {
    SmallVector<int64_t> filter{channels, 1};
    llvm::append_range(filter, pool.getWindow());
    Value ones =
        makeConstant(b, loc, RankedTensorType::get(filter, b.getI8Type()),
                     std::vector<int64_t>(size_t(channels * count), 1), "ones");
    Value bias = makeConstant(
        b, loc, RankedTensorType::get({channels}, b.getI32Type()),
        std::vector<int64_t>(size_t(channels), -count * zeroPoint), "bias");
    return nn::ConvOp::create(b, loc, type, x, ones, bias, pool.getStrides(),
                              pool.getDilations(), pool.getPads(), channels,
                              pool.getLayout(), zeroPoint);
  }
  auto sums = cast<nn::PoolOp>(b.clone(*pool));
  sums.getInputMutable().assign(x);
  sums.getOutputs()[0].setType(type);
  sums.setIsUnsigned(false);
  if (zeroPoint == 0)
    return sums.getOutputs()[0];
  AffineMap map =
      AffineMap::getMultiDimIdentityMap(type.getRank(), b.getContext());
  Value init =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  return linalg::GenericOp::create(
             b, loc, type, sums.getOutputs()[0], init,
             ArrayRef<AffineMap>{map, map},
             SmallVector<utils::IteratorType>(type.getRank(),
                                              utils::IteratorType::parallel),
             [&](OpBuilder &inner, Location at, ValueRange x) {
               Value offset = arith::ConstantOp::create(
                   inner, at, inner.getI32IntegerAttr(-count * zeroPoint));
               linalg::YieldOp::create(
                   inner, at,
                   arith::AddIOp::create(inner, at, x[0], offset).getResult());
             })
      .getResult(0);
}

/// round(sums / count) + zero point, ties to even as ONNX rounds, clamped.
static Value evenQuotient(OpBuilder &b, Location loc, RankedTensorType type,
                          Value sums, int64_t count, int64_t zeroPoint,
                          int64_t low, int64_t high) {
  AffineMap map =
      AffineMap::getMultiDimIdentityMap(type.getRank(), b.getContext());
  Value init =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  auto body = [&](OpBuilder &inner, Location at, ValueRange x) {
    auto number = [&](int64_t value) -> Value {
      return arith::ConstantOp::create(inner, at,
                                       inner.getI32IntegerAttr(int32_t(value)));
    };
    Value doubled = arith::AddIOp::create(
        inner, at, arith::MulIOp::create(inner, at, x[0], number(2)),
        number(count));
    Value divisor = number(2 * count);
    Value quotient = arith::FloorDivSIOp::create(inner, at, doubled, divisor);
    Value whole = arith::MulIOp::create(inner, at, quotient, divisor);
    Value isTie = arith::CmpIOp::create(inner, at, arith::CmpIPredicate::eq,
                                        whole, doubled);
    Value odd = arith::AndIOp::create(inner, at, quotient, number(1));
    Value less = arith::SelectOp::create(inner, at, isTie, odd, number(0));
    Value y = arith::AddIOp::create(
        inner, at, arith::SubIOp::create(inner, at, quotient, less),
        number(zeroPoint));
    y = arith::MaxSIOp::create(inner, at, y, number(low));
    y = arith::MinSIOp::create(inner, at, y, number(high));
    linalg::YieldOp::create(
        inner, at,
        arith::TruncIOp::create(inner, at, type.getElementType(), y)
            .getResult());
  };
  return linalg::GenericOp::create(
             b, loc, type, sums, init, ArrayRef<AffineMap>{map, map},
             SmallVector<utils::IteratorType>(type.getRank(),
                                              utils::IteratorType::parallel),
             body)
      .getResult(0);
}

bool Former::formFrom(nn::QuantizeOp op, const Parameters &to, Value x,
                      const Parameters &from) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  Type element = elementTypeOf(x);
  auto shape = cast<RankedTensorType>(op.getInput().getType());
  if (shapeOf(x) != shape.getShape())
    x = nn::ReshapeOp::create(b, loc, shape.clone(element), x);
  Value scale = adze::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(RankedTensorType::get({}, b.getF32Type()),
                             float(from.scale)));
  Value zero = makeConstant(b, loc, RankedTensorType::get({}, element),
                            from.zeroPoint, "zero_point");
  Value dequantized = nn::DequantizeOp::create(
      b, loc, shape.clone(b.getF32Type()), x, scale, zero, /*axis=*/0,
      /*block_size=*/0, /*is_unsigned=*/false);
  op.getInputMutable().assign(dequantized);
  return formTable(op, to);
}

bool Former::formAveragePool(nn::QuantizeOp op, const Parameters &to,
                             const Tail &tail) {
  auto pool = tail.base.getDefiningOp<nn::PoolOp>();
  if (pool.getKind() != nn::PoolKind::average)
    return refuse(pool, "only average and maximum have an integer form");
  auto x = quantizedTensorOf(pool.getInput());
  if (!x)
    return refuse(pool, "its input is not quantized with one constant scale");
  if (x->parameters.bits > to.bits)
    return refuse(pool, "its input and output have different widths");
  bool isPadded =
      llvm::any_of(pool.getPads(), [](int64_t pad) { return pad != 0; });
  if (tail.bias)
    return refuse(pool, "something is added behind it");
  auto bounds = clampOf(tail.functions, op, to);
  if (!bounds)
    return refuse(pool, "the function behind it is no clamp");
  OpBuilder b(op);
  Location loc = pool.getLoc();
  auto type = cast<RankedTensorType>(pool.getOutputs()[0].getType())
                  .clone(elementTypeOf(op.getOutput()));
  size_t first = pool.getLayout() == nn::Layout::channels_last ? 1 : 2;
  if (isPadded && pool.getCountIncludePad()) {
    // Zeros that count are elements like others.
    size_t spatial = pool.getWindow().size();
    SmallVector<int64_t> low(type.getRank(), 0), high(type.getRank(), 0),
        padded(shapeOf(x->value));
    for (size_t d = 0; d < spatial; ++d) {
      low[first + d] = pool.getPads()[d];
      high[first + d] = pool.getPads()[d + spatial];
      padded[first + d] += low[first + d] + high[first + d];
    }
    Type element = elementTypeOf(x->value);
    Value zero = makeConstant(b, loc, RankedTensorType::get({1}, element),
                              x->parameters.zeroPoint, "zero");
    x->value =
        nn::PadOp::create(b, loc, RankedTensorType::get(padded, element),
                          x->value, zero, nn::PadMode::constant, low, high);
    pool = cast<nn::PoolOp>(b.clone(*pool));
    pool.setPads(SmallVector<int64_t>(2 * spatial, 0));
    pool.setCountIncludePad(false);
    isPadded = false;
  }
  // Windows that are whole everywhere are a sum with one factor.
  int64_t count = 1;
  bool isWhole = !isPadded;
  for (size_t d = 0; d < pool.getWindow().size(); ++d) {
    count *= pool.getWindow()[d];
    isWhole &= (type.getDimSize(first + d) - 1) * pool.getStrides()[d] +
                   (pool.getWindow()[d] - 1) * pool.getDilations()[d] <
               shapeOf(x->value)[first + d];
  }
  double factor = x->parameters.scale / (to.scale * double(count));
  if (count >= (1 << 15))
    return refuse(pool, "the sums of its windows may overflow");
  Value y;
  if (x->parameters != to && isWhole && isRepresentable(factor)) {
    FixedPoint f = fixedPoint(factor);
    Value sums =
        sumsOfWindows(b, pool, x->value, x->parameters.zeroPoint, count);
    auto one = RankedTensorType::get({1}, b.getI32Type());
    y = nn::RequantizeOp::create(
        b, loc, type, sums,
        makeConstant(b, loc, one, int64_t(f.multiplier), "multiplier"),
        makeConstant(b, loc, one, int64_t(f.shift), "shift"), 1, to.zeroPoint,
        bounds->first, bounds->second, rounding);
  } else if (x->parameters == to && isWhole && count < (1 << 16) &&
             rounding == nn::Rounding::once) {
    // Ties are frequent in small windows; TFLite takes them away from zero.
    y = evenQuotient(
        b, loc, type,
        sumsOfWindows(b, pool, x->value, x->parameters.zeroPoint, count), count,
        to.zeroPoint, bounds->first, bounds->second);
  } else {
    auto made = cast<nn::PoolOp>(b.clone(*pool));
    made.getInputMutable().assign(x->value);
    made.getOutputs()[0].setType(type.clone(elementTypeOf(x->value)));
    made.setIsUnsigned(false);
    if (x->parameters.bits == 16 || to.bits == 16)
      return tail.functions.empty() &&
             formFrom(op, to, made.getOutputs()[0], x->parameters);
    y = rescaled(b, loc, made.getOutputs()[0], x->parameters, to, bounds->first,
                 bounds->second);
  }
  if (y.getType() != op.getType())
    y = nn::ReshapeOp::create(b, loc, op.getType(), y);
  replace(op, y);
  return true;
}

bool Former::formSoftmax(nn::QuantizeOp op, const Parameters &to,
                         const Tail &tail) {
  auto softmax = tail.base.getDefiningOp<nn::SoftmaxOp>();
  auto x = quantizedTensorOf(softmax.getInput());
  if (!x)
    return refuse(softmax,
                  "its input is not quantized with one constant scale");
  // The sum of the exponentials has 12 integer bits, of which the fixed-point
  // quotient needs a few.
  constexpr int64_t longest = 512;
  int64_t axis = softmax.getAxis();
  Parameters own{1.0 / 256, -128, 8};
  if (softmax.getLog() || !tail.functions.empty() || tail.bias)
    return refuse(softmax, "no integer form of its logarithm or of a function "
                           "behind it");
  int64_t length = shapeOf(softmax.getInput())[axis];
  if (length > (1 << 20))
    return refuse(softmax, "its rows are too long for sums of 64 bits");
  OpBuilder b(op);
  Location loc = softmax.getLoc();
  if (x->parameters.bits == 16 || to.bits == 16 || length >= longest ||
      to.scale < 0.9 * own.scale) {
    std::vector<int64_t> products;
    for (int64_t step : {256, 1})
      for (int64_t i = 0; i < 256; ++i)
        products.push_back(std::llrint(std::min(
            2147483647.0,
            0x1p31 * std::exp(-double(step * i) * x->parameters.scale))));
    Value exponentials =
        makeConstant(b, loc, RankedTensorType::get({512}, b.getI32Type()),
                     products, "exponentials");
    auto type =
        cast<RankedTensorType>(x->value.getType()).clone(b.getI16Type());
    Value y = nn::QuantizedSoftmaxOp::create(b, loc, type, x->value,
                                             exponentials, axis, 0, 0, 0);
    return formFrom(op, to, y, Parameters{0x1p-15, 0, 16});
  }
  SoftmaxInput input = softmaxInput(x->parameters.scale);
  auto table = softmaxExponentials(input.factor, input.smallestDifference);
  Value exponentials = makeConstant(
      b, loc, RankedTensorType::get({256}, b.getI32Type()),
      std::vector<int64_t>(table.begin(), table.end()), "exponentials");
  auto type = cast<RankedTensorType>(x->value.getType());
  Value y = nn::QuantizedSoftmaxOp::create(
      b, loc, type, x->value, exponentials, axis, input.factor.multiplier,
      input.factor.shift, input.smallestDifference);
  y = rescaled(b, loc, y, own, to, to.lowest(), to.highest());
  if (y.getType() != op.getType())
    y = nn::ReshapeOp::create(b, loc, op.getType(), y);
  replace(op, y);
  return true;
}

bool Former::formConcat(nn::QuantizeOp op, const Parameters &to,
                        const Tail &tail) {
  auto concat = tail.base.getDefiningOp<nn::ConcatOp>();
  if (tail.bias || to.bits != 8)
    return refuse(concat, "only tensors of int8 are rescaled by a table");
  auto bounds = clampOf(tail.functions, op, to);
  if (!bounds)
    return refuse(concat, "the function behind it is no clamp");
  SmallVector<QuantizedTensor> parts;
  for (Value input : concat.getInputs()) {
    auto x = quantizedTensorOf(input);
    if (!x || x->parameters.bits != 8)
      return refuse(concat, "an input is not quantized with one constant "
                            "scale");
    parts.push_back(*x);
  }
  OpBuilder b(op);
  Location loc = concat.getLoc();
  SmallVector<Value> inputs;
  for (const QuantizedTensor &part : parts)
    inputs.push_back(rescaled(b, loc, part.value, part.parameters, to,
                              bounds->first, bounds->second));
  auto type = concat.getType().clone(b.getI8Type());
  Value y = nn::ConcatOp::create(b, loc, type, inputs, concat.getAxis());
  if (y.getType() != op.getType())
    y = nn::ReshapeOp::create(b, loc, op.getType(), y);
  replace(op, y);
  return true;
}
