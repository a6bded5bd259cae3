//===- QuantizedNormalize.cpp - Normalization of integers -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

namespace {

/// Integers of 64 bits.
class Wide {
public:
  explicit Wide(ElementEmitter &e) : e(e) {}

  Value number(int64_t value) {
    return e.make<arith::ConstantOp>(e.b.getI64IntegerAttr(value));
  }
  Value extend(Value x) {
    return x.getType().isInteger(64)
               ? x
               : e.make<arith::ExtSIOp>(e.b.getI64Type(), x).getResult();
  }
  Value add(Value a, Value b) { return e.make<arith::AddIOp>(a, b); }
  Value sub(Value a, Value b) { return e.make<arith::SubIOp>(a, b); }
  Value mul(Value a, Value b) { return e.make<arith::MulIOp>(a, b); }
  Value right(Value x, Value bits) { return e.make<arith::ShRSIOp>(x, bits); }

  /// round(x / 2^bits), ties upward; bits is at least 1.
  Value rounded(Value x, Value bits) {
    Value half = e.make<arith::ShLIOp>(number(1), sub(bits, number(1)));
    return right(add(x, half), bits);
  }

  /// For q in [1, 2^62): r in Q2.30 and s with 1 / sqrt(q) = r * 2^(s - 61).
  std::pair<Value, Value> inverseSquareRoot(Value q) {
    // q = m 2^-k with an even k and m in [2^60, 2^62); a = m 2^-62 is in
    // [1/4, 1), and 1 / sqrt(a) in (1, 2].
    Value zeros = e.make<math::CountLeadingZerosOp>(q);
    Value k = e.make<arith::AndIOp>(sub(zeros, number(2)), number(~int64_t(1)));
    Value a = right(e.make<arith::ShLIOp>(q, k), number(32)); // Q0.30
    // The line through both ends less half of its error, and Newton's
    // iteration for 1 / sqrt: r <- r (3 - a r^2) / 2. Its error squares.
    constexpr auto unit = double(int64_t(1) << 30);
    Value r = sub(number(int64_t(2.22 * unit)),
                  right(mul(a, number(int64_t(1.28 * unit))), number(30)));
    for (int i = 0; i < 5; ++i) {
      Value square = right(mul(r, r), number(30));
      Value rest = sub(number(3 * (int64_t(1) << 30)),
                       right(mul(a, square), number(30)));
      r = right(mul(r, rest), number(31));
    }
    // 1 / sqrt(q) = 1 / sqrt(a 2^(62 - k)) = r 2^-30 2^(k / 2 - 31).
    return {r, right(k, number(1))};
  }

private:
  ElementEmitter &e;
};

} // namespace

void roots::quantizedNormalize(Operation *op, RootContext &context) {
  auto norm = cast<nn::QuantizedNormalizeOp>(op);
  ElementEmitter &e = context.e;
  Wide wide(e);
  Value input = norm.getInput();
  ArrayRef<int64_t> shape = shapeOf(input);
  size_t axis = norm.getAxis();
  ArrayRef<int64_t> outer = shape.take_front(axis),
                    inner = shape.drop_front(axis);
  int64_t count = 1;
  for (int64_t size : inner)
    count *= size;
  Type i32 = e.b.getI32Type();
  auto element = [&](ArrayRef<Value> at) -> Value {
    Value x = e.make<arith::ExtSIOp>(i32, e.element(input, at));
    if (!norm.getRms() || norm.getZeroPoint() == 0)
      return x;
    return e.make<arith::SubIOp>(
        x, e.make<arith::ConstantOp>(
               e.b.getI32IntegerAttr(int32_t(norm.getZeroPoint()))));
  };
  // The sum of squares of int8 fits i32 up to 2^16 elements (2^15 with a zero
  // point, where differences have nine bits).
  bool isByte = elementTypeOf(input).isInteger(8) && count <= (1 << 14);
  Type sumType = isByte ? i32 : Type(e.b.getI64Type());
  auto toSum = [&](Value x) { return isByte ? x : wide.extend(x); };

  e.nest(outer, [&](ArrayRef<Value> line) {
    Value zero = e.make<arith::ConstantOp>(e.b.getIntegerAttr(sumType, 0));
    using Sums = SmallVector<Value>;
    std::function<Sums(Indices, Sums)> descend = [&](Indices at,
                                                     Sums sums) -> Sums {
      if (at.size() == shape.size()) {
        Value x = toSum(element(at));
        return {e.make<arith::AddIOp>(sums[0], x),
                e.make<arith::AddIOp>(sums[1], e.make<arith::MulIOp>(x, x))};
      }
      return e.carry(0, shape[at.size()], 1, sums,
                     [&](Value i, ValueRange s) -> Sums {
                       Indices next(at);
                       next.push_back(i);
                       return descend(next, Sums(s.begin(), s.end()));
                     });
    };
    Sums sums = descend(Indices(line), {zero, zero});
    Value total = wide.extend(sums[0]);
    Value q = wide.mul(wide.number(count), wide.extend(sums[1]));
    if (!norm.getRms())
      q = wide.sub(q, wide.mul(total, total));
    q = wide.add(q, wide.number(norm.getEpsilon()));
    auto [r, s] = wide.inverseSquareRoot(q);
    // d r has up to 31 + 31 bits; 16 of them stay behind the point:
    // n = d r 2^(s - 61 + 16).
    Value shift = wide.sub(wide.number(61 - 16), s);
    auto affine = [&](Value tensor, ArrayRef<Value> at) {
      Indices source;
      ArrayRef<int64_t> sizes = shapeOf(tensor);
      for (auto [i, size] : llvm::zip(at.take_back(sizes.size()), sizes))
        source.push_back(size == 1 ? e.index(0) : i);
      return wide.extend(e.element(tensor, source));
    };
    e.nest(inner, [&](ArrayRef<Value> rest) {
      Indices at(line);
      at.append(rest.begin(), rest.end());
      Value d = wide.mul(wide.extend(element(at)), wide.number(count));
      if (!norm.getRms())
        d = wide.sub(d, total);
      Value n = wide.rounded(wide.mul(d, r), shift);
      Value y = wide.add(wide.mul(n, affine(norm.getGain(), at)),
                         affine(norm.getOffset(), at));
      y = wide.rounded(y, wide.number(norm.getShift()));
      y = e.make<arith::MaxSIOp>(y, wide.number(norm.getLow()));
      y = e.make<arith::MinSIOp>(y, wide.number(norm.getHigh()));
      context.store(
          0, at, e.make<arith::TruncIOp>(elementTypeOf(norm.getOutput()), y));
    });
  });
}
