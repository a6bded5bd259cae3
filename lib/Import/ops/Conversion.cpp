//===- Conversion.cpp - Conversions between element types -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The conversions of arith are undefined for floats that do not fit; here
/// every input has a result, the same on every target.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Conversion.h"
#include "lib/Import/ops/Elementwise.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

std::optional<ElementKind> adze::import::elementOfDataType(MLIRContext *context,
                                                           int64_t dataType) {
  Builder b(context);
  switch (dataType) { // the numbers of onnx.proto
  case 1:
    return ElementKind{b.getF32Type()};
  case 2:
    return ElementKind{b.getI8Type(), true};
  case 3:
    return ElementKind{b.getI8Type()};
  case 4:
    return ElementKind{b.getI16Type(), true};
  case 5:
    return ElementKind{b.getI16Type()};
  case 6:
    return ElementKind{b.getI32Type()};
  case 7:
    return ElementKind{b.getI64Type()};
  case 9:
    return ElementKind{b.getI1Type()};
  case 10:
    return ElementKind{b.getF16Type()};
  case 11:
    return ElementKind{b.getF64Type()};
  case 12:
    return ElementKind{b.getI32Type(), true};
  case 13:
    return ElementKind{b.getI64Type(), true};
  case 16:
    return ElementKind{b.getBF16Type()};
  case 17:
    return ElementKind{Float8E4M3FNType::get(context)};
  case 18:
    return ElementKind{Float8E4M3FNUZType::get(context)};
  case 19:
    return ElementKind{Float8E5M2Type::get(context)};
  case 20:
    return ElementKind{Float8E5M2FNUZType::get(context)};
  case 21:
    return ElementKind{b.getIntegerType(4), true};
  case 22:
    return ElementKind{b.getIntegerType(4)};
  case 23:
    return ElementKind{Float4E2M1FNType::get(context)};
  case 24:
    return ElementKind{Float8E8M0FNUType::get(context)};
  case 25:
    return ElementKind{b.getIntegerType(2), true};
  case 26:
    return ElementKind{b.getIntegerType(2)};
  }
  return std::nullopt; // text, complex numbers, floats of 6 bits
}

FailureOr<ElementKind> adze::import::expectDataType(NodeLowering &n,
                                                    int64_t dataType) {
  if (auto kind = elementOfDataType(n.b.getContext(), dataType))
    return *kind;
  std::string name = dataType == 8                      ? "string"
                     : dataType == 14 || dataType == 15 ? "complex"
                     : dataType == 27 || dataType == 28
                         ? "float of 6 bits"
                         : "with the number " + std::to_string(dataType);
  (void)n.fail("the element type " + name + " is not supported");
  return failure();
}

/// 2^exponent and the largest number below it, as x's type has them.
static std::pair<APFloat, APFloat> powerAndBelow(Type type, int exponent) {
  APFloat power =
      llvm::scalbn(APFloat(cast<FloatType>(type).getFloatSemantics(), 1),
                   exponent, APFloat::rmNearestTiesToEven);
  APFloat below = power;
  below.next(/*nextDown=*/true);
  return {power, below};
}

/// A float of 32 or 64 bits as a signed integer of 32 or 64, saturating; NaN
/// becomes the smallest number (as on x86).
static Value toSigned(Scalars &s, Value x, unsigned bits) {
  auto [power, below] = powerAndBelow(x.getType(), bits - 1);
  // The lower bound first, so that it takes NaN.
  Value low = s.constant(x.getType(), -power);
  Value high = s.constant(x.getType(), below);
  Value bounded = s.select(s.less(low, x), x, low);
  bounded = s.select(s.less(bounded, high), bounded, high);
  Type type = s.b.getIntegerType(bits);
  Value result = s.make<arith::FPToSIOp>(type, bounded);
  unsigned precision = APFloat::semanticsPrecision(power.getSemantics());
  if (precision >= bits)
    return result;
  // The largest integer is not among the floats.
  Value largest = s.make<arith::ConstantOp>(
      IntegerAttr::get(type, APInt::getSignedMaxValue(bits)));
  return s.select(s.less(high, x), largest, result);
}

/// Unsigned 64 bits: negative numbers wrap, as signed ones do.
static Value toUnsigned64(Scalars &s, Value x) {
  auto [half, belowHalf] = powerAndBelow(x.getType(), 63);
  auto [end, belowEnd] = powerAndBelow(x.getType(), 64);
  Type type = s.b.getI64Type();
  Value low = s.constant(x.getType(), half);
  Value high = s.constant(x.getType(), belowEnd);
  Value upper = s.select(s.less(low, x), x, low);
  upper = s.select(s.less(upper, high), upper, high);
  upper = s.make<arith::FPToUIOp>(type, upper);
  upper = s.select(s.less(high, x), s.integer(type, -1), upper);
  Value isUpper = s.less(s.constant(x.getType(), belowHalf), x);
  return s.select(isUpper, upper, toSigned(s, x, 64));
}

static Value toInteger(Scalars &s, Value x, Type to, bool isUnsigned) {
  unsigned bits = to.getIntOrFloatBitWidth();
  if (bits == 64)
    return isUnsigned ? toUnsigned64(s, x) : toSigned(s, x, 64);
  if (bits == 32 && !isUnsigned)
    return toSigned(s, x, 32);
  return s.make<arith::TruncIOp>(to, toSigned(s, x, bits == 32 ? 64 : 32));
}

/// An f32 as a power of two of the range of e8m0, 2^-127 to 2^127. What is
/// outside stays outside, unless it saturates.
static Value toPowerOfTwo(Scalars &s, Value x, const CastRules &rules) {
  Type f32 = x.getType(), i32 = s.b.getI32Type();
  constexpr int64_t smallest = 0x00400000, normal = 0x00800000;
  if (rules.saturate) {
    auto limit = [&](int exponent) {
      return s.constant(f32, llvm::scalbn(APFloat(1.0f), exponent,
                                          APFloat::rmNearestTiesToEven));
    };
    x = s.atMost(s.atLeast(x, limit(-127)), limit(127));
  }
  if (rules.rounding == CastRules::Rounding::nearest)
    return x; // so does the conversion of e8m0 round
  bool up = rules.rounding == CastRules::Rounding::up;
  Value bits = s.make<arith::BitcastOp>(i32, x);
  Value raised = up ? s.add(bits, s.integer(i32, normal - 1)) : bits;
  Value rounded = s.make<arith::AndIOp>(raised, s.integer(i32, 0x7F800000));
  // 2^-127 is the one subnormal number among the powers.
  Value low = s.integer(i32, smallest);
  if (up)
    low = s.select(s.less(low, bits), s.integer(i32, normal), low);
  rounded = s.select(s.less(bits, s.integer(i32, normal)), low, rounded);
  Value power = s.make<arith::BitcastOp>(f32, rounded);
  // Zeros, negative numbers and NaN are for the conversion to judge.
  Value keep = s.either(s.less(bits, s.integer(i32, smallest)),
                        s.less(s.integer(i32, 0x7F7FFFFF), bits));
  return s.select(keep, x, power);
}

/// A float of 32 or 64 bits as one of another format.
static Value toFloat(Scalars &s, Value x, FloatType to,
                     const CastRules &rules) {
  Type from = x.getType();
  unsigned bits = to.getWidth();
  if (isa<Float8E8M0FNUType>(to)) {
    if (from.isF64())
      x = s.make<arith::TruncFOp>(s.b.getF32Type(), x);
    x = toPowerOfTwo(s, x, rules);
  } else if (bits == 8 && rules.saturate) {
    APFloat largest = APFloat::getLargest(to.getFloatSemantics());
    bool losesInfo;
    largest.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
    double bound = largest.convertToDouble();
    x = s.clamp(x, -bound, bound);
  }
  if (x.getType() == to)
    return x;
  if (bits > x.getType().getIntOrFloatBitWidth())
    return s.make<arith::ExtFOp>(to, x);
  return s.make<arith::TruncFOp>(to, x);
}

Value adze::import::castScalar(OpBuilder &b, Location loc, Value value, Type to,
                               bool fromUnsigned, bool toUnsigned,
                               const CastRules &rules) {
  Scalars s(b, loc);
  Type from = value.getType();
  if (from == to)
    return value;
  unsigned fromBits = from.getIntOrFloatBitWidth(),
           toBits = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from)) {
    if (fromBits < 32)
      value = s.make<arith::ExtFOp>(b.getF32Type(), value);
    if (auto real = dyn_cast<FloatType>(to))
      return toFloat(s, value, real, rules);
    if (!to.isInteger(1))
      return toInteger(s, value, to, toUnsigned);
    return s.make<arith::CmpFOp>(arith::CmpFPredicate::UNE, value,
                                 s.constant(value.getType(), 0));
  }
  bool zeroExtend = fromUnsigned || from.isInteger(1);
  if (auto real = dyn_cast<FloatType>(to)) {
    // Through a float that holds the integer exactly, so that it is rounded
    // once.
    Type wide = to;
    if (toBits < 32)
      wide = fromBits < 32 ? b.getF32Type() : b.getF64Type();
    Value number = zeroExtend ? s.make<arith::UIToFPOp>(wide, value)
                              : s.make<arith::SIToFPOp>(wide, value);
    return toFloat(s, number, real, rules);
  }
  if (to.isInteger(1))
    return s.make<arith::CmpIOp>(arith::CmpIPredicate::ne, value,
                                 s.integer(from, 0));
  if (fromBits == toBits)
    return value;
  if (fromBits > toBits)
    return s.make<arith::TruncIOp>(to, value);
  if (zeroExtend)
    return s.make<arith::ExtUIOp>(to, value);
  return s.make<arith::ExtSIOp>(to, value);
}

Value adze::import::castScalar(OpBuilder &b, Location loc, Value value, Type to,
                               bool fromUnsigned, bool toUnsigned) {
  return castScalar(b, loc, value, to, fromUnsigned, toUnsigned, CastRules());
}
