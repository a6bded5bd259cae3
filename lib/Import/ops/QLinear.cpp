//===- QLinear.cpp - Products of quantized tensors -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Products with constant weights and parameters are written as nn.dequantize,
/// the operator and nn.quantize, of which form-integer-ops makes integer
/// operations. In all others zero points are subtracted first, so that padding
/// is zero and the products are exact in 32 bits; results are scaled in f32 and
/// rounded half to even, as onnxruntime does.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"
#include "lib/Import/ops/Products.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static bool isByte(NodeLowering &n, size_t i) {
  return n.has(i) && n.element(i).isInteger(8);
}

/// An operand under a shape that broadcasts along `axis` of `rank` dimensions;
/// one element, or one for each index of the axis, or the full rank.
static FailureOr<Value> along(NodeLowering &n, size_t i, int64_t axis,
                              int64_t rank, int64_t size) {
  int64_t count = n.type(i).getNumElements();
  SmallVector<int64_t> shape(rank, 1);
  if (count == 1)
    return n.reshape(n.in(i), shape);
  if (n.rank(i) == 1 && count == size && rank > 0) {
    shape[axis] = size;
    return n.reshape(n.in(i), shape);
  }
  if (n.rank(i) == rank)
    return n.in(i);
  (void)n.fail("input " + Twine(i) + " has " + Twine(count) +
               " elements, expected 1 or " + Twine(size));
  return failure();
}

/// Input `i` less its zero point (input `zero`, if there is one): at most 9
/// bits with a sign; signed bytes without a zero point stay as they are.
static FailureOr<Value> centred(NodeLowering &n, size_t i, size_t zero,
                                int64_t axis) {
  if (!isByte(n, i) || (n.has(zero) && !isByte(n, zero))) {
    (void)n.fail("inputs " + Twine(i) + " and " + Twine(zero) +
                 " must be int8 or uint8");
    return failure();
  }
  bool isZero = !n.has(zero);
  if (!isZero)
    if (auto known = n.ints(zero))
      isZero = llvm::all_of(*known, [](int64_t z) { return z == 0; });
  if (isZero && !n.isUnsigned(i))
    return n.in(i);
  Type wide = n.b.getIntegerType(16);
  Value x = n.cast(n.in(i), wide, n.isUnsigned(i));
  if (isZero)
    return x;
  int64_t rank = n.rank(i);
  auto point = along(n, zero, axis, rank, rank ? n.shape(i)[axis] : 1);
  if (failed(point))
    return failure();
  Value y =
      n.elementwise({x, n.cast(*point, wide, n.isUnsigned(zero))}, wide,
                    [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                      return arith::SubIOp::create(b, loc, v[0], v[1]);
                    });
  if (!y)
    return failure();
  return y;
}

/// round(x * xScale * wScale / yScale) + yZero, saturated.
static LogicalResult requantize(NodeLowering &n, Value x, Value xScale,
                                Value wScale, Value yScale, Value yZero,
                                bool isUnsigned) {
  Type real = n.b.getF32Type(), byte = n.b.getIntegerType(8);
  auto wide = [&](Value v) { return n.cast(v, real); };
  Value factor =
      n.elementwise({wide(xScale), wide(wScale), wide(yScale)}, real,
                    [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                      Scalars s(b, loc);
                      return s.div(s.mul(v[0], v[1]), v[2]);
                    });
  if (!factor)
    return failure();
  SmallVector<Value> operands{x, factor};
  if (yZero)
    operands.push_back(n.cast(yZero, real, isUnsigned));
  Value y = n.elementwise(
      operands, byte, [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
        Scalars s(b, loc);
        Value scaled = s.mul(s.make<arith::SIToFPOp>(real, v[0]), v[1]);
        Value rounded = s.make<math::RoundEvenOp>(scaled);
        if (yZero)
          rounded = s.add(rounded, v[2]);
        rounded =
            isUnsigned ? s.clamp(rounded, 0, 255) : s.clamp(rounded, -128, 127);
        return s.make<arith::TruncIOp>(
            byte, s.make<arith::FPToSIOp>(b.getI32Type(), rounded));
      });
  if (!y)
    return failure();
  n.set(0, y, isUnsigned);
  return success();
}

static LogicalResult matMulInteger(NodeLowering &n) {
  auto a = centred(n, 0, 2, std::max<int64_t>(0, n.rank(0) - 2));
  auto b = centred(n, 1, 3, std::max<int64_t>(0, n.rank(1) - 1));
  if (failed(a) || failed(b))
    return failure();
  Value y = matmulOf(n, *a, *b, n.b.getI32Type());
  if (!y)
    return failure();
  n.set(0, y);
  return success();
}

//===----------------------------------------------------------------------===//
// Constant parameters: dequantize, operator, quantize
//===----------------------------------------------------------------------===//

/// Whether a product of operand 0 and constant weights (3) has constant scales
/// and zero points: 1, 2 and 6, 7 of one element, 4, 5 of one or `channels`.
static bool hasConstantParameters(NodeLowering &n, int64_t channels) {
  for (size_t i : {1, 2, 4, 5, 6, 7}) {
    int64_t count = n.type(i).getNumElements();
    bool isWeight = i == 4 || i == 5;
    if ((count != 1 && !(isWeight && count == channels)) || !n.constant(i))
      return false;
  }
  return isByte(n, 0) && isByte(n, 3) && isByte(n, 7) &&
         n.element(2) == n.element(0) && n.element(5) == n.element(3) &&
         n.element(1).isF32() && n.element(4).isF32() && n.element(6).isF32() &&
         n.constant(3);
}

/// Operand `i` as real numbers, with the scale behind it along `axis`.
static Value real(NodeLowering &n, size_t i, int64_t axis) {
  int64_t scales = n.type(i + 1).getNumElements(),
          zeros = n.type(i + 2).getNumElements();
  int64_t count = std::max(scales, zeros);
  auto spread = [&](size_t k) {
    return n.broadcastTo(n.reshape(n.in(k), {n.type(k).getNumElements()}),
                         {count});
  };
  return n.make<nn::DequantizeOp>(n.type(i).clone(n.b.getF32Type()), n.in(i),
                                  spread(i + 1), spread(i + 2), axis, 0,
                                  n.isUnsigned(i));
}

static LogicalResult setQuantized(NodeLowering &n, Value y) {
  auto type = cast<RankedTensorType>(y.getType()).clone(n.element(7));
  n.set(0,
        n.make<nn::QuantizeOp>(type, y, n.reshape(n.in(6), {1}),
                               n.reshape(n.in(7), {1}), 0, 0, n.b.getF32Type(),
                               n.isUnsigned(7), false, false, false),
        n.isUnsigned(7));
  return success();
}

/// The int32 bias of a convolution has the scale of its products.
static Value realBias(NodeLowering &n) {
  auto x = n.floats(1), w = n.floats(4);
  SmallVector<float> scales;
  for (double scale : *w)
    scales.push_back(float((*x)[0] * scale));
  auto type = RankedTensorType::get({int64_t(scales.size())}, n.b.getF32Type());
  Value scale = n.constant(DenseElementsAttr::get(type, ArrayRef(scales)));
  return n.make<nn::DequantizeOp>(n.type(8).clone(n.b.getF32Type()), n.in(8),
                                  scale, Value(), 0, 0, false);
}

static LogicalResult qlinearMatMul(NodeLowering &n) {
  for (size_t i = 0; i < 8; ++i)
    if (!n.has(i))
      return n.fail("it needs 8 inputs");
  if (n.rank(3) == 2 && hasConstantParameters(n, n.shape(3)[1])) {
    Value y = matmulOf(n, real(n, 0, 0), real(n, 3, 1), n.b.getF32Type());
    return y ? setQuantized(n, y) : failure();
  }
  auto a = centred(n, 0, 2, std::max<int64_t>(0, n.rank(0) - 2));
  auto b = centred(n, 3, 5, std::max<int64_t>(0, n.rank(3) - 1));
  if (failed(a) || failed(b))
    return failure();
  Value y = matmulOf(n, *a, *b, n.b.getI32Type());
  if (!y)
    return failure();
  int64_t rank = shapeOf(y).size();
  int64_t row = std::max<int64_t>(0, rank - 2),
          column = std::max<int64_t>(0, rank - 1);
  int64_t rows = rank > 1 ? shapeOf(y)[row] : 1,
          columns = rank > 0 ? shapeOf(y)[column] : 1;
  auto aScale = along(n, 1, row, rank, rows);
  auto bScale = along(n, 4, column, rank, columns);
  auto yScale = along(n, 6, row, rank, rows);
  auto yZero = along(n, 7, row, rank, rows);
  if (failed(aScale) || failed(bScale) || failed(yScale) || failed(yZero))
    return failure();
  return requantize(n, y, *aScale, *bScale, *yScale, *yZero, n.isUnsigned(7));
}

static LogicalResult convInteger(NodeLowering &n) {
  auto x = centred(n, 0, 2, 1), w = centred(n, 1, 3, 0);
  if (failed(x) || failed(w))
    return failure();
  Value y = convolutionOf(n, *x, *w, Value(), n.b.getI32Type());
  if (!y)
    return failure();
  n.set(0, y);
  return success();
}

static LogicalResult qlinearConv(NodeLowering &n) {
  for (size_t i = 0; i < 8; ++i)
    if (!n.has(i))
      return n.fail("it needs 8 inputs");
  if (n.has(8) && !n.element(8).isInteger(32))
    return n.fail("the bias must be int32");
  if (n.rank(3) > 0 && hasConstantParameters(n, n.shape(3)[0])) {
    Value y = convolutionOf(n, real(n, 0, 0), real(n, 3, 0),
                            n.has(8) ? realBias(n) : Value(), n.b.getF32Type());
    return y ? setQuantized(n, y) : failure();
  }
  auto x = centred(n, 0, 2, 1), w = centred(n, 3, 5, 0);
  if (failed(x) || failed(w))
    return failure();
  Value y =
      convolutionOf(n, *x, *w, n.has(8) ? n.in(8) : Value(), n.b.getI32Type());
  if (!y)
    return failure();
  int64_t rank = shapeOf(y).size(), channels = shapeOf(y)[1];
  auto xScale = along(n, 1, 1, rank, 1);
  auto wScale = along(n, 4, 1, rank, channels);
  auto yScale = along(n, 6, 1, rank, 1);
  auto yZero = along(n, 7, 1, rank, 1);
  if (failed(xScale) || failed(wScale) || failed(yScale) || failed(yZero))
    return failure();
  return requantize(n, y, *xScale, *wScale, *yScale, *yZero, n.isUnsigned(7));
}

static const OpLowering lowerings[] = {
    {"", "ConvInteger", 10, 99, convInteger},
    {"", "MatMulInteger", 10, 99, matMulInteger},
    {"", "QLinearConv", 10, 99, qlinearConv},
    {"", "QLinearMatMul", 10, 99, qlinearMatMul},
};

Family adze::import::qlinearFamily() { return lowerings; }
