//===- Quantize.cpp - Quantization and its inverse -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"
#include "lib/Import/ops/Quantization.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

//===----------------------------------------------------------------------===//
// Granularity
//===----------------------------------------------------------------------===//

static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? "," : "") + std::to_string(size);
  return text + "]";
}

/// How the scale of input 0 is laid out: one number, one for each index of
/// `axis`, or one for each block along it.
struct Granularity {
  int64_t axis = 0;
  int64_t block = 0; // 0: no blocks
};

static FailureOr<Granularity> granularity(NodeLowering &n) {
  ArrayRef<int64_t> shape = n.shape(0), scale = n.shape(1);
  Granularity g;
  if (n.has(2) && n.shape(2) != scale &&
      n.type(1).getNumElements() != n.type(2).getNumElements()) {
    (void)n.fail("the zero point has the shape " + shapeText(n.shape(2)) +
                 ", but the scale " + shapeText(scale));
    return failure();
  }
  g.block = n.attrInt("block_size", 0);
  if (g.block == 0 && n.type(1).getNumElements() == 1)
    return g;
  auto axis = n.axis(n.attrInt("axis", 1), shape.size());
  if (failed(axis))
    return failure();
  g.axis = *axis;
  if (g.block == 0) {
    if (scale.size() != 1 || scale[0] != shape[g.axis]) {
      (void)n.fail("the scale has the shape " + shapeText(scale) +
                   ", but axis " + Twine(g.axis) + " of the input has " +
                   Twine(shape[g.axis]) + " elements");
      return failure();
    }
    return g;
  }
  bool fits = g.block > 0 && scale.size() == shape.size();
  for (size_t i = 0; fits && i < shape.size(); ++i)
    fits =
        scale[i] ==
        (int64_t(i) == g.axis ? llvm::divideCeil(shape[i], g.block) : shape[i]);
  if (!fits) {
    (void)n.fail("the scale has the shape " + shapeText(scale) +
                 ", which is not that of the input, " + shapeText(shape) +
                 ", with axis " + Twine(g.axis) + " in blocks of " +
                 Twine(g.block));
    return failure();
  }
  return g;
}

/// The zero point of a node under the shape of its scale, or null.
static Value zeroPointOf(NodeLowering &n) {
  return n.has(2) ? n.reshape(n.in(2), n.shape(1)) : Value();
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// The range of an integer type.
static std::pair<double, double> rangeOf(ElementKind kind) {
  unsigned bits = kind.type.getIntOrFloatBitWidth();
  if (kind.isUnsigned)
    return {0, std::exp2(bits) - 1};
  return {-std::exp2(bits - 1), std::exp2(bits - 1) - 1};
}

/// A float in the range of an integer of at most 16 bits.
static Value toInteger(Scalars &s, Value x, Type type) {
  return s.make<arith::TruncIOp>(type,
                                 s.make<arith::FPToSIOp>(s.b.getI32Type(), x));
}

Value adze::import::quantizedScalar(Scalars &s, Value quotient, Value zeroPoint,
                                    ElementKind to) {
  Type wide = quotient.getType();
  Value rounded = s.make<math::RoundEvenOp>(quotient);
  if (zeroPoint)
    rounded = s.add(
        rounded, castScalar(s.b, s.loc, zeroPoint, wide, to.isUnsigned, false));
  auto [low, high] = rangeOf(to);
  // NaN is quantized to the lower bound.
  Value least = s.constant(wide, low);
  Value bounded = s.select(s.less(least, rounded), rounded, least);
  return toInteger(s, s.atMost(bounded, high), to.type);
}

static FailureOr<ElementKind> outputType(NodeLowering &n,
                                         ElementKind otherwise) {
  int64_t number = n.attrInt("output_dtype", 0);
  if (number == 0)
    return otherwise;
  return expectDataType(n, number);
}

static LogicalResult quantizeLinear(NodeLowering &n) {
  if (failed(expectOperands(n, 1, Elements::numbers)))
    return failure();
  if (!n.has(1) || n.element(1).isInteger(1))
    return n.fail("it takes a scale");
  ElementKind otherwise{n.b.getI8Type(), true};
  if (n.has(2))
    otherwise = {n.element(2), n.isUnsigned(2)};
  auto to = outputType(n, otherwise);
  auto g = granularity(n);
  if (failed(to) || failed(g))
    return failure();
  if (n.has(2) &&
      (n.element(2) != to->type || n.isUnsigned(2) != to->isUnsigned))
    return n.fail("output_dtype is not the type of the zero point, " +
                  elementText(n, 2));
  bool toFloat = isa<FloatType>(to->type);
  if (!toFloat && to->type.getIntOrFloatBitWidth() > 16)
    return n.fail("it cannot quantize to " + typeName(to->type));
  // The division has the type of the scale unless told otherwise. Scales that
  // are powers of two or integers say nothing about it.
  Type f32 = n.b.getF32Type();
  Type precision = n.element(1);
  if (!isa<FloatType>(precision) || precision.getIntOrFloatBitWidth() < 16)
    precision = isa<FloatType>(n.element(0)) ? n.element(0) : f32;
  if (int64_t number = n.attrInt("precision", 0)) {
    auto kind = elementOfDataType(n.b.getContext(), number);
    if (!kind || !isa<FloatType>(kind->type) ||
        kind->type.getIntOrFloatBitWidth() < 16)
      return n.fail("precision must be a floating-point type of at least 16 "
                    "bits");
    precision = kind->type;
  }
  bool overflows = n.attrInt("saturate", 1) == 0;
  n.set(0,
        n.make<nn::QuantizeOp>(n.type(0).clone(to->type), n.in(0), n.in(1),
                               zeroPointOf(n), g->axis, g->block, precision,
                               to->isUnsigned, n.isUnsigned(0), n.isUnsigned(1),
                               overflows),
        to->isUnsigned);
  return success();
}

static LogicalResult dequantizeLinear(NodeLowering &n) {
  if (failed(expectOperands(n, 1, Elements::numbers)))
    return failure();
  if (!n.has(1) || !isa<FloatType>(n.element(1)))
    return n.fail("it takes a scale of floating-point numbers");
  if (n.has(2) &&
      (n.element(2) != n.element(0) || n.isUnsigned(2) != n.isUnsigned(0)))
    return n.fail("the zero point must be of the type of the input, " +
                  elementText(n, 0) + ", not " + elementText(n, 2));
  auto to = outputType(n, {n.element(1)});
  auto g = granularity(n);
  if (failed(to) || failed(g))
    return failure();
  if (!isa<FloatType>(to->type))
    return n.fail("output_dtype must be a floating-point type");
  n.set(0, n.make<nn::DequantizeOp>(n.type(0).clone(to->type), n.in(0), n.in(1),
                                    zeroPointOf(n), g->axis, g->block,
                                    n.isUnsigned(0)));
  return success();
}

/// Asymmetric quantization to uint8 over the range of the input and 0.
static LogicalResult dynamicQuantizeLinear(NodeLowering &n) {
  if (failed(expectOperands(n, 1, Elements::floats)))
    return failure();
  Type type = n.element(0);
  ElementKind u8{n.b.getI8Type(), true};
  SmallVector<int64_t> axes(n.rank(0));
  std::iota(axes.begin(), axes.end(), 0);
  // 0 is always in the range, so that it is quantized exactly.
  auto zero = n.b.getFloatAttr(type, 0);
  auto least = [](OpBuilder &b, Location loc, ValueRange x) {
    return Scalars(b, loc).atMost(x[1], x[0]);
  };
  auto largest = [](OpBuilder &b, Location loc, ValueRange x) {
    return Scalars(b, loc).atLeast(x[1], x[0]);
  };
  Value low = n.reshape(n.reduce(n.in(0), axes, zero, least), {});
  Value high = n.reshape(n.reduce(n.in(0), axes, zero, largest), {});
  Value scale =
      mapElements(n, {{low}, {high}}, type, [](Scalars &s, ValueRange x) {
        Value range = s.sub(x[1], x[0]);
        Value scale = s.div(range, s.constant(range.getType(), 255));
        // Nothing but zeros: any scale will do (1, as in onnxruntime).
        Value isEmpty = s.equal(range, s.constant(range.getType(), 0));
        return s.select(isEmpty, s.constant(range.getType(), 1), scale);
      });
  Value zeroPoint =
      mapElements(n, {{low}, {scale}}, u8.type, [&](Scalars &s, ValueRange x) {
        return quantizedScalar(s, s.div(s.negate(x[0]), x[1]), {}, u8);
      });
  n.set(0,
        mapElements(n, {{n.in(0)}, {scale}, {zeroPoint}}, u8.type,
                    [&](Scalars &s, ValueRange x) {
                      return quantizedScalar(s, s.div(x[0], x[1]), x[2], u8);
                    }),
        true);
  n.set(1, scale);
  n.set(2, zeroPoint, true);
  return success();
}

static const OpLowering lowerings[] = {
    {"", "DequantizeLinear", 10, 28, dequantizeLinear},
    {"", "DynamicQuantizeLinear", 11, 28, dynamicQuantizeLinear},
    {"", "QuantizeLinear", 10, 28, quantizeLinear},
};

Family adze::import::quantizeFamily() { return lowerings; }
