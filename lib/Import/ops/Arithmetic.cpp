//===- Arithmetic.cpp - Element-wise arithmetic -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Integers wrap. Where ONNX and C leave a result open (division by zero and of
/// the smallest integer by -1), it is the one that numpy gives.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Conversion.h"
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

using BinaryFn = llvm::function_ref<Value(Scalars &, Value, Value, bool)>;

/// Two operands of one type; the body also gets whether they are unsigned.
static LogicalResult binary(NodeLowering &n, BinaryFn body,
                            Elements kind = Elements::numbers) {
  if (failed(expectOperands(n, 2, kind)))
    return failure();
  bool isUnsigned = n.isUnsigned(0);
  Value result = mapElements(n, operands(n, 2), n.element(0),
                             [&](Scalars &s, ValueRange x) {
                               return body(s, x[0], x[1], isUnsigned);
                             });
  if (!result)
    return failure();
  n.set(0, result, isUnsigned);
  return success();
}

static LogicalResult add(NodeLowering &n) {
  return binary(n,
                [](Scalars &s, Value x, Value y, bool) { return s.add(x, y); });
}

static LogicalResult sub(NodeLowering &n) {
  return binary(n,
                [](Scalars &s, Value x, Value y, bool) { return s.sub(x, y); });
}

static LogicalResult mul(NodeLowering &n) {
  return binary(n,
                [](Scalars &s, Value x, Value y, bool) { return s.mul(x, y); });
}

/// y, or 1 where x / y and x % y are undefined.
static Value safeDivisor(Scalars &s, Value y, bool isUnsigned) {
  Value unsafe = s.equal(y, int64_t(0));
  if (!isUnsigned)
    unsafe = s.either(unsafe, s.equal(y, -1));
  return s.select(unsafe, s.integer(y.getType(), 1), y);
}

/// Integers are divided towards zero. x / 0 is 0.
static Value quotient(Scalars &s, Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return s.div(x, y);
  Value safe = safeDivisor(s, y, isUnsigned);
  Value result;
  if (isUnsigned) {
    result = s.make<arith::DivUIOp>(x, safe);
  } else {
    result = s.make<arith::DivSIOp>(x, safe);
    result = s.select(s.equal(y, -1), s.negate(x), result);
  }
  return s.select(s.equal(y, int64_t(0)), s.integer(x.getType(), 0), result);
}

static LogicalResult div(NodeLowering &n) { return binary(n, quotient); }

//===----------------------------------------------------------------------===//
// Remainders and powers
//===----------------------------------------------------------------------===//

/// The remainder of x / y rounded towards zero; 0 for integers if y is 0.
static Value truncatedRemainder(Scalars &s, Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return s.make<arith::RemFOp>(x, y);
  // x % 1 is what x % 0 and x % -1 are to be.
  Value safe = safeDivisor(s, y, isUnsigned);
  if (isUnsigned)
    return s.make<arith::RemUIOp>(x, safe);
  return s.make<arith::RemSIOp>(x, safe);
}

/// The remainder of x / y rounded down: it has the sign of y.
static Value flooredRemainder(Scalars &s, Value x, Value y, bool isUnsigned) {
  Value remainder = truncatedRemainder(s, x, y, isUnsigned);
  if (isUnsigned)
    return remainder;
  Type type = x.getType();
  Value zero = s.constant(type, 0);
  Value isNonZero, differs;
  if (isa<FloatType>(type)) {
    isNonZero =
        s.make<arith::CmpFOp>(arith::CmpFPredicate::ONE, remainder, zero);
    differs = s.make<arith::CmpIOp>(arith::CmpIPredicate::ne,
                                    s.less(remainder, zero), s.less(y, zero));
    Value moved = s.select(differs, s.add(remainder, y), remainder);
    // Nothing remains of +-0: a zero with the sign of y.
    Value signedZero = s.make<math::CopySignOp>(remainder, y);
    return s.select(isNonZero, moved,
                    s.select(s.isNaN(remainder), remainder, signedZero));
  }
  isNonZero = s.make<arith::CmpIOp>(arith::CmpIPredicate::ne, remainder, zero);
  differs = s.less(s.make<arith::XOrIOp>(remainder, y), zero);
  return s.select(s.both(isNonZero, differs), s.add(remainder, y), remainder);
}

static LogicalResult mod(NodeLowering &n) {
  if (n.attrInt("fmod", 0))
    return binary(n, truncatedRemainder);
  return binary(n, flooredRemainder);
}

/// x to a power that is one known number, where a multiplication or two say
/// it; null for others.
static Value knownPower(Scalars &s, Value x, double exponent) {
  if (exponent == 0)
    return s.constant(x.getType(), 1);
  if (exponent == 1)
    return x;
  if (exponent == 2)
    return s.mul(x, x);
  if (exponent == 3)
    return s.mul(s.mul(x, x), x);
  if (exponent == 4) {
    Value square = s.mul(x, x);
    return s.mul(square, square);
  }
  if (!isa<FloatType>(x.getType()))
    return {};
  if (exponent == -1)
    return s.reciprocal(x);
  if (exponent == -2)
    return s.reciprocal(s.mul(x, x));
  if (exponent == 0.5)
    return s.make<math::SqrtOp>(x);
  return {};
}

/// The type in which a base is raised to a power of another type.
static Type powerType(Builder &b, Type base, Type exponent) {
  bool floats = isa<FloatType>(base) || isa<FloatType>(exponent);
  if (!floats)
    return base;
  // Integers keep their digits in f64 (of 32 bits; of 64 what fits).
  if (base.isF64() || exponent.isF64() || !isa<FloatType>(base))
    return b.getF64Type();
  return b.getF32Type();
}

static LogicalResult pow(NodeLowering &n) {
  if (failed(expectOperands(n, 1, Elements::numbers)))
    return failure();
  if (!n.has(1) || n.element(1).isInteger(1))
    return n.fail("its exponent must be a number");
  Type base = n.element(0), exponent = n.element(1);
  Type type = powerType(n.b, base, exponent);
  bool baseUnsigned = n.isUnsigned(0), exponentUnsigned = n.isUnsigned(1);
  SmallVector<Operand> arguments = operands(n, 2);
  std::optional<double> known;
  if (arguments[1].known)
    if (auto values = n.floats(1))
      known = values->front();
  bool isInteger = !isa<FloatType>(type);
  Value result =
      mapElements(n, arguments, base, [&](Scalars &s, ValueRange x) -> Value {
        Value wide = castScalar(s.b, s.loc, x[0], type, baseUnsigned, false);
        Value y = known ? knownPower(s, wide, *known) : Value();
        if (!y) {
          Value e = castScalar(s.b, s.loc, x[1], type, exponentUnsigned, false);
          y = isInteger ? s.make<math::IPowIOp>(wide, e)
                        : s.make<math::PowFOp>(wide, e);
        }
        return castScalar(s.b, s.loc, y, base, false, baseUnsigned);
      });
  if (!result)
    return failure();
  n.set(0, result, baseUnsigned);
  return success();
}

//===----------------------------------------------------------------------===//
// Any number of operands
//===----------------------------------------------------------------------===//

/// `scale` is applied to the result of all.
static LogicalResult variadic(NodeLowering &n, BinaryFn body, double scale = 1,
                              Elements kind = Elements::numbers) {
  if (n.numInputs() == 0)
    return n.fail("it takes at least one input");
  if (failed(expectOperands(n, n.numInputs(), kind)))
    return failure();
  bool isUnsigned = n.isUnsigned(0);
  Type type = n.element(0);
  // Narrow floats are added in f32.
  bool widen = kind == Elements::floats && type.getIntOrFloatBitWidth() < 32;
  Value result = mapElements(
      n, operands(n, n.numInputs()), type, [&](Scalars &s, ValueRange x) {
        auto wide = [&](Value v) -> Value {
          return widen ? s.make<arith::ExtFOp>(s.b.getF32Type(), v) : v;
        };
        Value total = wide(x.front());
        for (Value next : x.drop_front())
          total = body(s, total, wide(next), isUnsigned);
        if (scale != 1)
          total = s.div(total, s.constant(total.getType(), scale));
        return widen ? s.make<arith::TruncFOp>(type, total) : total;
      });
  if (!result)
    return failure();
  n.set(0, result, isUnsigned);
  return success();
}

static Value sumOf(Scalars &s, Value x, Value y, bool) { return s.add(x, y); }

/// As numpy's: NaN if one of them is.
static Value maximumOf(Scalars &s, Value x, Value y, bool isUnsigned) {
  if (!isa<FloatType>(x.getType()))
    return s.atLeast(x, y, isUnsigned);
  return s.select(s.isNaN(y), y, s.atLeast(x, y));
}

static Value minimumOf(Scalars &s, Value x, Value y, bool isUnsigned) {
  if (!isa<FloatType>(x.getType()))
    return s.atMost(x, y, isUnsigned);
  return s.select(s.isNaN(y), y, s.atMost(x, y));
}

static LogicalResult sum(NodeLowering &n) {
  return variadic(n, sumOf, 1, Elements::floats);
}
static LogicalResult mean(NodeLowering &n) {
  return variadic(n, sumOf, double(n.numInputs()), Elements::floats);
}
static LogicalResult maximum(NodeLowering &n) { return variadic(n, maximumOf); }
static LogicalResult minimum(NodeLowering &n) { return variadic(n, minimumOf); }

//===----------------------------------------------------------------------===//
// Signs
//===----------------------------------------------------------------------===//

/// One operand of any numeric type.
static LogicalResult
unary(NodeLowering &n,
      llvm::function_ref<Value(Scalars &, Value, bool isUnsigned)> body) {
  if (failed(expectOperands(n, 1, Elements::numbers)))
    return failure();
  bool isUnsigned = n.isUnsigned(0);
  n.set(0,
        mapElements(n, {operand(n, 0)}, n.element(0),
                    [&](Scalars &s, ValueRange x) {
                      return body(s, x[0], isUnsigned);
                    }),
        isUnsigned);
  return success();
}

static LogicalResult neg(NodeLowering &n) {
  return unary(n, [](Scalars &s, Value x, bool) { return s.negate(x); });
}

static LogicalResult abs(NodeLowering &n) {
  return unary(n, [](Scalars &s, Value x, bool isUnsigned) -> Value {
    if (isUnsigned)
      return x;
    if (isa<FloatType>(x.getType()))
      return s.make<math::AbsFOp>(x);
    return s.make<math::AbsIOp>(x);
  });
}

/// Zeros and NaN are their own sign.
static LogicalResult sign(NodeLowering &n) {
  return unary(n, [](Scalars &s, Value x, bool isUnsigned) -> Value {
    Type type = x.getType();
    Value zero = s.constant(type, 0), one = s.constant(type, 1);
    Value positive = s.select(s.less(zero, x, isUnsigned), one, x);
    if (isUnsigned)
      return positive;
    return s.select(s.less(x, zero), s.constant(type, -1), positive);
  });
}

static const OpLowering lowerings[] = {
    {"", "Abs", 6, 28, abs},   {"", "Add", 7, 28, add},
    {"", "Div", 7, 28, div},   {"", "Max", 6, 28, maximum},
    {"", "Mean", 6, 28, mean}, {"", "Min", 6, 28, minimum},
    {"", "Mod", 10, 28, mod},  {"", "Mul", 7, 28, mul},
    {"", "Neg", 6, 28, neg},   {"", "Pow", 7, 28, pow},
    {"", "Sign", 9, 28, sign}, {"", "Sub", 7, 28, sub},
    {"", "Sum", 6, 28, sum},
};

Family adze::import::arithmeticFamily() { return lowerings; }
