//===- Pool.cpp - Pooling over windows -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"
#include "passes/lower/Window.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

/// The quotient rounded to the nearest integer, ties away from zero.
static Value divideTiesAway(ElementEmitter &e, Value sum, Value count,
                            Type result) {
  Value zero = e.constant(sum.getType(), 0);
  Value half = e.make<arith::DivSIOp>(count, e.constant(sum.getType(), 2));
  Value negative = e.compare(arith::CmpIPredicate::slt, sum, zero);
  Value nudge = e.make<arith::SelectOp>(
      negative, e.make<arith::SubIOp>(zero, half), half);
  Value quotient =
      e.make<arith::DivSIOp>(e.make<arith::AddIOp>(sum, nudge), count);
  if (quotient.getType() == result)
    return quotient;
  return e.make<arith::TruncIOp>(result, quotient);
}

void roots::pool(Operation *op, RootContext &context) {
  auto pool = cast<nn::PoolOp>(op);
  ElementEmitter &e = context.e;
  Value input = pool.getInput();
  ArrayRef<int64_t> in = shapeOf(input), out = shapeOf(pool.getOutputs()[0]);
  bool last = pool.getLayout() == nn::Layout::channels_last;
  size_t spatial = in.size() - 2, first = last ? 1 : 2;
  ArrayRef<int64_t> window = pool.getWindow(), strides = pool.getStrides(),
                    dilations = pool.getDilations(), pads = pool.getPads();
  Type type = elementTypeOf(input), result = elementTypeOf(pool.getOutputs()[0]);
  bool isFloat = isa<FloatType>(type);
  // Integers are summed in at least 32 bits.
  Type sumType = type;
  if (!isFloat && pool.getKind() == nn::PoolKind::average)
    sumType = result.getIntOrFloatBitWidth() > 32 ? result
                                                  : Type(e.b.getI32Type());
  bool wantIndex = pool.getOutputs().size() == 2;

  e.nest(out, [&](ArrayRef<Value> at) {
    SmallVector<WindowRange> ranges;
    for (size_t d = 0; d < spatial; ++d)
      ranges.push_back(windowRange(e,
                                   {in[first + d], out[first + d], window[d],
                                    strides[d], dilations[d], pads[d]},
                                   at[first + d]));
    SmallVector<Value> inits;
    if (pool.getKind() == nn::PoolKind::max) {
      if (isFloat) {
        auto &semantics = cast<FloatType>(type).getFloatSemantics();
        inits.push_back(e.make<arith::ConstantOp>(
            e.b.getFloatAttr(type, APFloat::getInf(semantics, true))));
      } else {
        unsigned width = type.getIntOrFloatBitWidth();
        inits.push_back(e.make<arith::ConstantOp>(e.b.getIntegerAttr(
            type, pool.getIsUnsigned() ? APInt(width, 0)
                                       : APInt::getSignedMinValue(width))));
      }
    } else {
      inits.push_back(e.constant(sumType, 0));
    }
    if (wantIndex)
      inits.push_back(e.index(0));
    Indices source(at);
    std::function<SmallVector<Value>(size_t, ValueRange)> descend =
        [&](size_t d, ValueRange carried) -> SmallVector<Value> {
      if (d < spatial)
        return e.carry(ranges[d].first, ranges[d].last, carried,
                       [&](Value k, ValueRange c) -> SmallVector<Value> {
                         source[first + d] =
                             e.add(ranges[d].origin, e.mul(k, dilations[d]));
                         return descend(d + 1, c);
                       });
      Value x = e.element(input, source);
      switch (pool.getKind()) {
      case nn::PoolKind::max: {
        if (!wantIndex) {
          if (isFloat)
            return {e.make<arith::MaximumFOp>(carried[0], x)};
          if (pool.getIsUnsigned())
            return {e.make<arith::MaxUIOp>(carried[0], x)};
          return {e.make<arith::MaxSIOp>(carried[0], x)};
        }
        // The flat index of this element, rows or columns first.
        Value flat = e.index(0);
        SmallVector<size_t> order;
        for (size_t k = 0; k < source.size(); ++k)
          order.push_back(k);
        if (pool.getColumnMajor())
          std::reverse(order.begin() + first, order.begin() + first + spatial);
        for (size_t k : order)
          flat = e.add(e.mul(flat, in[k]), source[k]);
        Value better =
            isFloat ? e.make<arith::CmpFOp>(arith::CmpFPredicate::OGT, x,
                                            carried[0])
                          .getResult()
                    : e.compare(pool.getIsUnsigned()
                                    ? arith::CmpIPredicate::ugt
                                    : arith::CmpIPredicate::sgt,
                                x, carried[0]);
        return {e.make<arith::SelectOp>(better, x, carried[0]),
                e.make<arith::SelectOp>(better, flat, carried[1])};
      }
      case nn::PoolKind::average:
        if (!isFloat) {
          if (sumType != type)
            x = e.make<arith::ExtSIOp>(sumType, x);
          return {e.make<arith::AddIOp>(carried[0], x)};
        }
        return {e.make<arith::AddFOp>(carried[0], x)};
      case nn::PoolKind::lp: {
        Value magnitude = e.make<math::AbsFOp>(x);
        Value power = pool.getP() == 1 ? magnitude
                      : pool.getP() == 2
                          ? e.make<arith::MulFOp>(x, x).getResult()
                          : e.make<math::PowFOp>(
                                 magnitude, e.constant(type, pool.getP()))
                                .getResult();
        return {e.make<arith::AddFOp>(carried[0], power)};
      }
      }
      llvm_unreachable("a kind of pooling without a rule");
    };
    SmallVector<Value> results = descend(0, inits);
    Value y = results[0];
    if (pool.getKind() == nn::PoolKind::average && (isFloat || result == type)) {
      // The number of elements that count: inside the input or, with
      // count_include_pad, inside the padded input (ceil mode may leave it).
      int64_t fixed = 1;
      Value count;
      for (size_t d = 0; d < spatial; ++d) {
        Value lo = ranges[d].first, hi = ranges[d].last;
        if (pool.getCountIncludePad()) {
          int64_t padded = in[first + d] + pads[d] + pads[d + spatial];
          WindowRange whole = windowRange(e,
                                          {padded, out[first + d], window[d],
                                           strides[d], dilations[d], 0},
                                          at[first + d]);
          lo = whole.first;
          hi = whole.last;
        }
        auto cl = constantIndex(lo), ch = constantIndex(hi);
        if (cl && ch) {
          fixed *= *ch - *cl;
          continue;
        }
        Value n = e.sub(hi, lo);
        count = count ? e.make<arith::MulIOp>(count, n).getResult() : n;
      }
      Value divisor = e.constant(sumType, double(fixed));
      if (count) {
        Value wide = e.make<arith::IndexCastOp>(
            isFloat ? Type(e.b.getI32Type()) : sumType, e.mul(count, fixed));
        divisor = isFloat ? e.make<arith::SIToFPOp>(type, wide).getResult()
                          : wide;
      }
      if (!isFloat)
        y = divideTiesAway(e, y, divisor, type);
      else
        y = count ? e.make<arith::DivFOp>(y, divisor).getResult()
                : e.make<arith::MulFOp>(y, e.constant(type, 1.0 / fixed))
                      .getResult();
    } else if (pool.getKind() == nn::PoolKind::lp && pool.getP() != 1) {
      y = pool.getP() == 2
              ? e.make<math::SqrtOp>(y).getResult()
              : e.make<math::PowFOp>(y, e.constant(type, 1.0 / pool.getP()))
                    .getResult();
    }
    context.store(0, at, y);
    if (wantIndex)
      context.store(1, at,
                    e.make<arith::IndexCastOp>(e.b.getI64Type(), results[1]));
  });
}
