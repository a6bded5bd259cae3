//===- Ranges.cpp - Bounds of integer values -------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/Ranges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace adze::c;
using namespace mlir;

/// Longer chains of operations are taken for unknown: kernels bound their
/// values by loops and narrow types, both of which lie near.
static constexpr unsigned maxDepth = 8;

Bounds adze::c::rangeOfWidth(unsigned bits) {
  __int128 half = __int128(1) << (bits - 1);
  return {-half, half - 1};
}

static Bounds rangeOfType(Type type) {
  type = getElementTypeOrSelf(type);
  if (type.isInteger(1)) // printed as bool: 0 or 1
    return {0, 1};
  if (type.isIndex() || !type.isInteger())
    return rangeOfWidth(64);
  return rangeOfWidth(type.getIntOrFloatBitWidth());
}

Bounds RangeAnalysis::unwrapped(Operation *op, unsigned depth) {
  Bounds a = compute(op->getOperand(0), depth + 1);
  Bounds b = compute(op->getOperand(1), depth + 1);
  if (isa<arith::AddIOp>(op))
    return {a.low + b.low, a.high + b.high};
  if (isa<arith::SubIOp>(op))
    return {a.low - b.high, a.high - b.low};
  // Products of 64-bit bounds fit 127 bits.
  __int128 products[] = {a.low * b.low, a.low * b.high, a.high * b.low,
                         a.high * b.high};
  return {*std::min_element(products, products + 4),
          *std::max_element(products, products + 4)};
}

std::optional<bool> RangeAnalysis::decide(arith::CmpIOp op) {
  using P = arith::CmpIPredicate;
  Type type = getElementTypeOrSelf(op.getLhs().getType());
  if (type.isInteger(1) || isa<VectorType>(op.getType()))
    return std::nullopt;
  Bounds a = of(op.getLhs()), b = of(op.getRhs());
  P predicate = op.getPredicate();
  bool isUnsigned = predicate == P::ult || predicate == P::ule ||
                    predicate == P::ugt || predicate == P::uge;
  if (isUnsigned && !(a.isNonNegative() && b.isNonNegative())) {
    // As an unsigned number, what may be negative may be anything.
    unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
    __int128 all = (__int128(1) << width) - 1;
    for (Bounds *bounds : {&a, &b}) {
      if (bounds->low == bounds->high)
        *bounds = {bounds->low & all, bounds->low & all};
      else if (!bounds->isNonNegative())
        *bounds = {0, all};
    }
  }
  bool less = a.high < b.low, more = a.low > b.high;
  bool atMost = a.high <= b.low, atLeast = a.low >= b.high;
  auto known = [](bool holds, bool fails) -> std::optional<bool> {
    if (holds || fails)
      return holds;
    return std::nullopt;
  };
  switch (predicate) {
  case P::eq:
    return known(atMost && atLeast, less || more);
  case P::ne:
    return known(less || more, atMost && atLeast);
  case P::slt:
  case P::ult:
    return known(less, atLeast);
  case P::sle:
  case P::ule:
    return known(atMost, more);
  case P::sgt:
  case P::ugt:
    return known(more, atMost);
  case P::sge:
  case P::uge:
    return known(atLeast, less);
  }
  return std::nullopt;
}

Bounds RangeAnalysis::compute(Value value, unsigned depth) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  if (depth > maxDepth)
    return rangeOfType(value.getType());
  Bounds range = uncached(value, depth);
  if (Bounds type = rangeOfType(value.getType()); !range.within(type))
    range = type;
  if (depth == 0)
    known[value] = range;
  return range;
}

Bounds RangeAnalysis::uncached(Value value, unsigned depth) {
  Bounds any = rangeOfType(value.getType());
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    if (constant.getBitWidth() == 1)
      return {constant.getZExtValue(), constant.getZExtValue()};
    return {constant.getSExtValue(), constant.getSExtValue()};
  }
  auto at = [&](Value operand) { return compute(operand, depth + 1); };

  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop || argument != loop.getInductionVar())
      return any;
    Bounds low = at(loop.getLowerBound()), high = at(loop.getUpperBound());
    return {low.low, std::max(low.low, high.high - 1)};
  }
  return TypeSwitch<Operation *, Bounds>(value.getDefiningOp())
      .Case<arith::AddIOp, arith::SubIOp, arith::MulIOp>(
          [&](Operation *op) { return unwrapped(op, depth); })
      .Case<arith::ExtSIOp>([&](arith::ExtSIOp op) {
        if (getElementTypeOrSelf(op.getIn()).isInteger(1))
          return Bounds{-1, 0};
        return at(op.getIn());
      })
      .Case<arith::IndexCastOp, arith::TruncIOp>([&](Operation *op) {
        if (getElementTypeOrSelf(op->getOperand(0)).isInteger(1))
          return Bounds{-1, 0};
        return at(op->getOperand(0));
      })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>([&](Operation *op) {
        Bounds in = at(op->getOperand(0));
        Type type = getElementTypeOrSelf(op->getOperand(0).getType());
        if (in.isNonNegative() || type.isIndex())
          return in.isNonNegative() ? in : any;
        return Bounds{0, (__int128(1) << type.getIntOrFloatBitWidth()) - 1};
      })
      .Case<arith::SelectOp>([&](arith::SelectOp op) {
        Bounds a = at(op.getTrueValue()), b = at(op.getFalseValue());
        return Bounds{std::min(a.low, b.low), std::max(a.high, b.high)};
      })
      .Case<arith::MinSIOp>([&](arith::MinSIOp op) {
        Bounds a = at(op.getLhs()), b = at(op.getRhs());
        return Bounds{std::min(a.low, b.low), std::min(a.high, b.high)};
      })
      .Case<arith::MaxSIOp>([&](arith::MaxSIOp op) {
        Bounds a = at(op.getLhs()), b = at(op.getRhs());
        return Bounds{std::max(a.low, b.low), std::max(a.high, b.high)};
      })
      .Case<arith::AndIOp>([&](arith::AndIOp op) {
        Bounds a = at(op.getLhs()), b = at(op.getRhs());
        if (a.isNonNegative() && b.isNonNegative())
          return Bounds{0, std::min(a.high, b.high)};
        if (a.isNonNegative() || b.isNonNegative())
          return Bounds{0, a.isNonNegative() ? a.high : b.high};
        return any;
      })
      .Case<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp,
            arith::CeilDivSIOp, arith::CeilDivUIOp>([&](Operation *op) {
        Bounds a = at(op->getOperand(0)), b = at(op->getOperand(1));
        if (!a.isNonNegative() || b.low < 1)
          return any;
        bool up = isa<arith::CeilDivSIOp, arith::CeilDivUIOp>(op);
        __int128 high = a.high / b.low + (up && a.high % b.low != 0);
        return Bounds{a.low / b.high, high};
      })
      .Case<arith::RemSIOp, arith::RemUIOp>([&](Operation *op) {
        Bounds a = at(op->getOperand(0)), b = at(op->getOperand(1));
        if (b.low < 1)
          return any;
        if (a.isNonNegative())
          return Bounds{0, std::min(a.high, b.high - 1)};
        if (isa<arith::RemSIOp>(op))
          return Bounds{-(b.high - 1), b.high - 1};
        return any;
      })
      .Case<arith::ShRSIOp>([&](arith::ShRSIOp op) {
        Bounds a = at(op.getLhs()), b = at(op.getRhs());
        if (b.low < 0 || b.low != b.high || b.low > 63)
          return Bounds{std::min<__int128>(a.low, 0),
                       std::max<__int128>(a.high, 0)};
        return Bounds{a.low >> int(b.low), a.high >> int(b.low)};
      })
      .Default([&](Operation *) { return any; });
}
