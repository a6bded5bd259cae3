//===- Blocks.cpp - Building blocks of the lowerings -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/NodeLowering.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? "," : "") + std::to_string(size);
  return text + "]";
}

std::optional<SmallVector<int64_t>>
NodeLowering::broadcastShape(ArrayRef<Value> operands) {
  SmallVector<int64_t> shape;
  for (Value operand : operands) {
    ArrayRef<int64_t> other = shapeOf(operand);
    if (other.size() > shape.size())
      shape.insert(shape.begin(), other.size() - shape.size(), 1);
    size_t offset = shape.size() - other.size();
    for (size_t i = 0; i < other.size(); ++i) {
      int64_t &size = shape[offset + i];
      if (size == 1)
        size = other[i];
      else if (other[i] != 1 && other[i] != size) {
        std::string all;
        for (Value v : operands)
          all += (all.empty() ? "" : " and ") + shapeText(shapeOf(v));
        (void)fail("the shapes " + all + " do not broadcast");
        return std::nullopt;
      }
    }
  }
  return shape;
}

/// Whether dimension `i` of an operand is repeated along the result.
static bool isRepeated(ArrayRef<int64_t> operand, size_t i,
                       ArrayRef<int64_t> result) {
  return operand[i] == 1 && result[result.size() - operand.size() + i] != 1;
}

Value NodeLowering::generate(ArrayRef<int64_t> shape, Type element,
                             ArrayRef<Value> operands, ScalarFn body) {
  MLIRContext *context = b.getContext();
  SmallVector<AffineMap> maps;
  SmallVector<Value> inputs;
  for (Value operand : operands) {
    // Repeated dimensions are dropped, so that a per-channel vector is a
    // vector wherever the channels come to lie.
    ArrayRef<int64_t> from = shapeOf(operand);
    SmallVector<AffineExpr> exprs;
    SmallVector<int64_t> kept;
    for (size_t i = 0; i < from.size(); ++i) {
      if (isRepeated(from, i, shape))
        continue;
      exprs.push_back(
          getAffineDimExpr(shape.size() - from.size() + i, context));
      kept.push_back(from[i]);
    }
    inputs.push_back(reshape(operand, kept));
    maps.push_back(AffineMap::get(shape.size(), 0, exprs, context));
  }
  maps.push_back(AffineMap::getMultiDimIdentityMap(shape.size(), context));
  Value init = make<tensor::EmptyOp>(shape, element);
  SmallVector<utils::IteratorType> loops(shape.size(),
                                         utils::IteratorType::parallel);
  auto generic = make<linalg::GenericOp>(
      TypeRange{init.getType()}, inputs, ValueRange{init}, maps, loops,
      [&](OpBuilder &inner, Location at, ValueRange arguments) {
        Value result = body(inner, at, arguments.drop_back());
        linalg::YieldOp::create(inner, at, result);
      });
  return generic.getResult(0);
}

Value NodeLowering::elementwise(ArrayRef<Value> operands, Type resultElement,
                                ScalarFn body) {
  auto shape = broadcastShape(operands);
  return shape ? generate(*shape, resultElement, operands, body) : Value();
}

Value NodeLowering::reduce(Value input, ArrayRef<int64_t> axes, TypedAttr init,
                           ScalarFn body) {
  MLIRContext *context = b.getContext();
  ArrayRef<int64_t> shape = shapeOf(input);
  SmallVector<int64_t> kept(shape);
  SmallVector<utils::IteratorType> loops(shape.size(),
                                         utils::IteratorType::parallel);
  SmallVector<AffineExpr> exprs;
  SmallVector<int64_t> dropped;
  for (int64_t axis : axes) {
    kept[axis] = 1;
    loops[axis] = utils::IteratorType::reduction;
  }
  for (size_t i = 0; i < shape.size(); ++i)
    if (loops[i] == utils::IteratorType::parallel) {
      exprs.push_back(getAffineDimExpr(i, context));
      dropped.push_back(shape[i]);
    }
  Value scalar = make<arith::ConstantOp>(init);
  Value empty = make<tensor::EmptyOp>(dropped, init.getType());
  Value start =
      make<linalg::FillOp>(ValueRange{scalar}, ValueRange{empty}).getResult(0);
  auto generic = make<linalg::GenericOp>(
      TypeRange{start.getType()}, ValueRange{input}, ValueRange{start},
      ArrayRef<AffineMap>{
          AffineMap::getMultiDimIdentityMap(shape.size(), context),
          AffineMap::get(shape.size(), 0, exprs, context)},
      loops, [&](OpBuilder &inner, Location at, ValueRange arguments) {
        Value result = body(inner, at, arguments);
        linalg::YieldOp::create(inner, at, result);
      });
  return reshape(generic.getResult(0), kept);
}

Value NodeLowering::reshape(Value value, ArrayRef<int64_t> shape) {
  auto type = llvm::cast<RankedTensorType>(value.getType());
  if (type.getShape() == shape)
    return value;
  return b.createOrFold<nn::ReshapeOp>(loc, type.clone(shape), value);
}

Value NodeLowering::transpose(Value value, ArrayRef<int64_t> perm) {
  return b.createOrFold<nn::TransposeOp>(loc, value, perm);
}

Value NodeLowering::broadcastTo(Value value, ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> from = shapeOf(value);
  SmallVector<int64_t> padded(shape.size() - from.size(), 1);
  llvm::append_range(padded, from);
  Value full = reshape(value, padded);
  if (ArrayRef<int64_t>(padded) == shape)
    return full;
  auto type = RankedTensorType::get(shape, elementOf(value));
  return make<nn::BroadcastOp>(type, full);
}

Value NodeLowering::slice(Value value, ArrayRef<int64_t> starts,
                          ArrayRef<int64_t> sizes, ArrayRef<int64_t> steps) {
  SmallVector<int64_t> ones(starts.size(), 1);
  return b.createOrFold<nn::SliceOp>(
      loc, RankedTensorType::get(sizes, elementOf(value)), value,
      b.getDenseI64ArrayAttr(starts),
      b.getDenseI64ArrayAttr(steps.empty() ? ArrayRef<int64_t>(ones) : steps));
}

Value NodeLowering::concat(ArrayRef<Value> values, int64_t axis) {
  SmallVector<int64_t> shape(shapeOf(values[0]));
  shape[axis] = 0;
  for (Value value : values)
    shape[axis] += shapeOf(value)[axis];
  return b.createOrFold<nn::ConcatOp>(
      loc, RankedTensorType::get(shape, elementOf(values[0])), values,
      b.getI64IntegerAttr(axis));
}

Value NodeLowering::splat(ArrayRef<int64_t> shape, Type element, double value) {
  auto type = RankedTensorType::get(shape, element);
  Attribute scalar;
  if (auto real = dyn_cast<FloatType>(element))
    scalar = b.getFloatAttr(real, value);
  else
    scalar = b.getIntegerAttr(
        element, APInt(element.getIntOrFloatBitWidth(), int64_t(value),
                       /*isSigned=*/true, /*implicitTrunc=*/true));
  return constant(DenseElementsAttr::get(type, scalar));
}

Value NodeLowering::constant(DenseElementsAttr value) {
  return make<ConstantOp>(llvm::cast<TypedAttr>(value));
}

Value NodeLowering::constantInts(ArrayRef<int64_t> values, Type element) {
  SmallVector<APInt> data;
  for (int64_t value : values)
    data.push_back(APInt(element.getIntOrFloatBitWidth(), value,
                         /*isSigned=*/true, /*implicitTrunc=*/true));
  auto type = RankedTensorType::get({int64_t(values.size())}, element);
  return constant(DenseElementsAttr::get(type, data));
}

Value NodeLowering::cast(Value value, Type to, bool fromUnsigned,
                         bool toUnsigned) {
  if (elementOf(value) == to)
    return value;
  return elementwise(value, to, [&](OpBuilder &b, Location at, ValueRange x) {
    return castScalar(b, at, x[0], to, fromUnsigned, toUnsigned);
  });
}
