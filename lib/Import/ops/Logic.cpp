//===- Logic.cpp - Comparisons, logic and bits -*- C++ -*-===//
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

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

using IntPredicate = arith::CmpIPredicate;
using FloatPredicate = arith::CmpFPredicate;

/// A comparison; false if an operand is NaN.
template <FloatPredicate forFloats, IntPredicate forSigned,
          IntPredicate forUnsigned, Elements kind>
static LogicalResult compare(NodeLowering &n) {
  if (failed(expectOperands(n, 2, kind)))
    return failure();
  bool isFloat = isa<FloatType>(n.element(0)), isUnsigned = n.isUnsigned(0);
  Value result =
      mapElements(n, operands(n, 2), n.b.getI1Type(),
                  [&](Scalars &s, ValueRange x) -> Value {
                    if (isFloat)
                      return s.make<arith::CmpFOp>(forFloats, x[0], x[1]);
                    return s.make<arith::CmpIOp>(
                        isUnsigned ? forUnsigned : forSigned, x[0], x[1]);
                  });
  if (!result)
    return failure();
  n.set(0, result);
  return success();
}

//===----------------------------------------------------------------------===//
// Operators on bits and on truth values
//===----------------------------------------------------------------------===//

template <typename Op, Elements kind>
static LogicalResult bitwise(NodeLowering &n) {
  if (failed(expectOperands(n, 2, kind)))
    return failure();
  Value result = mapElements(
      n, operands(n, 2), n.element(0),
      [](Scalars &s, ValueRange x) { return s.make<Op>(x[0], x[1]); });
  if (!result)
    return failure();
  n.set(0, result, n.isUnsigned(0));
  return success();
}

template <Elements kind> static LogicalResult complement(NodeLowering &n) {
  if (failed(expectOperands(n, 1, kind)))
    return failure();
  n.set(0,
        mapElements(n, {operand(n, 0)}, n.element(0),
                    [](Scalars &s, ValueRange x) {
                      return s.make<arith::XOrIOp>(
                          x[0], s.integer(x[0].getType(), -1));
                    }),
        n.isUnsigned(0));
  return success();
}

/// Amounts outside [0, bits) leave zeros, or ones of a negative number shifted
/// right, as version 28 says.
static LogicalResult bitShift(NodeLowering &n) {
  if (failed(expectOperands(n, 2, Elements::integers)))
    return failure();
  std::string direction = n.attrString("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return n.fail("direction must be 'LEFT' or 'RIGHT', not '" + direction +
                  "'");
  Type type = n.element(0);
  int64_t bits = type.getIntOrFloatBitWidth();
  bool isUnsigned = n.isUnsigned(0);
  Value result = mapElements(
      n, operands(n, 2), type, [&](Scalars &s, ValueRange x) -> Value {
        Value fits = s.less(x[1], s.integer(type, bits), /*isUnsigned=*/true);
        Value amount = s.select(fits, x[1], s.integer(type, bits - 1));
        if (direction == "RIGHT" && !isUnsigned)
          return s.make<arith::ShRSIOp>(x[0], amount);
        Value shifted = direction == "LEFT"
                            ? s.make<arith::ShLIOp>(x[0], amount)
                            : s.make<arith::ShRUIOp>(x[0], amount);
        return s.select(fits, shifted, s.integer(type, 0));
      });
  if (!result)
    return failure();
  n.set(0, result, isUnsigned);
  return success();
}

//===----------------------------------------------------------------------===//
// Choices and classes
//===----------------------------------------------------------------------===//

static LogicalResult where(NodeLowering &n) {
  if (!n.has(0) || !n.has(1) || !n.has(2))
    return n.fail("it takes a condition and two values");
  if (!n.element(0).isInteger(1))
    return n.fail("its condition holds " + elementText(n, 0) +
                  " where bool is expected");
  if (n.element(1) != n.element(2) || n.isUnsigned(1) != n.isUnsigned(2))
    return n.fail("its values must be of one type, but input 1 holds " +
                  elementText(n, 1) + " and input 2 " + elementText(n, 2));
  Value result = mapElements(
      n, operands(n, 3), n.element(1),
      [](Scalars &s, ValueRange x) { return s.select(x[0], x[1], x[2]); });
  if (!result)
    return failure();
  n.set(0, result, n.isUnsigned(1));
  return success();
}

/// A property of a float, judged in f32 at least: formats of 8 bits are not
/// all able to say infinity.
static LogicalResult
classify(NodeLowering &n,
         llvm::function_ref<Value(Scalars &, Value)> property) {
  if (failed(expectOperands(n, 1, Elements::floats)))
    return failure();
  bool widen = n.element(0).getIntOrFloatBitWidth() < 32;
  n.set(0, mapElements(n, {operand(n, 0)}, n.b.getI1Type(),
                       [&](Scalars &s, ValueRange x) {
                         Value wide = x[0];
                         if (widen)
                           wide = s.make<arith::ExtFOp>(s.b.getF32Type(), wide);
                         return property(s, wide);
                       }));
  return success();
}

static LogicalResult isNaN(NodeLowering &n) {
  return classify(n, [](Scalars &s, Value x) { return s.isNaN(x); });
}

static LogicalResult isInf(NodeLowering &n) {
  bool negative = n.attrInt("detect_negative", 1) != 0;
  bool positive = n.attrInt("detect_positive", 1) != 0;
  return classify(n, [&](Scalars &s, Value x) -> Value {
    if (!negative && !positive)
      return s.integer(s.b.getI1Type(), 0);
    auto infinity = [&](bool isNegative) {
      auto &format = cast<FloatType>(x.getType()).getFloatSemantics();
      return s.constant(x.getType(), APFloat::getInf(format, isNegative));
    };
    if (negative && positive)
      return s.equal(s.make<math::AbsFOp>(x), infinity(false));
    return s.equal(x, infinity(negative));
  });
}

static const OpLowering lowerings[] = {
    {"", "And", 7, 28, bitwise<arith::AndIOp, Elements::booleans>},
    {"", "BitShift", 11, 28, bitShift},
    {"", "BitwiseAnd", 18, 28, bitwise<arith::AndIOp, Elements::integers>},
    {"", "BitwiseNot", 18, 28, complement<Elements::integers>},
    {"", "BitwiseOr", 18, 28, bitwise<arith::OrIOp, Elements::integers>},
    {"", "BitwiseXor", 18, 28, bitwise<arith::XOrIOp, Elements::integers>},
    {"", "Equal", 7, 28,
     compare<FloatPredicate::OEQ, IntPredicate::eq, IntPredicate::eq,
             Elements::any>},
    {"", "Greater", 7, 28,
     compare<FloatPredicate::OGT, IntPredicate::sgt, IntPredicate::ugt,
             Elements::numbers>},
    {"", "GreaterOrEqual", 12, 28,
     compare<FloatPredicate::OGE, IntPredicate::sge, IntPredicate::uge,
             Elements::numbers>},
    {"", "IsInf", 10, 28, isInf},
    {"", "IsNaN", 9, 28, isNaN},
    {"", "Less", 7, 28,
     compare<FloatPredicate::OLT, IntPredicate::slt, IntPredicate::ult,
             Elements::numbers>},
    {"", "LessOrEqual", 12, 28,
     compare<FloatPredicate::OLE, IntPredicate::sle, IntPredicate::ule,
             Elements::numbers>},
    {"", "Not", 1, 28, complement<Elements::booleans>},
    {"", "Or", 7, 28, bitwise<arith::OrIOp, Elements::booleans>},
    {"", "Where", 9, 28, where},
    {"", "Xor", 7, 28, bitwise<arith::XOrIOp, Elements::booleans>},
};

Family adze::import::logicFamily() { return lowerings; }
