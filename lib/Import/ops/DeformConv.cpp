//===- DeformConv.cpp - Deformable convolution -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The input is sampled where the offsets say, once for each tap and output
/// position; what remains is a matrix product with the filter.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"
#include "lib/Import/ops/Window.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

namespace {

struct Sizes {
  int64_t batch, channels, height, width; // input
  int64_t offsetGroups, kernelHeight, kernelWidth, outHeight, outWidth;
  int64_t taps() const { return kernelHeight * kernelWidth; }
  int64_t positions() const { return outHeight * outWidth; }
};

} // namespace

/// The coordinate (0: row, 1: column) at which each tap of each output samples
/// the input: [batch, offset groups, taps, positions].
static Value coordinates(NodeLowering &n, const Sizes &s,
                         const WindowAttributes &window, int64_t which,
                         Type type) {
  // [N, OG * taps * 2, oh, ow]: rows and columns alternate.
  Value offsets =
      n.reshape(n.in(2), {s.batch, s.offsetGroups, s.taps(), 2, s.positions()});
  offsets = n.slice(offsets, {0, 0, 0, which, 0},
                    {s.batch, s.offsetGroups, s.taps(), 1, s.positions()});
  offsets = n.cast(
      n.reshape(offsets, {s.batch, s.offsetGroups, s.taps(), s.positions()}),
      type);
  SmallVector<int64_t> base;
  for (int64_t tap = 0; tap < s.taps(); ++tap)
    for (int64_t at = 0; at < s.positions(); ++at) {
      int64_t k = which ? tap % s.kernelWidth : tap / s.kernelWidth;
      int64_t o = which ? at % s.outWidth : at / s.outWidth;
      base.push_back(o * window.strides[which] - window.pads[which] +
                     k * window.dilations[which]);
    }
  Value fixed = n.reshape(n.constantInts(base, n.b.getI32Type()),
                          {1, 1, s.taps(), s.positions()});
  return n.elementwise({offsets, fixed}, type,
                       [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
                         Scalars s(b, loc);
                         return s.add(s.make<arith::SIToFPOp>(type, v[1]),
                                      v[0]);
                       });
}

/// Bilinear samples: [batch, offset groups, channels of one, taps, positions].
static Value sampled(NodeLowering &n, const Sizes &s, Value rows, Value columns,
                     Type type) {
  int64_t width = s.channels / s.offsetGroups;
  SmallVector<int64_t> full{s.batch, s.offsetGroups, width,
                            s.taps() * s.positions()};
  SmallVector<int64_t> shared{s.batch, s.offsetGroups, 1,
                              s.taps() * s.positions()};
  Value x =
      n.reshape(n.in(0), {s.batch, s.offsetGroups, width, s.height * s.width});
  Type index = n.b.getI64Type();
  Value sum;
  for (int64_t corner = 0; corner < 4; ++corner) {
    double down = corner / 2, right = corner % 2;
    // The corner of the cell, and how much it weighs; nothing outside.
    auto position = [&](Scalars &t, Value v, double step) {
      return t.add(t.make<math::FloorOp>(v), step);
    };
    Value flat = n.elementwise(
        {rows, columns}, index,
        [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
          Scalars t(b, loc);
          Value i = t.clamp(position(t, v[0], down), 0, double(s.height - 1));
          Value j = t.clamp(position(t, v[1], right), 0, double(s.width - 1));
          Value row = t.make<arith::FPToSIOp>(index, i);
          Value column = t.make<arith::FPToSIOp>(index, j);
          return t.add(t.mul(row, t.integer(index, s.width)), column);
        });
    Value weight = n.elementwise(
        {rows, columns}, type,
        [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
          Scalars t(b, loc);
          Value one = t.constant(type, 1), zero = t.constant(type, 0);
          Value result = one;
          for (int d = 0; d < 2; ++d) {
            double step = d ? right : down;
            Value at = position(t, v[d], step);
            Value distance = t.make<math::AbsFOp>(t.sub(v[d], at));
            Value outside =
                t.either(t.less(at, 0),
                         t.greater(at, double((d ? s.width : s.height) - 1)));
            result =
                t.mul(result, t.select(outside, zero, t.sub(one, distance)));
          }
          return result;
        });
    Value taken = n.make<nn::GatherElementsOp>(
        RankedTensorType::get(full, elementOf(x)), x,
        n.broadcastTo(n.reshape(flat, shared), full), 3);
    SmallVector<Value> operands{n.cast(taken, type), n.reshape(weight, shared)};
    if (sum)
      operands.push_back(sum);
    sum = n.elementwise(operands, type,
                        [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
                          Scalars t(b, loc);
                          Value part = t.mul(v[0], v[1]);
                          return v.size() > 2 ? t.add(v[2], part) : part;
                        });
  }
  return n.reshape(sum,
                   {s.batch, s.offsetGroups, width, s.taps(), s.positions()});
}

static LogicalResult deformConv(NodeLowering &n) {
  ArrayRef<int64_t> x = n.shape(0), w = n.shape(1), o = n.shape(2);
  if (x.size() != 4 || w.size() != 4 || o.size() != 4)
    return n.fail("input, filter and offset need 4 dimensions");
  int64_t group = n.attrInt("group", 1),
          offsetGroups = n.attrInt("offset_group", 1);
  WindowAttributes window;
  if (failed(readWindow(n, x.drop_front(2), w.drop_front(2), window)))
    return failure();
  Sizes s{x[0],
          x[1],
          x[2],
          x[3],
          offsetGroups,
          w[2],
          w[3],
          window.output[0],
          window.output[1]};
  if (group < 1 || offsetGroups < 1 || x[1] != w[1] * group ||
      w[0] % group != 0 || x[1] % offsetGroups != 0)
    return n.fail("the channels of input and filter do not fit group and "
                  "offset_group");
  SmallVector<int64_t> wanted{s.batch, offsetGroups * s.taps() * 2, s.outHeight,
                              s.outWidth};
  SmallVector<int64_t> maskShape(wanted);
  maskShape[1] /= 2;
  if (o != ArrayRef<int64_t>(wanted) ||
      (n.has(4) && n.shape(4) != ArrayRef<int64_t>(maskShape)))
    return n.fail("the shape of offset or mask does not fit");
  Type type = n.element(0);
  Type inner = type.getIntOrFloatBitWidth() < 32 ? n.b.getF32Type() : type;
  Value rows = coordinates(n, s, window, 0, inner),
        columns = coordinates(n, s, window, 1, inner);
  Value samples = sampled(n, s, rows, columns, inner);
  if (n.has(4)) {
    Value mask = n.reshape(n.cast(n.in(4), inner),
                           {s.batch, offsetGroups, 1, s.taps(), s.positions()});
    samples = n.elementwise({samples, mask}, inner,
                            [](OpBuilder &b, Location loc, ValueRange v) {
                              return Scalars(b, loc).mul(v[0], v[1]);
                            });
  }
  int64_t depth = w[1] * s.taps(), outputs = w[0] / group;
  Value right = n.reshape(samples, {s.batch, group, depth, s.positions()});
  Value left = n.reshape(n.cast(n.in(1), inner), {1, group, outputs, depth});
  Value y = n.make<nn::MatmulOp>(
      RankedTensorType::get({s.batch, group, outputs, s.positions()}, inner),
      left, right, Value(), false, false);
  y = n.reshape(y, {s.batch, w[0], s.outHeight, s.outWidth});
  if (n.has(3)) {
    Value bias = n.reshape(n.cast(n.in(3), inner), {1, w[0], 1, 1});
    y = n.elementwise({y, bias}, inner,
                      [](OpBuilder &b, Location loc, ValueRange v) {
                        return Scalars(b, loc).add(v[0], v[1]);
                      });
  }
  n.set(0, n.cast(y, type));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "DeformConv", 19, 99, deformConv},
};

Family adze::import::deformFamily() { return lowerings; }
