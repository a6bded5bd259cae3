//===- Convolution.cpp - Direct convolution -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/RegisterTile.h"
#include "passes/lower/Window.h"

#include "dialects/nn/nn.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

namespace {

/// Direct convolution: a register tile of `rows` neighbouring outputs along
/// the last spatial dimension times `columns` output channels; the reduction
/// runs over the taps inside the input and over the input channels. Tiles in
/// the interior know all their taps; the few outputs whose window crosses the
/// border go one by one with run-time bounds.
class DirectConvolution {
public:
  DirectConvolution(nn::ConvOp conv, RootContext &context)
      : conv(conv), context(context), e(context.e),
        last(conv.getLayout() == nn::Layout::channels_last),
        in(shapeOf(conv.getInput())), out(shapeOf(conv.getOutput())),
        filter(shapeOf(conv.getFilter())), spatial(in.size() - 2),
        type(elementTypeOf(conv.getOutput())),
        reader(context.e, conv.getFilter()) {
    for (size_t d = 0; d < spatial; ++d)
      dims.push_back({in[d + (last ? 1 : 2)], out[d + (last ? 1 : 2)],
                      filter[d + (last ? 0 : 2)], conv.getStrides()[d],
                      conv.getDilations()[d], conv.getPads()[d]});
    channels = last ? filter[spatial] : filter[1];
    outputs = (last ? filter[spatial + 1] : filter[0]) / conv.getGroup();
    lanes = last ? context.param("lanes", 1) : 1;
    rows = context.param("rows", 1);
    columns = std::max(context.param("columns", lanes), lanes);
    unroll = context.param("unroll", 1);
    splitsBorder = context.param("split_border", 1);
    padValue = conv.getPadValue();
  }

  void run() {
    bool channelsOuter = context.param("channels_outer", 0);
    e.loop(0, out[0], 1, [&](Value n) {
      batch = n;
      e.loop(0, conv.getGroup(), 1, [&](Value g) {
        group = g;
        if (channelsOuter) {
          forBlocks(e, outputs, columns, lanes,
                    [&](Value c, int64_t width, int64_t lane) {
                      overPositions([&] { tile(c, width, lane); });
                    });
          return;
        }
        overPositions([&] {
          forBlocks(e, outputs, columns, lanes,
                    [&](Value c, int64_t width, int64_t lane) {
                      tile(c, width, lane);
                    });
        });
      });
    });
  }

private:
  /// All positions: outer spatial dimensions by loops, the last in tiles.
  void overPositions(function_ref<void()> body) {
    SmallVector<int64_t> outer;
    for (size_t d = 0; d + 1 < spatial; ++d)
      outer.push_back(dims[d].output);
    e.nest(outer, [&](ArrayRef<Value> at) {
      position.assign(at.begin(), at.end());
      const WindowDim &w = dims.back();
      auto [begin, end] = w.interior();
      if (!splitsBorder && end - begin != w.output)
        begin = end = 0;
      position.push_back(nullptr);
      auto border = [&](int64_t from, int64_t to) {
        e.loop(from, to, 1, [&](Value o) {
          position.back() = o;
          height = 1;
          isInterior = false;
          body();
        });
      };
      border(0, begin);
      forBlocks(e, end - begin, std::min(rows, std::max<int64_t>(1, end - begin)),
                1, [&](Value o, int64_t size, int64_t) {
                  position.back() = e.add(o, begin);
                  height = size;
                  isInterior = true;
                  body();
                });
      border(end, w.output);
    });
  }

  Value inputAt(ArrayRef<Value> at, Value c) {
    Indices indices{batch};
    Value channel = conv.getGroup() == 1
                        ? c
                        : e.add(e.mul(group, channels), c);
    if (!last)
      indices.push_back(channel);
    llvm::append_range(indices, at);
    if (last)
      indices.push_back(channel);
    return e.element(conv.getInput(), indices);
  }

  /// Whether the first output's tap at these places lies in the input; null if
  /// every tap does.
  Value isInside(ArrayRef<Value> at) {
    Value result;
    auto both = [&](Value condition) {
      result = result ? e.make<arith::AndIOp>(result, condition).getResult()
                      : condition;
    };
    for (size_t d = 0; d < spatial; ++d) {
      if (d + 1 == spatial && isInterior)
        continue;
      auto [begin, end] = dims[d].interior();
      if (begin == 0 && end == dims[d].output)
        continue;
      both(e.compare(arith::CmpIPredicate::sge, at[d], e.index(0)));
      both(e.compare(arith::CmpIPredicate::slt, at[d],
                     e.index(dims[d].input)));
    }
    return result;
  }

  /// The filter at output channel `first` + `offset`.
  Value filterAt(ArrayRef<Value> taps, Value c, Value first, int64_t offset,
                 int64_t lane) {
    Indices indices;
    if (!last) {
      indices.append({e.add(first, offset), c});
      llvm::append_range(indices, taps);
      return e.element(conv.getFilter(), indices, lane);
    }
    llvm::append_range(indices, taps);
    indices.push_back(c);
    return reader.at(indices, first, offset, lane);
  }

  Value outputChannel(Value c) {
    return conv.getGroup() == 1 ? c : e.add(e.mul(group, outputs), c);
  }

  void tile(Value firstOutput, int64_t width, int64_t lane) {
    RegisterTile registers(e, type, height, width, lane);
    SmallVector<Value> accumulators;
    if (conv.getBias())
      accumulators = registers.start([&](int64_t, int64_t j) {
        return e.element(conv.getBias(),
                         outputChannel(e.add(firstOutput, j)), lane);
      });
    else
      accumulators = registers.start(nullptr);

    Indices at(spatial), taps(spatial);
    auto sumChannels = [&](ValueRange carried, Value outside) {
      return unrolledCarry(
          e, channels, unroll, carried,
          [&](Value c, ValueRange inner) -> SmallVector<Value> {
            return registers.step(
                inner,
                [&](int64_t i) -> Value {
                  if (outside)
                    return outside;
                  Indices here(at);
                  here.back() = e.add(here.back(), i * dims.back().stride);
                  return inputAt(here, c);
                },
                [&](int64_t j) {
                  return filterAt(taps, c, outputChannel(firstOutput), j, lane);
                });
          });
    };
    std::function<SmallVector<Value>(size_t, ValueRange)> reduce =
        [&](size_t d, ValueRange carried) -> SmallVector<Value> {
      if (d == spatial) {
        Value inside = padValue ? isInside(at) : Value();
        if (!inside)
          return sumChannels(carried, nullptr);
        Value outside =
            e.constant(elementTypeOf(conv.getInput()), double(padValue));
        return e.choose(
            inside, ValueRange(carried).getTypes(),
            [&] { return sumChannels(carried, nullptr); },
            [&] { return sumChannels(carried, outside); });
      }
      WindowRange range = windowRange(e, dims[d], position[d]);
      // Outside of the input there are numbers as well, or only zeros.
      if (padValue || (d + 1 == spatial && isInterior)) {
        range.first = e.index(0);
        range.last = e.index(dims[d].window);
      }
      return e.carry(range.first, range.last, carried,
                     [&](Value k, ValueRange inner) -> SmallVector<Value> {
                       taps[d] = k;
                       at[d] = e.add(range.origin, e.mul(k, dims[d].dilation));
                       return reduce(d + 1, inner);
                     });
    };
    accumulators = reduce(0, accumulators);

    registers.finish(accumulators, [&](int64_t i, int64_t j, Value value) {
      Indices to{batch};
      Value channel = outputChannel(e.add(firstOutput, j));
      if (!last)
        to.push_back(channel);
      llvm::append_range(to, position);
      to.back() = e.add(to.back(), i); // the last spatial index
      if (last)
        to.push_back(channel);
      context.store(0, to, value, lane);
    });
  }

  nn::ConvOp conv;
  RootContext &context;
  ElementEmitter &e;
  bool last;
  ArrayRef<int64_t> in, out, filter;
  size_t spatial;
  Type type;
  ColumnReader reader;
  SmallVector<WindowDim> dims;
  int64_t channels, outputs; // of one group
  int64_t lanes, rows, columns, unroll, padValue;
  bool splitsBorder; // the code of the interior knows all its taps

  Value batch, group;
  Indices position; // of the first output of the tile
  int64_t height = 1;
  bool isInterior = false;
};

} // namespace

void roots::conv(Operation *op, RootContext &context) {
  auto conv = cast<nn::ConvOp>(op);
  if (context.schedule && context.schedule.getFamily() == "depthwise")
    return depthwise(op, context);
  DirectConvolution(conv, context).run();
}
