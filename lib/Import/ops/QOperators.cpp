//===- QOperators.cpp - onnxruntime's operators on quantized tensors -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What onnxruntime's quantizer writes in the operator-oriented format (domain
/// com.microsoft): the operands as real numbers, the operator, and the result
/// rounded to the output's scale. All scales are one number for a tensor.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"
#include "lib/Import/ops/Products.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

/// A one-element operand as a scalar tensor of f32; zero if it is omitted.
static FailureOr<Value> scalarOf(NodeLowering &n, size_t i) {
  Type real = n.b.getF32Type();
  if (!n.has(i))
    return n.splat({}, real, 0);
  if (n.type(i).getNumElements() != 1) {
    (void)n.fail("input " + Twine(i) + " has " +
                 Twine(n.type(i).getNumElements()) +
                 " elements, expected one for the whole tensor");
    return failure();
  }
  return n.cast(n.reshape(n.in(i), {}), real, n.isUnsigned(i));
}

/// (x - zero point) * scale of the operands `i`, `i + 1` (scale), `i + 2`.
static FailureOr<Value> dequantized(NodeLowering &n, size_t i) {
  if (!n.has(i) || !n.has(i + 1) || !n.element(i).isInteger(8)) {
    (void)n.fail("input " + Twine(i) + " must be int8 or uint8 with a scale");
    return failure();
  }
  auto scale = scalarOf(n, i + 1), zero = scalarOf(n, i + 2);
  if (failed(scale) || failed(zero))
    return failure();
  Type real = n.b.getF32Type();
  return n.elementwise({n.cast(n.in(i), real, n.isUnsigned(i)), *scale, *zero},
                       real,
                       [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                         Scalars s(b, loc);
                         return s.mul(s.sub(v[0], v[2]), v[1]);
                       });
}

/// round(y / scale) + zero point, saturated, with operands `i` (scale) and
/// `i + 1`; the type is that of the zero point, or of operand `like`.
static LogicalResult quantized(NodeLowering &n, Value y, size_t i,
                               size_t like) {
  if (!n.has(i))
    return n.fail("the scale of the output is missing");
  auto scale = scalarOf(n, i), zero = scalarOf(n, i + 1);
  if (failed(scale) || failed(zero))
    return failure();
  bool isUnsigned = n.isUnsigned(n.has(i + 1) ? i + 1 : like);
  Type byte = n.b.getIntegerType(8);
  Value q = n.elementwise(
      {y, *scale, *zero}, byte,
      [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
        Scalars s(b, loc);
        Value rounded = s.make<math::RoundEvenOp>(s.div(v[0], v[1]));
        Value shifted = s.add(rounded, v[2]);
        shifted =
            isUnsigned ? s.clamp(shifted, 0, 255) : s.clamp(shifted, -128, 127);
        return s.make<arith::TruncIOp>(
            byte, s.make<arith::FPToSIOp>(b.getI32Type(), shifted));
      });
  if (!q)
    return failure();
  n.set(0, q, isUnsigned);
  return success();
}

static LogicalResult binary(NodeLowering &n,
                            Value (Scalars::*combine)(Value, Value)) {
  auto a = dequantized(n, 0), b = dequantized(n, 3);
  if (failed(a) || failed(b))
    return failure();
  Value y = n.elementwise({*a, *b}, n.b.getF32Type(),
                          [&](OpBuilder &builder, Location loc, ValueRange v) {
                            Scalars s(builder, loc);
                            return (s.*combine)(v[0], v[1]);
                          });
  return y ? quantized(n, y, 6, 0) : failure();
}
static LogicalResult add(NodeLowering &n) { return binary(n, &Scalars::add); }
static LogicalResult mul(NodeLowering &n) { return binary(n, &Scalars::mul); }

static LogicalResult unary(NodeLowering &n,
                           function_ref<Value(Scalars &, Value)> body) {
  auto x = dequantized(n, 0);
  if (failed(x))
    return failure();
  Value y = n.elementwise({*x}, n.b.getF32Type(),
                          [&](OpBuilder &b, Location loc, ValueRange v) {
                            Scalars s(b, loc);
                            return body(s, v[0]);
                          });
  return quantized(n, y, 3, 0);
}
static LogicalResult sigmoid(NodeLowering &n) {
  return unary(n, [](Scalars &s, Value x) { return s.sigmoid(x); });
}
static LogicalResult leakyRelu(NodeLowering &n) {
  double alpha = n.attrFloat("alpha", 0.01);
  return unary(n, [&](Scalars &s, Value x) {
    return s.select(s.less(x, 0), s.mul(x, alpha), x);
  });
}

static LogicalResult averagePoolOf(NodeLowering &n, bool global) {
  auto x = dequantized(n, 0);
  if (failed(x))
    return failure();
  int64_t rank = n.rank(0);
  bool last = n.attrInt("channels_last", 0) != 0;
  SmallVector<int64_t> toFirst, toLast;
  for (int64_t i = 0; i < rank; ++i) {
    toFirst.push_back(i < 2 ? (i ? rank - 1 : 0) : i - 1);
    toLast.push_back(i == 0 ? 0 : i + 1 < rank ? i + 1 : 1);
  }
  Value input = last ? n.transpose(*x, toFirst) : *x;
  nn::PoolOp pool = poolingOf(n, input, nn::PoolKind::average, global);
  if (!pool)
    return failure();
  Value y = pool.getOutputs()[0];
  return quantized(n, last ? n.transpose(y, toLast) : y, 3, 0);
}
static LogicalResult averagePool(NodeLowering &n) {
  return averagePoolOf(n, false);
}
static LogicalResult globalAveragePool(NodeLowering &n) {
  return averagePoolOf(n, true);
}

static LogicalResult softmax(NodeLowering &n) {
  auto x = dequantized(n, 0);
  auto axis = n.axis(n.attrInt("axis", -1), n.rank(0));
  if (failed(x) || failed(axis))
    return failure();
  Value input = *x;
  // Before opset 13: over all dimensions from the axis on.
  if (n.attrInt("opset", 13) < 13) {
    int64_t rows = 1, columns = 1;
    for (auto [i, size] : llvm::enumerate(n.shape(0)))
      (int64_t(i) < *axis ? rows : columns) *= size;
    input = n.reshape(input, {rows, columns});
    axis = 1;
  }
  Value y = n.make<nn::SoftmaxOp>(input.getType(), input, *axis, false);
  return quantized(n, n.reshape(y, n.shape(0)), 3, 0);
}

/// Operands: scale and zero point of the output, then three for each input.
static LogicalResult concat(NodeLowering &n) {
  if (n.numInputs() < 5 || (n.numInputs() - 2) % 3 != 0)
    return n.fail("it has " + Twine(n.numInputs()) +
                  " inputs, expected two and three for each tensor");
  auto axis = n.axis(n.attrInt("axis", 0), n.rank(2));
  if (failed(axis))
    return failure();
  SmallVector<Value> parts;
  for (size_t i = 2; i < n.numInputs(); i += 3) {
    auto part = dequantized(n, i);
    if (failed(part))
      return failure();
    bool fits = n.rank(i) == n.rank(2);
    for (int64_t d = 0; fits && d < n.rank(2); ++d)
      fits = d == *axis || n.shape(i)[d] == n.shape(2)[d];
    if (!fits)
      return n.fail("the shapes of its inputs differ in more than the axis");
    parts.push_back(*part);
  }
  return quantized(n, n.concat(parts, *axis), 0, 2);
}

static const OpLowering lowerings[] = {
    {"com.microsoft", "QLinearAdd", 0, 99, add},
    {"com.microsoft", "QLinearAveragePool", 0, 99, averagePool},
    {"com.microsoft", "QLinearConcat", 0, 99, concat},
    {"com.microsoft", "QLinearGlobalAveragePool", 0, 99, globalAveragePool},
    {"com.microsoft", "QLinearLeakyRelu", 0, 99, leakyRelu},
    {"com.microsoft", "QLinearMul", 0, 99, mul},
    {"com.microsoft", "QLinearSigmoid", 0, 99, sigmoid},
    {"com.microsoft", "QLinearSoftmax", 0, 99, softmax},
};

Family adze::import::qoperatorsFamily() { return lowerings; }
