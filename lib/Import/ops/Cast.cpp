//===- Cast.cpp - Conversions of tensors -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Conversion.h"
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult convert(NodeLowering &n, ElementKind to) {
  CastRules rules;
  rules.saturate = n.attrInt("saturate", 1) != 0;
  std::string mode = n.attrString("round_mode", "up");
  if (mode == "down")
    rules.rounding = CastRules::Rounding::down;
  else if (mode == "nearest")
    rules.rounding = CastRules::Rounding::nearest;
  else if (mode != "up")
    return n.fail("round_mode must be 'up', 'down' or 'nearest', not '" + mode +
                  "'");
  if (n.element(0) == to.type) {
    n.set(0, n.in(0), to.isUnsigned);
    return success();
  }
  bool fromUnsigned = n.isUnsigned(0);
  n.set(0,
        mapElements(n, {operand(n, 0)}, to.type,
                    [&](Scalars &s, ValueRange x) {
                      return castScalar(s.b, s.loc, x[0], to.type, fromUnsigned,
                                        to.isUnsigned, rules);
                    }),
        to.isUnsigned);
  return success();
}

static LogicalResult cast(NodeLowering &n) {
  auto to = expectDataType(n, n.attrInt("to", 0));
  if (failed(to) || failed(expectOperands(n, 1, Elements::any)))
    return failure();
  return convert(n, *to);
}

static LogicalResult castLike(NodeLowering &n) {
  if (failed(expectOperands(n, 1, Elements::any)))
    return failure();
  if (!n.has(1))
    return n.fail("it takes a second input, of the type to convert to");
  return convert(n, {n.element(1), n.isUnsigned(1)});
}

static LogicalResult bitCast(NodeLowering &n) {
  auto to = expectDataType(n, n.attrInt("to", 0));
  if (failed(to) || failed(expectOperands(n, 1, Elements::any)))
    return failure();
  Type from = n.element(0);
  // In memory a bool is a byte.
  auto bits = [](Type type) {
    return type.isInteger(1) ? 8 : type.getIntOrFloatBitWidth();
  };
  if (bits(from) != bits(to->type))
    return n.fail("it reinterprets " + elementText(n, 0) + " as a type of " +
                  Twine(bits(to->type)) + " bits, but sizes must be equal");
  if (from == to->type) {
    n.set(0, n.in(0), to->isUnsigned);
    return success();
  }
  n.set(0,
        mapElements(n, {operand(n, 0)}, to->type,
                    [&](Scalars &s, ValueRange x) -> Value {
                      Value value = x[0];
                      Type code = s.b.getIntegerType(bits(from));
                      if (from.isInteger(1))
                        value = s.make<arith::ExtUIOp>(code, value);
                      else if (!isa<IntegerType>(from))
                        value = s.make<arith::BitcastOp>(code, value);
                      if (to->type.isInteger(1))
                        return s.make<arith::CmpIOp>(arith::CmpIPredicate::ne,
                                                     value, s.integer(code, 0));
                      if (!isa<IntegerType>(to->type))
                        value = s.make<arith::BitcastOp>(to->type, value);
                      return value;
                    }),
        to->isUnsigned);
  return success();
}

static const OpLowering lowerings[] = {
    {"", "BitCast", 26, 28, bitCast},
    {"", "Cast", 6, 28, cast},
    {"", "CastLike", 15, 28, castLike},
};

Family adze::import::castFamily() { return lowerings; }
