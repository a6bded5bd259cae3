//===- Elementwise.cpp - Frame of the element-wise operators -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

//===----------------------------------------------------------------------===//
// One element
//===----------------------------------------------------------------------===//

Value Scalars::constant(Type type, double value) {
  if (isa<FloatType>(type))
    return make<arith::ConstantOp>(b.getFloatAttr(type, value));
  return integer(type, int64_t(value));
}

Value Scalars::constant(Type type, const llvm::APFloat &value) {
  APFloat converted = value;
  bool losesInfo;
  converted.convert(cast<FloatType>(type).getFloatSemantics(),
                    APFloat::rmTowardZero, &losesInfo);
  return make<arith::ConstantOp>(FloatAttr::get(type, converted));
}

Value Scalars::integer(Type type, int64_t value) {
  APInt bits(type.getIntOrFloatBitWidth(), value, /*isSigned=*/true,
             /*implicitTrunc=*/true);
  return make<arith::ConstantOp>(IntegerAttr::get(type, bits));
}

Value Scalars::add(Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return make<arith::AddFOp>(x, y);
  return make<arith::AddIOp>(x, y);
}

Value Scalars::sub(Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return make<arith::SubFOp>(x, y);
  return make<arith::SubIOp>(x, y);
}

Value Scalars::mul(Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return make<arith::MulFOp>(x, y);
  return make<arith::MulIOp>(x, y);
}

Value Scalars::div(Value x, Value y) { return make<arith::DivFOp>(x, y); }

Value Scalars::reciprocal(Value x) { return div(constant(x.getType(), 1), x); }

Value Scalars::negate(Value x) {
  if (isa<FloatType>(x.getType()))
    return make<arith::NegFOp>(x);
  return make<arith::SubIOp>(integer(x.getType(), 0), x);
}

Value Scalars::sigmoid(Value x) { return reciprocal(add(exp(negate(x)), 1)); }

Value Scalars::less(Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return make<arith::CmpFOp>(arith::CmpFPredicate::OLT, x, y);
  return make<arith::CmpIOp>(
      isUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, x, y);
}

Value Scalars::equal(Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return make<arith::CmpFOp>(arith::CmpFPredicate::OEQ, x, y);
  return make<arith::CmpIOp>(arith::CmpIPredicate::eq, x, y);
}

Value Scalars::isNaN(Value x) {
  return make<arith::CmpFOp>(arith::CmpFPredicate::UNO, x, x);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Operand adze::import::operand(NodeLowering &n, size_t i) {
  Operand result{n.in(i), {}};
  if (n.type(i).getNumElements() != 1)
    return result;
  if (DenseElementsAttr value = n.constant(i))
    result.known = cast<TypedAttr>(*value.value_begin<Attribute>());
  return result;
}

SmallVector<Operand> adze::import::operands(NodeLowering &n, size_t count) {
  SmallVector<Operand> result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(operand(n, i));
  return result;
}

Value adze::import::mapElements(NodeLowering &n, ArrayRef<Operand> operands,
                                Type result, ElementFn body) {
  SmallVector<Value> all, tensors;
  for (const Operand &operand : operands) {
    all.push_back(operand.value);
    if (!operand.known)
      tensors.push_back(operand.value);
  }
  auto shape = n.broadcastShape(all);
  if (!shape)
    return {};
  return n.generate(*shape, result, tensors,
                    [&](OpBuilder &b, Location loc, ValueRange elements) {
                      Scalars s(b, loc);
                      SmallVector<Value> arguments;
                      auto next = elements.begin();
                      for (const Operand &operand : operands)
                        arguments.push_back(
                            operand.known
                                ? s.make<arith::ConstantOp>(operand.known)
                                : *next++);
                      return body(s, arguments);
                    });
}

LogicalResult
adze::import::mapFloats(NodeLowering &n,
                        llvm::function_ref<Value(Scalars &, Value)> body) {
  if (failed(expectOperands(n, 1, Elements::floats)))
    return failure();
  Type type = n.element(0), f32 = n.b.getF32Type();
  n.set(0, mapElements(n, {operand(n, 0)}, type, [&](Scalars &s, ValueRange x) {
          if (type.getIntOrFloatBitWidth() >= 32)
            return body(s, x[0]);
          Value wide = s.make<arith::ExtFOp>(f32, x[0]);
          return s.make<arith::TruncFOp>(type, body(s, wide));
        }));
  return success();
}

std::string adze::import::elementText(NodeLowering &n, size_t i) {
  Type type = n.element(i);
  if (n.isUnsigned(i))
    type = IntegerType::get(type.getContext(), type.getIntOrFloatBitWidth(),
                            IntegerType::Unsigned);
  return typeName(type);
}

LogicalResult adze::import::expectOperands(NodeLowering &n, size_t count,
                                           Elements kind) {
  for (size_t i = 0; i < count; ++i) {
    if (!n.has(i))
      return n.fail("it takes " + Twine(count) + " inputs, and input " +
                    Twine(i) + " is missing");
    Type type = n.element(i);
    // Powers of two alone, without a zero, are no numbers to compute with.
    bool isScale = isa<Float8E8M0FNUType>(type);
    bool isFloat = isa<FloatType>(type), isBool = type.isInteger(1);
    bool fits = true;
    const char *expected = "";
    switch (kind) {
    case Elements::floats:
      fits = isFloat && !isScale, expected = "floating-point numbers";
      break;
    case Elements::numbers:
      fits = !isBool && !isScale, expected = "numbers";
      break;
    case Elements::integers:
      fits = !isFloat && !isBool, expected = "integers";
      break;
    case Elements::booleans:
      fits = isBool, expected = "bool";
      break;
    case Elements::any:
      break;
    }
    if (!fits)
      return n.fail("input " + Twine(i) + " holds " + elementText(n, i) +
                    " where " + expected + " are expected");
    if (type != n.element(0) || n.isUnsigned(i) != n.isUnsigned(0))
      return n.fail("its inputs must be of one type, but input 0 holds " +
                    elementText(n, 0) + " and input " + Twine(i) + " " +
                    elementText(n, i));
  }
  return success();
}
