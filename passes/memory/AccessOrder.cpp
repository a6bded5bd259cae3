//===- AccessOrder.cpp - What loops still read after a write --------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Addresses are affine in the rounds of the loops around them, plus a number
/// in an interval for what is not (borders, remainders). A write comes before a
/// read if they agree in the rounds of the outer common loops and the next
/// common loop is in an earlier round, or if they agree in all and the write
/// stands first. For each of these cases the difference of the addresses is a
/// linear function over a box (with a triangle in the deciding loop), and its
/// maximum is taken in a corner.
///
//===----------------------------------------------------------------------===//

#include "passes/memory/AccessOrder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace adze::memory;

/// Pairs of accesses beyond which the kernel is not looked at.
static constexpr size_t kMostPairs = 1'000'000;
/// Numbers beyond this are treated as unknown, so that sums cannot overflow.
static constexpr int64_t kLargest = int64_t(1) << 50;

namespace {

/// sum(coefficient * round of loop) + a number in [low, high].
struct Linear {
  SmallVector<int64_t, 6> coefficients; ///< by loop, shorter than the nest: 0
  int64_t low = 0, high = 0;
  bool known = false;

  static Linear constant(int64_t low, int64_t high) {
    Linear result;
    result.low = low;
    result.high = high;
    result.known = std::abs(low) < kLargest && std::abs(high) < kLargest;
    return result;
  }
  int64_t coefficient(size_t loop) const {
    return loop < coefficients.size() ? coefficients[loop] : 0;
  }
  bool isConstant() const {
    return known && low == high &&
           llvm::all_of(coefficients, [](int64_t c) { return c == 0; });
  }
};

/// Rounds 0 to `last` of a loop; last < 0: it never runs.
struct Loop {
  int64_t last;
};

struct Span {
  int64_t low, high;
};

} // namespace

struct AccessOrder::Access {
  bool isWrite;
  int position; ///< in the text
  Linear begin; ///< bytes from the begin of the argument
  int64_t size; ///< bytes
  SmallVector<std::pair<int, Loop>, 6>
      loops; ///< (identity, rounds), outermost first
};

static Linear add(const Linear &a, const Linear &b, int64_t factor) {
  Linear result;
  if (!a.known || !b.known)
    return result;
  int64_t low, high;
  if (llvm::MulOverflow(factor, factor < 0 ? b.high : b.low, low) ||
      llvm::MulOverflow(factor, factor < 0 ? b.low : b.high, high) ||
      std::abs(low) > kLargest || std::abs(high) > kLargest)
    return result;
  result = Linear::constant(a.low + low, a.high + high);
  result.coefficients.resize(
      std::max(a.coefficients.size(), b.coefficients.size()));
  for (size_t i = 0; i < result.coefficients.size(); ++i) {
    int64_t product;
    if (llvm::MulOverflow(factor, b.coefficient(i), product) ||
        std::abs(product) > kLargest)
      return Linear();
    result.coefficients[i] = a.coefficient(i) + product;
    result.known &= std::abs(result.coefficients[i]) < kLargest;
  }
  return result;
}

/// Walks a function in the order of the text.
struct AccessOrder::Collector {
  Collector(func::FuncOp function, AccessOrder &result)
      : function(function), result(result) {}

  void collect() {
    result.accesses.resize(function.getNumArguments());
    for (auto [i, argument] : llvm::enumerate(function.getArguments())) {
      if (!isa<MemRefType>(argument.getType()))
        continue;
      argumentOf[argument] = static_cast<int>(i);
      result.accesses[i].emplace();
    }
    walk(function.getBody().front());
    if (!isKnown)
      for (auto &list : result.accesses)
        list.reset();
  }

private:
  Span spanOf(const Linear &value) const {
    Span range{value.low, value.high};
    for (size_t i = 0; i < value.coefficients.size(); ++i) {
      int64_t extreme = value.coefficients[i] * nest[i].second.last;
      (extreme < 0 ? range.low : range.high) += extreme;
    }
    return range;
  }

  Linear evaluate(Value value);
  Linear evaluateOp(Operation *op);
  void walk(Block &block);
  void walkLoop(scf::ForOp loop);
  void addAccess(Value memory, ValueRange indices, int64_t lanes, bool isWrite);
  void addOther(Operation *op);

  func::FuncOp function;
  AccessOrder &result;
  DenseMap<Value, int> argumentOf; ///< memrefs that are (views of) arguments
  DenseMap<Value, Linear> values;
  SmallVector<std::pair<int, Loop>, 6> nest;
  int loops = 0;
  int position = 0;
  bool isKnown = true; ///< no loops but those whose order is understood
};

Linear AccessOrder::Collector::evaluate(Value value) {
  auto it = values.find(value);
  if (it != values.end())
    return it->second;
  Linear result;
  if (Operation *op = value.getDefiningOp())
    result = evaluateOp(op);
  return values[value] = result;
}

/// Borders are maxima and minima of a linear function f with a constant c:
/// max(f, c) = f + (0 ... c - min f), which keeps how f moves with the loops.
static Linear clampBelow(const Linear &f, int64_t c, Span range) {
  if (range.high <= c)
    return Linear::constant(c, c);
  Linear result = f;
  result.high += std::max<int64_t>(0, c - range.low);
  return result;
}
static Linear clampAbove(const Linear &f, int64_t c, Span range) {
  if (range.low >= c)
    return Linear::constant(c, c);
  Linear result = f;
  result.low -= std::max<int64_t>(0, range.high - c);
  return result;
}

Linear AccessOrder::Collector::evaluateOp(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto number = dyn_cast<IntegerAttr>(constant.getValue());
    if (!number || number.getValue().getSignificantBits() > 62)
      return Linear();
    return Linear::constant(number.getInt(), number.getInt());
  }
  if (auto cast = dyn_cast<arith::IndexCastOp>(op))
    return cast.getIn().getType().isIndex() ||
                   cast.getIn().getType().getIntOrFloatBitWidth() >= 32
               ? evaluate(cast.getIn())
               : Linear();
  if (op->getNumOperands() != 2)
    return Linear();
  Linear a = evaluate(op->getOperand(0)), b = evaluate(op->getOperand(1));
  if (!a.known || !b.known)
    return Linear();
  if (isa<arith::AddIOp>(op))
    return add(a, b, 1);
  if (isa<arith::SubIOp>(op))
    return add(a, b, -1);
  if (isa<arith::MulIOp>(op)) {
    if (a.isConstant())
      std::swap(a, b);
    return b.isConstant() ? add(Linear::constant(0, 0), a, b.low) : Linear();
  }
  if (isa<arith::MaxSIOp, arith::MinSIOp>(op)) {
    if (a.isConstant())
      std::swap(a, b);
    if (!b.isConstant())
      return Linear();
    return isa<arith::MaxSIOp>(op) ? clampBelow(a, b.low, spanOf(a))
                                   : clampAbove(a, b.low, spanOf(a));
  }
  bool isQuotient =
      isa<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>(op);
  if (!isQuotient && !isa<arith::RemSIOp, arith::RemUIOp>(op))
    return Linear();
  Span range = spanOf(a);
  if (!b.isConstant() || b.low <= 0 || range.low < 0)
    return Linear();
  int64_t divisor = b.low;
  bool divides = a.low >= 0 && llvm::all_of(a.coefficients, [&](int64_t c) {
                   return c % divisor == 0;
                 });
  Linear quotient = Linear::constant(a.low / divisor, a.high / divisor);
  if (isQuotient) {
    if (!divides)
      return Linear::constant(range.low / divisor, range.high / divisor);
    quotient.coefficients.resize(a.coefficients.size());
    for (auto [q, c] : llvm::zip_equal(quotient.coefficients, a.coefficients))
      q = c / divisor;
    return quotient;
  }
  if (range.high < divisor)
    return a;
  if (divides && quotient.low == quotient.high)
    return Linear::constant(a.low % divisor, a.high % divisor);
  return Linear::constant(0, divisor - 1);
}

void AccessOrder::Collector::addAccess(Value memory, ValueRange indices,
                                       int64_t lanes, bool isWrite) {
  auto it = argumentOf.find(memory);
  if (it == argumentOf.end() || !result.accesses[it->second])
    return;
  auto type = cast<MemRefType>(memory.getType());
  int64_t bytes = type.getElementType().isIntOrFloat()
                      ? llvm::divideCeil(type.getElementTypeBitWidth(), 8)
                      : 8; // index
  int64_t whole = bytes;
  for (int64_t extent : type.getShape())
    whole *= extent;
  Linear begin = Linear::constant(0, 0);
  int64_t stride = bytes;
  for (size_t i = indices.size(); i-- > 0; stride *= type.getShape()[i])
    begin = add(begin, evaluate(indices[i]), stride);
  int64_t size = bytes * lanes;
  if (!begin.known) {
    begin = Linear::constant(0, 0);
    size = whole;
  }
  begin.coefficients.resize(nest.size(), 0);
  result.accesses[it->second]->push_back(
      {isWrite, position, begin, size, nest});
}

/// Views keep to the bytes of their source if their layout is plain and they
/// begin where it begins; any other use hides the order.
void AccessOrder::Collector::addOther(Operation *op) {
  for (Value operand : op->getOperands()) {
    auto it = argumentOf.find(operand);
    if (it == argumentOf.end())
      continue;
    int argument = it->second;
    auto type = op->getNumResults() == 1
                    ? dyn_cast<MemRefType>(op->getResult(0).getType())
                    : MemRefType();
    bool isPlain =
        type && type.hasStaticShape() && type.getLayout().isIdentity();
    if (auto cast = dyn_cast<memref::ReinterpretCastOp>(op))
      isPlain &= cast.getConstifiedMixedOffset() ==
                 OpFoldResult(Builder(op).getIndexAttr(0));
    else
      isPlain &= isa<memref::CollapseShapeOp, memref::ExpandShapeOp>(op);
    if (isPlain)
      argumentOf[op->getResult(0)] = argument;
    else
      result.accesses[argument].reset();
  }
}

void AccessOrder::Collector::walkLoop(scf::ForOp loop) {
  Linear from = evaluate(loop.getLowerBound());
  Linear to = evaluate(loop.getUpperBound());
  Linear step = evaluate(loop.getStep());
  Linear length = add(to, from, -1);
  // Unknown bounds: several rounds, in which nothing is known of the index.
  int64_t last = 1;
  if (length.known && step.isConstant() && step.low > 0) {
    last = (spanOf(length).high + step.low - 1) / step.low - 1;
    if (spanOf(length).high <= 0)
      last = -1;
    Linear round;
    round.known = true;
    round.coefficients.resize(nest.size() + 1, 0);
    round.coefficients.back() = 1;
    values[loop.getInductionVar()] = add(from, round, step.low);
  }
  if (last < 0)
    return;
  nest.push_back({loops++, {last}});
  walk(*loop.getBody());
  nest.pop_back();
}

void AccessOrder::Collector::walk(Block &block) {
  for (Operation &op : block) {
    ++position;
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      addAccess(load.getMemRef(), load.getIndices(), 1, /*isWrite=*/false);
    } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
      addAccess(store.getMemRef(), store.getIndices(), 1, /*isWrite=*/true);
    } else if (auto load = dyn_cast<vector::LoadOp>(op)) {
      addAccess(load.getBase(), load.getIndices(),
                load.getVectorType().getNumElements(), /*isWrite=*/false);
    } else if (auto store = dyn_cast<vector::StoreOp>(op)) {
      addAccess(store.getBase(), store.getIndices(),
                store.getVectorType().getNumElements(), /*isWrite=*/true);
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      addOther(loop);
      walkLoop(loop);
    } else {
      addOther(&op);
      if (isa<scf::WhileOp>(op))
        nest.push_back({loops++, {1}});
      else if (op.getNumRegions() > 0 && !isa<scf::IfOp>(op))
        isKnown = false;
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          walk(inner);
      if (isa<scf::WhileOp>(op))
        nest.pop_back();
    }
  }
}

AccessOrder::AccessOrder(func::FuncOp function) {
  Collector(function, *this).collect();
}
AccessOrder::~AccessOrder() = default;

std::optional<int64_t> AccessOrder::distance(unsigned output,
                                             unsigned input) const {
  if (!accesses[output] || !accesses[input] ||
      accesses[output]->size() * accesses[input]->size() > kMostPairs)
    return std::nullopt;
  int64_t most = INT64_MIN;
  for (const Access &write : *accesses[output]) {
    for (const Access &read : *accesses[input]) {
      if (!write.isWrite || read.isWrite)
        continue;
      size_t common = 0;
      while (common < std::min(write.loops.size(), read.loops.size()) &&
             write.loops[common].first == read.loops[common].first)
        ++common;
      // Loops inside the deciding one run through all rounds on either side.
      auto inner = [&](size_t from) {
        int64_t sum = 0;
        for (size_t i = from; i < write.loops.size(); ++i)
          sum += std::max<int64_t>(0, write.begin.coefficient(i) *
                                          write.loops[i].second.last);
        for (size_t i = from; i < read.loops.size(); ++i)
          sum += std::max<int64_t>(0, -read.begin.coefficient(i) *
                                          read.loops[i].second.last);
        return sum;
      };
      // The loops outside of it are in the same round.
      int64_t outer = write.begin.high + write.size - read.begin.low;
      for (size_t level = 0; level < common; ++level) {
        int64_t last = write.loops[level].second.last;
        int64_t w = write.begin.coefficient(level),
                r = read.begin.coefficient(level);
        if (last >= 1) {
          int64_t corner = std::max({-r, -r * last, w * (last - 1) - r * last});
          most = std::max(most, outer + corner + inner(level + 1));
        }
        outer += std::max<int64_t>(0, (w - r) * last);
      }
      if (write.position < read.position)
        most = std::max(most, outer + inner(common));
    }
  }
  return most;
}
