//===- Movement.cpp - Elements of reshaped, sliced, padded, joined tensors -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/elements/Elements.h"

#include "dialects/nn/nn.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

Value elements::reshape(Operation *op, unsigned, ArrayRef<Value> at,
                        int64_t lanes, ElementEmitter &e) {
  Value input = cast<nn::ReshapeOp>(op).getInput();
  ArrayRef<int64_t> from = shapeOf(input), to = shapeOf(op->getResult(0));
  // Split both shapes into the smallest groups of dimensions with equal
  // products; index arithmetic stays within a group.
  Indices source;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    size_t i0 = i, j0 = j;
    int64_t a = i < from.size() ? from[i++] : 1;
    int64_t c = j < to.size() ? to[j++] : 1;
    while (a != c || (a == 1 && i == i0 && i < from.size())) {
      if (a < c && i < from.size())
        a *= from[i++];
      else if (j < to.size())
        c *= to[j++];
      else
        break;
    }
    // Trailing ones belong to the last group.
    if (j == to.size())
      while (i < from.size() && from[i] == 1)
        ++i;
    if (i == from.size())
      while (j < to.size() && to[j] == 1)
        ++j;
    if (i - i0 == 1 && j - j0 == 1) {
      source.push_back(at[j0]);
      continue;
    }
    Value linear = e.index(0);
    for (size_t k = j0; k < j; ++k)
      if (to[k] != 1)
        linear = e.add(e.mul(linear, to[k]), at[k]);
    bool lastGroup = j == to.size() && i == from.size();
    if (lanes > 1 && lastGroup) {
      bool sameRows = i > i0 && from[i - 1] == to[j - 1];
      if (i - i0 != 1 && !sameRows)
        return nullptr;
    }
    SmallVector<Value> parts(i - i0);
    for (size_t k = i; k-- > i0;) {
      if (from[k] == 1) {
        parts[k - i0] = e.index(0);
        continue;
      }
      bool outermost = true;
      for (size_t m = i0; m < k; ++m)
        outermost &= from[m] == 1;
      parts[k - i0] = outermost ? linear : e.rem(linear, from[k]);
      if (!outermost)
        linear = e.div(linear, from[k]);
    }
    source.append(parts.begin(), parts.end());
  }
  return e.element(input, source, lanes);
}

Value elements::transpose(Operation *op, unsigned, ArrayRef<Value> at,
                          int64_t lanes, ElementEmitter &e) {
  auto transpose = cast<nn::TransposeOp>(op);
  ArrayRef<int64_t> perm = transpose.getPerm();
  if (lanes > 1 && perm.back() + 1 != int64_t(perm.size()))
    return nullptr;
  Indices source(at.size());
  for (auto [i, p] : llvm::enumerate(perm))
    source[p] = at[i];
  return e.element(transpose.getInput(), source, lanes);
}

Value elements::unpack(Operation *op, unsigned, ArrayRef<Value> at,
                       int64_t lanes, ElementEmitter &e) {
  Value panels = cast<nn::UnpackOp>(op).getPanels();
  int64_t columns = shapeOf(panels)[2];
  if (columns % lanes != 0)
    return nullptr;
  return e.element(
      panels, {e.div(at[1], columns), at[0], e.rem(at[1], columns)}, lanes);
}

Value elements::slice(Operation *op, unsigned, ArrayRef<Value> at,
                      int64_t lanes, ElementEmitter &e) {
  auto slice = cast<nn::SliceOp>(op);
  if (lanes > 1 && slice.getSteps().back() != 1)
    return nullptr;
  Indices source;
  for (auto [i, start, step] :
       llvm::zip(at, slice.getStarts(), slice.getSteps()))
    source.push_back(e.add(e.mul(i, step), start));
  return e.element(slice.getInput(), source, lanes);
}

Value elements::broadcast(Operation *op, unsigned, ArrayRef<Value> at,
                          int64_t lanes, ElementEmitter &e) {
  Value input = cast<nn::BroadcastOp>(op).getInput();
  Indices source;
  for (auto [i, size] : llvm::zip(at, shapeOf(input)))
    source.push_back(size == 1 ? e.index(0) : i);
  if (lanes > 1 && shapeOf(input).back() == 1)
    return e.broadcast(e.element(input, source), lanes);
  return e.element(input, source, lanes);
}

/// The source index of a padded index under the modes that mirror or repeat.
static Value foldIndex(nn::PadMode mode, Value i, int64_t size,
                       ElementEmitter &e) {
  Value zero = e.index(0);
  switch (mode) {
  case nn::PadMode::constant:
    return i;
  case nn::PadMode::edge:
    return e.min(e.max(i, zero), e.index(size - 1));
  case nn::PadMode::wrap: {
    Value r = e.make<arith::RemSIOp>(i, e.index(size));
    Value negative = e.compare(arith::CmpIPredicate::slt, r, zero);
    return e.make<arith::SelectOp>(negative, e.add(r, size), r);
  }
  case nn::PadMode::reflect: {
    if (size == 1)
      return zero;
    int64_t period = 2 * (size - 1);
    Value r = e.make<arith::RemSIOp>(i, e.index(period));
    Value negative = e.compare(arith::CmpIPredicate::slt, r, zero);
    r = e.make<arith::SelectOp>(negative, e.add(r, period), r);
    Value far = e.compare(arith::CmpIPredicate::sge, r, e.index(size));
    return e.make<arith::SelectOp>(far, e.sub(e.index(period), r), r);
  }
  }
  llvm_unreachable("a mode without a rule");
}

Value elements::pad(Operation *op, unsigned, ArrayRef<Value> at, int64_t lanes,
                    ElementEmitter &e) {
  auto pad = cast<nn::PadOp>(op);
  ArrayRef<int64_t> in = shapeOf(pad.getInput());
  bool lastIsPadded = !in.empty() && (pad.getLow().back() || pad.getHigh().back());
  if (lanes > 1 && lastIsPadded)
    return nullptr;
  Indices source;
  Value inside;
  for (size_t d = 0; d < at.size(); ++d) {
    Value i = e.sub(at[d], e.index(pad.getLow()[d]));
    if (pad.getMode() != nn::PadMode::constant) {
      source.push_back(foldIndex(pad.getMode(), i, in[d], e));
      continue;
    }
    source.push_back(i);
    auto test = [&](arith::CmpIPredicate predicate, int64_t bound) {
      Value ok = e.compare(predicate, i, e.index(bound));
      inside = inside ? e.make<arith::AndIOp>(inside, ok).getResult() : ok;
    };
    if (pad.getLow()[d] > 0)
      test(arith::CmpIPredicate::sge, 0);
    if (pad.getHigh()[d] > 0)
      test(arith::CmpIPredicate::slt, in[d]);
  }
  if (!inside)
    return e.element(pad.getInput(), source, lanes);
  Type type = e.laneType(elementTypeOf(pad.getInput()), lanes);
  return e.choose(
      inside, type,
      [&]() -> SmallVector<Value> {
        return {e.element(pad.getInput(), source, lanes)};
      },
      [&]() -> SmallVector<Value> {
        if (!pad.getValue())
          return {e.constant(type, 0)};
        Indices zeros(shapeOf(pad.getValue()).size(), e.index(0));
        return {e.broadcast(e.element(pad.getValue(), zeros), lanes)};
      })[0];
}

Value elements::concat(Operation *op, unsigned, ArrayRef<Value> at,
                       int64_t lanes, ElementEmitter &e) {
  auto concat = cast<nn::ConcatOp>(op);
  int64_t axis = concat.getAxis();
  if (lanes > 1 && axis + 1 == int64_t(at.size()))
    return nullptr;
  Type type = e.laneType(elementTypeOf(concat.getOutput()), lanes);
  std::function<Value(size_t, int64_t)> pick = [&](size_t k, int64_t begin) {
    Value input = concat.getInputs()[k];
    int64_t end = begin + shapeOf(input)[axis];
    auto take = [&]() -> SmallVector<Value> {
      Indices source(at);
      source[axis] = e.sub(at[axis], e.index(begin));
      return {e.element(input, source, lanes)};
    };
    if (k + 1 == concat.getInputs().size())
      return take()[0];
    Value here =
        e.compare(arith::CmpIPredicate::slt, at[axis], e.index(end));
    return e.choose(here, type, take, [&]() -> SmallVector<Value> {
      return {pick(k + 1, end)};
    })[0];
  };
  return pick(0, 0);
}

/// An index read from a tensor: negative counts from the end; the result is
/// clamped into the dimension, so that bad data never reads out of bounds.
Value elements::safeIndex(Value raw, int64_t size, ElementEmitter &e) {
  Value i = e.make<arith::IndexCastOp>(e.b.getIndexType(), raw);
  Value negative = e.compare(arith::CmpIPredicate::slt, i, e.index(0));
  i = e.make<arith::SelectOp>(negative, e.add(i, size), i);
  return e.min(e.max(i, e.index(0)), e.index(size - 1));
}

Value elements::gather(Operation *op, unsigned, ArrayRef<Value> at,
                       int64_t lanes, ElementEmitter &e) {
  auto gather = cast<nn::GatherOp>(op);
  size_t axis = gather.getAxis();
  size_t rank = shapeOf(gather.getIndices()).size();
  if (lanes > 1 && axis + rank == at.size())
    return nullptr;
  Value raw = e.element(gather.getIndices(), at.slice(axis, rank));
  Indices source(at.take_front(axis));
  source.push_back(safeIndex(raw, shapeOf(gather.getInput())[axis], e));
  llvm::append_range(source, at.drop_front(axis + rank));
  return e.element(gather.getInput(), source, lanes);
}

Value elements::gatherElements(Operation *op, unsigned, ArrayRef<Value> at,
                               int64_t lanes, ElementEmitter &e) {
  if (lanes > 1)
    return nullptr;
  auto gather = cast<nn::GatherElementsOp>(op);
  Indices source(at);
  source[gather.getAxis()] =
      safeIndex(e.element(gather.getIndices(), at),
                shapeOf(gather.getInput())[gather.getAxis()], e);
  return e.element(gather.getInput(), source);
}

Value elements::gatherNd(Operation *op, unsigned, ArrayRef<Value> at,
                         int64_t lanes, ElementEmitter &e) {
  auto gather = cast<nn::GatherNdOp>(op);
  ArrayRef<int64_t> indices = shapeOf(gather.getIndices()),
                    in = shapeOf(gather.getInput());
  size_t batch = gather.getBatchDims(), outer = indices.size() - 1;
  size_t depth = indices.back();
  if (lanes > 1 && outer == at.size())
    return nullptr;
  Indices source(at.take_front(batch));
  for (size_t k = 0; k < depth; ++k) {
    Indices which(at.take_front(outer));
    which.push_back(e.index(k));
    source.push_back(safeIndex(e.element(gather.getIndices(), which),
                               in[batch + k], e));
  }
  llvm::append_range(source, at.drop_front(outer));
  return e.element(gather.getInput(), source, lanes);
}
