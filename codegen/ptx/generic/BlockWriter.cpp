//===- BlockWriter.cpp - Loops shared by the threads of a block -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Outside of shared loops all threads compute the same; stores there are those
/// of thread 0. A barrier stands between accesses of different threads to one
/// buffer if one of them writes. Partial sums are combined in a fixed tree, so
/// that a result never depends on the order in which threads run.
///
//===----------------------------------------------------------------------===//

#include "codegen/ptx/generic/KernelWriter.h"

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

/// A private array of a thread that does not press on its registers.
static constexpr int64_t localBytes = 4096;

static bool canCombine(scf::ForOp loop) {
  for (unsigned i = 0; i < loop.getNumRegionIterArgs(); ++i)
    if (combineOf(loop, i) == Combine::none)
      return false;
  return true;
}

bool ptx::isShareable(scf::ForOp loop, const Buffers &buffers) {
  std::optional<int64_t> trips = tripsOf(loop);
  if ((trips && *trips < 2) || !canCombine(loop))
    return false;
  LoopFacts facts = analyze(loop, buffers);
  return facts.parallel && llvm::all_of(facts.privates, [](Value buffer) {
           return bytesOf(buffer.getType()) <= localBytes;
         });
}

bool BlockWriter::holdsShareable(Operation *op) {
  return op
      ->walk([&](scf::ForOp loop) {
        return loop != op && isShareable(loop, buffers)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

BlockWriter::Effects BlockWriter::effectsOf(Operation *op) {
  Effects effects;
  if (auto accesses = accessesIn(op))
    for (const Access &access : *accesses) {
      Value root = access.root;
      if (op->isAncestor(root.getParentBlock()->getParentOp()))
        continue;
      (access.isWrite ? effects.writes : effects.reads).insert(root);
    }
  return effects;
}

bool BlockWriter::conflict(const llvm::SetVector<Value> &a,
                           const llvm::SetVector<Value> &b) {
  for (Value x : a)
    for (Value y : b)
      if (buffers.mayAlias(x, y))
        return true;
  return false;
}

void BlockWriter::barrier() {
  if (threads > 1)
    gpu::BarrierOp::create(w.b, w.loc());
  pending = {};
}

void BlockWriter::order(const Effects &next) {
  if (conflict(pending.writes, next.reads) ||
      conflict(pending.writes, next.writes) ||
      conflict(pending.reads, next.writes))
    barrier();
  pending.reads.insert_range(next.reads);
  pending.writes.insert_range(next.writes);
}

void BlockWriter::write(Block *block) {
  for (Operation &op : block->without_terminator())
    write(&op);
}

void BlockWriter::write(Operation *op) {
  if (auto array = dyn_cast<memref::AllocaOp>(op))
    return w.makeShared(array);
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    bool inside = holdsShareable(loop);
    std::optional<int64_t> trips = tripsOf(loop);
    if (isShareable(loop, buffers) && (!inside || !trips || *trips >= 16))
      return writeShared(loop);
    if (inside)
      return writeUniform(loop);
  }
  if (auto branch = dyn_cast<scf::IfOp>(op); branch && holdsShareable(branch))
    return writeUniform(branch);
  Effects effects = effectsOf(op);
  order(effects);
  if (effects.writes.empty()) {
    w.clone(op);
    return;
  }
  writeAlone(op);
}

/// An operation that writes runs in thread 0; the others get its results
/// through shared memory.
void BlockWriter::writeAlone(Operation *op) {
  if (threads == 1) {
    w.clone(op);
    return;
  }
  if (op->getNumRegions() > 0)
    hasSerialLoops = true;
  SmallVector<Value> slots;
  for (Value result : op->getResults())
    slots.push_back(w.sharedArray(MemRefType::get({1}, result.getType())));
  Value zero = w.index(0);
  Value isFirst = arith::CmpIOp::create(w.b, w.loc(), arith::CmpIPredicate::eq,
                                        w.threadId(), zero);
  if (!slots.empty())
    barrier(); // the last readers of the slots
  for (Value operand : op->getOperands())
    w.mapped(operand);
  auto branch = scf::IfOp::create(w.b, w.loc(), isFirst, false);
  {
    OpBuilder::InsertionGuard guard(w.b);
    w.b.setInsertionPointToStart(branch.thenBlock());
    Operation *copy = w.clone(op);
    for (auto [slot, result] : llvm::zip_equal(slots, copy->getResults()))
      memref::StoreOp::create(w.b, w.loc(), result, slot, zero);
  }
  if (!slots.empty())
    barrier();
  for (auto [slot, result] : llvm::zip_equal(slots, op->getResults()))
    w.map.map(result,
              memref::LoadOp::create(w.b, w.loc(), slot, zero).getResult());
}

void BlockWriter::writeUniform(scf::ForOp loop) {
  SmallVector<Value> inits;
  for (Value init : loop.getInitArgs())
    inits.push_back(w.mapped(init));
  auto copy = scf::ForOp::create(w.b, w.loc(), w.mapped(loop.getLowerBound()),
                                 w.mapped(loop.getUpperBound()),
                                 w.mapped(loop.getStep()), inits);
  // At the begin of a round, accesses of the round before may still go on.
  Effects all = effectsOf(loop);
  pending.reads.insert_range(all.reads);
  pending.writes.insert_range(all.writes);
  Effects before = pending;
  OpBuilder::InsertionGuard guard(w.b);
  w.map.map(loop.getInductionVar(), copy.getInductionVar());
  for (auto [from, to] :
       llvm::zip_equal(loop.getRegionIterArgs(), copy.getRegionIterArgs()))
    w.map.map(from, to);
  if (loop.getNumRegionIterArgs() == 0) {
    w.b.setInsertionPoint(copy.getBody()->getTerminator());
    write(loop.getBody());
  } else {
    w.b.setInsertionPointToStart(copy.getBody());
    write(loop.getBody());
    SmallVector<Value> yielded;
    for (Value value : loop.getYieldedValues())
      yielded.push_back(w.mapped(value));
    scf::YieldOp::create(w.b, w.loc(), yielded);
  }
  for (auto [from, to] : llvm::zip_equal(loop.getResults(), copy.getResults()))
    w.map.map(from, to);
  pending.reads.insert_range(before.reads);
  pending.writes.insert_range(before.writes);
}

void BlockWriter::writeUniform(scf::IfOp branch) {
  bool hasElse = !branch.getElseRegion().empty();
  auto copy = scf::IfOp::create(w.b, w.loc(), branch.getResultTypes(),
                                w.mapped(branch.getCondition()), hasElse);
  Effects before = pending, after;
  auto side = [&](Region &from, Region &to) {
    pending = before;
    OpBuilder::InsertionGuard guard(w.b);
    Block *target = to.empty() ? w.b.createBlock(&to) : &to.front();
    if (!target->empty())
      target->back().erase();
    w.b.setInsertionPointToEnd(target);
    write(&from.front());
    SmallVector<Value> yielded;
    for (Value value : from.front().getTerminator()->getOperands())
      yielded.push_back(w.mapped(value));
    scf::YieldOp::create(w.b, w.loc(), yielded);
    after.reads.insert_range(pending.reads);
    after.writes.insert_range(pending.writes);
  };
  side(branch.getThenRegion(), copy.getThenRegion());
  if (hasElse)
    side(branch.getElseRegion(), copy.getElseRegion());
  after.reads.insert_range(before.reads);
  after.writes.insert_range(before.writes);
  pending = after;
  for (auto [from, to] :
       llvm::zip_equal(branch.getResults(), copy.getResults()))
    w.map.map(from, to);
}

namespace {

/// The value that changes nothing.
Value neutral(OpBuilder &b, Location loc, Combine how, Type type) {
  auto integer = [&](APInt value) -> Value {
    if (type.isIndex())
      return arith::ConstantOp::create(
          b, loc, IntegerAttr::get(type, value.sextOrTrunc(64)));
    return arith::ConstantOp::create(b, loc, IntegerAttr::get(type, value));
  };
  unsigned width = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
  auto number = [&](APFloat value) -> Value {
    return arith::ConstantOp::create(b, loc, FloatAttr::get(type, value));
  };
  auto semantics = [&]() -> const llvm::fltSemantics & {
    return cast<FloatType>(type).getFloatSemantics();
  };
  switch (how) {
  case Combine::addf:
    // -0 + x is x for every x, 0 + -0 is not -0.
    return number(APFloat::getZero(semantics(), /*Negative=*/true));
  case Combine::mulf:
    return number(APFloat::getOne(semantics()));
  case Combine::maximumf:
  case Combine::maxnumf:
    return number(APFloat::getInf(semantics(), /*Negative=*/true));
  case Combine::minimumf:
  case Combine::minnumf:
    return number(APFloat::getInf(semantics()));
  case Combine::muli:
    return integer(APInt(width, 1));
  case Combine::maxsi:
    return integer(APInt::getSignedMinValue(width));
  case Combine::minsi:
    return integer(APInt::getSignedMaxValue(width));
  case Combine::minui:
  case Combine::andi:
    return integer(APInt::getAllOnes(width));
  default:
    return integer(APInt::getZero(width));
  }
}

Value combine(OpBuilder &b, Location loc, Combine how, Value x, Value y) {
  switch (how) {
  case Combine::addf:
    return arith::AddFOp::create(b, loc, x, y);
  case Combine::mulf:
    return arith::MulFOp::create(b, loc, x, y);
  case Combine::maximumf:
    return arith::MaximumFOp::create(b, loc, x, y);
  case Combine::minimumf:
    return arith::MinimumFOp::create(b, loc, x, y);
  case Combine::maxnumf:
    return arith::MaxNumFOp::create(b, loc, x, y);
  case Combine::minnumf:
    return arith::MinNumFOp::create(b, loc, x, y);
  case Combine::addi:
    return arith::AddIOp::create(b, loc, x, y);
  case Combine::muli:
    return arith::MulIOp::create(b, loc, x, y);
  case Combine::maxsi:
    return arith::MaxSIOp::create(b, loc, x, y);
  case Combine::minsi:
    return arith::MinSIOp::create(b, loc, x, y);
  case Combine::maxui:
    return arith::MaxUIOp::create(b, loc, x, y);
  case Combine::minui:
    return arith::MinUIOp::create(b, loc, x, y);
  case Combine::andi:
    return arith::AndIOp::create(b, loc, x, y);
  case Combine::ori:
    return arith::OrIOp::create(b, loc, x, y);
  case Combine::xori:
    return arith::XOrIOp::create(b, loc, x, y);
  case Combine::none:
    break;
  }
  return {};
}

} // namespace

/// The combination of one value of each thread, in all threads. Within a warp
/// by a butterfly, in which both sides of an exchange compute the same; warps
/// through shared memory, in their order.
Value BlockWriter::combineAll(Value partial, Combine how) {
  OpBuilder &b = w.b;
  Location loc = w.loc();
  Type type = partial.getType();
  bool inRegisters = type.isF32() || type.isInteger(32);
  int64_t parts = threads;
  if (inRegisters) {
    Value width = arith::ConstantIntOp::create(b, loc, 32, 32);
    for (int32_t distance = 16; distance > 0; distance /= 2) {
      Value offset = arith::ConstantIntOp::create(b, loc, distance, 32);
      auto other = gpu::ShuffleOp::create(b, loc, partial, offset, width,
                                          gpu::ShuffleMode::XOR);
      partial = combine(b, loc, how, partial, other.getShuffleResult());
    }
    parts = threads / 32;
    if (parts == 1)
      return partial;
  }
  Value slots = w.sharedArray(MemRefType::get({parts}, type));
  barrier(); // the last readers of the slots
  Value thread = w.threadId();
  if (inRegisters) {
    Value warpSize = w.index(32);
    Value lane = arith::RemUIOp::create(b, loc, thread, warpSize);
    Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                          lane, w.index(0));
    Value warp = arith::DivUIOp::create(b, loc, thread, warpSize);
    auto branch = scf::IfOp::create(b, loc, isFirst, false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    memref::StoreOp::create(b, loc, partial, slots, warp);
  } else {
    memref::StoreOp::create(b, loc, partial, slots, thread);
  }
  barrier();
  Value first = memref::LoadOp::create(b, loc, slots, w.index(0));
  auto sum = scf::ForOp::create(
      b, loc, w.index(1), w.index(parts), w.index(1), first,
      [&](OpBuilder &inner, Location, Value i, ValueRange carried) {
        Value next = memref::LoadOp::create(inner, loc, slots, i);
        scf::YieldOp::create(inner, loc,
                             combine(inner, loc, how, carried[0], next));
      });
  return sum.getResult(0);
}

void BlockWriter::writeShared(scf::ForOp loop) {
  order(effectsOf(loop));
  LoopFacts facts = analyze(loop, buffers);
  for (Value buffer : facts.privates)
    w.makeLocal(buffer);
  // Nests of independent loops are shared as one.
  SmallVector<scf::ForOp> nest{loop};
  while (facts.privates.empty() && loop.getNumRegionIterArgs() == 0 &&
         tripsOf(nest.back())) {
    Block *body = nest.back().getBody();
    auto inner =
        dyn_cast_or_null<scf::ForOp>(body->getTerminator()->getPrevNode());
    if (!inner || !tripsOf(inner) || inner.getNumRegionIterArgs() > 0 ||
        !llvm::all_of(body->without_terminator(), [&](Operation &op) {
          return &op == inner || isPure(&op);
        }))
      break;
    LoopFacts innerFacts = analyze(inner, buffers);
    if (!innerFacts.parallel || !innerFacts.privates.empty())
      break;
    nest.push_back(inner);
  }
  OpBuilder &b = w.b;
  Location loc = w.loc();
  Value thread = w.threadId();
  scf::ForOp innermost = nest.back();
  if (loop.getNumRegionIterArgs() == 0 && tripsOf(loop)) {
    int64_t total = 1;
    for (scf::ForOp one : nest)
      total *= *tripsOf(one);
    auto shared =
        scf::ForOp::create(b, loc, thread, w.index(total), w.index(threads));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(shared.getBody()->getTerminator());
    w.mapIterations(shared.getInductionVar(), nest);
    for (scf::ForOp one : nest)
      for (Operation &op : one.getBody()->without_terminator())
        if (one == innermost || !isa<scf::ForOp>(op))
          w.clone(&op);
    return;
  }
  SmallVector<Combine> how;
  SmallVector<Value> inits, partials;
  for (unsigned i = 0; i < loop.getNumRegionIterArgs(); ++i) {
    how.push_back(combineOf(loop, i));
    inits.push_back(w.mapped(loop.getInitArgs()[i]));
    partials.push_back(
        neutral(b, loc, how[i], loop.getInitArgs()[i].getType()));
  }
  Value step = w.mapped(loop.getStep());
  Value from =
      arith::AddIOp::create(b, loc, w.mapped(loop.getLowerBound()),
                            arith::MulIOp::create(b, loc, thread, step));
  Value stride = arith::MulIOp::create(b, loc, step, w.index(threads));
  auto shared = scf::ForOp::create(b, loc, from, w.mapped(loop.getUpperBound()),
                                   stride, partials);
  {
    OpBuilder::InsertionGuard guard(b);
    w.map.map(loop.getInductionVar(), shared.getInductionVar());
    for (auto [before, after] :
         llvm::zip_equal(loop.getRegionIterArgs(), shared.getRegionIterArgs()))
      w.map.map(before, after);
    if (partials.empty()) {
      b.setInsertionPoint(shared.getBody()->getTerminator());
      w.cloneBody(loop.getBody());
    } else {
      b.setInsertionPointToStart(shared.getBody());
      w.cloneBody(loop.getBody());
      SmallVector<Value> yielded;
      for (Value value : loop.getYieldedValues())
        yielded.push_back(w.mapped(value));
      scf::YieldOp::create(b, loc, yielded);
    }
  }
  for (unsigned i = 0; i < how.size(); ++i) {
    Value all = combineAll(shared.getResult(i), how[i]);
    w.map.map(loop.getResult(i), combine(b, loc, how[i], inits[i], all));
  }
}
