//===- Constant.cpp - Constants and generators -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Conversion.h"
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult identity(NodeLowering &n) {
  n.set(0, n.in(0), n.isUnsigned(0));
  return success();
}

/// At inference it is the identity, and its mask keeps everything.
static LogicalResult dropout(NodeLowering &n) {
  if (n.version() >= 12 && n.has(2)) {
    auto training = n.ints(2);
    if (!training || training->size() != 1)
      return n.fail("training_mode is only known at run time");
    auto ratio = n.has(1) ? n.floats(1) : SmallVector<double>{0.5};
    bool dropsNone = ratio && ratio->size() == 1 && ratio->front() == 0;
    if (training->front() != 0 && !dropsNone)
      return n.fail("training_mode is true: dropping elements at random is not "
                    "supported; export the model for inference");
  }
  n.set(0, n.in(0), n.isUnsigned(0));
  if (n.wants(1)) {
    Type mask = n.version() < 10 ? n.element(0) : Type(n.b.getI1Type());
    n.set(1, n.splat(n.shape(0), mask, 1), n.version() < 10 && n.isUnsigned(0));
  }
  return success();
}

static LogicalResult constantOfShape(NodeLowering &n) {
  auto shape = n.ints(0);
  if (!shape)
    return n.fail("the shape is only known at run time");
  for (int64_t size : *shape)
    if (size < 0)
      return n.fail("the shape has the size " + Twine(size));
  auto value = dyn_cast_if_present<DenseElementsAttr>(n.attr("value"));
  if (!value) {
    if (n.attr("value"))
      return n.fail("its value must be a tensor of one element");
    n.set(0, n.splat(*shape, n.b.getF32Type(), 0));
    return success();
  }
  Type element = value.getElementType();
  if (value.getNumElements() != 1 || !element.isIntOrFloat())
    return n.fail("its value must be a tensor of one number");
  bool isUnsigned = element.isUnsignedInteger();
  if (auto integer = dyn_cast<IntegerType>(element)) {
    element = n.b.getIntegerType(integer.getWidth());
    value = value.bitcast(element);
  }
  auto type = RankedTensorType::get(*shape, element);
  n.set(0,
        n.constant(DenseElementsAttr::get(
            type, *value.getValues<Attribute>().begin())),
        isUnsigned);
  return success();
}

/// start, start + delta, ... below limit; computed here, in the type of the
/// numbers.
static LogicalResult range(NodeLowering &n) {
  Type element = n.element(0);
  constexpr int64_t most = int64_t(1) << 28;
  auto check = [&](double count) {
    return count >= 0 && count <= double(most);
  };
  if (isa<IntegerType>(element)) {
    auto start = n.ints(0), limit = n.ints(1), delta = n.ints(2);
    if (!start || !limit || !delta)
      return n.fail("its bounds are only known at run time; the shape of the "
                    "result must be known when the model is compiled");
    if (start->size() != 1 || limit->size() != 1 || delta->size() != 1)
      return n.fail("its bounds must be scalars");
    int64_t first = start->front(), step = delta->front();
    if (step == 0)
      return n.fail("the step is 0");
    double count =
        std::max(0.0, std::ceil((double(limit->front()) - double(first)) /
                                double(step)));
    if (!check(count))
      return n.fail("it would have more than " + Twine(most) + " elements");
    SmallVector<int64_t> values;
    for (int64_t i = 0; i < int64_t(count); ++i)
      values.push_back(int64_t(uint64_t(first) + uint64_t(i) * uint64_t(step)));
    n.set(0, n.constantInts(values, element), n.isUnsigned(0));
    return success();
  }
  auto start = n.floats(0), limit = n.floats(1), delta = n.floats(2);
  if (!start || !limit || !delta)
    return n.fail("its bounds are only known at run time; the shape of the "
                  "result must be known when the model is compiled");
  if (start->size() != 1 || limit->size() != 1 || delta->size() != 1)
    return n.fail("its bounds must be scalars");
  double first = start->front(), step = delta->front();
  if (step == 0)
    return n.fail("the step is 0");
  double count = std::max(0.0, std::ceil((limit->front() - first) / step));
  if (!check(count))
    return n.fail("it would have more than " + Twine(most) + " elements");
  SmallVector<Attribute> values;
  for (int64_t i = 0; i < int64_t(count); ++i)
    // f32 is computed as such; narrower types are rounded once.
    values.push_back(n.b.getFloatAttr(
        element, element.isF64() ? first + double(i) * step
                                 : float(first) + float(i) * float(step)));
  auto type = RankedTensorType::get({int64_t(values.size())}, element);
  n.set(0, n.constant(DenseElementsAttr::get(type, values)));
  return success();
}

/// Integer indices of the loops of `generate`.
static Value loopIndex(Scalars &s, int64_t dimension) {
  return s.make<arith::IndexCastOp>(s.b.getI64Type(),
                                    s.make<linalg::IndexOp>(dimension));
}

static LogicalResult eyeLike(NodeLowering &n) {
  if (n.rank(0) != 2)
    return n.fail("expected a matrix, found " + Twine(n.rank(0)) +
                  " dimensions");
  ElementKind kind{n.element(0), n.isUnsigned(0)};
  if (n.attr("dtype")) {
    auto given = elementOfDataType(n.b.getContext(), n.attrInt("dtype", 1));
    if (!given)
      return n.fail("the element type with the number " +
                    Twine(n.attrInt("dtype", 1)) + " is not supported");
    kind = *given;
  }
  int64_t k = n.attrInt("k", 0);
  Value y = n.generate(n.shape(0), kind.type, {},
                       [&](OpBuilder &b, Location loc, ValueRange) -> Value {
                         Scalars s(b, loc);
                         Value row = loopIndex(s, 0), column = loopIndex(s, 1);
                         Value on = s.equal(s.sub(column, row),
                                            s.integer(b.getI64Type(), k));
                         if (kind.type.isInteger(1))
                           return on;
                         return s.select(on, s.constant(kind.type, 1.0),
                                         s.constant(kind.type, 0.0));
                       });
  n.set(0, y, kind.isUnsigned);
  return success();
}

/// Keeps what is on or above (below) the k-th diagonal of each matrix.
static LogicalResult trilu(NodeLowering &n) {
  int64_t rank = n.rank(0);
  if (rank < 2)
    return n.fail("expected matrices, found " + Twine(rank) + " dimensions");
  bool upper = n.attrInt("upper", 1) != 0;
  SmallVector<Value> operands{n.in(0)};
  int64_t diagonal = 0;
  if (n.has(1)) {
    if (n.type(1).getNumElements() != 1 || !n.element(1).isInteger(64))
      return n.fail("k must be one number of type int64");
    if (auto known = n.ints(1))
      diagonal = known->front();
    else
      operands.push_back(n.reshape(n.in(1), {}));
  }
  Type type = n.element(0);
  Value y = n.generate(
      n.shape(0), type, operands,
      [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
        Scalars s(b, loc);
        Value k = x.size() > 1 ? x[1] : s.integer(b.getI64Type(), diagonal);
        Value offset = s.sub(loopIndex(s, rank - 1), loopIndex(s, rank - 2));
        Value outside = upper ? s.less(offset, k) : s.less(k, offset);
        Value zero =
            isa<FloatType>(type) ? s.constant(type, 0.0) : s.integer(type, 0);
        return s.select(outside, zero, x[0]);
      });
  n.set(0, y, n.isUnsigned(0));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "ConstantOfShape", 9, 28, constantOfShape},
    {"", "Dropout", 7, 28, dropout},
    {"", "EyeLike", 9, 28, eyeLike},
    {"", "Identity", 1, 28, identity},
    {"", "Range", 11, 28, range},
    {"", "Trilu", 14, 28, trilu},
};

Family adze::import::constantFamily() { return lowerings; }
