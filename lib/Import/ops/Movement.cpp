//===- Movement.cpp - Operators that move elements -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult reshape(NodeLowering &n) {
  auto wanted = n.version() < 5 ? n.attrInts("shape") : n.ints(1);
  if (!wanted)
    return n.fail("the new shape is only known at run time");
  ArrayRef<int64_t> from = n.shape(0);
  bool allowZero = n.attrInt("allowzero", 0) != 0;
  SmallVector<int64_t> shape(*wanted);
  int64_t count = n.type(0).getNumElements(), product = 1, free = -1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !allowZero) {
      if (i >= from.size())
        return n.fail("0 copies input dimension " + Twine(i) +
                      ", which does not exist");
      shape[i] = from[i];
    }
    if (shape[i] == -1) {
      if (free >= 0)
        return n.fail("the new shape has more than one -1");
      free = i;
      continue;
    }
    if (shape[i] < 0)
      return n.fail("the new shape has the size " + Twine(shape[i]));
    product *= shape[i];
  }
  if (free >= 0) {
    if (product == 0 || count % product != 0)
      return n.fail(Twine(count) + " elements do not divide into " +
                    Twine(product));
    shape[free] = count / product;
    product *= shape[free];
  }
  if (product != count)
    return n.fail(Twine(count) + " elements do not fit a shape of " +
                  Twine(product));
  n.set(0, n.reshape(n.in(0), shape), n.isUnsigned(0));
  return success();
}

static LogicalResult flatten(NodeLowering &n) {
  int64_t rank = n.rank(0), axis = n.attrInt("axis", 1);
  if (axis < -rank || axis > rank)
    return n.fail("axis " + Twine(axis) + " is outside [-" + Twine(rank) +
                  ", " + Twine(rank) + "]");
  if (axis < 0)
    axis += rank;
  int64_t rows = 1, columns = 1;
  for (auto [i, size] : llvm::enumerate(n.shape(0)))
    (int64_t(i) < axis ? rows : columns) *= size;
  n.set(0, n.reshape(n.in(0), {rows, columns}), n.isUnsigned(0));
  return success();
}

static LogicalResult transpose(NodeLowering &n) {
  SmallVector<int64_t> reversed;
  for (int64_t i = n.rank(0); i-- > 0;)
    reversed.push_back(i);
  SmallVector<int64_t> perm = n.attrInts("perm").value_or(reversed);
  SmallVector<bool> seen(n.rank(0));
  if (int64_t(perm.size()) != n.rank(0))
    return n.fail("perm has " + Twine(perm.size()) + " entries for " +
                  Twine(n.rank(0)) + " dimensions");
  for (int64_t p : perm) {
    if (p < 0 || p >= n.rank(0) || seen[p])
      return n.fail("perm is no permutation");
    seen[p] = true;
  }
  n.set(0, n.transpose(n.in(0), perm), n.isUnsigned(0));
  return success();
}

static LogicalResult concat(NodeLowering &n) {
  auto axis = n.axis(n.attrInt("axis", n.version() < 4 ? 1 : 0), n.rank(0));
  if (failed(axis))
    return failure();
  SmallVector<Value> values;
  for (size_t i = 0; i < n.numInputs(); ++i) {
    ArrayRef<int64_t> shape = n.shape(i);
    if (int64_t(shape.size()) != n.rank(0))
      return n.fail("inputs have " + Twine(n.rank(0)) + " and " +
                    Twine(shape.size()) + " dimensions");
    for (size_t d = 0; d < shape.size(); ++d)
      if (int64_t(d) != *axis && shape[d] != n.shape(0)[d])
        return n.fail("input " + Twine(i) + " has size " + Twine(shape[d]) +
                      " in dimension " + Twine(d) + ", input 0 has " +
                      Twine(n.shape(0)[d]));
    if (shape[*axis] != 0)
      values.push_back(n.in(i));
  }
  n.set(0, values.empty() ? n.in(0) : n.concat(values, *axis), n.isUnsigned(0));
  return success();
}

static LogicalResult squeeze(NodeLowering &n) {
  auto axes = n.version() < 13 ? n.attrInts("axes") : n.ints(1);
  if (n.version() >= 13 && n.has(1) && !axes)
    return n.fail("the axes are only known at run time");
  SmallVector<bool> drop(n.rank(0));
  if (axes) {
    for (int64_t value : *axes) {
      auto axis = n.axis(value, n.rank(0));
      if (failed(axis))
        return failure();
      if (n.shape(0)[*axis] != 1)
        return n.fail("dimension " + Twine(*axis) + " has size " +
                      Twine(n.shape(0)[*axis]) + ", not 1");
      drop[*axis] = true;
    }
  } else {
    for (int64_t i = 0; i < n.rank(0); ++i)
      drop[i] = n.shape(0)[i] == 1;
  }
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < n.rank(0); ++i)
    if (!drop[i])
      shape.push_back(n.shape(0)[i]);
  n.set(0, n.reshape(n.in(0), shape), n.isUnsigned(0));
  return success();
}

static LogicalResult unsqueeze(NodeLowering &n) {
  auto axes = n.version() < 13 ? n.attrInts("axes") : n.ints(1);
  if (!axes)
    return n.fail("the axes are only known at run time");
  int64_t rank = n.rank(0) + axes->size();
  SmallVector<int64_t> shape(rank, 0);
  for (int64_t value : *axes) {
    auto axis = n.axis(value, rank);
    if (failed(axis))
      return failure();
    if (shape[*axis] == 1)
      return n.fail("axis " + Twine(*axis) + " is given twice");
    shape[*axis] = 1;
  }
  size_t next = 0;
  SmallVector<int64_t> from(n.shape(0));
  for (int64_t &size : shape)
    if (size != 1)
      size = from[next++];
  n.set(0, n.reshape(n.in(0), shape), n.isUnsigned(0));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Concat", 1, 28, concat},       {"", "Flatten", 1, 99, flatten},
    {"", "Reshape", 1, 28, reshape},     {"", "Squeeze", 1, 99, squeeze},
    {"", "Transpose", 1, 28, transpose}, {"", "Unsqueeze", 1, 99, unsqueeze},
};

Family adze::import::movementFamily() { return lowerings; }
