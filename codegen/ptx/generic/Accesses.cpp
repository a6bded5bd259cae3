//===- Accesses.cpp - Where a loop nest reads and writes --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Independence is the classical test on linear indices (Banerjee's bounds, one
/// dimension at a time): c * i + r and c * i' + r' are different for i != i' if
/// r - r' stays within the step of c * i. What varies inside an iteration
/// counts with its whole range, so the test never claims too much.
///
//===----------------------------------------------------------------------===//

#include "codegen/ptx/generic/Accesses.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

static std::optional<int64_t> constantOf(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)) &&
      constant.getSignificantBits() <= 64)
    return constant.getSExtValue();
  return std::nullopt;
}

static void addTo(LinearIndex &sum, const LinearIndex &other, int64_t factor) {
  sum.constant += other.constant * factor;
  for (auto &[value, coefficient] : other.terms) {
    int64_t &mine = sum.terms[value];
    mine += coefficient * factor;
    if (mine == 0)
      sum.terms.erase(value);
  }
}

LinearIndex ptx::linearIndex(Value index) {
  LinearIndex result;
  if (auto constant = constantOf(index)) {
    result.constant = *constant;
    return result;
  }
  Operation *op = index.getDefiningOp();
  if (isa_and_nonnull<arith::AddIOp, arith::SubIOp>(op)) {
    addTo(result, linearIndex(op->getOperand(0)), 1);
    addTo(result, linearIndex(op->getOperand(1)),
          isa<arith::AddIOp>(op) ? 1 : -1);
    return result;
  }
  if (isa_and_nonnull<arith::MulIOp>(op))
    for (unsigned side : {0, 1})
      if (auto factor = constantOf(op->getOperand(side))) {
        addTo(result, linearIndex(op->getOperand(1 - side)), *factor);
        return result;
      }
  result.terms[index] = 1;
  return result;
}

static Interval sum(Interval a, Interval b) {
  Interval result;
  if (a.low != INT64_MIN && b.low != INT64_MIN)
    result.low = a.low + b.low;
  if (a.high != INT64_MAX && b.high != INT64_MAX)
    result.high = a.high + b.high;
  return result;
}

static Interval times(Interval a, int64_t factor) {
  if (factor < 0)
    a = {a.high == INT64_MAX ? INT64_MIN : a.high,
         a.low == INT64_MIN ? INT64_MAX : a.low};
  Interval result;
  if (a.low != INT64_MIN && a.low != INT64_MAX)
    result.low = a.low * factor;
  if (a.high != INT64_MAX && a.high != INT64_MIN)
    result.high = a.high * factor;
  return result;
}

static Interval rangeOfLinear(const LinearIndex &index) {
  Interval result{index.constant, index.constant};
  for (auto &[value, coefficient] : index.terms)
    result = sum(result, times(rangeOf(value), coefficient));
  return result;
}

/// The range of something that is no sum.
static Interval rangeOfTerm(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop || argument != loop.getInductionVar())
      return {};
    Interval low = rangeOf(loop.getLowerBound());
    Interval high = rangeOf(loop.getUpperBound());
    auto from = constantOf(loop.getLowerBound());
    auto to = constantOf(loop.getUpperBound());
    auto step = constantOf(loop.getStep());
    if (from && to && step && *step > 0 && *to > *from)
      return {*from, *from + (*to - *from - 1) / *step * *step};
    return {low.low, high.high == INT64_MAX ? INT64_MAX : high.high - 1};
  }
  Operation *op = value.getDefiningOp();
  auto operand = [&](unsigned index) { return rangeOf(op->getOperand(index)); };
  if (isa<arith::RemUIOp, arith::RemSIOp>(op)) {
    auto divisor = constantOf(op->getOperand(1));
    if (divisor && *divisor > 0 &&
        (isa<arith::RemUIOp>(op) || operand(0).low >= 0))
      return {0, *divisor - 1};
    return {};
  }
  if (isa<arith::DivUIOp, arith::DivSIOp>(op)) {
    auto divisor = constantOf(op->getOperand(1));
    Interval range = operand(0);
    if (divisor && *divisor > 0 && range.low >= 0 && range.isBounded())
      return {range.low / *divisor, range.high / *divisor};
    return {};
  }
  if (isa<arith::MinSIOp>(op)) {
    Interval a = operand(0), b = operand(1);
    return {std::min(a.low, b.low), std::min(a.high, b.high)};
  }
  if (isa<arith::MaxSIOp>(op)) {
    Interval a = operand(0), b = operand(1);
    return {std::max(a.low, b.low), std::max(a.high, b.high)};
  }
  if (isa<arith::SelectOp>(op)) {
    Interval a = operand(1), b = operand(2);
    return {std::min(a.low, b.low), std::max(a.high, b.high)};
  }
  return {};
}

Interval ptx::rangeOf(Value index) {
  LinearIndex form = linearIndex(index);
  if (form.terms.size() == 1 && form.terms.front().first == index)
    return rangeOfTerm(index);
  return rangeOfLinear(form);
}

Value ptx::rootOf(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return buffer;
}

bool ptx::isRuntimeCall(Operation *op) {
  auto call = dyn_cast<func::CallOp>(op);
  if (!call)
    return false;
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, call.getCalleeAttr());
  return callee && (callee->hasAttr("adze.runtime") ||
                    callee.getSymName().starts_with("adze_"));
}

std::optional<SmallVector<Access>> ptx::accessesIn(Operation *op) {
  SmallVector<Access> accesses;
  auto add = [&](Operation *op, Value buffer, ValueRange indices, Type type,
                 bool isWrite) {
    Access access{op, buffer, rootOf(buffer), {}, 1, isWrite};
    for (Value index : indices)
      access.indices.push_back(linearIndex(index));
    if (auto vector = dyn_cast<VectorType>(type))
      access.lanes = vector.getNumElements();
    accesses.push_back(std::move(access));
  };
  WalkResult result = op->walk([&](Operation *inner) {
    if (auto load = dyn_cast<memref::LoadOp>(inner))
      add(inner, load.getMemRef(), load.getIndices(), load.getType(), false);
    else if (auto store = dyn_cast<memref::StoreOp>(inner))
      add(inner, store.getMemRef(), store.getIndices(),
          store.getValueToStore().getType(), true);
    else if (auto load = dyn_cast<vector::LoadOp>(inner))
      add(inner, load.getBase(), load.getIndices(), load.getType(), false);
    else if (auto store = dyn_cast<vector::StoreOp>(inner))
      add(inner, store.getBase(), store.getIndices(), store.getVectorType(),
          true);
    else if (!isa<memref::AllocaOp, func::FuncOp>(inner) &&
             !inner->hasTrait<OpTrait::HasRecursiveMemoryEffects>() &&
             !inner->hasTrait<OpTrait::IsTerminator>() &&
             !isRuntimeCall(inner) && !isMemoryEffectFree(inner))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return std::nullopt;
  return accesses;
}

std::optional<int64_t> ptx::strideOf(const Access &access, Value variable) {
  auto type = cast<MemRefType>(access.buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) ||
      strides.size() != access.indices.size())
    return std::nullopt;
  int64_t result = 0;
  for (auto [index, stride] : llvm::zip_equal(access.indices, strides)) {
    for (auto &[value, coefficient] : index.terms) {
      if (value == variable) {
        if (ShapedType::isDynamic(stride))
          return std::nullopt;
        result += coefficient * stride;
        continue;
      }
      // A term made of the variable in another way has no one stride.
      SmallVector<Value> worklist{value};
      llvm::SmallDenseSet<Value> seen;
      while (!worklist.empty()) {
        Value next = worklist.pop_back_val();
        if (next == variable)
          return std::nullopt;
        Operation *from = next.getDefiningOp();
        if (from && seen.insert(next).second)
          llvm::append_range(worklist, from->getOperands());
      }
    }
  }
  return result;
}

Buffers::Buffers(func::FuncOp function)
    : restrict(function->hasAttr("adze.restrict")) {
  auto scratch = function->getAttrOfType<IntegerAttr>("adze.scratch");
  firstScratch = function.getNumArguments() - (scratch ? scratch.getInt() : 0);
}

bool Buffers::mayAlias(Value a, Value b) const {
  if (a == b)
    return true;
  auto first = dyn_cast<BlockArgument>(a), second = dyn_cast<BlockArgument>(b);
  if (!first || !second)
    return false; // an array or a constant of its own
  if (first.getArgNumber() >= firstScratch ||
      second.getArgNumber() >= firstScratch)
    return false;
  return !restrict;
}

bool Buffers::isScratch(Value root) const {
  if (auto argument = dyn_cast<BlockArgument>(root))
    return argument.getOwner()->isEntryBlock() &&
           isa<func::FuncOp>(argument.getOwner()->getParentOp()) &&
           argument.getArgNumber() >= firstScratch;
  return root.getDefiningOp<memref::AllocaOp>() != nullptr;
}

/// Different iterations of the loop touch different elements.
static bool areApart(const Access &a, const Access &b, scf::ForOp loop) {
  if (a.buffer != b.buffer || a.indices.size() != b.indices.size() ||
      !loop.isDefinedOutsideOfLoop(a.buffer))
    return false;
  auto step = constantOf(loop.getStep());
  if (!step || *step <= 0)
    return false;
  for (size_t d = 0; d < a.indices.size(); ++d) {
    LinearIndex x = a.indices[d], y = b.indices[d];
    Value variable = loop.getInductionVar();
    int64_t cx = x.terms.lookup(variable), cy = y.terms.lookup(variable);
    if (cx == 0 || cx != cy)
      continue;
    x.terms.erase(variable);
    y.terms.erase(variable);
    Interval difference{x.constant - y.constant, x.constant - y.constant};
    // What is the same in all iterations cancels.
    for (auto &[value, coefficient] : llvm::to_vector(x.terms)) {
      if (!loop.isDefinedOutsideOfLoop(value))
        continue;
      auto it = y.terms.find(value);
      if (it == y.terms.end() || it->second != coefficient)
        continue;
      y.terms.erase(value);
      x.terms.erase(value);
    }
    for (auto &[value, coefficient] : x.terms)
      difference = sum(difference, times(rangeOf(value), coefficient));
    for (auto &[value, coefficient] : y.terms)
      difference = sum(difference, times(rangeOf(value), -coefficient));
    if (d + 1 == a.indices.size()) {
      difference = sum(difference, {1 - b.lanes, a.lanes - 1});
    }
    int64_t distance = std::abs(cx * *step);
    if (difference.isBounded() && difference.low > -distance &&
        difference.high < distance)
      return true;
  }
  return false;
}

/// The access happens whenever `scope`'s body runs: only loops that run at
/// least once are between.
static bool isUnconditional(Operation *op, Operation *scope) {
  for (Operation *parent = op->getParentOp(); parent != scope;
       parent = parent->getParentOp()) {
    auto loop = dyn_cast_or_null<scf::ForOp>(parent);
    if (!loop)
      return false;
    auto from = constantOf(loop.getLowerBound());
    auto to = constantOf(loop.getUpperBound());
    if (!from || !to || *from >= *to)
      return false;
  }
  return true;
}

/// The elements of each dimension that a write covers completely: a constant,
/// or one induction variable of a loop within `scope` that visits all numbers
/// of an interval.
static std::optional<SmallVector<Interval>> coverOf(const Access &write,
                                                    scf::ForOp scope) {
  SmallVector<Interval> cover;
  llvm::SmallDenseSet<Value> used;
  for (auto [d, index] : llvm::enumerate(write.indices)) {
    int64_t lanes = d + 1 == write.indices.size() ? write.lanes : 1;
    if (index.terms.empty()) {
      cover.push_back({index.constant, index.constant + lanes - 1});
      continue;
    }
    if (index.terms.size() != 1)
      return std::nullopt;
    auto [value, coefficient] = index.terms.front();
    auto argument = dyn_cast<BlockArgument>(value);
    auto loop = argument
                    ? dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp())
                    : scf::ForOp();
    if (!loop || argument != loop.getInductionVar() ||
        !scope->isProperAncestor(loop) || coefficient != 1 ||
        !used.insert(value).second)
      return std::nullopt;
    auto step = constantOf(loop.getStep());
    Interval range = rangeOf(value);
    if (!step || *step > lanes || !range.isBounded())
      return std::nullopt;
    cover.push_back(
        {range.low + index.constant, range.high + index.constant + lanes - 1});
  }
  return cover;
}

/// Whether an iteration writes each element of a buffer before it reads it.
static bool isFilledFirst(ArrayRef<const Access *> accesses, scf::ForOp loop) {
  // The statement of the loop's body that holds an operation.
  auto statement = [&](Operation *op) {
    while (op->getBlock() != loop.getBody())
      op = op->getParentOp();
    return op;
  };
  for (const Access *read : accesses) {
    if (read->isWrite)
      continue;
    if (!loop.isDefinedOutsideOfLoop(read->buffer))
      return false;
    bool found = false;
    for (const Access *write : accesses) {
      if (!write->isWrite || write->buffer != read->buffer)
        continue;
      // The same element, written just before in the same block.
      if (write->op->getBlock() == read->op->getBlock() &&
          write->op->isBeforeInBlock(read->op) && write->lanes >= read->lanes &&
          llvm::equal(write->indices, read->indices,
                      [](const LinearIndex &a, const LinearIndex &b) {
                        return a.constant == b.constant &&
                               a.terms.size() == b.terms.size() &&
                               llvm::all_of(a.terms, [&](auto &term) {
                                 return b.terms.lookup(term.first) ==
                                        term.second;
                               });
                      })) {
        found = true;
        break;
      }
      Operation *before = statement(write->op), *after = statement(read->op);
      if (before == after || !before->isBeforeInBlock(after) ||
          !isUnconditional(write->op, loop))
        continue;
      auto cover = coverOf(*write, loop);
      if (!cover)
        continue;
      bool inside = true;
      for (auto [d, index] : llvm::enumerate(read->indices)) {
        Interval range = rangeOfLinear(index);
        if (d + 1 == read->indices.size())
          range = sum(range, {0, read->lanes - 1});
        Interval written = (*cover)[d];
        // Within the bounds of the buffer every read is.
        int64_t size = cast<MemRefType>(read->buffer.getType()).getDimSize(d);
        range.low = std::max<int64_t>(range.low, 0);
        range.high = std::min(range.high, size - 1);
        inside &= range.low >= written.low && range.high <= written.high;
      }
      if (inside) {
        found = true;
        break;
      }
    }
    if (!found)
      return false;
  }
  return true;
}

LoopFacts ptx::analyze(scf::ForOp loop, const Buffers &buffers) {
  LoopFacts facts;
  std::optional<SmallVector<Access>> accesses = accessesIn(loop);
  if (!accesses)
    return facts;
  llvm::SmallDenseSet<Value> conflicts;
  for (const Access &write : *accesses) {
    Value root = write.root;
    if (!write.isWrite ||
        loop->isAncestor(root.getParentBlock()->getParentOp()))
      continue; // reads, and arrays of one iteration
    for (const Access &other : *accesses) {
      if (!buffers.mayAlias(write.root, other.root))
        continue;
      if (other.root != write.root)
        return facts;
      if (!areApart(write, other, loop))
        conflicts.insert(write.root);
    }
  }
  for (Value root : conflicts) {
    if (!buffers.isScratch(root))
      return facts;
    SmallVector<const Access *> mine;
    for (const Access &access : *accesses)
      if (access.root == root)
        mine.push_back(&access);
    SmallVector<Value> worklist{root};
    while (!worklist.empty())
      for (Operation *user : worklist.pop_back_val().getUsers()) {
        if (!loop->isProperAncestor(user))
          return facts;
        if (isa<ViewLikeOpInterface>(user))
          llvm::append_range(worklist, user->getResults());
      }
    if (!isFilledFirst(mine, loop))
      return facts;
    facts.privates.insert(root);
  }
  facts.parallel = true;
  return facts;
}

static Combine combineOfOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, Combine>(op)
      .Case<arith::AddFOp, math::FmaOp>([](auto) { return Combine::addf; })
      .Case([](arith::MulFOp) { return Combine::mulf; })
      .Case([](arith::MaximumFOp) { return Combine::maximumf; })
      .Case([](arith::MinimumFOp) { return Combine::minimumf; })
      .Case([](arith::MaxNumFOp) { return Combine::maxnumf; })
      .Case([](arith::MinNumFOp) { return Combine::minnumf; })
      .Case([](arith::AddIOp) { return Combine::addi; })
      .Case([](arith::MulIOp) { return Combine::muli; })
      .Case([](arith::MaxSIOp) { return Combine::maxsi; })
      .Case([](arith::MinSIOp) { return Combine::minsi; })
      .Case([](arith::MaxUIOp) { return Combine::maxui; })
      .Case([](arith::MinUIOp) { return Combine::minui; })
      .Case([](arith::AndIOp) { return Combine::andi; })
      .Case([](arith::OrIOp) { return Combine::ori; })
      .Case([](arith::XOrIOp) { return Combine::xori; })
      .Default([](Operation *) { return Combine::none; });
}

Combine ptx::combineOf(scf::ForOp loop, unsigned index) {
  Value carried = loop.getRegionIterArg(index);
  if (!carried.hasOneUse() || isa<VectorType>(carried.getType()))
    return Combine::none;
  Value next = loop.getYieldedValues()[index];
  OpOperand &use = *carried.use_begin();
  if (auto inner = dyn_cast<scf::ForOp>(use.getOwner())) {
    for (unsigned i = 0; i < inner.getNumRegionIterArgs(); ++i)
      if (inner.getInitArgs()[i] == carried && next == inner.getResult(i) &&
          inner->getParentOp() == loop)
        return combineOf(inner, i);
    return Combine::none;
  }
  Operation *op = next.getDefiningOp();
  if (!op || use.getOwner() != op || op->getParentOp() != loop ||
      !next.hasOneUse())
    return Combine::none;
  if (isa<math::FmaOp>(op) && use.getOperandNumber() != 2)
    return Combine::none;
  return combineOfOp(op);
}
