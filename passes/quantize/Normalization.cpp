//===- Normalization.cpp - Layer normalization of integers ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/quantize/Former.h"

#include "passes/lower/ElementEmitter.h"

#include <cmath>

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;
using lower::shapeOf;

/// A constant of numbers that nn.quantized_normalize broadcasts as it does
/// `like`.
static Value parameter(OpBuilder &b, Location loc, Value like, Type element,
                       ArrayRef<int64_t> values, StringRef name) {
  auto shape =
      like ? SmallVector<int64_t>(shapeOf(like)) : SmallVector<int64_t>{1};
  return makeConstant(b, loc, RankedTensorType::get(shape, element), values,
                      name);
}

bool Former::formNormalize(nn::QuantizeOp op, const Parameters &to,
                           const Tail &tail) {
  auto norm = tail.base.getDefiningOp<nn::NormalizeOp>();
  if (tail.base != norm.getOutputs()[0] || norm.getOutputs().size() > 1)
    return refuse(norm, "its mean or deviation is a result of its own");
  auto x = quantizedTensorOf(norm.getInput());
  if (!x)
    return refuse(norm, "its input is not quantized with one constant scale");
  if (tail.bias)
    return refuse(norm, "something is added behind it");
  auto bounds = clampOf(tail.functions, op, to);
  if (!bounds)
    return formFunction(op, to) ||
           refuse(norm, "the function behind it is no clamp");
  double count = 1;
  for (int64_t size : shapeOf(norm.getInput()).drop_front(norm.getAxis()))
    count *= double(size);
  if (count > (x->parameters.bits == 8 ? 0x1p20 : 0x1p14))
    return refuse(norm, "its rows are too long for sums of 64 bits");
  std::vector<double> gains{1}, offsets{0};
  if (norm.getScale()) {
    auto numbers = numbersOf(norm.getScale());
    if (!numbers)
      return refuse(norm, "its scale is not known at compile time");
    gains = *numbers;
  }
  if (norm.getBias()) {
    auto numbers = numbersOf(norm.getBias());
    if (!numbers)
      return refuse(norm, "its bias is not known at compile time");
    offsets = *numbers;
  }
  double largest = 0, farthest = 0;
  for (double &gain : gains)
    largest = std::max(largest, std::abs(gain /= to.scale));
  for (double &offset : offsets) {
    offset = offset / to.scale + double(to.zeroPoint);
    farthest = std::max(farthest, std::abs(offset));
  }
  double step = x->parameters.scale;
  double epsilon =
      norm.getEpsilon().convertToDouble() / (step * step) * count * count;
  // Gains get 24 bits; their products with 16 bits of fraction and the offsets
  // stay below 2^62.
  int bits = largest > 0 ? 23 - std::ilogb(largest) : 0;
  bits = std::clamp(bits, -8, 24);
  if (!(largest < 0x1p30) || !(epsilon < 0x1p60) ||
      !(std::ldexp(farthest, bits + 16) < 0x1p60))
    return refuse(norm, "its numbers are out of range for the scales of its "
                        "input and result");
  std::vector<int64_t> gainCodes, offsetCodes;
  for (double gain : gains)
    gainCodes.push_back(std::llrint(std::ldexp(gain, bits)));
  for (double offset : offsets)
    offsetCodes.push_back(std::llrint(std::ldexp(offset, bits + 16)));
  OpBuilder b(op);
  Location loc = norm.getLoc();
  auto type = cast<RankedTensorType>(tail.base.getType())
                  .clone(elementTypeOf(op.getOutput()));
  Value y = nn::QuantizedNormalizeOp::create(
      b, loc, type, x->value,
      parameter(b, loc, norm.getScale(), b.getI32Type(), gainCodes, "gain"),
      parameter(b, loc, norm.getBias(), b.getI64Type(), offsetCodes, "offset"),
      norm.getAxis(), x->parameters.zeroPoint,
      std::max<int64_t>(1, std::llrint(epsilon)), bits + 16, bounds->first,
      bounds->second, norm.getRms());
  if (y.getType() != op.getType())
    y = nn::ReshapeOp::create(b, loc, op.getType(), y);
  replace(op, y);
  return true;
}
