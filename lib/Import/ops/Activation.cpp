//===- Activation.cpp - Activation functions -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Comparisons are written so that NaN stays NaN, and exponentials so that
/// none overflows into NaN.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Conversion.h"
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

//===----------------------------------------------------------------------===//
// Piecewise linear
//===----------------------------------------------------------------------===//

static LogicalResult relu(NodeLowering &n) {
  if (failed(expectOperands(n, 1, Elements::numbers)))
    return failure();
  bool isUnsigned = n.isUnsigned(0);
  Value result = mapElements(n, {operand(n, 0)}, n.element(0),
                             [&](Scalars &s, ValueRange x) -> Value {
                               return isUnsigned ? x[0] : s.atLeast(x[0], 0.0);
                             });
  n.set(0, result, isUnsigned);
  return success();
}

static LogicalResult leakyRelu(NodeLowering &n) {
  double alpha = n.attrFloat("alpha", 0.01f);
  return mapFloats(n, [&](Scalars &s, Value x) {
    return s.select(s.less(x, 0), s.mul(x, alpha), x);
  });
}

static LogicalResult prelu(NodeLowering &n) {
  if (failed(expectOperands(n, 2, Elements::numbers)))
    return failure();
  bool isUnsigned = n.isUnsigned(0);
  // The slope has to broadcast to x, not x to the slope.
  auto shape = n.broadcastShape({n.in(0), n.in(1)});
  if (!shape)
    return failure();
  if (ArrayRef<int64_t>(*shape) != n.shape(0))
    return n.fail("the slope does not broadcast to the shape of the input");
  Value result = mapElements(
      n, operands(n, 2), n.element(0), [&](Scalars &s, ValueRange x) -> Value {
        if (isUnsigned)
          return x[0];
        return s.select(s.less(x[0], 0), s.mul(x[0], x[1]), x[0]);
      });
  n.set(0, result, isUnsigned);
  return success();
}

static LogicalResult thresholdedRelu(NodeLowering &n) {
  double alpha = n.attrFloat("alpha", 1.0);
  return mapFloats(n, [&](Scalars &s, Value x) {
    return s.select(s.greater(x, alpha), x, s.constant(x.getType(), 0));
  });
}

static LogicalResult hardSigmoid(NodeLowering &n) {
  double alpha = n.attrFloat("alpha", 0.2f), beta = n.attrFloat("beta", 0.5);
  return mapFloats(n, [&](Scalars &s, Value x) {
    return s.clamp(s.add(s.mul(x, alpha), beta), 0, 1);
  });
}

static LogicalResult hardSwish(NodeLowering &n) {
  return mapFloats(n, [&](Scalars &s, Value x) {
    return s.mul(x, s.clamp(s.add(s.mul(x, 1.0 / 6), 0.5), 0, 1));
  });
}

/// Integers are compared and moved as f64, which holds what `lambd` and `bias`
/// make of them.
static LogicalResult shrink(NodeLowering &n) {
  if (failed(expectOperands(n, 1, Elements::numbers)))
    return failure();
  double lambd = n.attrFloat("lambd", 0.5), bias = n.attrFloat("bias", 0);
  Type type = n.element(0);
  bool isUnsigned = n.isUnsigned(0);
  Type wide = n.b.getF64Type();
  if (isa<FloatType>(type))
    wide = type.getIntOrFloatBitWidth() < 32 ? n.b.getF32Type() : type;
  Value result =
      mapElements(n, {operand(n, 0)}, type, [&](Scalars &s, ValueRange in) {
        Value x = castScalar(s.b, s.loc, in[0], wide, isUnsigned, false);
        Value zero = s.constant(wide, 0);
        Value above = s.select(s.greater(x, lambd), s.sub(x, bias), zero);
        Value y = s.select(s.less(x, -lambd), s.add(x, bias), above);
        return castScalar(s.b, s.loc, y, type, false, isUnsigned);
      });
  n.set(0, result, isUnsigned);
  return success();
}

/// Bounds are attributes until version 6 and optional scalars from 11. As with
/// numpy, the upper bound wins where they cross.
static LogicalResult clip(NodeLowering &n) {
  if (failed(expectOperands(n, 1, Elements::numbers)))
    return failure();
  Type type = n.element(0);
  bool isUnsigned = n.isUnsigned(0);
  if (n.version() < 11) {
    auto low = dyn_cast_if_present<FloatAttr>(n.attr("min"));
    auto high = dyn_cast_if_present<FloatAttr>(n.attr("max"));
    return mapFloats(n, [&](Scalars &s, Value x) {
      if (low)
        x = s.atLeast(x, low.getValueAsDouble());
      return high ? s.atMost(x, high.getValueAsDouble()) : x;
    });
  }
  SmallVector<Operand> arguments = {operand(n, 0)};
  for (size_t i : {1, 2}) {
    if (!n.has(i))
      continue;
    if (n.type(i).getNumElements() != 1)
      return n.fail("its bounds must be scalars");
    if (n.element(i) != type || n.isUnsigned(i) != isUnsigned)
      return n.fail("its bounds must be of the type of the input, " +
                    elementText(n, 0) + ", but input " + Twine(i) + " holds " +
                    elementText(n, i));
    arguments.push_back(operand(n, i));
    arguments.back().value = n.reshape(n.in(i), {});
  }
  Value result =
      mapElements(n, arguments, type, [&](Scalars &s, ValueRange elements) {
        Value x = elements.front();
        if (n.has(1))
          x = s.atLeast(x, elements[1], isUnsigned);
        return n.has(2) ? s.atMost(x, elements.back(), isUnsigned) : x;
      });
  n.set(0, result, isUnsigned);
  return success();
}

//===----------------------------------------------------------------------===//
// With exponentials
//===----------------------------------------------------------------------===//

static LogicalResult elu(NodeLowering &n) {
  double alpha = n.attrFloat("alpha", 1.0);
  return mapFloats(n, [&](Scalars &s, Value x) {
    Value below = s.mul(s.make<math::ExpM1Op>(x), alpha);
    return s.select(s.less(x, 0), below, x);
  });
}

static LogicalResult selu(NodeLowering &n) {
  double alpha = n.attrFloat("alpha", 1.67326319217681884765625);
  double gamma = n.attrFloat("gamma", 1.05070102214813232421875);
  return mapFloats(n, [&](Scalars &s, Value x) {
    Value below = s.mul(s.make<math::ExpM1Op>(x), alpha);
    return s.mul(s.select(s.less(x, 0), below, x), gamma);
  });
}

static LogicalResult celu(NodeLowering &n) {
  double alpha = n.attrFloat("alpha", 1.0);
  if (alpha == 0)
    return n.fail("alpha must not be 0");
  return mapFloats(n, [&](Scalars &s, Value x) {
    Value scaled = alpha == 1 ? x : s.div(x, s.constant(x.getType(), alpha));
    Value y = s.mul(s.make<math::ExpM1Op>(scaled), alpha);
    Value zero = s.constant(x.getType(), 0);
    if (alpha > 0)
      return s.select(s.less(x, zero), y, x);
    // max(0, x) + min(0, y), whose parts overlap now.
    return s.add(s.atLeast(x, zero), s.atMost(y, zero));
  });
}

static LogicalResult sigmoid(NodeLowering &n) {
  return mapFloats(n, [&](Scalars &s, Value x) { return s.sigmoid(x); });
}

static LogicalResult swish(NodeLowering &n) {
  double alpha = n.attrFloat("alpha", 1.0);
  return mapFloats(n, [&](Scalars &s, Value x) {
    return s.mul(x, s.sigmoid(alpha == 1 ? x : s.mul(x, alpha)));
  });
}

/// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
static LogicalResult softplus(NodeLowering &n) {
  return mapFloats(n, [&](Scalars &s, Value x) {
    Value small = s.exp(s.negate(s.make<math::AbsFOp>(x)));
    return s.add(s.atLeast(x, 0.0), s.make<math::Log1pOp>(small));
  });
}

/// x tanh(softplus(x)) = x w / (w + 2) with w = e^x (e^x + 2); from x = 20 on
/// the quotient is 1 in f64 too.
static LogicalResult mish(NodeLowering &n) {
  return mapFloats(n, [&](Scalars &s, Value x) {
    Value e = s.exp(s.atMost(x, 20));
    Value w = s.mul(e, s.add(e, 2));
    return s.mul(x, s.div(w, s.add(w, 2)));
  });
}

static LogicalResult softsign(NodeLowering &n) {
  return mapFloats(n, [&](Scalars &s, Value x) {
    return s.div(x, s.add(s.make<math::AbsFOp>(x), 1));
  });
}

static LogicalResult gelu(NodeLowering &n) {
  std::string approximate = n.attrString("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return n.fail("approximate must be 'none' or 'tanh', not '" + approximate +
                  "'");
  if (approximate == "none")
    return mapFloats(n, [&](Scalars &s, Value x) {
      Value erf = s.make<math::ErfOp>(s.mul(x, M_SQRT1_2));
      return s.mul(s.mul(x, 0.5), s.add(erf, 1));
    });
  // (1 + tanh(z)) / 2 is the sigmoid of 2 z: no tanh, and no cancellation.
  return mapFloats(n, [&](Scalars &s, Value x) {
    Value cubic = s.add(s.mul(s.mul(x, x), 0.044715), 1);
    Value z = s.mul(s.mul(x, 2 * std::sqrt(2 / M_PI)), cubic);
    return s.mul(x, s.sigmoid(z));
  });
}

static const OpLowering lowerings[] = {
    {"", "Celu", 12, 28, celu},
    {"", "Clip", 6, 28, clip},
    {"", "Elu", 6, 28, elu},
    {"", "Gelu", 20, 28, gelu},
    {"", "HardSigmoid", 6, 28, hardSigmoid},
    {"", "HardSwish", 14, 28, hardSwish},
    {"", "LeakyRelu", 6, 28, leakyRelu},
    {"", "Mish", 18, 28, mish},
    {"", "PRelu", 7, 28, prelu},
    {"", "Relu", 6, 28, relu},
    {"", "Selu", 6, 28, selu},
    {"", "Shrink", 9, 28, shrink},
    {"", "Sigmoid", 6, 28, sigmoid},
    {"", "Softplus", 1, 28, softplus},
    {"", "Softsign", 1, 28, softsign},
    {"", "Swish", 24, 28, swish},
    {"", "ThresholdedRelu", 10, 28, thresholdedRelu},
};

Family adze::import::activationFamily() { return lowerings; }
