//===- Depthwise.cpp - Depthwise convolution -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/RegisterTile.h"
#include "passes/lower/Window.h"

#include "dialects/nn/nn.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

namespace {

/// Depthwise convolution, channels last, two spatial dimensions, small filter:
/// a tile of `rows` neighbouring outputs of one channel (or vector of
/// channels). All taps are unrolled; an input element is loaded once and used
/// by every output of the tile that it reaches. Rows and columns near the
/// border get code of their own in which the taps outside are left away, so no
/// bound is tested at run time.
class Depthwise {
public:
  Depthwise(nn::ConvOp conv, RootContext &context)
      : conv(conv), context(context), e(context.e),
        in(shapeOf(conv.getInput())), out(shapeOf(conv.getOutput())),
        multiplier(out[3] / in[3]), type(elementTypeOf(conv.getOutput())) {
    ArrayRef<int64_t> filter = shapeOf(conv.getFilter());
    for (size_t d = 0; d < 2; ++d)
      dims[d] = {in[d + 1],  out[d + 1], filter[d], conv.getStrides()[d],
                 conv.getDilations()[d], conv.getPads()[d]};
    lanes = multiplier == 1 ? context.param("lanes", 1) : 1;
    rows = std::max<int64_t>(1, context.param("rows", 4));
  }

  void run() {
    e.loop(0, out[0], 1, [&](Value n) {
      batch = n;
      // One piece of code for each distinct set of valid taps.
      forSegments(dims[0], 1, [&](Value y, int64_t, int64_t sample) {
        auto [ky0, ky1] = dims[0].taps(sample);
        tapsY = {ky0, ky1};
        row = y;
        forSegments(dims[1], rows, [&](Value x, int64_t width, int64_t first) {
          forBlocks(e, out[3], lanes, lanes,
                    [&](Value c, int64_t size, int64_t lane) {
                      for (int64_t k = 0; k < size; k += lane)
                        tile(x, width, first, e.add(c, k), lane);
                    });
        });
      });
    });
  }

private:
  /// Walks one output dimension in tiles of `size`: those that contain border
  /// outputs at constant places, the interior ones in a loop. Calls
  /// body(first output, outputs, a sample of what `first output` can be).
  void forSegments(const WindowDim &dim, int64_t size,
                   function_ref<void(Value, int64_t, int64_t)> body) {
    size = std::min(size, dim.output);
    auto [begin, end] = dim.interior();
    int64_t o = 0;
    auto whole = [&](int64_t from) { return from >= begin && from + size <= end; };
    while (o < dim.output) {
      if (!whole(o)) {
        int64_t width = std::min(size, dim.output - o);
        body(e.index(o), width, o);
        o += width;
        continue;
      }
      int64_t tiles = (end - o) / size;
      e.loop(o, o + tiles * size, size,
             [&](Value first) { body(first, size, o); });
      o += tiles * size;
    }
  }

  void tile(Value x, int64_t width, int64_t sample, Value c, int64_t lane) {
    RegisterTile registers(e, type, width, lane, lane);
    SmallVector<Value> acc;
    if (conv.getBias())
      acc = registers.start([&](int64_t, int64_t) {
        return e.element(conv.getBias(), c, lane);
      });
    else
      acc = registers.start(nullptr);
    const WindowDim &wx = dims[1];
    Value inputChannel = multiplier == 1 ? c : e.div(c, multiplier);
    Value originX = e.sub(e.mul(x, wx.stride), e.index(wx.pad));
    Value originY = e.sub(e.mul(row, dims[0].stride), e.index(dims[0].pad));
    int64_t reach = (width - 1) * wx.stride + (wx.window - 1) * wx.dilation;
    // Taps outside of the input count where the border is not zero.
    int64_t padValue = conv.getPadValue();
    Value border;
    if (padValue)
      border = e.constant(e.laneType(registers.accumulator, lane),
                          double(padValue));
    for (int64_t ky = 0; ky < dims[0].window; ++ky) {
      bool insideY = ky >= tapsY.first && ky < tapsY.second;
      if (!insideY && !padValue)
        continue;
      Value y = e.add(originY, ky * dims[0].dilation);
      SmallVector<Value> weights(wx.window);
      for (int64_t q = 0; q <= reach; ++q) {
        int64_t place = sample * wx.stride - wx.pad + q;
        bool inside = insideY && place >= 0 && place < wx.input;
        if (!inside && !padValue)
          continue;
        Value element = inside ? Value() : border;
        for (int64_t i = 0; i < width; ++i) {
          int64_t offset = q - i * wx.stride;
          if (offset < 0 || offset % wx.dilation ||
              offset / wx.dilation >= wx.window)
            continue;
          int64_t kx = offset / wx.dilation;
          if (!weights[kx])
            weights[kx] = registers.widen(
                e.element(conv.getFilter(),
                          {e.index(ky), e.index(kx), e.index(0), c}, lane));
          if (!element)
            element = registers.widen(e.element(
                conv.getInput(), {batch, y, e.add(originX, q), inputChannel},
                lane));
          acc[i] = registers.multiplyAdd(acc[i], element, weights[kx]);
        }
      }
    }
    registers.finish(acc, [&](int64_t i, int64_t, Value value) {
      context.store(0, {batch, row, e.add(x, i), c}, value, lane);
    });
  }

  nn::ConvOp conv;
  RootContext &context;
  ElementEmitter &e;
  ArrayRef<int64_t> in, out;
  int64_t multiplier;
  Type type;
  WindowDim dims[2];
  int64_t lanes, rows;

  Value batch, row;
  std::pair<int64_t, int64_t> tapsY;
};

} // namespace

void roots::depthwise(Operation *op, RootContext &context) {
  Depthwise(cast<nn::ConvOp>(op), context).run();
}
