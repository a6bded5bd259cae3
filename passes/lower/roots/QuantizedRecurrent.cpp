//===- QuantizedRecurrent.cpp - GRU and LSTM of integers --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/FixedPointBuilder.h"
#include "passes/lower/Roots.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

namespace {

/// One direction, batch by batch and step by step, as the loops of
/// nn.recurrent. Numbers between operations are i32: gate arguments in Q3.12,
/// gates and states in Q0.15.
class IntegerCell {
public:
  IntegerCell(nn::QuantizedRecurrentOp op, RootContext &context)
      : op(op), context(context), e(context.e),
        f(context.e, 1, nn::Rounding::once) {
    steps = shapeOf(op.getX())[0];
    batch = shapeOf(op.getX())[1];
    inputs = shapeOf(op.getX())[2];
    hidden = shapeOf(op.getR())[1];
  }

  void run();

private:
  using Gates = ArrayRef<int64_t>;
  using Values = SmallVector<Value>;
  Value load(Value buffer, Value at) {
    return f.centred(e.make<memref::LoadOp>(buffer, at), 0);
  }
  void save(Value x, Value buffer, Value at) {
    e.make<memref::StoreOp>(narrow(x), buffer, at);
  }
  Value narrow(Value x) { return e.make<arith::TruncIOp>(e.b.getI16Type(), x); }
  Value saturated(Value x) {
    x = e.make<arith::MaxSIOp>(x, f.i32(-32768));
    return e.make<arith::MinSIOp>(x, f.i32(32767));
  }
  Value add(Value a, Value b) { return e.make<arith::AddIOp>(a, b); }
  Value mul(Value a, Value b) { return e.make<arith::MulIOp>(a, b); }
  Value row(int64_t g, Value j) { return e.add(j, g * hidden); }
  Value one(Value table, Value row) {
    bool single = shapeOf(table)[0] == 1;
    return e.element(table, {single ? e.index(0) : row});
  }
  /// round(x / 2^bits), ties upward.
  Value shifted(Value x, int64_t bits) {
    if (bits == 0)
      return x;
    return e.make<arith::ShRSIOp>(add(x, f.i32(int64_t(1) << (bits - 1))),
                                  f.i32(bits));
  }

  Values inputSums(Gates which, Value t, Value n, Value j);
  /// state_bias + r v in Q3.12.
  Values stateSums(Gates which, Value v, Value j);
  /// The function of a table of an i32 that fits i16.
  Value function(Value table, Value x);
  Value sigmoid(Value x) { return function(op.getSigmoid(), saturated(x)); }
  Value tanh(Value x) { return function(op.getTanh(), saturated(x)); }
  Value lstm(Value t, Value n, Value j);
  Value gru(Value t, Value n, Value j);
  void resetGates(Value t, Value n);

  nn::QuantizedRecurrentOp op;
  RootContext &context;
  ElementEmitter &e;
  FixedPointBuilder f;
  int64_t steps, batch, inputs, hidden;
  Value h, next, c, reset; // of the batch entry at hand
};

} // namespace

IntegerCell::Values IntegerCell::inputSums(Gates which, Value t, Value n,
                                           Value j) {
  Values start;
  for (int64_t g : which)
    start.push_back(e.element(op.getInputBias(), {row(g, j)}));
  Values sums =
      e.carry(0, inputs, 1, start, [&](Value i, ValueRange sums) -> Values {
        Value x = f.centred(e.element(op.getX(), {t, n, i}), 0);
        Values result;
        for (auto [g, sum] : llvm::zip(which, sums))
          result.push_back(add(
              sum, mul(x, f.centred(e.element(op.getW(), {row(g, j), i}), 0))));
        return result;
      });
  for (auto [g, sum] : llvm::zip(which, sums))
    sum = f.narrow(f.multiply(sum, one(op.getInputMultiplier(), row(g, j)),
                              one(op.getInputShift(), row(g, j))),
                   0, -(1 << 24), 1 << 24, e.b.getI32Type());
  return sums;
}

IntegerCell::Values IntegerCell::stateSums(Gates which, Value v, Value j) {
  Type i64 = e.b.getI64Type();
  // 127 * 32767 * 512 stays below 2^31.
  bool isWide = hidden > 512;
  auto widen = [&](Value x) {
    return isWide ? e.make<arith::ExtSIOp>(i64, x).getResult() : x;
  };
  Values start;
  for (size_t i = 0; i < which.size(); ++i)
    start.push_back(e.make<arith::ConstantOp>(
        e.b.getIntegerAttr(isWide ? i64 : Type(e.b.getI32Type()), 0)));
  Values sums =
      e.carry(0, hidden, 1, start, [&](Value k, ValueRange sums) -> Values {
        Value x = load(v, k);
        Values result;
        for (auto [g, sum] : llvm::zip(which, sums)) {
          Value product =
              mul(x, f.centred(e.element(op.getR(), {row(g, j), k}), 0));
          result.push_back(add(sum, widen(product)));
        }
        return result;
      });
  for (auto [g, sum] : llvm::zip(which, sums)) {
    Value wide = isWide ? sum : e.make<arith::ExtSIOp>(i64, sum).getResult();
    Value bias =
        e.make<arith::ExtSIOp>(i64, e.element(op.getStateBias(), {row(g, j)}));
    wide = f.multiplyWide(e.make<arith::AddIOp>(wide, bias),
                          one(op.getStateMultiplier(), row(g, j)),
                          one(op.getStateShift(), row(g, j)));
    sum = f.narrow(wide, 0, -(1 << 24), 1 << 24, e.b.getI32Type());
  }
  return sums;
}

Value IntegerCell::function(Value table, Value x) {
  Value at = add(x, f.i32(32768));
  int64_t bits = 16 - llvm::Log2_64(shapeOf(table)[0] - 1);
  Value k = e.make<arith::IndexCastOp>(e.b.getIndexType(),
                                       e.make<arith::ShRUIOp>(at, f.i32(bits)));
  Value fraction = e.make<arith::AndIOp>(at, f.i32((int64_t(1) << bits) - 1));
  Value low = f.centred(e.element(table, {k}), 0),
        high = f.centred(e.element(table, {e.add(k, 1)}), 0);
  Value difference = e.make<arith::SubIOp>(high, low);
  return add(low, shifted(mul(difference, fraction), bits));
}

Value IntegerCell::lstm(Value t, Value n, Value j) {
  int64_t all[] = {0, 1, 2, 3}; // input, output, forget, cell
  Values x = inputSums(all, t, n, j), s = stateSums(all, h, j);
  Value in = sigmoid(add(x[0], s[0])), out = sigmoid(add(x[1], s[1])),
        forget = sigmoid(add(x[2], s[2])), candidate = tanh(add(x[3], s[3]));
  // The cell has `bits` of fraction in i32, its product with a gate 64.
  int64_t bits = op.getCellBits();
  Type i64 = e.b.getI64Type();
  auto wide = [&](Value v) { return e.make<arith::ExtSIOp>(i64, v); };
  auto number = [&](int64_t v) -> Value {
    return e.make<arith::ConstantOp>(e.b.getI64IntegerAttr(v));
  };
  Value cell = e.make<memref::LoadOp>(c, j);
  Value kept = e.make<arith::ShRSIOp>(
      add(e.make<arith::MulIOp>(wide(forget), wide(cell)), number(1 << 14)),
      number(15));
  Value added = wide(shifted(mul(in, candidate), 30 - bits));
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  Value now = f.narrow(add(kept, added), 0, -most - 1, most, e.b.getI32Type());
  e.make<memref::StoreOp>(now, c, j);
  // In Q3.12 without what the function does not see.
  int64_t seen = int64_t(1) << (bits + 4);
  Value argument = e.make<arith::MinSIOp>(
      e.make<arith::MaxSIOp>(now, f.i32(-seen)), f.i32(seen));
  argument = shifted(argument, bits - 12);
  return shifted(mul(out, tanh(argument)), 15);
}

/// r * h of all units: the candidates need it before the first of them.
void IntegerCell::resetGates(Value t, Value n) {
  int64_t only[] = {1};
  e.loop(0, hidden, 1, [&](Value j) {
    Value r =
        sigmoid(add(inputSums(only, t, n, j)[0], stateSums(only, h, j)[0]));
    save(shifted(mul(r, load(h, j)), 15), reset, j);
  });
}

Value IntegerCell::gru(Value t, Value n, Value j) {
  int64_t update[] = {0}, candidate[] = {2}, all[] = {0, 1, 2};
  Value z, g;
  if (op.getLinearBeforeReset()) {
    Values x = inputSums(all, t, n, j), s = stateSums(all, h, j);
    z = sigmoid(add(x[0], s[0]));
    Value r = sigmoid(add(x[1], s[1]));
    // Arguments beyond 2^16 saturate both functions as well as larger ones.
    Value state = e.make<arith::MinSIOp>(
        e.make<arith::MaxSIOp>(s[2], f.i32(-65535)), f.i32(65535));
    g = tanh(add(x[2], shifted(mul(r, state), 15)));
  } else {
    int64_t both[] = {0, 2};
    Values x = inputSums(both, t, n, j);
    z = sigmoid(add(x[0], stateSums(update, h, j)[0]));
    g = tanh(add(x[1], stateSums(candidate, reset, j)[0]));
  }
  // g + z (h - g)
  Value difference = e.make<arith::SubIOp>(load(h, j), g);
  Value halved = mul(z, e.make<arith::ShRSIOp>(difference, f.i32(1)));
  Value rest = mul(z, e.make<arith::AndIOp>(difference, f.i32(1)));
  Value product = add(halved, e.make<arith::ShRSIOp>(rest, f.i32(1)));
  return saturated(add(g, shifted(product, 14)));
}

void IntegerCell::run() {
  bool isLstm = op.getKind() == nn::CellKind::lstm;
  bool resets = !isLstm && !op.getLinearBeforeReset();
  Type i16 = e.b.getI16Type();
  h = context.scratch({hidden}, i16);
  next = context.scratch({hidden}, i16);
  if (isLstm)
    c = context.scratch({hidden}, e.b.getI32Type());
  if (resets)
    reset = context.scratch({hidden}, i16);
  e.loop(0, batch, 1, [&](Value n) {
    e.loop(0, hidden, 1, [&](Value j) {
      save(f.i32(0), h, j);
      if (isLstm)
        e.make<memref::StoreOp>(f.i32(0), c, j);
    });
    e.loop(0, steps, 1, [&](Value s) {
      Value t = op.getReverse() ? e.sub(e.index(steps - 1), s) : s;
      if (resets)
        resetGates(t, n);
      e.loop(0, hidden, 1, [&](Value j) {
        save(isLstm ? lstm(t, n, j) : gru(t, n, j), next, j);
      });
      e.loop(0, hidden, 1, [&](Value j) {
        Value y = load(next, j);
        save(y, h, j);
        context.store(0, {t, n, j}, narrow(y));
      });
    });
    e.loop(0, hidden, 1, [&](Value j) {
      if (op.getOutputs().size() > 1)
        context.store(1, {n, j}, narrow(load(h, j)));
      if (op.getOutputs().size() > 2)
        context.store(2, {n, j}, e.make<memref::LoadOp>(c, j));
    });
  });
}

void roots::quantizedRecurrent(Operation *op, RootContext &context) {
  IntegerCell(cast<nn::QuantizedRecurrentOp>(op), context).run();
}
