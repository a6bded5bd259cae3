//===- Gather.cpp - Elements at indices that are data -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static bool isEmpty(ArrayRef<int64_t> shape) {
  return llvm::is_contained(shape, 0);
}

/// The start and step of indices that are evenly spaced, if they are few
/// enough to be looked at.
static std::optional<std::pair<int64_t, int64_t>>
evenlySpaced(ArrayRef<int64_t> indices) {
  int64_t step = indices.size() > 1 ? indices[1] - indices[0] : 1;
  if (step == 0)
    return std::nullopt;
  for (size_t i = 1; i < indices.size(); ++i)
    if (indices[i] - indices[i - 1] != step)
      return std::nullopt;
  return std::pair(indices.front(), step);
}

static LogicalResult gather(NodeLowering &n) {
  auto axis = n.axis(n.attrInt("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  SmallVector<int64_t> in(n.shape(0)), indices(n.shape(1));
  int64_t size = in[*axis];
  SmallVector<int64_t> shape(in.begin(), in.begin() + *axis);
  shape.append(indices);
  shape.append(in.begin() + *axis + 1, in.end());
  if (size == 0 && !isEmpty(shape))
    return n.fail("dimension " + Twine(*axis) +
                  " is empty: there is nothing "
                  "to gather");
  // Evenly spaced indices known now are a slice.
  constexpr int64_t few = 4096;
  if (n.type(1).getNumElements() <= few && !isEmpty(shape))
    if (auto values = n.ints(1)) {
      for (int64_t &value : *values) {
        if (value < -size || value >= size)
          return n.fail("the index " + Twine(value) + " is outside [" +
                        Twine(-size) + ", " + Twine(size) + ")");
        value = value < 0 ? value + size : value;
      }
      if (auto spaced = evenlySpaced(*values)) {
        SmallVector<int64_t> starts(in.size(), 0), steps(in.size(), 1),
            sizes(in);
        starts[*axis] = spaced->first;
        steps[*axis] = spaced->second;
        sizes[*axis] = values->size();
        n.set(0, n.reshape(n.slice(n.in(0), starts, sizes, steps), shape),
              n.isUnsigned(0));
        return success();
      }
    }
  auto type = RankedTensorType::get(shape, n.element(0));
  n.set(0, n.make<nn::GatherOp>(type, n.in(0), n.in(1), *axis),
        n.isUnsigned(0));
  return success();
}

static LogicalResult gatherElements(NodeLowering &n) {
  auto axis = n.axis(n.attrInt("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  if (n.rank(1) != n.rank(0))
    return n.fail("the input has " + Twine(n.rank(0)) +
                  " dimensions, the indices have " + Twine(n.rank(1)));
  for (int64_t i = 0; i < n.rank(0); ++i)
    if ((i != *axis && n.shape(1)[i] > n.shape(0)[i]) ||
        (n.shape(0)[i] == 0 && !isEmpty(n.shape(1))))
      return n.fail("the indices have size " + Twine(n.shape(1)[i]) +
                    " in dimension " + Twine(i) + ", the input has " +
                    Twine(n.shape(0)[i]));
  auto type = RankedTensorType::get(n.shape(1), n.element(0));
  n.set(0, n.make<nn::GatherElementsOp>(type, n.in(0), n.in(1), *axis),
        n.isUnsigned(0));
  return success();
}

static LogicalResult gatherNd(NodeLowering &n) {
  int64_t batch = n.attrInt("batch_dims", 0);
  ArrayRef<int64_t> in = n.shape(0), indices = n.shape(1);
  if (in.empty() || indices.empty())
    return n.fail("expected an input and indices of at least one dimension");
  int64_t depth = indices.back(), outer = n.rank(1) - 1;
  if (batch < 0 || batch > outer || batch + depth > n.rank(0))
    return n.fail("indices of " + Twine(depth) + " numbers after " +
                  Twine(batch) + " batch dimensions do not fit an input of " +
                  Twine(n.rank(0)) + " dimensions");
  for (int64_t i = 0; i < batch; ++i)
    if (in[i] != indices[i])
      return n.fail("batch dimension " + Twine(i) + " has the sizes " +
                    Twine(in[i]) + " and " + Twine(indices[i]));
  SmallVector<int64_t> shape(indices.drop_back());
  llvm::append_range(shape, in.drop_front(batch + depth));
  if (isEmpty(in) && !isEmpty(shape))
    return n.fail("the input is empty: there is nothing to gather");
  auto type = RankedTensorType::get(shape, n.element(0));
  n.set(0, n.make<nn::GatherNdOp>(type, n.in(0), n.in(1), batch),
        n.isUnsigned(0));
  return success();
}

/// Sequences of a batch turned around up to their lengths: element t of the
/// result is element length - 1 - t where that is not negative.
static LogicalResult reverseSequence(NodeLowering &n) {
  int64_t rank = n.rank(0);
  int64_t time = n.attrInt("time_axis", 0), batch = n.attrInt("batch_axis", 1);
  if (rank < 2 || (time != 0 && time != 1) || batch != 1 - time)
    return n.fail("expected at least 2 dimensions of which the first two are "
                  "the time axis and the batch axis, found time_axis " +
                  Twine(time) + " and batch_axis " + Twine(batch));
  Value x = n.in(0);
  SmallVector<int64_t> swapped;
  for (int64_t i = 0; i < rank; ++i)
    swapped.push_back(i < 2 ? 1 - i : i);
  if (time == 0)
    x = n.transpose(x, swapped);
  SmallVector<int64_t> shape(shapeOf(x));
  if (n.rank(1) != 1 || n.shape(1)[0] != shape[0])
    return n.fail("expected a length for each of " + Twine(shape[0]) +
                  " sequences");
  if (!isEmpty(shape)) {
    Value lengths = n.reshape(n.in(1), {shape[0], 1, 1});
    Type type = n.element(1);
    Value indices = n.generate(
        {shape[0], shape[1], 1}, type, {lengths},
        [&](OpBuilder &b, Location loc, ValueRange length) -> Value {
          Scalars s(b, loc);
          Value t =
              s.make<arith::IndexCastOp>(type, s.make<linalg::IndexOp>(1));
          Value turned = s.sub(s.sub(length[0], s.integer(type, 1)), t);
          return s.select(s.less(turned, s.integer(type, 0)), t, turned);
        });
    x = n.make<nn::GatherNdOp>(x.getType(), x, indices, 1);
  }
  n.set(0, time == 0 ? n.transpose(x, swapped) : x, n.isUnsigned(0));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Gather", 1, 28, gather},
    {"", "GatherElements", 11, 28, gatherElements},
    {"", "GatherND", 11, 28, gatherNd},
    {"", "ReverseSequence", 10, 28, reverseSequence},
};

Family adze::import::gatherFamily() { return lowerings; }
