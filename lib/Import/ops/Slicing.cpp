//===- Slicing.cpp - Parts of tensors, and tensors with margins -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

/// An operand that an operator may omit, as integers known at compile time.
static std::optional<SmallVector<int64_t>>
optionalInts(NodeLowering &n, size_t i, bool &unknown) {
  unknown = false;
  if (!n.has(i))
    return std::nullopt;
  auto values = n.ints(i);
  unknown = !values;
  return values;
}

/// Bounds are clamped as numpy clamps them; a negative one counts from the
/// end. Attributes until version 9, operands from 10.
static LogicalResult slice(NodeLowering &n) {
  std::optional<SmallVector<int64_t>> starts, ends, axes, steps;
  if (n.version() < 10) {
    starts = n.attrInts("starts");
    ends = n.attrInts("ends");
    axes = n.attrInts("axes");
  } else {
    bool axesUnknown, stepsUnknown;
    starts = n.ints(1);
    ends = n.ints(2);
    axes = optionalInts(n, 3, axesUnknown);
    steps = optionalInts(n, 4, stepsUnknown);
    if (axesUnknown || stepsUnknown)
      return n.fail("its axes or steps are only known at run time");
  }
  if (!starts || !ends)
    return n.fail("its bounds are only known at run time; the shape of the "
                  "result must be known when the model is compiled");
  size_t count = starts->size(), rank = n.rank(0);
  if (!axes) {
    axes.emplace();
    for (size_t i = 0; i < count; ++i)
      axes->push_back(i);
  }
  if (!steps)
    steps.emplace(count, 1);
  if (ends->size() != count || axes->size() != count || steps->size() != count)
    return n.fail("starts, ends, axes and steps have different lengths");

  SmallVector<int64_t> first(rank, 0), step(rank, 1), sizes(n.shape(0));
  SmallVector<bool> seen(rank);
  for (size_t i = 0; i < count; ++i) {
    auto axis = n.axis((*axes)[i], rank);
    if (failed(axis))
      return failure();
    if (seen[*axis])
      return n.fail("axis " + Twine(*axis) + " is given twice");
    seen[*axis] = true;
    int64_t size = n.shape(0)[*axis], by = (*steps)[i];
    if (by == 0)
      return n.fail("the step along axis " + Twine(*axis) + " is 0");
    auto clamp = [&](int64_t value) {
      if (value < 0)
        value = value < -size ? -1 : value + size;
      return by > 0 ? std::clamp<int64_t>(value, 0, size)
                    : std::clamp<int64_t>(value, -1, size - 1);
    };
    // Only an end may be before the first element, of a downward slice.
    int64_t from = std::max<int64_t>(clamp((*starts)[i]), 0);
    int64_t to = clamp((*ends)[i]);
    int64_t length = size == 0 ? 0 : by > 0 ? to - from : from - to;
    // A step beyond the size takes one element.
    by = std::clamp<int64_t>(by, -std::max<int64_t>(size, 1),
                             std::max<int64_t>(size, 1));
    sizes[*axis] = length <= 0 ? 0 : llvm::divideCeil(length, std::abs(by));
    first[*axis] = sizes[*axis] ? from : 0;
    step[*axis] = by;
  }
  n.set(0, n.slice(n.in(0), first, sizes, step), n.isUnsigned(0));
  return success();
}

/// Into the sizes given (attribute until version 11, then operand) or into
/// equal parts, of which the last may be smaller.
static LogicalResult split(NodeLowering &n) {
  auto axis = n.axis(n.attrInt("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  bool unknown = false;
  auto sizes =
      n.version() < 13 ? n.attrInts("split") : optionalInts(n, 1, unknown);
  if (unknown)
    return n.fail("the sizes of its parts are only known at run time");
  int64_t total = n.shape(0)[*axis], parts = n.getResults().size();
  if (!sizes) {
    int64_t wanted = n.attrInt("num_outputs", parts);
    if (wanted != parts)
      return n.fail("it has " + Twine(parts) + " outputs, but num_outputs is " +
                    Twine(wanted));
    int64_t each = llvm::divideCeil(total, parts), left = total;
    sizes.emplace();
    for (int64_t i = 0; i < parts; ++i) {
      sizes->push_back(std::min(each, left));
      left -= sizes->back();
    }
  }
  if (int64_t(sizes->size()) != parts)
    return n.fail("it has " + Twine(parts) + " outputs, but " +
                  Twine(sizes->size()) + " sizes are given");
  int64_t sum = 0;
  for (int64_t size : *sizes) {
    if (size < 0 || size > total - sum)
      return n.fail("the sizes of its parts do not add up to " + Twine(total));
    sum += size;
  }
  if (sum != total)
    return n.fail("the sizes of its parts add up to " + Twine(sum) + ", not " +
                  Twine(total));
  SmallVector<int64_t> first(n.rank(0), 0);
  for (int64_t i = 0; i < parts; ++i) {
    SmallVector<int64_t> shape(n.shape(0));
    shape[*axis] = (*sizes)[i];
    n.set(i, n.slice(n.in(0), first, shape), n.isUnsigned(0));
    first[*axis] += (*sizes)[i];
  }
  return success();
}

static LogicalResult padBy(NodeLowering &n, Value input, Value value,
                           nn::PadMode mode, ArrayRef<int64_t> low,
                           ArrayRef<int64_t> high) {
  SmallVector<int64_t> shape(shapeOf(input));
  bool changes = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    constexpr int64_t most = int64_t(1) << 40;
    if (low[i] > most || low[i] < -most || high[i] > most || high[i] < -most)
      return n.fail("the padding of dimension " + Twine(i) + " is too large");
    int64_t size = shape[i] + low[i] + high[i];
    if (size < 0)
      return n.fail("the padding of dimension " + Twine(i) +
                    " leaves the size " + Twine(size));
    if (shape[i] == 0 && size > 0 && mode != nn::PadMode::constant)
      return n.fail("dimension " + Twine(i) +
                    " is empty: there is nothing to repeat");
    shape[i] = size;
    changes |= low[i] || high[i];
  }
  if (!changes) {
    n.set(0, input, n.isUnsigned(0));
    return success();
  }
  auto type = RankedTensorType::get(shape, elementOf(input));
  n.set(0, n.make<nn::PadOp>(type, input, value, mode, low, high),
        n.isUnsigned(0));
  return success();
}

/// Attributes until version 2; operands, also the axes (18), from 11.
static LogicalResult pad(NodeLowering &n) {
  std::string text = n.attrString("mode", "constant");
  auto mode = nn::symbolizePadMode(text);
  if (!mode)
    return n.fail("the mode '" + text +
                  "' is none of constant, edge, reflect and wrap");
  int64_t rank = n.rank(0);
  auto pads = n.version() < 11 ? n.attrInts("pads") : n.ints(1);
  if (!pads)
    return n.fail("the padding is only known at run time; the shape of the "
                  "result must be known when the model is compiled");
  SmallVector<int64_t> axes;
  if (n.version() >= 18 && n.has(3)) {
    auto given = n.ints(3);
    if (!given)
      return n.fail("the axes are only known at run time");
    for (int64_t value : *given) {
      auto axis = n.axis(value, rank);
      if (failed(axis))
        return failure();
      axes.push_back(*axis);
    }
  } else {
    for (int64_t i = 0; i < rank; ++i)
      axes.push_back(i);
  }
  if (pads->size() != 2 * axes.size())
    return n.fail("expected two amounts for each of " + Twine(axes.size()) +
                  " axes, found " + Twine(pads->size()));
  SmallVector<int64_t> low(rank, 0), high(rank, 0);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    low[axis] = (*pads)[i];
    high[axis] = (*pads)[axes.size() + i];
  }
  Value value;
  if (*mode == nn::PadMode::constant) {
    if (n.version() < 11) {
      double number = n.attrFloat("value", 0);
      if (number != 0)
        value = n.splat({1}, n.element(0), number);
    } else if (n.has(2)) {
      if (n.type(2).getNumElements() != 1 || n.element(2) != n.element(0))
        return n.fail("the value to pad with must be one element of the type "
                      "of the input");
      value = n.in(2);
    }
    return padBy(n, n.in(0), value, *mode, low, high);
  }
  // Amounts below zero crop first; what is left is repeated.
  SmallVector<int64_t> first(rank, 0), sizes(n.shape(0));
  for (int64_t i = 0; i < rank; ++i) {
    first[i] = std::max<int64_t>(0, -low[i]);
    sizes[i] -= first[i] + std::max<int64_t>(0, -high[i]);
    if (sizes[i] < 0)
      return n.fail("the padding of dimension " + Twine(i) +
                    " removes more than there is");
    low[i] = std::max<int64_t>(0, low[i]);
    high[i] = std::max<int64_t>(0, high[i]);
    if (sizes[i] == 0)
      first[i] = 0;
  }
  return padBy(n, n.slice(n.in(0), first, sizes), value, *mode, low, high);
}

/// Crops or pads around the centre; of an odd difference the larger half is at
/// the end.
static LogicalResult centerCropPad(NodeLowering &n) {
  int64_t rank = n.rank(0);
  auto shape = n.ints(1);
  if (!shape)
    return n.fail("the new shape is only known at run time");
  SmallVector<int64_t> low(rank, 0), high(rank, 0);
  auto axes = n.attrInts("axes");
  if (shape->size() != (axes ? axes->size() : size_t(rank)))
    return n.fail("expected a size for each axis, found " +
                  Twine(shape->size()) + " sizes");
  for (auto [i, size] : llvm::enumerate(*shape)) {
    auto axis = n.axis(axes ? (*axes)[i] : int64_t(i), rank);
    if (failed(axis))
      return failure();
    if (size < 0)
      return n.fail("the new shape has the size " + Twine(size));
    int64_t more = size - n.shape(0)[*axis];
    low[*axis] = more / 2;
    high[*axis] = more - low[*axis];
  }
  return padBy(n, n.in(0), nullptr, nn::PadMode::constant, low, high);
}

static const OpLowering lowerings[] = {
    {"", "CenterCropPad", 18, 28, centerCropPad},
    {"", "Pad", 2, 28, pad},
    {"", "Slice", 1, 28, slice},
    {"", "Split", 2, 28, split},
};

Family adze::import::slicingFamily() { return lowerings; }
