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

/// Operands `i` (scale) and `i + 1` (zero point, may be omitted) are of one
/// element and belong together.
static LogicalResult expectParameters(NodeLowering &n, size_t i) {
  for (size_t k : {i, i + 1}) {
    if (!n.has(k))
      continue;
    if (n.type(k).getNumElements() != 1)
      return n.fail("input " + Twine(k) + " has " +
                    Twine(n.type(k).getNumElements()) +
                    " elements, expected one for the whole tensor");
  }
  if (!n.has(i) || !isa<FloatType>(n.element(i)))
    return n.fail("input " + Twine(i) + " must be a scale");
  return success();
}

/// The zero point `i` under the shape of its scale, or null.
static Value zeroPoint(NodeLowering &n, size_t i) {
  return n.has(i) ? n.reshape(n.in(i), n.shape(i - 1)) : Value();
}

/// (x - zero point) * scale of the operands `i`, `i + 1` (scale), `i + 2`.
static FailureOr<Value> dequantized(NodeLowering &n, size_t i) {
  if (!n.has(i) || !n.has(i + 1) || !n.element(i).isInteger(8)) {
    (void)n.fail("input " + Twine(i) + " must be int8 or uint8 with a scale");
    return failure();
  }
  if (failed(expectParameters(n, i + 1)))
    return failure();
  if (n.has(i + 2) && n.element(i + 2) != n.element(i)) {
    (void)n.fail("input " + Twine(i + 2) +
                 " must be of the type of the tensor, " + elementText(n, i));
    return failure();
  }
  return n
      .make<nn::DequantizeOp>(n.type(i).clone(n.b.getF32Type()), n.in(i),
                              n.in(i + 1), zeroPoint(n, i + 2), 0, 0,
                              n.isUnsigned(i))
      .getOutput();
}

/// round(y / scale) + zero point, saturated, with operands `i` (scale) and
/// `i + 1`; the type is that of the zero point, or of operand `like`.
static LogicalResult quantized(NodeLowering &n, Value y, size_t i,
                               size_t like) {
  if (failed(expectParameters(n, i)))
    return failure();
  bool isUnsigned = n.isUnsigned(n.has(i + 1) ? i + 1 : like);
  auto type = cast<RankedTensorType>(y.getType()).clone(n.b.getIntegerType(8));
  n.set(0,
        n.make<nn::QuantizeOp>(type, y, n.in(i), zeroPoint(n, i + 1), 0, 0,
                               n.b.getF32Type(), isUnsigned, false, false,
                               false),
        isUnsigned);
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

/// A, its scale and zero point, B alike (scales along columns are allowed), C
/// in int32, scale and zero point of the result: without these it is float.
static LogicalResult gemm(NodeLowering &n) {
  bool transA = n.attrInt("transA", 0) != 0,
       transB = n.attrInt("transB", 0) != 0;
  if (n.rank(0) != 2 || !n.has(3) || n.rank(3) != 2)
    return n.fail("A and B need two dimensions");
  int64_t rows = n.shape(0)[transA], columns = n.shape(3)[!transB];
  if (n.shape(0)[!transA] != n.shape(3)[transB])
    return n.fail("the inner sizes differ");
  auto a = dequantized(n, 0);
  if (failed(a))
    return failure();
  if (!n.has(4) || !isa<FloatType>(n.element(4)) || !n.element(3).isInteger(8))
    return n.fail("B must be int8 or uint8 with a scale");
  int64_t count = n.type(4).getNumElements();
  if ((count != 1 && count != columns) ||
      (n.has(5) && n.type(5).getNumElements() != count))
    return n.fail("the scale of B has " + Twine(count) +
                  " elements, expected 1 or " + Twine(columns));
  // The factor is that of the products, and so of one operand.
  double alpha = n.attrFloat("alpha", 1);
  Value scale = n.reshape(n.in(4), {count});
  auto scaled = [&](Value x, Value y) {
    return n.elementwise({x, y}, n.b.getF32Type(),
                         [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                           return arith::MulFOp::create(b, loc, v[0], v[1]);
                         });
  };
  if (alpha != 1)
    scale = scaled(scale, n.splat({}, n.b.getF32Type(), alpha));
  Value zero = n.has(5) ? n.reshape(n.in(5), {count}) : Value();
  Value b =
      n.make<nn::DequantizeOp>(n.type(3).clone(n.b.getF32Type()), n.in(3),
                               scale, zero, transB ? 0 : 1, 0, n.isUnsigned(3));
  Value bias;
  if (n.has(6)) {
    if (!n.element(6).isInteger(32) || n.rank(6) > 2)
      return n.fail("C must be int32 of at most two dimensions");
    int64_t last = n.rank(6) ? n.shape(6).back() : 1;
    Value product = scaled(scale, n.reshape(n.in(1), {}));
    if (count != 1 && last != count)
      return n.fail("C does not lie along the scales of B");
    bias = n.make<nn::DequantizeOp>(
        n.type(6).clone(n.b.getF32Type()), n.in(6), product, Value(),
        std::max<int64_t>(0, n.rank(6) - 1), 0, false);
  }
  Value y = n.make<nn::MatmulOp>(
      RankedTensorType::get({rows, columns}, n.b.getF32Type()), *a, b, bias,
      transA, transB);
  if (n.has(7))
    return quantized(n, y, 7, 0);
  n.set(0, y);
  return success();
}

static const OpLowering lowerings[] = {
    {"com.microsoft", "QGemm", 0, 99, gemm},
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
