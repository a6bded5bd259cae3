//===- Expand.cpp - Quantization as float arithmetic ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/quantize/Expand.h"

#include "lib/Import/ops/Quantization.h"
#include "passes/Passes.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;
using adze::lower::elementTypeOf;

namespace adze {
#define GEN_PASS_DEF_EXPANDQUANTIZATION
#include "passes/Passes.h.inc"
} // namespace adze

namespace {

/// Scales and zero points beside the elements that they belong to. Blocks that
/// divide the axis get a dimension of their own; others, a quotient.
class Expansion {
public:
  Expansion(Operation *op, Value input, Value scale, Value zeroPoint,
            int64_t axis, int64_t block)
      : b(op), loc(op->getLoc()), axis(axis), block(block),
        shape(lower::shapeOf(input)) {
    splits = block > 0 && shape[axis] % block == 0 && !isPacked(input);
    if (splits) {
      shape[axis] /= block;
      shape.insert(shape.begin() + axis + 1, block);
    }
    operands = {{reshaped(input, shape), false}, {scale, true}};
    if (zeroPoint)
      operands.push_back({zeroPoint, true});
  }

  using Body = llvm::function_ref<Value(Scalars &, ValueRange)>;
  /// The result under `type`; body gets element, scale and zero point.
  Value build(RankedTensorType type, Body body) {
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (auto [value, isParameter] : operands)
      if (!known(value)) {
        maps.push_back(isParameter ? parameterMap(value) : identity());
        inputs.push_back(value);
      }
    maps.push_back(identity());
    Value init = tensor::EmptyOp::create(b, loc, shape, type.getElementType());
    Value y = linalg::GenericOp::create(
                  b, loc, init.getType(), inputs, init, maps,
                  SmallVector<utils::IteratorType>(
                      shape.size(), utils::IteratorType::parallel),
                  [&](OpBuilder &inner, Location at, ValueRange elements) {
                    Scalars s(inner, at);
                    SmallVector<Value> arguments;
                    size_t next = 0;
                    for (auto [value, isParameter] : operands)
                      if (TypedAttr number = known(value))
                        arguments.push_back(s.make<arith::ConstantOp>(number));
                      else
                        arguments.push_back(elements[next++]);
                    linalg::YieldOp::create(inner, at, body(s, arguments));
                  })
                  .getResult(0);
    return reshaped(y, type.getShape());
  }

private:
  /// Whether these are weights that stay packed (fold-constants): they keep
  /// their shape.
  static bool isPacked(Value value) {
    return elementTypeOf(value).getIntOrFloatBitWidth() < 8 &&
           value.getDefiningOp<adze::ConstantOp>();
  }
  Value reshaped(Value value, ArrayRef<int64_t> to) {
    if (lower::shapeOf(value) == to)
      return value;
    auto type = cast<RankedTensorType>(value.getType()).clone(to);
    return nn::ReshapeOp::create(b, loc, type, value);
  }
  AffineMap identity() {
    return AffineMap::getMultiDimIdentityMap(shape.size(), b.getContext());
  }
  /// The number that a constant of one element holds.
  static TypedAttr known(Value value) {
    auto constant = value.getDefiningOp<adze::ConstantOp>();
    auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                          : DenseElementsAttr();
    if (!dense || dense.getNumElements() != 1)
      return {};
    return cast<TypedAttr>(*dense.value_begin<Attribute>());
  }
  AffineMap parameterMap(Value value) {
    MLIRContext *context = b.getContext();
    ArrayRef<int64_t> sizes = lower::shapeOf(value);
    SmallVector<AffineExpr> exprs;
    if (cast<RankedTensorType>(value.getType()).getNumElements() == 1)
      exprs.assign(sizes.size(), getAffineConstantExpr(0, context));
    else if (block == 0)
      exprs.push_back(getAffineDimExpr(axis, context));
    else
      for (size_t i = 0; i < shape.size(); ++i) {
        AffineExpr dim = getAffineDimExpr(i, context);
        if (splits && int64_t(i) == axis + 1)
          continue;
        exprs.push_back(!splits && int64_t(i) == axis ? dim.floorDiv(block)
                                                      : dim);
      }
    return AffineMap::get(shape.size(), 0, exprs, context);
  }

  OpBuilder b;
  Location loc;
  int64_t axis, block;
  bool splits;
  SmallVector<int64_t> shape;
  SmallVector<std::pair<Value, bool>> operands;
};

} // namespace

static Value expand(nn::QuantizeOp op) {
  Type to = elementTypeOf(op.getOutput()), precision = op.getPrecision();
  Type f32 = Float32Type::get(op.getContext());
  Type wide = precision.getIntOrFloatBitWidth() < 32 ? f32 : precision;
  CastRules rules;
  rules.saturate = !op.getOverflows();
  Expansion e(op, op.getInput(), op.getScale(), op.getZeroPoint(), op.getAxis(),
              op.getBlockSize());
  return e.build(op.getType(), [&](Scalars &s, ValueRange in) -> Value {
    auto as = [&](Value value, Type type, bool isUnsigned) {
      return castScalar(s.b, s.loc, value, type, isUnsigned, false);
    };
    Value x = as(in[0], precision, op.getInputUnsigned());
    Value scale = as(in[1], precision, op.getScaleUnsigned());
    Value quotient = as(s.div(x, scale), wide, false);
    Value zeroPoint = in.size() > 2 ? in[2] : Value();
    if (!isa<FloatType>(to))
      return quantizedScalar(s, quotient, zeroPoint, {to, op.getIsUnsigned()});
    if (zeroPoint)
      quotient = s.add(quotient, as(zeroPoint, wide, false));
    return castScalar(s.b, s.loc, quotient, to, false, false, rules);
  });
}

static Value expand(nn::DequantizeOp op) {
  Type from = elementTypeOf(op.getInput()), to = elementTypeOf(op.getOutput());
  bool isUnsigned = op.getIsUnsigned();
  Type wide = to.isF64() ? to : Type(Float32Type::get(op.getContext()));
  Type centredType =
      isa<FloatType>(from) ? wide : Type(IntegerType::get(op.getContext(), 32));
  Expansion e(op, op.getInput(), op.getScale(), op.getZeroPoint(), op.getAxis(),
              op.getBlockSize());
  return e.build(op.getType(), [&](Scalars &s, ValueRange in) -> Value {
    auto as = [&](Value value, Type type, bool fromUnsigned) {
      return castScalar(s.b, s.loc, value, type, fromUnsigned, false);
    };
    // Integers are subtracted as integers: exact, and cheaper.
    Value x = as(in[0], centredType, isUnsigned);
    if (in.size() > 2)
      x = s.sub(x, as(in[2], centredType, isUnsigned));
    return as(s.mul(as(x, wide, false), as(in[1], wide, false)), to, false);
  });
}

void adze::expandQuantization(Operation *root) {
  SmallVector<Operation *> found;
  root->walk([&](Operation *op) {
    if (isa<nn::QuantizeOp, nn::DequantizeOp>(op))
      found.push_back(op);
  });
  for (Operation *op : found) {
    auto quantize = dyn_cast<nn::QuantizeOp>(op);
    Value y = quantize ? expand(quantize) : expand(cast<nn::DequantizeOp>(op));
    op->getResult(0).replaceAllUsesWith(y);
    op->erase();
  }
}

namespace {
struct ExpandQuantizationPass final
    : adze::impl::ExpandQuantizationBase<ExpandQuantizationPass> {
  void runOnOperation() override { expandQuantization(getOperation()); }
};
} // namespace
