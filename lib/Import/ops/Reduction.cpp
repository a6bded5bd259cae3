//===- Reduction.cpp - Reductions along axes - -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

namespace {

/// A reduction: what it starts with, how an element is prepared, how two are
/// combined, and what becomes of the result.
enum class Kind {
  sum, mean, product, maximum, minimum, l1, l2, sumSquare, logSum, logSumExp
};

struct Request {
  SmallVector<int64_t> axes;
  bool keep = true;
  bool identity = false; // no axes and told to do nothing
};

} // namespace

/// Axes are an attribute, from version 18 (ReduceSum: 13) an operand.
static LogicalResult readAxes(NodeLowering &n, Request &request) {
  request.keep = n.attrInt("keepdims", 1) != 0;
  bool operand = n.version() >= 18 ||
                 (n.version() >= 13 && n.node.getOpType() == "ReduceSum");
  auto axes = operand ? (n.has(1) ? n.ints(1) : SmallVector<int64_t>())
                      : n.attrInts("axes").value_or(SmallVector<int64_t>());
  if (!axes)
    return n.fail("the axes are only known at run time");
  if (axes->empty()) {
    if (n.attrInt("noop_with_empty_axes", 0) != 0) {
      request.identity = true;
      return success();
    }
    for (int64_t i = 0; i < n.rank(0); ++i)
      request.axes.push_back(i);
    return success();
  }
  SmallVector<bool> seen(n.rank(0));
  for (int64_t value : *axes) {
    auto axis = n.axis(value, n.rank(0));
    if (failed(axis))
      return failure();
    if (!seen[*axis])
      request.axes.push_back(*axis);
    seen[*axis] = true;
  }
  return success();
}

static Value scalar(OpBuilder &b, Location loc, Type type, double value) {
  if (auto real = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(real, value));
  return arith::ConstantOp::create(b, loc,
                                   b.getIntegerAttr(type, int64_t(value)));
}

/// The neutral element of maximum (or minimum) for a type.
static TypedAttr extreme(OpBuilder &b, Type type, bool lowest,
                         bool isUnsigned) {
  if (auto real = dyn_cast<FloatType>(type)) {
    const llvm::fltSemantics &semantics = real.getFloatSemantics();
    return b.getFloatAttr(type, APFloat::getInf(semantics, lowest));
  }
  unsigned bits = type.getIntOrFloatBitWidth();
  if (isUnsigned || bits == 1)
    return b.getIntegerAttr(type, lowest ? APInt::getZero(bits)
                                         : APInt::getMaxValue(bits));
  return b.getIntegerAttr(type, lowest ? APInt::getSignedMinValue(bits)
                                       : APInt::getSignedMaxValue(bits));
}

template <typename FloatOp, typename IntOp>
static Value combine(OpBuilder &b, Location loc, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return FloatOp::create(b, loc, x, y);
  return IntOp::create(b, loc, x, y);
}

static LogicalResult reduceAs(NodeLowering &n, Kind kind) {
  Request request;
  if (failed(readAxes(n, request)))
    return failure();
  Value x = n.in(0);
  Type type = n.element(0);
  bool isUnsigned = n.isUnsigned(0);
  bool isFloat = isa<FloatType>(type);
  auto each = [&](Value v, auto body) {
    return n.elementwise({v}, elementOf(v),
                         [&](OpBuilder &b, Location loc, ValueRange s) -> Value {
                           return body(b, loc, s[0]);
                         });
  };
  // Small floats are summed in f32.
  Type inner = type;
  if (isFloat && type.getIntOrFloatBitWidth() < 32)
    inner = n.b.getF32Type();
  // Logarithms and roots of integers are taken in f64.
  bool needsFloat = kind == Kind::l2 || kind == Kind::logSum ||
                    kind == Kind::logSumExp;
  if (!isFloat && needsFloat)
    inner = n.b.getF64Type();
  x = n.cast(x, inner, isUnsigned);

  auto absolute = [&](OpBuilder &b, Location loc, Value v) -> Value {
    if (isa<FloatType>(v.getType()))
      return math::AbsFOp::create(b, loc, v);
    return isUnsigned ? v : math::AbsIOp::create(b, loc, v).getResult();
  };
  auto square = [](OpBuilder &b, Location loc, Value v) -> Value {
    return combine<arith::MulFOp, arith::MulIOp>(b, loc, v, v);
  };
  auto logarithm = [](OpBuilder &b, Location loc, Value v) -> Value {
    return math::LogOp::create(b, loc, v);
  };

  Value maximum; // of logSumExp, so that nothing overflows
  if (!request.identity || kind == Kind::l1 || kind == Kind::sumSquare ||
      kind == Kind::l2 || kind == Kind::logSumExp || kind == Kind::logSum) {
    if (kind == Kind::l1)
      x = each(x, absolute);
    if (kind == Kind::l2 || kind == Kind::sumSquare)
      x = each(x, square);
    if (kind == Kind::logSumExp && !request.identity) {
      maximum = n.reduce(x, request.axes, extreme(n.b, inner, true, false),
                         [](OpBuilder &b, Location loc, ValueRange s) -> Value {
                           return arith::MaximumFOp::create(b, loc, s[0], s[1]);
                         });
      // An infinite maximum would give inf - inf; it is left away.
      maximum = each(maximum, [](OpBuilder &b, Location loc, Value v) -> Value {
        Value inf = arith::ConstantOp::create(
            b, loc,
            b.getFloatAttr(v.getType(),
                           APFloat::getInf(cast<FloatType>(v.getType())
                                               .getFloatSemantics())));
        Value finite = arith::CmpFOp::create(
            b, loc, arith::CmpFPredicate::OLT,
            math::AbsFOp::create(b, loc, v), inf);
        return arith::SelectOp::create(b, loc, finite, v,
                                       scalar(b, loc, v.getType(), 0));
      });
      x = n.elementwise({x, maximum}, inner,
                        [](OpBuilder &b, Location loc, ValueRange s) -> Value {
                          return math::ExpOp::create(
                              b, loc, arith::SubFOp::create(b, loc, s[0], s[1]));
                        });
    }
  }

  Value y = x;
  if (!request.identity) {
    TypedAttr zero = isa<FloatType>(inner)
                         ? TypedAttr(n.b.getFloatAttr(inner, 0))
                         : TypedAttr(n.b.getIntegerAttr(inner, 0));
    switch (kind) {
    case Kind::product: {
      TypedAttr one = isa<FloatType>(inner)
                          ? TypedAttr(n.b.getFloatAttr(inner, 1))
                          : TypedAttr(n.b.getIntegerAttr(inner, 1));
      y = n.reduce(x, request.axes, one,
                   [](OpBuilder &b, Location loc, ValueRange s) {
                     return combine<arith::MulFOp, arith::MulIOp>(b, loc, s[1],
                                                                  s[0]);
                   });
      break;
    }
    case Kind::maximum:
    case Kind::minimum: {
      bool largest = kind == Kind::maximum;
      y = n.reduce(
          x, request.axes, extreme(n.b, inner, largest, isUnsigned),
          [&](OpBuilder &b, Location loc, ValueRange s) -> Value {
            bool zeroExtended = isUnsigned || s[0].getType().isInteger(1);
            if (largest)
              return zeroExtended
                         ? combine<arith::MaximumFOp, arith::MaxUIOp>(b, loc,
                                                                      s[1], s[0])
                         : combine<arith::MaximumFOp, arith::MaxSIOp>(
                               b, loc, s[1], s[0]);
            return zeroExtended
                       ? combine<arith::MinimumFOp, arith::MinUIOp>(b, loc, s[1],
                                                                    s[0])
                       : combine<arith::MinimumFOp, arith::MinSIOp>(b, loc, s[1],
                                                                    s[0]);
          });
      break;
    }
    default:
      y = n.reduce(x, request.axes, zero,
                   [](OpBuilder &b, Location loc, ValueRange s) {
                     return combine<arith::AddFOp, arith::AddIOp>(b, loc, s[1],
                                                                  s[0]);
                   });
    }
  }

  if (kind == Kind::mean && !request.identity) {
    int64_t count = 1;
    for (int64_t axis : request.axes)
      count *= n.shape(0)[axis];
    y = each(y, [&](OpBuilder &b, Location loc, Value v) -> Value {
      Value size = scalar(b, loc, v.getType(), double(count));
      if (isa<FloatType>(v.getType()))
        return arith::DivFOp::create(b, loc, v, size);
      if (count == 0)
        return v;
      return isUnsigned ? arith::DivUIOp::create(b, loc, v, size).getResult()
                        : arith::DivSIOp::create(b, loc, v, size).getResult();
    });
  }
  if (kind == Kind::l2)
    y = each(y, [](OpBuilder &b, Location loc, Value v) -> Value {
      return math::SqrtOp::create(b, loc, v);
    });
  if (kind == Kind::logSum || (kind == Kind::logSumExp && !request.identity))
    y = each(y, logarithm);
  if (maximum)
    y = n.elementwise({y, maximum}, inner,
                      [](OpBuilder &b, Location loc, ValueRange s) -> Value {
                        return arith::AddFOp::create(b, loc, s[0], s[1]);
                      });
  y = n.cast(y, type, isUnsigned, isUnsigned);
  if (!request.keep && !request.identity) {
    SmallVector<int64_t> shape;
    for (int64_t i = 0; i < n.rank(0); ++i)
      if (!llvm::is_contained(request.axes, i))
        shape.push_back(n.shape(0)[i]);
    y = n.reshape(y, shape);
  }
  n.set(0, y, isUnsigned);
  return success();
}

template <Kind kind> static LogicalResult lower(NodeLowering &n) {
  return reduceAs(n, kind);
}

static const OpLowering lowerings[] = {
    {"", "ReduceL1", 1, 99, lower<Kind::l1>},
    {"", "ReduceL2", 1, 99, lower<Kind::l2>},
    {"", "ReduceLogSum", 1, 99, lower<Kind::logSum>},
    {"", "ReduceLogSumExp", 1, 99, lower<Kind::logSumExp>},
    {"", "ReduceMax", 1, 99, lower<Kind::maximum>},
    {"", "ReduceMean", 1, 99, lower<Kind::mean>},
    {"", "ReduceMin", 1, 99, lower<Kind::minimum>},
    {"", "ReduceProd", 1, 99, lower<Kind::product>},
    {"", "ReduceSum", 1, 99, lower<Kind::sum>},
    {"", "ReduceSumSquare", 1, 99, lower<Kind::sumSquare>},
};

Family adze::import::reductionFamily() { return lowerings; }
