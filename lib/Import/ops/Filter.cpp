//===- Filter.cpp - Results whose size depends on data -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Shapes are static: these operators work where what decides the size of
/// their result is known at compile time, and say so where it is not.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

#include <map>

using namespace mlir;
using namespace adze;
using namespace adze::import;

static constexpr const char *unknownSize =
    " is only known at run time, and the size of the result depends on it, "
    "which is not supported: shapes must be known when the model is compiled";

/// The elements of `x` along an axis at indices known now.
static Value take(NodeLowering &n, Value x, ArrayRef<int64_t> indices,
                  int64_t axis) {
  SmallVector<int64_t> shape(shapeOf(x));
  shape[axis] = indices.size();
  auto type = RankedTensorType::get(shape, elementOf(x));
  if (llvm::is_contained(shape, 0))
    return n.splat(shape, elementOf(x), 0);
  return n.make<nn::GatherOp>(type, x,
                              n.constantInts(indices, n.b.getI64Type()), axis);
}

static LogicalResult compress(NodeLowering &n) {
  Value x = n.in(0);
  int64_t axis = 0;
  if (n.attr("axis")) {
    auto given = n.axis(n.attrInt("axis", 0), n.rank(0));
    if (failed(given))
      return failure();
    axis = *given;
  } else {
    x = n.reshape(x, {n.type(0).getNumElements()});
  }
  auto condition = n.ints(1);
  if (!condition)
    return n.fail(Twine("the condition") + unknownSize);
  if (int64_t(condition->size()) > shapeOf(x)[axis])
    return n.fail("there are " + Twine(condition->size()) + " conditions for " +
                  Twine(shapeOf(x)[axis]) + " elements");
  SmallVector<int64_t> kept;
  for (auto [i, keep] : llvm::enumerate(*condition))
    if (keep != 0)
      kept.push_back(i);
  n.set(0, take(n, x, kept, axis), n.isUnsigned(0));
  return success();
}

static Value matrix(NodeLowering &n, ArrayRef<int64_t> values, int64_t rows,
                    int64_t columns) {
  auto type = RankedTensorType::get({rows, columns}, n.b.getI64Type());
  return n.constant(DenseElementsAttr::get(type, values));
}

static LogicalResult nonZero(NodeLowering &n) {
  auto values = n.floats(0);
  if (!values)
    return n.fail(Twine("the input") + unknownSize);
  ArrayRef<int64_t> shape = n.shape(0);
  SmallVector<int64_t> flat;
  for (auto [i, value] : llvm::enumerate(*values))
    if (value != 0)
      flat.push_back(i);
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  SmallVector<int64_t> indices;
  for (size_t d = 0; d < shape.size(); ++d)
    for (int64_t i : flat)
      indices.push_back(i / strides[d] % shape[d]);
  n.set(0, matrix(n, indices, shape.size(), flat.size()));
  return success();
}

/// The distinct rows (elements, without an axis) in the order wanted, the
/// first place of each, which of them each row is, and how often each occurs.
static LogicalResult unique(NodeLowering &n) {
  Value x = n.in(0);
  int64_t axis = 0;
  if (n.attr("axis")) {
    auto given = n.axis(n.attrInt("axis", 0), n.rank(0));
    if (failed(given))
      return failure();
    axis = *given;
  } else {
    x = n.reshape(x, {n.type(0).getNumElements()});
  }
  DenseElementsAttr values = n.constant(0);
  if (!values)
    return n.fail(Twine("the input") + unknownSize);
  // Keys that compare as the elements do, with NaN behind all numbers.
  SmallVector<std::pair<int64_t, double>> keys;
  if (isa<FloatType>(values.getElementType())) {
    SmallVector<double> numbers = *n.floats(0);
    for (double value : numbers)
      keys.push_back({std::isnan(value), std::isnan(value) ? 0 : value});
  } else {
    // Unsigned numbers keep their order when the highest bit is turned over.
    int64_t flip = n.isUnsigned(0) ? INT64_MIN : 0;
    SmallVector<int64_t> numbers = *n.ints(0);
    for (int64_t value : numbers)
      keys.push_back({value ^ flip, 0.0});
  }
  ArrayRef<int64_t> shape = shapeOf(x);
  int64_t rows = shape[axis], inner = 1, outer = 1;
  for (size_t d = 0; d < shape.size(); ++d)
    if (int64_t(d) != axis)
      (int64_t(d) < axis ? outer : inner) *= shape[d];
  std::map<std::vector<std::pair<int64_t, double>>, int64_t> known;
  SmallVector<int64_t> first, which, counts;
  for (int64_t i = 0; i < rows; ++i) {
    std::vector<std::pair<int64_t, double>> row;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t k = 0; k < inner; ++k)
        row.push_back(keys[(o * rows + i) * inner + k]);
    auto [it, fresh] = known.try_emplace(std::move(row), first.size());
    if (fresh) {
      first.push_back(i);
      counts.push_back(0);
    }
    which.push_back(it->second);
    ++counts[it->second];
  }
  if (n.attrInt("sorted", 1) != 0) {
    SmallVector<int64_t> sortedFirst, sortedCounts, place(first.size());
    for (auto &[row, i] : known) {
      place[i] = sortedFirst.size();
      sortedFirst.push_back(first[i]);
      sortedCounts.push_back(counts[i]);
    }
    for (int64_t &w : which)
      w = place[w];
    first = sortedFirst;
    counts = sortedCounts;
  }
  n.set(0, take(n, x, first, axis), n.isUnsigned(0));
  Type i64 = n.b.getI64Type();
  if (n.wants(1))
    n.set(1, n.constantInts(first, i64));
  if (n.wants(2))
    n.set(2, n.constantInts(which, i64));
  if (n.wants(3))
    n.set(3, n.constantInts(counts, i64));
  return success();
}

static LogicalResult nonMaxSuppression(NodeLowering &n) {
  return n.fail("a result of as many boxes as the data select is not "
                "supported: shapes must be known when the model is compiled; "
                "export the model without it and select boxes in the "
                "application");
}

static const OpLowering lowerings[] = {
    {"", "Compress", 9, 28, compress},
    {"", "NonMaxSuppression", 10, 28, nonMaxSuppression},
    {"", "NonZero", 9, 28, nonZero},
    {"", "Unique", 11, 28, unique},
};

Family adze::import::filterFamily() { return lowerings; }
