//===- Products.cpp - Convolutions and matrix products of integers -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// sum (x - zx) sx * w sw + bias is sx sw * (sum x w + bias / (sx sw) - zx sum
/// w): the products are those of the stored integers, the zero point of the
/// input is part of the integer bias, and outside of its shape the input has
/// the value zx.
///
//===----------------------------------------------------------------------===//
#include "passes/quantize/Former.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/lower/ElementEmitter.h"

#include <cmath>

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;
using lower::shapeOf;

/// Weights with a scale for each index of an axis whose elements are moved
/// afterwards (a transposed convolution's): integers and scales move alike.
static Value movedWeights(Value value, int64_t axis) {
  SmallVector<Operation *> movements;
  Value source = value;
  while (Operation *op = source.getDefiningOp()) {
    auto pad = dyn_cast<nn::PadOp>(op);
    if (!isa<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp>(op) &&
        !(pad && !pad.getValue()))
      break;
    movements.push_back(op);
    source = op->getOperand(0);
  }
  auto stored = source.getDefiningOp<nn::DequantizeOp>();
  if (!stored || movements.empty() || stored.getBlockSize() != 0 ||
      !elementTypeOf(stored.getInput()).isInteger(8) || stored.getIsUnsigned())
    return value;
  auto codes = integersOf(stored.getInput());
  auto scales = numbersOf(stored.getScale());
  auto zeros = stored.getZeroPoint() ? integersOf(stored.getZeroPoint())
                                     : std::vector<int64_t>{0};
  if (!codes || !scales || !zeros ||
      llvm::any_of(*zeros, [](int64_t zero) { return zero != 0; }))
    return value;
  auto type = cast<RankedTensorType>(stored.getInput().getType());
  int64_t inner = 1;
  for (int64_t d = stored.getAxis() + 1; d < type.getRank(); ++d)
    inner *= type.getDimSize(d);
  std::vector<float> spread;
  for (size_t i = 0; i < codes->size(); ++i)
    spread.push_back(float((*scales)[i / size_t(inner) % scales->size()]));
  OpBuilder b(value.getDefiningOp());
  Location loc = value.getLoc();
  auto move = [&](Value x) {
    for (Operation *op : llvm::reverse(movements)) {
      Operation *made = b.clone(*op);
      made->setOperand(0, x);
      made->getResult(0).setType(
          cast<RankedTensorType>(op->getResult(0).getType())
              .clone(elementTypeOf(x)));
      x = made->getResult(0);
    }
    return x;
  };
  auto moved = numbersOf(move(adze::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(type.clone(b.getF32Type()), ArrayRef(spread)))));
  auto result = cast<RankedTensorType>(value.getType());
  if (!moved)
    return value;
  // What padding filled in has no scale, and needs none.
  std::vector<float> channelScales(size_t(result.getDimSize(axis)), 0);
  inner = 1;
  for (int64_t d = axis + 1; d < result.getRank(); ++d)
    inner *= result.getDimSize(d);
  for (auto [i, scale] : llvm::enumerate(*moved)) {
    float &known = channelScales[i / size_t(inner) % channelScales.size()];
    if (scale == 0)
      continue;
    if (known != 0 && known != float(scale))
      return value;
    known = float(scale);
  }
  for (float &scale : channelScales)
    if (scale == 0)
      scale = 1;
  auto scaleType =
      RankedTensorType::get({int64_t(channelScales.size())}, b.getF32Type());
  Value scale = adze::ConstantOp::create(
      b, loc, DenseElementsAttr::get(scaleType, ArrayRef(channelScales)));
  return nn::DequantizeOp::create(b, loc, result, move(stored.getInput()),
                                  scale, Value(), axis, 0, false);
}

std::optional<Weights> quantize::weightsOf(Value value, int64_t axis,
                                           std::string &why) {
  if (!value.getDefiningOp<nn::DequantizeOp>())
    value = movedWeights(value, axis);
  auto op = value.getDefiningOp<nn::DequantizeOp>();
  auto type = cast<RankedTensorType>(value.getType());
  if (!op || !isa<IntegerType>(elementTypeOf(op.getInput()))) {
    why = "its weights are not quantized";
    return std::nullopt;
  }
  auto scales = numbersOf(op.getScale());
  auto codes = integersOf(op.getInput());
  if (!scales || !codes) {
    why = "its weights are not known at compile time";
    return std::nullopt;
  }
  int64_t channels = type.getDimSize(axis);
  bool whole = scales->size() == 1;
  if (!whole && (op.getBlockSize() != 0 || op.getAxis() != axis)) {
    why = "the scales of its weights are not those of its output channels";
    return std::nullopt;
  }
  unsigned bits = elementTypeOf(op.getInput()).getIntOrFloatBitWidth();
  int64_t mask = (int64_t(1) << bits) - 1;
  auto number = [&](int64_t code) {
    return op.getIsUnsigned() ? code & mask : code;
  };
  std::vector<int64_t> zeros(scales->size(), 0);
  if (op.getZeroPoint()) {
    auto read = integersOf(op.getZeroPoint());
    if (!read || read->size() != scales->size()) {
      why = "the zero points of its weights are not known at compile time";
      return std::nullopt;
    }
    zeros = *read;
  }
  int64_t inner = 1;
  for (int64_t d = axis + 1; d < type.getRank(); ++d)
    inner *= type.getDimSize(d);
  Weights weights{op.getInput(), *scales, std::vector<int64_t>(channels),
                  std::vector<int64_t>(channels)};
  int64_t lowest = 0, highest = 0;
  bool changed = bits != 8 || op.getIsUnsigned();
  for (auto [i, code] : llvm::enumerate(*codes)) {
    int64_t channel = int64_t(i) / inner % channels;
    int64_t zero = number(zeros[whole ? 0 : channel]);
    changed |= zero != 0;
    code = number(code) - zero;
    lowest = std::min(lowest, code);
    highest = std::max(highest, code);
    weights.sums[channel] += code;
    weights.magnitudes[channel] += std::abs(code);
  }
  if (!changed && op.getInput().getDefiningOp<adze::ConstantOp>())
    return weights;
  unsigned width = lowest >= -128 && highest <= 127 ? 8 : 16;
  if (lowest < -32768 || highest > 32767) {
    why = "its weights less their zero points take more than 16 bits";
    return std::nullopt;
  }
  OpBuilder b(op);
  std::string name = "weights";
  if (auto constant = op.getInput().getDefiningOp<adze::ConstantOp>())
    if (auto weight = dyn_cast<WeightAttr>(constant.getValue()))
      name = weight.getName().str();
  weights.value = makeConstant(
      b, op.getLoc(), type.clone(b.getIntegerType(width)), *codes, name);
  return weights;
}

/// A bias in steps of sx * sw[channel].
static std::optional<std::vector<int64_t>> biasOf(Value bias, double inputScale,
                                                  const Weights &weights,
                                                  std::string &why) {
  size_t channels = weights.sums.size();
  auto step = [&](size_t channel) {
    size_t index = weights.scales.size() == 1 ? 0 : channel;
    return inputScale * weights.scales[index];
  };
  if (!bias)
    return std::vector<int64_t>(channels, 0);
  size_t size = cast<RankedTensorType>(bias.getType()).getNumElements();
  if (size != channels && size != 1) {
    why = "its bias does not lie along its output channels";
    return std::nullopt;
  }
  // TFLite takes the stored integers, whatever their scale says.
  if (auto op = bias.getDefiningOp<nn::DequantizeOp>();
      op && elementTypeOf(op.getInput()).isInteger(32) && size == channels) {
    auto scales = numbersOf(op.getScale());
    auto codes = integersOf(op.getInput());
    auto zeros = op.getZeroPoint() ? integersOf(op.getZeroPoint())
                                   : std::vector<int64_t>{0};
    bool fits = scales && codes && zeros && op.getBlockSize() == 0 &&
                (scales->size() == 1 || scales->size() == channels) &&
                llvm::all_of(*zeros, [](int64_t zero) { return zero == 0; });
    for (size_t c = 0; fits && c < channels; ++c) {
      double stored = (*scales)[scales->size() == 1 ? 0 : c];
      fits = std::abs(stored - step(c)) <= 1e-4 * step(c);
    }
    if (fits)
      return *codes;
  }
  auto numbers = numbersOf(bias);
  if (!numbers) {
    why = "its bias is not known at compile time";
    return std::nullopt;
  }
  std::vector<int64_t> result;
  for (size_t c = 0; c < channels; ++c) {
    double code = std::nearbyint((*numbers)[size == 1 ? 0 : c] / step(c));
    if (!(std::abs(code) < 0x1p62)) {
      why = "its bias is too large for the scales of its input and weights";
      return std::nullopt;
    }
    result.push_back(int64_t(code));
  }
  return result;
}

Value quantize::centred(OpBuilder &b, Location loc, Value x, int64_t zeroPoint,
                        Type element) {
  auto type = cast<RankedTensorType>(x.getType()).clone(element);
  AffineMap map =
      AffineMap::getMultiDimIdentityMap(type.getRank(), b.getContext());
  Value init = tensor::EmptyOp::create(b, loc, type.getShape(), element);
  return linalg::GenericOp::create(
             b, loc, type, x, init, ArrayRef<AffineMap>{map, map},
             SmallVector<utils::IteratorType>(type.getRank(),
                                              utils::IteratorType::parallel),
             [&](OpBuilder &inner, Location at, ValueRange in) {
               Value wide = arith::ExtSIOp::create(inner, at, element, in[0]);
               Value zero = arith::ConstantOp::create(
                   inner, at, inner.getIntegerAttr(element, zeroPoint));
               linalg::YieldOp::create(
                   inner, at,
                   arith::SubIOp::create(inner, at, wide, zero).getResult());
             })
      .getResult(0);
}

/// A product of two tensors that are data: both less their zero points.
static std::optional<Accumulators> productOfData(nn::MatmulOp op) {
  auto x = quantizedTensorOf(op.getA()), y = quantizedTensorOf(op.getB());
  if (!x || !y || op.getBias() || x->parameters.bits != 8 ||
      y->parameters.bits != 8)
    return std::nullopt;
  auto type = cast<RankedTensorType>(op.getType());
  int64_t depth = shapeOf(op.getA())[type.getRank() - (op.getTransA() ? 2 : 1)];
  if (depth > 32768) // 255 * 255 * depth stays below 2^31
    return std::nullopt;
  OpBuilder b(op);
  Accumulators result;
  result.sums =
      nn::MatmulOp::create(b, op.getLoc(), type.clone(b.getI32Type()),
                           centred(b, op.getLoc(), x->value,
                                   x->parameters.zeroPoint, b.getI16Type()),
                           centred(b, op.getLoc(), y->value,
                                   y->parameters.zeroPoint, b.getI16Type()),
                           Value(), op.getTransA(), op.getTransB());
  result.axis = type.getRank() - 1;
  result.inputScale = x->parameters.scale;
  result.weightScales = {y->parameters.scale};
  return result;
}

std::optional<Accumulators> Former::accumulate(Operation *op, Value bias) {
  auto [it, added] = known.try_emplace({op, bias});
  if (!added)
    return it->second;
  if (auto matmul = dyn_cast<nn::MatmulOp>(op); matmul && !bias)
    if (auto y = quantizedTensorOf(matmul.getB());
        y && !y->value.getDefiningOp<adze::ConstantOp>())
      if (auto sums = productOfData(matmul))
        return known[{op, bias}] = sums;
  std::string why;
  auto refuseThis = [&](const Twine &text) {
    refuse(op, text);
    return std::nullopt;
  };
  auto conv = dyn_cast<nn::ConvOp>(op);
  auto matmul = dyn_cast<nn::MatmulOp>(op);
  auto x = quantizedTensorOf(op->getOperand(0));
  if (!x)
    return refuseThis("its input is not quantized with one constant scale");
  Value filter = op->getOperand(1);
  int64_t axis = 0, rank = shapeOf(filter).size();
  if (matmul) {
    if (rank != 2)
      return refuseThis("both of its operands are batches of matrices");
    axis = matmul.getTransB() ? rank - 2 : rank - 1;
  }
  if (conv && (conv.getLayout() != nn::Layout::channels_first ||
               conv.getPadValue() != 0))
    return refuseThis("its layout is fixed already");
  if (Value own = conv ? conv.getBias() : matmul.getBias()) {
    if (bias)
      return refuseThis("it has two biases");
    bias = own;
    ArrayRef<int64_t> sizes = shapeOf(own);
    if (matmul && sizes.size() == 2 && sizes[0] != 1)
      return refuseThis("its bias does not lie along its output channels");
  }
  auto weights = weightsOf(filter, axis, why);
  if (!weights)
    return refuseThis(why);
  auto integers = biasOf(bias, x->parameters.scale, *weights, why);
  if (!integers)
    return refuseThis(why);
  int64_t zero = x->parameters.zeroPoint;
  bool isWide = x->parameters.bits == 16;
  for (size_t c = 0; c < integers->size(); ++c) {
    int64_t &value = (*integers)[c];
    value -= zero * weights->sums[c];
    double largest = std::abs(double(value)) +
                     double(weights->magnitudes[c]) * (isWide ? 32768 : 128);
    if (largest >= (isWide ? 0x1p63 : 0x1p31))
      return refuseThis("its sums may overflow");
  }
  if (isWide && zero != 0)
    return refuseThis("its int16 input has a zero point that is not zero");
  OpBuilder b(op);
  Location loc = op->getLoc();
  Type sum = b.getIntegerType(isWide ? 64 : 32);
  auto channels = int64_t(integers->size());
  Value integerBias = makeConstant(
      b, loc, RankedTensorType::get({channels}, sum), *integers, "bias");
  auto type = cast<RankedTensorType>(op->getResult(0).getType()).clone(sum);
  Accumulators result;
  if (conv) {
    result.sums = nn::ConvOp::create(b, loc, type, x->value, weights->value,
                                     integerBias, conv.getStrides(),
                                     conv.getDilations(), conv.getPads(),
                                     conv.getGroup(), conv.getLayout(), zero);
    result.axis = 1;
  } else {
    result.sums = nn::MatmulOp::create(b, loc, type, x->value, weights->value,
                                       integerBias, matmul.getTransA(),
                                       matmul.getTransB());
    result.axis = type.getRank() - 1;
  }
  result.inputScale = x->parameters.scale;
  result.weightScales = weights->scales;
  result.bits = x->parameters.bits;
  known[{op, bias}] = result;
  it = known.find({op, bias});
  return it->second;
}

bool Former::formProduct(nn::QuantizeOp op, const Parameters &to,
                         const Tail &tail) {
  Operation *product = tail.base.getDefiningOp();
  auto bounds = clampOf(tail.functions, op, to);
  if (!bounds)
    return refuse(product, "the function behind it is no clamp");
  auto sums = accumulate(product, tail.bias);
  if (!sums)
    return false;
  if (sums->bits > to.bits)
    return refuse(product, "its input and output have different widths");
  std::vector<int64_t> multipliers, shifts;
  for (double weightScale : sums->weightScales) {
    // In TFLite's precision: the product of a convolution's scales is a double,
    // that of a fully connected layer a float.
    double scale = isa<nn::ConvOp>(product)
                       ? sums->inputScale * weightScale
                       : double(float(sums->inputScale) * float(weightScale));
    double factor = scale / to.scale;
    if (!isRepresentable(factor))
      return refuse(product, "the factor between its scales is out of range");
    FixedPoint fixed = fixedPoint(factor);
    multipliers.push_back(fixed.multiplier);
    shifts.push_back(fixed.shift);
  }
  OpBuilder b(op);
  Location loc = product->getLoc();
  auto type =
      RankedTensorType::get({int64_t(multipliers.size())}, b.getI32Type());
  Value multiplier = makeConstant(b, loc, type, multipliers, "multipliers");
  Value shift = makeConstant(b, loc, type, shifts, "shifts");
  auto shape = cast<RankedTensorType>(sums->sums.getType());
  Value y = nn::RequantizeOp::create(
      b, loc, shape.clone(elementTypeOf(op.getOutput())), sums->sums,
      multiplier, shift, sums->axis, to.zeroPoint, bounds->first,
      bounds->second, isa<nn::MatmulOp>(product) ? productRounding : rounding);
  if (y.getType() != op.getType())
    y = nn::ReshapeOp::create(b, loc, op.getType(), y);
  replace(op, y);
  return true;
}

bool Former::formSums(Operation *op) {
  auto sums = accumulate(op, Value());
  if (!sums)
    return false;
  OpBuilder b(op);
  Location loc = op->getLoc();
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  std::vector<float> scales;
  for (double weightScale : sums->weightScales)
    scales.push_back(float(sums->inputScale * weightScale));
  auto scaleType =
      RankedTensorType::get({int64_t(scales.size())}, b.getF32Type());
  Value scale = adze::ConstantOp::create(
      b, loc, DenseElementsAttr::get(scaleType, ArrayRef(scales)));
  Value y = nn::DequantizeOp::create(b, loc, type, sums->sums, scale, Value(),
                                     sums->axis, 0, false);
  op->getResult(0).replaceAllUsesWith(y);
  return true;
}
