//===- Normalization.cpp - Normalizations and softmax -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult softmaxOf(NodeLowering &n, bool log) {
  auto axis = n.axis(n.attrInt("axis", n.version() < 13 ? 1 : -1), n.rank(0));
  if (failed(axis))
    return failure();
  Value x = n.in(0);
  if (n.version() < 13) { // over all dimensions from the axis on
    int64_t rows = 1, columns = 1;
    for (auto [i, size] : llvm::enumerate(n.shape(0)))
      (int64_t(i) < *axis ? rows : columns) *= size;
    x = n.reshape(x, {rows, columns});
    axis = 1;
  }
  Value y = n.make<nn::SoftmaxOp>(x.getType(), x, *axis, log);
  n.set(0, n.reshape(y, n.shape(0)));
  return success();
}
static LogicalResult softmax(NodeLowering &n) { return softmaxOf(n, false); }
static LogicalResult logSoftmax(NodeLowering &n) { return softmaxOf(n, true); }

/// The type in which statistics are taken: at least f32.
static Type statisticsType(NodeLowering &n) {
  Type type = n.element(0);
  return type.getIntOrFloatBitWidth() < 32 ? n.b.getF32Type() : type;
}

static Value scaleAndShift(NodeLowering &n, Value x, Value factor,
                           Value offset) {
  return n.elementwise({x, factor, offset}, elementOf(x),
                       [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                         Scalars s(b, loc);
                         return s.add(s.mul(v[0], v[1]), v[2]);
                       });
}

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias as one
/// multiplication and one addition; all but x are of the type of `type` and
/// shaped for broadcasting, and fold when they are constant.
static Value normalized(NodeLowering &n, Value x, Value scale, Value bias,
                        Value mean, Value variance, double epsilon) {
  Type type = elementOf(x);
  Value factor = n.elementwise(
      {scale, variance}, type,
      [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
        Scalars s(b, loc);
        return s.div(v[0], s.make<math::SqrtOp>(s.add(v[1], epsilon)));
      });
  if (!factor)
    return nullptr;
  Value offset =
      n.elementwise({bias, mean, factor}, type,
                    [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                      Scalars s(b, loc);
                      return s.sub(v[0], s.mul(v[1], v[2]));
                    });
  return offset ? scaleAndShift(n, x, factor, offset) : Value();
}

/// Sums over `axes`, divided by the number of elements.
static Value meanOver(NodeLowering &n, Value x, ArrayRef<int64_t> axes) {
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= shapeOf(x)[axis];
  Type type = elementOf(x);
  Value sum = n.reduce(x, axes, n.b.getFloatAttr(type, 0),
                       [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                         return Scalars(b, loc).add(v[1], v[0]);
                       });
  return n.elementwise({sum}, type,
                       [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
                         Scalars s(b, loc);
                         return s.div(v[0], s.constant(type, double(count)));
                       });
}

static LogicalResult batchNormalization(NodeLowering &n) {
  if (n.rank(0) < 1 || !n.has(4))
    return n.fail("it needs an input of at least one dimension, scale, bias, "
                  "mean and variance");
  bool training = n.attrInt("training_mode", 0) != 0;
  if (n.version() < 14 && n.wants(1))
    return n.fail("outputs of training in versions before 14 are not "
                  "supported; export the model for inference");
  Type type = n.element(0), inner = statisticsType(n);
  size_t channelAxis = n.rank(0) > 1 ? 1 : 0;
  SmallVector<int64_t> channel(n.rank(0), 1);
  channel[channelAxis] = n.shape(0)[channelAxis];
  int64_t count = channel[channelAxis];
  // Version 7 may keep statistics for each activation.
  if (n.version() < 9 && n.attrInt("spatial", 1) == 0) {
    channel.assign(n.shape(0).begin(), n.shape(0).end());
    channel[0] = 1;
    count = 1;
    for (int64_t size : channel)
      count *= size;
  }
  for (size_t i = 1; i < 5; ++i)
    if (n.type(i).getNumElements() != count)
      return n.fail("scale, bias, mean and variance need " + Twine(count) +
                    " elements, found " + Twine(n.type(i).getNumElements()));
  auto shaped = [&](size_t i) {
    return n.cast(n.reshape(n.in(i), channel), inner);
  };
  double epsilon = n.attrFloat("epsilon", 1e-5);
  Value x = n.cast(n.in(0), inner);
  Value mean = shaped(3), variance = shaped(4);
  if (training) {
    SmallVector<int64_t> axes;
    for (int64_t i = 0; i < n.rank(0); ++i)
      if (i != int64_t(channelAxis))
        axes.push_back(i);
    double momentum = n.attrFloat("momentum", 0.9);
    Value current = meanOver(n, x, axes);
    Value squares =
        n.elementwise({x, current}, inner,
                      [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                        Scalars s(b, loc);
                        Value d = s.sub(v[0], v[1]);
                        return s.mul(d, d);
                      });
    Value spread = meanOver(n, squares, axes);
    auto running = [&](size_t result, Value old, Value now, size_t input) {
      Value next = n.elementwise(
          {old, now}, inner,
          [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
            Scalars s(b, loc);
            return s.add(s.mul(v[0], momentum), s.mul(v[1], 1 - momentum));
          });
      n.set(result, n.reshape(n.cast(next, n.element(input)), n.shape(input)));
    };
    running(1, mean, current, 3);
    running(2, variance, spread, 4);
    mean = current;
    variance = spread;
  }
  Value y = normalized(n, x, shaped(1), shaped(2), mean, variance, epsilon);
  if (!y)
    return failure();
  n.set(0, n.cast(y, type));
  return success();
}

/// nn.normalize in f32 or f64; `scale` and `bias` broadcast to x from the
/// right.
static nn::NormalizeOp normalize(NodeLowering &n, Value x, Value scale,
                                 Value bias, int64_t axis, double epsilon,
                                 bool rms, bool statistics) {
  SmallVector<Type> types{x.getType()};
  if (statistics) {
    SmallVector<int64_t> shape(shapeOf(x));
    std::fill(shape.begin() + axis, shape.end(), 1);
    types.append(2, RankedTensorType::get(shape, elementOf(x)));
  }
  return n.make<nn::NormalizeOp>(types, x, scale, bias, axis,
                                 llvm::APFloat(epsilon), rms);
}

/// An operand that must broadcast to the input without changing its shape.
static FailureOr<Value> affineOperand(NodeLowering &n, size_t i, Type inner) {
  if (!n.has(i))
    return Value();
  ArrayRef<int64_t> x = n.shape(0), shape = n.shape(i);
  bool fits = shape.size() <= x.size();
  for (size_t k = 0; fits && k < shape.size(); ++k)
    fits = shape[k] == 1 || shape[k] == x[x.size() - shape.size() + k];
  if (!fits) {
    (void)n.fail("input " + Twine(i) + " does not broadcast to the first");
    return failure();
  }
  return n.cast(n.in(i), inner);
}

static LogicalResult layerNormalizationOf(NodeLowering &n, bool rms) {
  auto axis = n.axis(n.attrInt("axis", -1), n.rank(0));
  if (failed(axis))
    return failure();
  Type inner = statisticsType(n);
  auto scale = affineOperand(n, 1, inner);
  auto bias = affineOperand(n, 2, inner);
  if (failed(scale) || failed(bias))
    return failure();
  bool statistics = !rms && (n.wants(1) || n.wants(2));
  auto norm = normalize(n, n.cast(n.in(0), inner), *scale, *bias, *axis,
                        n.attrFloat("epsilon", 1e-5), rms, statistics);
  n.set(0, n.cast(norm.getOutputs()[0], n.element(0)));
  if (statistics) {
    Type stash = n.attrInt("stash_type", 1) == 16 ? Type(n.b.getBF16Type())
                                                  : Type(n.b.getF32Type());
    n.set(1, n.cast(norm.getOutputs()[1], stash));
    n.set(2, n.cast(norm.getOutputs()[2], stash));
  }
  return success();
}
static LogicalResult layerNormalization(NodeLowering &n) {
  return layerNormalizationOf(n, false);
}
static LogicalResult rmsNormalization(NodeLowering &n) {
  return layerNormalizationOf(n, true);
}

static LogicalResult groupNormalizationOf(NodeLowering &n, int64_t groups,
                                          bool perChannel) {
  ArrayRef<int64_t> shape = n.shape(0);
  if (shape.size() < 2)
    return n.fail("the input needs at least 2 dimensions");
  int64_t channels = shape[1], rest = 1;
  for (int64_t size : shape.drop_front(2))
    rest *= size;
  if (groups < 1 || channels % groups != 0)
    return n.fail(Twine(channels) + " channels cannot be divided into " +
                  Twine(groups) + " groups");
  int64_t wanted = perChannel ? channels : groups;
  for (size_t i : {1, 2})
    if (!n.has(i) || n.type(i).getNumElements() != wanted)
      return n.fail("scale and bias need " + Twine(wanted) + " elements");
  Type inner = statisticsType(n);
  int64_t width = channels / groups;
  SmallVector<int64_t> affine{groups, perChannel ? width : 1, 1};
  auto operand = [&](size_t i) {
    return n.reshape(n.cast(n.in(i), inner), affine);
  };
  Value x = n.reshape(n.cast(n.in(0), inner), {shape[0], groups, width, rest});
  auto norm = normalize(n, x, operand(1), operand(2), 2,
                        n.attrFloat("epsilon", 1e-5), false, false);
  n.set(0, n.cast(n.reshape(norm.getOutputs()[0], shape), n.element(0)));
  return success();
}
static LogicalResult instanceNormalization(NodeLowering &n) {
  if (n.rank(0) < 2)
    return n.fail("the input needs at least 2 dimensions");
  return groupNormalizationOf(n, n.shape(0)[1], true);
}
static LogicalResult groupNormalization(NodeLowering &n) {
  return groupNormalizationOf(n, n.attrInt("num_groups", 0), n.version() >= 21);
}

static LogicalResult lpNormalization(NodeLowering &n) {
  auto axis = n.axis(n.attrInt("axis", -1), n.rank(0));
  int64_t p = n.attrInt("p", 2);
  if (failed(axis))
    return failure();
  if (p != 1 && p != 2)
    return n.fail("p is " + Twine(p) + ", expected 1 or 2");
  Type inner = statisticsType(n);
  Value x = n.cast(n.in(0), inner);
  Value powers =
      n.elementwise({x}, inner, [&](OpBuilder &b, Location loc, ValueRange v) {
        Scalars s(b, loc);
        return p == 1 ? s.make<math::AbsFOp>(v[0]) : s.mul(v[0], v[0]);
      });
  Value sum = n.reduce(powers, {*axis}, n.b.getFloatAttr(inner, 0),
                       [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                         return Scalars(b, loc).add(v[1], v[0]);
                       });
  // A line of zeros stays one.
  Value y = n.elementwise(
      {x, sum}, inner, [&](OpBuilder &b, Location loc, ValueRange v) {
        Scalars s(b, loc);
        Value norm = p == 1 ? v[1] : s.make<math::SqrtOp>(v[1]);
        Value zero = s.constant(inner, 0);
        return s.select(s.equal(norm, zero), zero, s.div(v[0], norm));
      });
  n.set(0, n.cast(y, n.element(0)));
  return success();
}

/// y = x / (bias + alpha / size * sum of squares over neighbouring channels)
/// ^ beta. The mean over the channels is a pooling with padding counted.
static LogicalResult lrn(NodeLowering &n) {
  ArrayRef<int64_t> shape = n.shape(0);
  int64_t size = n.attrInt("size", 0);
  if (shape.size() < 2 || size < 1)
    return n.fail("it needs an input of at least 2 dimensions and a positive "
                  "size");
  double alpha = n.attrFloat("alpha", 1e-4), beta = n.attrFloat("beta", 0.75),
         bias = n.attrFloat("bias", 1);
  int64_t rest = 1;
  for (int64_t s : shape.drop_front(2))
    rest *= s;
  Type inner = statisticsType(n);
  Value x = n.reshape(n.cast(n.in(0), inner), {shape[0], 1, shape[1], rest});
  Value squares = n.elementwise(
      {x}, inner, [](OpBuilder &b, Location loc, ValueRange v) -> Value {
        return Scalars(b, loc).mul(v[0], v[0]);
      });
  int64_t before = (size - 1) / 2, after = size - 1 - before;
  SmallVector<int64_t> ones{1, 1};
  auto pool = n.make<nn::PoolOp>(
      TypeRange{x.getType()}, squares, nn::PoolKind::average,
      ArrayRef<int64_t>{size, 1}, ones, ones,
      ArrayRef<int64_t>{before, 0, after, 0}, /*count_include_pad=*/true,
      /*p=*/2, false, false, nn::Layout::channels_first);
  Value y =
      n.elementwise({x, pool.getOutputs()[0]}, inner,
                    [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
                      Scalars s(b, loc);
                      Value base = s.add(s.mul(v[1], alpha), bias);
                      Value power;
                      if (beta == 0.75) { // what every model has
                        Value root = s.make<math::SqrtOp>(base);
                        power = s.mul(root, s.make<math::SqrtOp>(root));
                      } else {
                        power =
                            s.make<math::PowFOp>(base, s.constant(inner, beta));
                      }
                      return s.div(v[0], power);
                    });
  n.set(0, n.cast(n.reshape(y, shape), n.element(0)));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "BatchNormalization", 7, 99, batchNormalization},
    {"", "GroupNormalization", 18, 99, groupNormalization},
    {"", "InstanceNormalization", 6, 99, instanceNormalization},
    {"", "LRN", 1, 99, lrn},
    {"", "LayerNormalization", 17, 99, layerNormalization},
    {"", "LogSoftmax", 1, 99, logSoftmax},
    {"", "LpNormalization", 1, 99, lpNormalization},
    {"", "RMSNormalization", 23, 99, rmsNormalization},
    {"", "Softmax", 1, 99, softmax},
};

Family adze::import::normalizationFamily() { return lowerings; }
