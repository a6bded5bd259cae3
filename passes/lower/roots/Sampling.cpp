//===- Sampling.cpp - Samples of images at places that are data -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Coordinates are data and may be anything, NaN included: every one is brought
/// into bounds by comparisons that a NaN fails before it becomes an index.
/// Floats of 16 bits and less are computed in f32.
///
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"
#include "passes/lower/elements/Elements.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

namespace {

/// Arithmetic on floats of one type.
class Floats {
public:
  Floats(ElementEmitter &e, Type element) : e(e), type(element) {
    if (type.getIntOrFloatBitWidth() < 32)
      type = e.b.getF32Type();
  }

  ElementEmitter &e;
  Type type;

  Value constant(double value) { return e.constant(type, value); }
  Value widen(Value x) {
    unsigned from = x.getType().getIntOrFloatBitWidth();
    unsigned to = type.getIntOrFloatBitWidth();
    if (from < to)
      return e.make<arith::ExtFOp>(type, x);
    return from > to ? e.make<arith::TruncFOp>(type, x).getResult() : x;
  }
  Value narrow(Value x, Type to) {
    return to == type ? x : e.make<arith::TruncFOp>(to, x).getResult();
  }
  Value add(Value x, Value y) { return e.make<arith::AddFOp>(x, y); }
  Value sub(Value x, Value y) { return e.make<arith::SubFOp>(x, y); }
  Value mul(Value x, Value y) { return e.make<arith::MulFOp>(x, y); }
  Value div(Value x, Value y) { return e.make<arith::DivFOp>(x, y); }
  Value add(Value x, double y) { return add(x, constant(y)); }
  Value sub(Value x, double y) { return sub(x, constant(y)); }
  Value mul(Value x, double y) { return mul(x, constant(y)); }
  Value floor(Value x) { return e.make<math::FloorOp>(x); }
  Value ceil(Value x) { return e.make<math::CeilOp>(x); }
  Value less(Value x, Value y) {
    return e.make<arith::CmpFOp>(arith::CmpFPredicate::OLT, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return e.make<arith::SelectOp>(condition, x, y);
  }
  /// Into [low, high]; NaN becomes low.
  Value clamp(Value x, double low, double high) {
    Value l = constant(low), h = constant(high);
    x = select(less(l, x), x, l);
    return select(less(x, h), x, h);
  }
  /// The integer part of a float that is in range.
  Value toIndex(Value x) {
    return e.make<arith::IndexCastOp>(
        e.b.getIndexType(), e.make<arith::FPToSIOp>(e.b.getI64Type(), x));
  }
  Value fromIndex(Value i) {
    return e.make<arith::SIToFPOp>(
        type, e.make<arith::IndexCastOp>(e.b.getI64Type(), i));
  }
};

/// One dimension of a grid sample: its taps.
struct Taps {
  SmallVector<Value> indices, weights, inside; // inside: null where always
};

class GridSampling {
public:
  GridSampling(nn::GridSampleOp op, ElementEmitter &e)
      : op(op), f(e, elementTypeOf(op.getInput())), e(e) {}

  Value sample(ArrayRef<Value> at);

private:
  Value reflect(Value x, double low, double high);
  Taps tapsAt(Value coordinate, int64_t size);
  Value sum(ArrayRef<Taps> dims, size_t d, Indices &source, Value inside);

  nn::GridSampleOp op;
  Floats f;
  ElementEmitter &e;
};

} // namespace

/// Mirrors what lies outside [low, high] at the nearer end, as often as it
/// takes.
Value GridSampling::reflect(Value x, double low, double high) {
  double range = high - low;
  if (range <= 0)
    return f.constant(low);
  auto fold = [&](Value distance, bool below) {
    Value n = f.floor(f.mul(distance, 1 / range));
    Value rest = f.sub(distance, f.mul(n, range));
    Value half = f.mul(n, 0.5);
    Value even =
        e.make<arith::CmpFOp>(arith::CmpFPredicate::OEQ, f.floor(half), half);
    Value up = f.add(rest, low), down = f.sub(f.constant(high), rest);
    return below ? f.select(even, up, down) : f.select(even, down, up);
  };
  Value l = f.constant(low), h = f.constant(high);
  Value y = f.select(f.less(x, l), fold(f.sub(l, x), true), x);
  return f.select(f.less(h, x), fold(f.sub(x, h), false), y);
}

Taps GridSampling::tapsAt(Value coordinate, int64_t size) {
  StringRef mode = op.getMode(), padding = op.getPadding();
  bool corners = op.getAlignCorners();
  double length = double(size);
  double low = corners ? 0 : -0.5, high = corners ? length - 1 : length - 0.5;
  // From [-1, 1] to indices.
  Value x = f.add(coordinate, 1.0);
  x = corners ? f.mul(x, (length - 1) / 2)
              : f.mul(f.sub(f.mul(x, length), 1.0), 0.5);
  if (mode == "nearest")
    x = e.make<math::RoundEvenOp>(x);
  if (padding == "border") {
    Value outside = e.make<arith::OrIOp>(f.less(x, f.constant(low)),
                                         f.less(f.constant(high), x));
    x = f.select(outside, f.clamp(x, 0, length - 1), x);
  } else if (padding == "reflection") {
    x = reflect(x, low, high);
  }

  Taps taps;
  auto place = [&](Value i) {
    if (padding == "reflection") {
      i = reflect(i, low, high);
    } else if (padding == "zeros") {
      Value valid =
          e.make<arith::CmpFOp>(arith::CmpFPredicate::OGE, i, f.constant(0));
      Value below = e.make<arith::CmpFOp>(arith::CmpFPredicate::OLE, i,
                                          f.constant(length - 1));
      taps.inside.push_back(e.make<arith::AndIOp>(valid, below));
    }
    taps.indices.push_back(f.toIndex(f.clamp(i, 0, length - 1)));
  };
  if (mode == "nearest") {
    place(x);
    taps.weights.push_back(nullptr);
    return taps;
  }
  Value first = f.floor(x), t = f.sub(x, first);
  Value u = f.sub(f.constant(1), t);
  if (mode == "linear") {
    place(first);
    place(f.add(first, 1.0));
    taps.weights = {u, t};
    return taps;
  }
  constexpr double a = -0.75;
  for (int64_t k = -1; k <= 2; ++k)
    place(f.add(first, double(k)));
  auto near = [&](Value d) { // at a distance of at most 1
    Value cubic = f.mul(f.sub(f.mul(d, a + 2), a + 3), f.mul(d, d));
    return f.add(cubic, 1.0);
  };
  auto far = [&](Value d) { // between 1 and 2
    Value y = f.add(f.mul(f.sub(d, 5.0), d), 8.0);
    return f.sub(f.mul(f.mul(y, d), a), 4 * a);
  };
  taps.weights = {far(f.add(t, 1.0)), near(t), near(u), far(f.add(u, 1.0))};
  return taps;
}

Value GridSampling::sum(ArrayRef<Taps> dims, size_t d, Indices &source,
                        Value inside) {
  if (d == dims.size()) {
    Value x = f.widen(e.element(op.getInput(), source));
    return inside ? f.select(inside, x, f.constant(0)) : x;
  }
  Value total;
  for (size_t t = 0; t < dims[d].indices.size(); ++t) {
    source[2 + d] = dims[d].indices[t];
    Value here = inside;
    if (!dims[d].inside.empty())
      here = here ? e.make<arith::AndIOp>(here, dims[d].inside[t]).getResult()
                  : dims[d].inside[t];
    Value x = sum(dims, d + 1, source, here);
    if (Value weight = dims[d].weights[t])
      x = f.mul(x, weight);
    total = total ? f.add(total, x) : x;
  }
  return total;
}

Value GridSampling::sample(ArrayRef<Value> at) {
  ArrayRef<int64_t> in = shapeOf(op.getInput());
  size_t spatial = in.size() - 2;
  SmallVector<Taps> dims;
  for (size_t d = 0; d < spatial; ++d) {
    Indices where{at[0]};
    llvm::append_range(where, at.drop_front(2));
    where.push_back(e.index(spatial - 1 - d)); // the last dimension first
    dims.push_back(tapsAt(f.widen(e.element(op.getGrid(), where)), in[2 + d]));
  }
  Indices source(in.size());
  source[0] = at[0];
  source[1] = at[1];
  return f.narrow(sum(dims, 0, source, nullptr), elementTypeOf(op.getInput()));
}

void roots::gridSample(Operation *op, RootContext &context) {
  GridSampling sampling(cast<nn::GridSampleOp>(op), context.e);
  context.e.nest(shapeOf(op->getResult(0)), [&](ArrayRef<Value> at) {
    context.store(0, at, sampling.sample(at));
  });
}

namespace {

/// A sample along one dimension: two neighbours and the weight of the second.
struct Neighbours {
  Value low, high, part, outside;
};

} // namespace

static Neighbours neighboursAt(Floats &f, Value x, int64_t size) {
  ElementEmitter &e = f.e;
  Neighbours result;
  Value below = f.less(x, f.constant(-1));
  result.outside =
      e.make<arith::OrIOp>(below, f.less(f.constant(double(size)), x));
  x = f.clamp(x, 0, double(size - 1));
  result.low = f.toIndex(x);
  result.high = e.min(e.add(result.low, 1), e.index(size - 1));
  result.part = f.sub(x, f.fromIndex(result.low));
  return result;
}

void roots::roiAlign(Operation *op, RootContext &context) {
  auto roi = cast<nn::RoiAlignOp>(op);
  ElementEmitter &e = context.e;
  Type type = elementTypeOf(roi.getInput());
  Floats f(e, type);
  ArrayRef<int64_t> in = shapeOf(roi.getInput());
  ArrayRef<int64_t> out = shapeOf(roi.getOutput());
  double scale = roi.getSpatialScale().convertToDouble();
  double shift = roi.getHalfPixel() ? 0.5 : 0;
  bool max = roi.getMax();

  e.nest(out, [&](ArrayRef<Value> at) {
    Value batch =
        elements::safeIndex(e.element(roi.getBatch(), at[0]), in[0], e);
    // Along each of both dimensions: where the bin begins, how far samples are
    // apart, how many there are.
    Value start[2], step[2], count[2];
    for (int64_t d = 0; d < 2; ++d) { // rows, columns
      auto corner = [&](int64_t k) {
        Value x = f.widen(e.element(roi.getRois(), {at[0], e.index(k)}));
        return f.sub(f.mul(x, scale), shift);
      };
      Value first = corner(1 - d), last = corner(3 - d);
      Value length = f.sub(last, first);
      if (!roi.getHalfPixel()) // a region is at least one element
        length = f.select(f.less(f.constant(1), length), length, f.constant(1));
      Value bin = f.mul(length, 1.0 / double(out[2 + d]));
      start[d] = f.add(first, f.mul(bin, f.fromIndex(at[2 + d])));
      if (int64_t ratio = roi.getSamplingRatio(); ratio > 0) {
        count[d] = e.index(ratio);
        step[d] = f.mul(bin, 1.0 / double(ratio));
        continue;
      }
      Value samples = f.clamp(f.ceil(bin), 0, 65535);
      count[d] = f.toIndex(samples);
      step[d] = f.div(bin, samples);
    }
    auto place = [&](int64_t d, Value i) {
      Value offset = f.mul(f.add(f.fromIndex(i), 0.5), step[d]);
      return neighboursAt(f, f.add(start[d], offset), in[2 + d]);
    };
    Value none = f.constant(max ? -std::numeric_limits<double>::infinity() : 0);
    Value result = e.carry(
        e.index(0), count[0], none,
        [&](Value i, ValueRange rows) -> SmallVector<Value> {
          Neighbours y = place(0, i);
          return e.carry(
              e.index(0), count[1], rows,
              [&](Value j, ValueRange held) -> SmallVector<Value> {
                Neighbours x = place(1, j);
                Value outside = e.make<arith::OrIOp>(y.outside, x.outside);
                auto term = [&](bool down, bool right) {
                  Value pixel = f.widen(e.element(
                      roi.getInput(), {batch, at[1], down ? y.high : y.low,
                                       right ? x.high : x.low}));
                  Value one = f.constant(1);
                  Value wy = down ? y.part : f.sub(one, y.part);
                  Value wx = right ? x.part : f.sub(one, x.part);
                  return f.mul(f.mul(wy, wx), pixel);
                };
                Value terms[] = {term(false, false), term(false, true),
                                 term(true, false), term(true, true)};
                Value sample = terms[0];
                for (Value t : llvm::drop_begin(terms))
                  sample =
                      max ? e.make<arith::MaximumFOp>(sample, t).getResult()
                          : f.add(sample, t);
                sample = f.select(outside, f.constant(0), sample);
                if (max)
                  return {e.make<arith::MaximumFOp>(held[0], sample)};
                return {f.add(held[0], sample)};
              });
        })[0];
    Value samples = f.fromIndex(e.make<arith::MulIOp>(count[0], count[1]));
    Value some = f.less(f.constant(0), samples);
    if (!max)
      result = f.div(result, f.select(some, samples, f.constant(1)));
    else
      result = f.select(some, result, f.constant(0));
    context.store(0, at, f.narrow(result, type));
  });
}

void roots::maxRoiPool(Operation *op, RootContext &context) {
  auto roi = cast<nn::MaxRoiPoolOp>(op);
  ElementEmitter &e = context.e;
  Type type = elementTypeOf(roi.getInput());
  Floats f(e, type);
  ArrayRef<int64_t> in = shapeOf(roi.getInput());
  ArrayRef<int64_t> out = shapeOf(roi.getOutput());
  double scale = roi.getSpatialScale().convertToDouble();

  e.nest(out, [&](ArrayRef<Value> at) {
    auto read = [&](int64_t k) {
      return f.widen(e.element(roi.getRois(), {at[0], e.index(k)}));
    };
    Value batch = f.toIndex(f.clamp(read(0), 0, double(in[0] - 1)));
    // Halves round away from zero.
    auto round = [&](Value x) {
      return f.select(f.less(x, f.constant(0)), f.ceil(f.sub(x, 0.5)),
                      f.floor(f.add(x, 0.5)));
    };
    Value begin[2], end[2];
    for (int64_t d = 0; d < 2; ++d) { // rows, columns
      Value first = round(f.mul(read(2 - d), scale));
      Value last = round(f.mul(read(4 - d), scale));
      Value length = f.add(f.sub(last, first), 1.0);
      length = f.select(f.less(f.constant(1), length), length, f.constant(1));
      Value bin = f.mul(length, 1.0 / double(out[2 + d]));
      Value i = f.fromIndex(at[2 + d]);
      auto bound = [&](Value x) {
        return f.toIndex(f.clamp(f.add(x, first), 0, double(in[2 + d])));
      };
      begin[d] = bound(f.floor(f.mul(i, bin)));
      end[d] = bound(f.ceil(f.mul(f.add(i, 1.0), bin)));
    }
    // Loops from begin to end make no trip for an empty bin.
    Value lowest = f.constant(-std::numeric_limits<double>::infinity());
    Value result = e.carry(
        begin[0], end[0], lowest,
        [&](Value i, ValueRange rows) -> SmallVector<Value> {
          return e.carry(begin[1], end[1], rows,
                         [&](Value j, ValueRange held) -> SmallVector<Value> {
                           Value x = f.widen(
                               e.element(roi.getInput(), {batch, at[1], i, j}));
                           return {e.make<arith::MaximumFOp>(held[0], x)};
                         });
        })[0];
    Value empty = e.make<arith::OrIOp>(
        e.compare(arith::CmpIPredicate::sle, end[0], begin[0]),
        e.compare(arith::CmpIPredicate::sle, end[1], begin[1]));
    context.store(0, at,
                  f.narrow(f.select(empty, f.constant(0), result), type));
  });
}
