//===- QuantizedSoftmax.cpp - Softmax in fixed point ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/FixedPointBuilder.h"
#include "passes/lower/Roots.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

namespace {

/// lib/Kernels/QuantizedSoftmax.cpp in loops.
class QuantizedSoftmax {
public:
  explicit QuantizedSoftmax(ElementEmitter &emitter)
      : e(emitter), f(emitter, 1, nn::Rounding::twice) {}

  Value term(Value exponential) {
    return f.divideByPowerOfTwo(exponential, f.i32(12));
  }

  /// 1 / sum: the multiplier in Q0.31 and the exponent of its division.
  std::pair<Value, Value> scale(Value sum) {
    Value headroom = e.make<math::CountLeadingZerosOp>(sum);
    Value minusOne =
        e.make<arith::SubIOp>(e.make<arith::ShLIOp>(sum, headroom),
                              f.i32(std::numeric_limits<int32_t>::min()));
    return {reciprocalOfOnePlus(minusOne),
            e.make<arith::SubIOp>(f.i32(12 + 31 - 8), headroom)};
  }

  Value output(Value exponential, std::pair<Value, Value> scale, Type type) {
    Value value =
        f.divideByPowerOfTwo(f.highMul(scale.first, exponential), scale.second);
    return f.narrow(value, -128, -128, 127, type);
  }

private:
  Value saturatingShiftLeft(Value x, int64_t bits) {
    Type i64 = e.b.getI64Type();
    Value wide = e.make<arith::ShLIOp>(e.make<arith::ExtSIOp>(i64, x),
                                       e.make<arith::ConstantIntOp>(bits, 64));
    return f.narrow(wide, 0, std::numeric_limits<int32_t>::min(),
                    std::numeric_limits<int32_t>::max(), e.b.getI32Type());
  }

  /// 1 / (1 + a) for a in [0, 1) as Q0.31: three steps of Newton and Raphson.
  Value reciprocalOfOnePlus(Value a) {
    constexpr int64_t fortyEightSeventeenths = 1515870810; // Q2.29
    constexpr int64_t minusThirtyTwoSeventeenths = -1010580540;
    Type i64 = e.b.getI64Type(), i32 = e.b.getI32Type();
    Value wide = e.make<arith::AddIOp>(
        e.make<arith::ExtSIOp>(i64, a),
        e.make<arith::ConstantIntOp>(int64_t(1) << 31, 64));
    Value half = e.make<arith::TruncIOp>(
        i32, e.make<arith::ShRSIOp>(wide, e.make<arith::ConstantIntOp>(1, 64)));
    Value x = e.make<arith::AddIOp>(
        f.highMul(half, f.i32(minusThirtyTwoSeventeenths)),
        f.i32(fortyEightSeventeenths));
    for (int step = 0; step < 3; ++step) {
      Value error = e.make<arith::SubIOp>(f.i32(1 << 29), f.highMul(half, x));
      x = e.make<arith::AddIOp>(x, saturatingShiftLeft(f.highMul(x, error), 2));
    }
    return saturatingShiftLeft(x, 1);
  }

  ElementEmitter &e;
  FixedPointBuilder f;
};

} // namespace

/// Three passes over each line, with results of 16 bits: exponentials are
/// products of two numbers of a table, the quotient a product with 2^62 / sum.
static void wideSoftmax(nn::QuantizedSoftmaxOp softmax, RootContext &context) {
  ElementEmitter &e = context.e;
  FixedPointBuilder f(e, 1, nn::Rounding::once);
  ArrayRef<int64_t> shape = shapeOf(softmax.getOutput());
  size_t axis = softmax.getAxis();
  Type i64 = e.b.getI64Type();
  SmallVector<int64_t> outer(shape);
  outer[axis] = 1;
  auto number = [&](int64_t value) -> Value {
    return e.make<arith::ConstantOp>(e.b.getI64IntegerAttr(value));
  };
  auto wide = [&](Value x) -> Value { return e.make<arith::ExtSIOp>(i64, x); };
  e.nest(outer, [&](ArrayRef<Value> at) {
    auto indices = [&](Value i) {
      Indices result(at);
      result[axis] = i;
      return result;
    };
    auto input = [&](Value i) {
      return f.centred(e.element(softmax.getInput(), indices(i)), 0);
    };
    using Values = SmallVector<Value>;
    Value maximum = e.carry(0, shape[axis], 1, f.i32(-32768),
                            [&](Value i, ValueRange m) -> Values {
                              return {e.make<arith::MaxSIOp>(m[0], input(i))};
                            })[0];
    // exp(x - maximum) as Q0.31.
    auto exponential = [&](Value i) -> Value {
      Value d = e.make<arith::SubIOp>(maximum, input(i));
      auto entry = [&](Value k, int64_t base) {
        Value index = e.make<arith::IndexCastOp>(e.b.getIndexType(), k);
        return wide(e.element(softmax.getExponentials(), {e.add(index, base)}));
      };
      Value coarse = entry(e.make<arith::ShRUIOp>(d, f.i32(8)), 0),
            fine = entry(e.make<arith::AndIOp>(d, f.i32(255)), 256);
      Value product = e.make<arith::AddIOp>(e.make<arith::MulIOp>(coarse, fine),
                                            number(int64_t(1) << 30));
      return e.make<arith::ShRSIOp>(product, number(31));
    };
    Value sum = e.carry(0, shape[axis], 1, number(0),
                        [&](Value i, ValueRange s) -> Values {
                          return {e.make<arith::AddIOp>(s[0], exponential(i))};
                        })[0];
    Value reciprocal = e.make<arith::DivSIOp>(number(int64_t(1) << 62), sum);
    e.loop(0, shape[axis], 1, [&](Value i) {
      Value y = e.make<arith::MulIOp>(exponential(i), reciprocal);
      y = e.make<arith::ShRSIOp>(
          e.make<arith::AddIOp>(y, number(int64_t(1) << 46)), number(47));
      context.store(0, indices(i), f.narrow(y, 0, 0, 32767, e.b.getI16Type()));
    });
  });
}

/// Three passes over each line: maximum, sum, results.
void roots::quantizedSoftmax(Operation *op, RootContext &context) {
  auto softmax = cast<nn::QuantizedSoftmaxOp>(op);
  if (elementTypeOf(softmax.getOutput()).isInteger(16))
    return wideSoftmax(softmax, context);
  ElementEmitter &e = context.e;
  QuantizedSoftmax arithmetic(e);
  ArrayRef<int64_t> shape = shapeOf(softmax.getOutput());
  size_t axis = softmax.getAxis();
  Type type = elementTypeOf(softmax.getOutput()), i32 = e.b.getI32Type();
  SmallVector<int64_t> outer(shape);
  outer[axis] = 1;
  e.nest(outer, [&](ArrayRef<Value> at) {
    auto indices = [&](Value i) {
      Indices result(at);
      result[axis] = i;
      return result;
    };
    auto input = [&](Value i) -> Value {
      return e.make<arith::ExtSIOp>(i32,
                                    e.element(softmax.getInput(), indices(i)));
    };
    using Values = SmallVector<Value>;
    Value maximum = e.carry(0, shape[axis], 1, e.constant(i32, -128),
                            [&](Value i, ValueRange m) -> Values {
                              return {e.make<arith::MaxSIOp>(m[0], input(i))};
                            })[0];
    auto exponential = [&](Value i) {
      Value difference = e.make<arith::IndexCastOp>(
          e.b.getIndexType(), e.make<arith::SubIOp>(maximum, input(i)));
      return e.element(softmax.getExponentials(), {difference});
    };
    Value sum = e.carry(
        0, shape[axis], 1, e.constant(i32, 0),
        [&](Value i, ValueRange s) -> Values {
          return {e.make<arith::AddIOp>(s[0], arithmetic.term(exponential(i)))};
        })[0];
    auto scale = arithmetic.scale(sum);
    e.loop(0, shape[axis], 1, [&](Value i) {
      context.store(0, indices(i),
                    arithmetic.output(exponential(i), scale, type));
    });
  });
}
