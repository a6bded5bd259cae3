//===- Recurrent.cpp - RNN, GRU and LSTM -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

namespace {

/// One direction of a recurrent operator. Batch by batch and step by step;
/// all gates of a unit are summed together, so that each input is read once
/// for them. The state is kept in f32 for narrower types.
class Cell {
public:
  Cell(nn::RecurrentOp op, RootContext &context)
      : op(op), context(context), e(context.e), type(elementTypeOf(op.getX())),
        inner(type.getIntOrFloatBitWidth() < 32 ? e.b.getF32Type() : type) {
    steps = shapeOf(op.getX())[0];
    batch = shapeOf(op.getX())[1];
    inputs = shapeOf(op.getX())[2];
    hidden = shapeOf(op.getR())[1];
    gates = shapeOf(op.getR())[0] / hidden;
  }

  void run();

private:
  using Gates = ArrayRef<int64_t>;
  Value widen(Value x) {
    return x.getType() == inner ? x
                                : e.make<arith::ExtFOp>(inner, x).getResult();
  }
  Value narrow(Value x) {
    return type == inner ? x : e.make<arith::TruncFOp>(type, x).getResult();
  }
  Value read(Value tensor, ArrayRef<Value> at) {
    return widen(e.element(tensor, at));
  }
  Value load(Value buffer, Value at) {
    return e.make<memref::LoadOp>(buffer, at);
  }
  void save(Value value, Value buffer, Value at) {
    e.make<memref::StoreOp>(value, buffer, at);
  }
  Value add(Value a, Value b) { return e.make<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return e.make<arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return e.make<arith::MulFOp>(a, b); }
  Value number(double value) { return e.constant(inner, value); }
  Value one() { return number(1); }

  /// The row of gate `g` for unit `j` in w, r or one half of b.
  Value row(int64_t g, Value j) { return e.add(j, g * hidden); }
  /// w x + its bias for some gates of unit `j`, on top of `start`.
  SmallVector<Value> inputSums(Gates which, Value t, Value n, Value j);
  /// start + r v for the same.
  SmallVector<Value> stateSums(Gates which, ArrayRef<Value> start, Value v,
                               Value j);
  Value bias(int64_t half, int64_t g, Value j) {
    return op.getB()
               ? read(op.getB(), {e.add(row(g, j), half * gates * hidden)})
               : number(0);
  }
  Value activate(unsigned which, Value x, bool clips = true);
  Value peephole(unsigned which, Value j, Value c, Value sum) {
    if (!op.getP())
      return sum;
    return add(sum, mul(read(op.getP(), {e.add(j, which * hidden)}), c));
  }

  Value lstm(Value t, Value n, Value j);
  Value rnn(Value t, Value n, Value j);
  Value gru(Value t, Value n, Value j);
  void resetGates(Value t, Value n);

  nn::RecurrentOp op;
  RootContext &context;
  ElementEmitter &e;
  Type type, inner;
  int64_t steps, batch, inputs, hidden, gates;
  Value h, next, c, reset; // of the batch entry at hand
};

} // namespace

SmallVector<Value> Cell::inputSums(Gates which, Value t, Value n, Value j) {
  SmallVector<Value> start;
  for (int64_t g : which)
    start.push_back(bias(0, g, j));
  return e.carry(
      0, inputs, 1, start, [&](Value i, ValueRange sums) -> SmallVector<Value> {
        Value x = read(op.getX(), {t, n, i});
        SmallVector<Value> result;
        for (auto [g, sum] : llvm::zip(which, sums))
          result.push_back(add(sum, mul(x, read(op.getW(), {row(g, j), i}))));
        return result;
      });
}

SmallVector<Value> Cell::stateSums(Gates which, ArrayRef<Value> start, Value v,
                                   Value j) {
  SmallVector<Value> biased;
  for (auto [g, sum] : llvm::zip(which, start))
    biased.push_back(op.getB() ? add(sum, bias(1, g, j)) : sum);
  return e.carry(0, hidden, 1, biased,
                 [&](Value k, ValueRange sums) -> SmallVector<Value> {
                   Value x = load(v, k);
                   SmallVector<Value> result;
                   for (auto [g, sum] : llvm::zip(which, sums))
                     result.push_back(
                         add(sum, mul(x, read(op.getR(), {row(g, j), k}))));
                   return result;
                 });
}

/// Activation `which` of the operator's list; the arguments of all but the
/// output's are clipped (as in onnxruntime).
Value Cell::activate(unsigned which, Value x, bool clips) {
  double clip = op.getClip().convertToDouble();
  if (clips && clip > 0) {
    x = e.make<arith::MinimumFOp>(x, number(clip));
    x = e.make<arith::MaximumFOp>(x, number(-clip));
  }
  StringRef name = cast<StringAttr>(op.getActivations()[which]).getValue();
  double givenAlpha = op.getAlphas()[which], givenBeta = op.getBetas()[which];
  auto alpha = [&](double otherwise) {
    return number(std::isnan(givenAlpha) ? otherwise : givenAlpha);
  };
  auto beta = [&](double otherwise) {
    return number(std::isnan(givenBeta) ? otherwise : givenBeta);
  };
  Value zero = number(0);
  auto exp = [&](Value v) -> Value { return e.make<math::ExpOp>(v); };
  auto positive = [&](Value v) -> Value {
    return e.make<arith::CmpFOp>(arith::CmpFPredicate::OGE, v, zero);
  };
  auto select = [&](Value condition, Value a, Value b) -> Value {
    return e.make<arith::SelectOp>(condition, a, b);
  };
  auto divide = [&](Value a, Value b) -> Value {
    return e.make<arith::DivFOp>(a, b);
  };
  auto magnitude = [&](Value v) -> Value { return e.make<math::AbsFOp>(v); };
  if (name == "sigmoid")
    return divide(one(), add(one(), exp(sub(zero, x))));
  if (name == "tanh")
    return e.make<math::TanhOp>(x);
  if (name == "relu")
    return e.make<arith::MaximumFOp>(x, zero);
  if (name == "affine")
    return add(mul(alpha(1), x), beta(0));
  if (name == "leakyrelu")
    return select(positive(x), x, mul(alpha(0.01), x));
  if (name == "thresholdedrelu") {
    Value above = e.make<arith::CmpFOp>(arith::CmpFPredicate::OGT, x, alpha(1));
    return select(above, x, zero);
  }
  if (name == "scaledtanh")
    return mul(alpha(1), e.make<math::TanhOp>(mul(beta(1), x)));
  if (name == "hardsigmoid") {
    Value line = add(mul(alpha(0.2), x), beta(0.5));
    return e.make<arith::MaximumFOp>(
        zero, e.make<arith::MinimumFOp>(line, one()).getResult());
  }
  if (name == "elu")
    return select(positive(x), x, mul(alpha(1), sub(exp(x), one())));
  if (name == "softsign")
    return divide(x, add(one(), magnitude(x)));
  // softplus: max(x, 0) + log(1 + exp(-|x|)) does not overflow.
  Value small = exp(sub(zero, magnitude(x)));
  return add(e.make<arith::MaximumFOp>(x, zero), e.make<math::Log1pOp>(small));
}

Value Cell::lstm(Value t, Value n, Value j) {
  int64_t all[] = {0, 1, 2, 3}; // input, output, forget, cell
  SmallVector<Value> sums = stateSums(all, inputSums(all, t, n, j), h, j);
  Value before = load(c, j);
  Value in = activate(0, peephole(0, j, before, sums[0]));
  Value forget = op.getInputForget()
                     ? sub(one(), in)
                     : activate(0, peephole(2, j, before, sums[2]));
  Value candidate = activate(1, sums[3]);
  Value now = add(mul(forget, before), mul(in, candidate));
  save(now, c, j);
  Value out = activate(0, peephole(1, j, now, sums[1]));
  return mul(out, activate(2, now, /*clips=*/false));
}

Value Cell::rnn(Value t, Value n, Value j) {
  int64_t all[] = {0};
  return activate(0, stateSums(all, inputSums(all, t, n, j), h, j)[0]);
}

/// r * h of all units: the candidates need it before the first of them.
void Cell::resetGates(Value t, Value n) {
  int64_t only[] = {1};
  e.loop(0, hidden, 1, [&](Value j) {
    Value r = activate(0, stateSums(only, inputSums(only, t, n, j), h, j)[0]);
    save(mul(r, load(h, j)), reset, j);
  });
}

Value Cell::gru(Value t, Value n, Value j) {
  int64_t update[] = {0}, candidate[] = {2}, all[] = {0, 1, 2};
  Value z, g;
  if (op.getLinearBeforeReset()) {
    SmallVector<Value> x = inputSums(all, t, n, j);
    Value zero = number(0);
    SmallVector<Value> sums = stateSums(all, {x[0], x[1], zero}, h, j);
    z = activate(0, sums[0]);
    Value r = activate(0, sums[1]);
    g = activate(1, add(x[2], mul(r, sums[2])));
  } else {
    int64_t both[] = {0, 2};
    SmallVector<Value> x = inputSums(both, t, n, j);
    z = activate(0, stateSums(update, x[0], h, j)[0]);
    g = activate(1, stateSums(candidate, x[1], reset, j)[0]);
  }
  return add(mul(sub(one(), z), g), mul(z, load(h, j)));
}

void Cell::run() {
  bool isLstm = op.getKind() == nn::CellKind::lstm;
  bool resets = op.getKind() == nn::CellKind::gru && !op.getLinearBeforeReset();
  h = context.scratch({hidden}, inner);
  next = context.scratch({hidden}, inner);
  if (isLstm)
    c = context.scratch({hidden}, inner);
  if (resets)
    reset = context.scratch({hidden}, inner);

  e.loop(0, batch, 1, [&](Value n) {
    e.loop(0, hidden, 1, [&](Value j) {
      save(op.getH0() ? read(op.getH0(), {n, j}) : number(0), h, j);
      if (isLstm)
        save(op.getC0() ? read(op.getC0(), {n, j}) : number(0), c, j);
    });
    Value length = e.index(steps);
    if (op.getLengths()) {
      Value given = e.make<arith::IndexCastOp>(e.b.getIndexType(),
                                               e.element(op.getLengths(), {n}));
      length = e.min(e.max(given, e.index(0)), length);
    }
    e.loop(e.index(0), length, [&](Value s) {
      Value t = op.getReverse() ? e.sub(e.sub(length, e.index(1)), s) : s;
      if (resets)
        resetGates(t, n);
      e.loop(0, hidden, 1, [&](Value j) {
        Value y = isLstm                              ? lstm(t, n, j)
                  : op.getKind() == nn::CellKind::gru ? gru(t, n, j)
                                                      : rnn(t, n, j);
        save(y, next, j);
      });
      e.loop(0, hidden, 1, [&](Value j) {
        Value y = load(next, j);
        save(y, h, j);
        context.store(0, {t, n, j}, narrow(y));
      });
    });
    // Behind the end of a short sequence.
    if (op.getLengths())
      e.loop(length, e.index(steps), [&](Value s) {
        e.loop(0, hidden, 1, [&](Value j) {
          context.store(0, {s, n, j}, e.constant(type, 0));
        });
      });
    e.loop(0, hidden, 1, [&](Value j) {
      if (op.getOutputs().size() > 1)
        context.store(1, {n, j}, narrow(load(h, j)));
      if (op.getOutputs().size() > 2)
        context.store(2, {n, j}, narrow(load(c, j)));
    });
  });
}

void roots::recurrent(Operation *op, RootContext &context) {
  Cell(cast<nn::RecurrentOp>(op), context).run();
}
