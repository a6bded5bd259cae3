//===- FixedPointBuilder.cpp - Fixed-point arithmetic in loops --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/FixedPointBuilder.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

static std::optional<int64_t> known(Value value) {
  if (auto broadcast = value.getDefiningOp<vector::BroadcastOp>())
    value = broadcast.getSource();
  APInt number;
  if (matchPattern(value, m_ConstantInt(&number)))
    return number.getSExtValue();
  return std::nullopt;
}

Value FixedPointBuilder::constant(unsigned bits, int64_t value) {
  Type type = e.b.getIntegerType(bits);
  Value scalar = e.make<arith::ConstantOp>(e.b.getIntegerAttr(type, value));
  return e.broadcast(scalar, lanes);
}

Value FixedPointBuilder::extend(Value x, unsigned bits) {
  return e.make<arith::ExtSIOp>(e.laneType(e.b.getIntegerType(bits), lanes), x);
}

Value FixedPointBuilder::centred(Value x, int64_t zeroPoint) {
  x = extend(x, 32);
  return zeroPoint ? e.make<arith::SubIOp>(x, i32(zeroPoint)).getResult() : x;
}

Value FixedPointBuilder::highMul(Value a, Value b) {
  // (ab + nudge) / 2^31 with the nudge of its sign and truncation is the
  // floor of (ab + 2^30) / 2^31 for either sign.
  Value product = e.make<arith::MulIOp>(extend(a, 64), extend(b, 64));
  product = e.make<arith::AddIOp>(product, constant(64, int64_t(1) << 30));
  product = e.make<arith::ShRSIOp>(product, constant(64, 31));
  return e.make<arith::TruncIOp>(e.laneType(e.b.getI32Type(), lanes), product);
}

Value FixedPointBuilder::divideByPowerOfTwo(Value x, Value exponent) {
  if (known(exponent) == 0)
    return x;
  Value mask;
  if (auto bits = known(exponent))
    mask = i32((int64_t(1) << *bits) - 1);
  else
    mask =
        e.make<arith::SubIOp>(e.make<arith::ShLIOp>(i32(1), exponent), i32(1));
  Type type = x.getType();
  Value negative = e.make<arith::ExtUIOp>(
      type, e.compare(arith::CmpIPredicate::slt, x, i32(0)));
  Value threshold =
      e.make<arith::AddIOp>(e.make<arith::ShRUIOp>(mask, i32(1)), negative);
  Value remainder = e.make<arith::AndIOp>(x, mask);
  Value up = e.make<arith::ExtUIOp>(
      type, e.compare(arith::CmpIPredicate::sgt, remainder, threshold));
  return e.make<arith::AddIOp>(e.make<arith::ShRSIOp>(x, exponent), up);
}

Value FixedPointBuilder::multiply(Value x, Value multiplier, Value shift) {
  auto bits = known(shift);
  if (rounding == nn::Rounding::twice) {
    if (bits) {
      if (*bits > 0)
        x = e.make<arith::ShLIOp>(x, i32(*bits));
      return divideByPowerOfTwo(highMul(x, multiplier),
                                i32(std::max<int64_t>(0, -*bits)));
    }
    Value left = e.make<arith::MaxSIOp>(shift, i32(0));
    Value right =
        e.make<arith::MaxSIOp>(e.make<arith::SubIOp>(i32(0), shift), i32(0));
    x = e.make<arith::ShLIOp>(x, left);
    return divideByPowerOfTwo(highMul(x, multiplier), right);
  }
  Value total = bits
                    ? constant(64, 31 - *bits)
                    : e.make<arith::SubIOp>(constant(64, 31), extend(shift, 64))
                          .getResult();
  Value half =
      bits
          ? constant(64, int64_t(1) << (30 - *bits))
          : e.make<arith::ShLIOp>(constant(64, 1),
                                  e.make<arith::SubIOp>(total, constant(64, 1)))
                .getResult();
  Value product = e.make<arith::MulIOp>(extend(x, 64), extend(multiplier, 64));
  Value y = e.make<arith::ShRSIOp>(e.make<arith::AddIOp>(product, half), total);
  // A factor below one keeps within 32 bits.
  if (!bits || *bits > 0)
    return y;
  return e.make<arith::TruncIOp>(e.laneType(e.b.getI32Type(), lanes), y);
}

Value FixedPointBuilder::multiplyWide(Value x, Value multiplier, Value shift) {
  Value rounded = e.make<arith::ShRSIOp>(
      e.make<arith::AddIOp>(extend(multiplier, 64), constant(64, 1 << 15)),
      constant(64, 16));
  Value reduced = e.make<arith::MinSIOp>(rounded, constant(64, 0x7FFF));
  Value total = e.make<arith::SubIOp>(constant(64, 15), extend(shift, 64));
  Value half = e.make<arith::ShLIOp>(
      constant(64, 1), e.make<arith::SubIOp>(total, constant(64, 1)));
  Value product = e.make<arith::MulIOp>(x, reduced);
  return e.make<arith::ShRSIOp>(e.make<arith::AddIOp>(product, half), total);
}

Value FixedPointBuilder::narrow(Value x, int64_t zeroPoint, int64_t low,
                                int64_t high, Type type) {
  unsigned bits = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
  // Bounds first: the sum with the zero point cannot overflow then.
  x = e.make<arith::MaxSIOp>(x, constant(bits, low - zeroPoint));
  x = e.make<arith::MinSIOp>(x, constant(bits, high - zeroPoint));
  if (zeroPoint)
    x = e.make<arith::AddIOp>(x, constant(bits, zeroPoint));
  Type result = e.laneType(type, lanes);
  return x.getType() == result ? x
                               : e.make<arith::TruncIOp>(result, x).getResult();
}
