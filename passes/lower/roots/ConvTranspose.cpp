//===- ConvTranspose.cpp - Transposed convolution -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/RegisterTile.h"
#include "passes/lower/Roots.h"

#include "dialects/nn/nn.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

/// Gathers: an output element sums over the taps that reach it from an input
/// position. A tap reaches output o if o + pad - k * dilation is a multiple of
/// the stride inside the input.
void roots::convTranspose(Operation *op, RootContext &context) {
  auto conv = cast<nn::ConvTransposeOp>(op);
  ElementEmitter &e = context.e;
  Value input = conv.getInput(), filter = conv.getFilter();
  ArrayRef<int64_t> in = shapeOf(input), out = shapeOf(conv.getOutput()),
                    w = shapeOf(filter);
  bool last = conv.getLayout() == nn::Layout::channels_last;
  size_t spatial = in.size() - 2, first = last ? 1 : 2;
  size_t channelAxis = last ? in.size() - 1 : 1;
  ArrayRef<int64_t> window = w.slice(last ? 0 : 2, spatial);
  int64_t groups = conv.getGroup();
  int64_t channels = in[channelAxis] / groups;
  int64_t outputs = out[channelAxis] / groups;
  ArrayRef<int64_t> strides = conv.getStrides(),
                    dilations = conv.getDilations(), pads = conv.getPads();
  RegisterTile tile(e, elementTypeOf(conv.getOutput()), 1, 1, 1);

  e.nest(out, [&](ArrayRef<Value> at) {
    Value channel = at[channelAxis];
    Value group = e.div(channel, outputs), within = e.rem(channel, outputs);
    Value firstChannel = e.mul(group, channels);
    SmallVector<Value> start =
        conv.getBias() ? tile.start([&](int64_t, int64_t) {
          return e.element(conv.getBias(), {channel});
        })
                       : tile.start(nullptr);
    SmallVector<Value> position(spatial), taps(spatial);
    std::function<SmallVector<Value>(size_t, ValueRange)> descend =
        [&](size_t d, ValueRange sums) -> SmallVector<Value> {
      if (d == spatial)
        return e.carry(0, channels, 1, sums,
                       [&](Value c, ValueRange carried) -> SmallVector<Value> {
                         Value source = e.add(firstChannel, c);
                         Indices x(at), f;
                         x[channelAxis] = source;
                         for (size_t i = 0; i < spatial; ++i)
                           x[first + i] = position[i];
                         if (last) {
                           f.append(taps.begin(), taps.end());
                           f.append({within, source});
                         } else {
                           f.append({source, within});
                           f.append(taps.begin(), taps.end());
                         }
                         return tile.step(
                             carried,
                             [&](int64_t) { return e.element(input, x); },
                             [&](int64_t) { return e.element(filter, f); });
                       });
      return e.carry(
          0, window[d], 1, sums,
          [&](Value k, ValueRange carried) -> SmallVector<Value> {
            taps[d] = k;
            Value reach =
                e.sub(e.add(at[first + d], pads[d]), e.mul(k, dilations[d]));
            Value zero = e.index(0);
            Value behind = e.compare(arith::CmpIPredicate::sge, reach, zero);
            // Division rounds towards zero, so negatives are excluded first.
            Value clamped = e.max(reach, zero);
            Value quotient = e.div(clamped, strides[d]);
            Value hit = e.make<arith::AndIOp>(
                behind, e.compare(arith::CmpIPredicate::slt, quotient,
                                  e.index(in[first + d])));
            if (strides[d] != 1)
              hit = e.make<arith::AndIOp>(
                  hit, e.compare(arith::CmpIPredicate::eq,
                                 e.rem(clamped, strides[d]), zero));
            position[d] = quotient;
            SmallVector<Value> before(carried);
            return e.choose(
                hit, ValueRange(before).getTypes(),
                [&] { return descend(d + 1, before); }, [&] { return before; });
          });
    };
    tile.finish(descend(0, start), [&](int64_t, int64_t, Value value) {
      context.store(0, at, value);
    });
  });
}
