//===- Scatter.cpp - Updates at indices that are data -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static FailureOr<nn::ScatterKind> reduction(NodeLowering &n) {
  std::string text = n.attrString("reduction", "none");
  auto kind =
      text == "none" ? nn::ScatterKind::set : nn::symbolizeScatterKind(text);
  if (kind && (text == "none" || *kind != nn::ScatterKind::set))
    return *kind;
  (void)n.fail("the reduction '" + text +
               "' is none of none, add, mul, min and max");
  return failure();
}

static LogicalResult sameElements(NodeLowering &n, size_t i) {
  if (n.element(i) != n.element(0))
    return n.fail("the updates hold " + elementText(n, i) + ", the input " +
                  elementText(n, 0));
  return success();
}

static LogicalResult scatterElements(NodeLowering &n) {
  int64_t rank = n.rank(0);
  auto axis = n.axis(n.attrInt("axis", 0), rank);
  auto kind = reduction(n);
  if (failed(axis) || failed(kind) || failed(sameElements(n, 2)))
    return failure();
  if (n.rank(1) != rank || n.shape(1) != n.shape(2))
    return n.fail("expected indices and updates of one shape of " +
                  Twine(rank) + " dimensions");
  if (n.type(2).getNumElements() != 0)
    for (int64_t i = 0; i < rank; ++i)
      if (n.shape(0)[i] == 0 || (i != *axis && n.shape(1)[i] > n.shape(0)[i]))
        return n.fail("the indices have size " + Twine(n.shape(1)[i]) +
                      " in dimension " + Twine(i) + ", the input has " +
                      Twine(n.shape(0)[i]));
  n.set(0,
        n.make<nn::ScatterElementsOp>(n.type(0), n.in(0), n.in(1), n.in(2),
                                      *axis, *kind, n.isUnsigned(0)),
        n.isUnsigned(0));
  return success();
}

static LogicalResult scatterNd(NodeLowering &n) {
  auto kind = reduction(n);
  if (failed(kind) || failed(sameElements(n, 2)))
    return failure();
  ArrayRef<int64_t> in = n.shape(0), indices = n.shape(1);
  if (indices.empty() || indices.back() > int64_t(in.size()))
    return n.fail("indices do not fit an input of " + Twine(in.size()) +
                  " dimensions");
  SmallVector<int64_t> updates(indices.drop_back());
  llvm::append_range(updates, in.drop_front(indices.back()));
  if (n.shape(2) != ArrayRef<int64_t>(updates))
    return n.fail("the shape of the updates does not fit the indices and the "
                  "input");
  if (n.type(0).getNumElements() == 0 && n.type(2).getNumElements() != 0)
    return n.fail("the input is empty: there is nothing to update");
  n.set(0,
        n.make<nn::ScatterNdOp>(n.type(0), n.in(0), n.in(1), n.in(2), *kind,
                                n.isUnsigned(0)),
        n.isUnsigned(0));
  return success();
}

/// Writes a stretch of a cache, for each batch where its index says.
static LogicalResult tensorScatter(NodeLowering &n) {
  int64_t rank = n.rank(0);
  auto axis = n.axis(n.attrInt("axis", -2), rank);
  std::string mode = n.attrString("mode", "linear");
  if (failed(axis) || failed(sameElements(n, 1)))
    return failure();
  if (mode != "linear" && mode != "circular")
    return n.fail("the mode '" + mode + "' is neither linear nor circular");
  if (*axis == 0)
    return n.fail("its axis is the batch");
  SmallVector<int64_t> wanted(n.shape(0));
  int64_t capacity = wanted[*axis];
  if (n.rank(1) == rank)
    wanted[*axis] = std::min(n.shape(1)[*axis], capacity);
  if (n.shape(1) != ArrayRef<int64_t>(wanted))
    return n.fail("the update does not fit the cache");
  if (n.type(1).getNumElements() == 0) {
    n.set(0, n.in(0), n.isUnsigned(0));
    return success();
  }
  Type type = n.b.getI64Type();
  SmallVector<Value> operands;
  if (n.has(2)) {
    if (n.rank(2) != 1 || n.shape(2)[0] != wanted[0])
      return n.fail("expected a write index for each of " + Twine(wanted[0]) +
                    " batches");
    SmallVector<int64_t> column(rank, 1);
    column[0] = wanted[0];
    operands.push_back(n.reshape(n.cast(n.in(2), type), column));
  }
  Value indices =
      n.generate(wanted, type, operands,
                 [&](OpBuilder &b, Location loc, ValueRange start) -> Value {
                   Scalars s(b, loc);
                   Value i = s.make<arith::IndexCastOp>(
                       type, s.make<linalg::IndexOp>(*axis));
                   if (!start.empty())
                     i = s.add(i, start[0]);
                   if (mode == "circular")
                     i = s.make<arith::RemUIOp>(i, s.integer(type, capacity));
                   return i;
                 });
  n.set(0,
        n.make<nn::ScatterElementsOp>(n.type(0), n.in(0), indices, n.in(1),
                                      *axis, nn::ScatterKind::set, false),
        n.isUnsigned(0));
  return success();
}

/// The indices are those of MaxPool: flat, over the whole unpooled tensor. A
/// larger output_shape only adds zeros behind it.
static LogicalResult maxUnpool(NodeLowering &n) {
  int64_t rank = n.rank(0), spatial = rank - 2;
  auto window = n.attrInts("kernel_shape");
  if (spatial < 1 || !window || int64_t(window->size()) != spatial)
    return n.fail("expected a kernel size for each spatial dimension of the "
                  "input");
  SmallVector<int64_t> ones(spatial, 1), zeros(2 * spatial, 0);
  SmallVector<int64_t> strides = n.attrInts("strides").value_or(ones);
  SmallVector<int64_t> pads = n.attrInts("pads").value_or(zeros);
  if (strides.size() != ones.size() || pads.size() != zeros.size())
    return n.fail("expected a stride and two pads for each spatial dimension");
  if (n.shape(1) != n.shape(0))
    return n.fail("input and indices have different shapes");
  SmallVector<int64_t> shape(n.shape(0));
  int64_t count = shape[0] * shape[1];
  for (int64_t d = 0; d < spatial; ++d) {
    int64_t &size = shape[2 + d];
    size = (size - 1) * strides[d] - pads[d] - pads[d + spatial] + (*window)[d];
    if (size < 1)
      return n.fail("spatial dimension " + Twine(d) + " would get the size " +
                    Twine(size));
    count *= size;
  }
  Value flat = n.splat({count}, n.element(0), 0);
  int64_t updates = n.type(0).getNumElements();
  if (updates != 0)
    flat = n.make<nn::ScatterElementsOp>(
        flat.getType(), flat, n.reshape(n.in(1), {updates}),
        n.reshape(n.in(0), {updates}), 0, nn::ScatterKind::set, false);
  Value y = n.reshape(flat, shape);
  if (n.has(2)) {
    auto wanted = n.ints(2);
    if (!wanted)
      return n.fail("the output shape is only known at run time");
    if (int64_t(wanted->size()) != rank)
      return n.fail("expected an output shape of " + Twine(rank) +
                    " dimensions");
    SmallVector<int64_t> low(rank, 0), high;
    for (int64_t i = 0; i < rank; ++i) {
      high.push_back((*wanted)[i] - shape[i]);
      if (high.back() < 0)
        return n.fail("the output shape is smaller than the unpooled input in "
                      "dimension " +
                      Twine(i));
    }
    auto type = RankedTensorType::get(*wanted, n.element(0));
    if (type != y.getType())
      y = n.make<nn::PadOp>(type, y, nullptr, nn::PadMode::constant, low, high);
  }
  n.set(0, y, n.isUnsigned(0));
  return success();
}

/// Columns are added up where they came from, in a padded image that is then
/// cropped.
static LogicalResult col2Im(NodeLowering &n) {
  auto image = n.ints(1), block = n.ints(2);
  if (!image || !block)
    return n.fail("the sizes of image and block are only known at run time");
  size_t d = image->size();
  SmallVector<int64_t> ones(d, 1), zeros(2 * d, 0);
  SmallVector<int64_t> dilations = n.attrInts("dilations").value_or(ones);
  SmallVector<int64_t> strides = n.attrInts("strides").value_or(ones);
  SmallVector<int64_t> pads = n.attrInts("pads").value_or(zeros);
  if (n.rank(0) != 3 || d == 0 || block->size() != d || dilations.size() != d ||
      strides.size() != d || pads.size() != 2 * d)
    return n.fail("expected columns [N, C * block, L] and a size, stride and "
                  "dilation and two pads for each dimension of the image");
  SmallVector<int64_t> padded, steps;
  int64_t elements = 1, places = 1, taps = 1;
  for (size_t i = 0; i < d; ++i) {
    padded.push_back((*image)[i] + pads[i] + pads[i + d]);
    int64_t reach = dilations[i] * ((*block)[i] - 1) + 1;
    if ((*image)[i] < 1 || (*block)[i] < 1 || dilations[i] < 1 ||
        strides[i] < 1 || pads[i] < 0 || pads[i + d] < 0 || padded[i] < reach)
      return n.fail("the block does not fit dimension " + Twine(i) +
                    " of the image");
    steps.push_back((padded[i] - reach) / strides[i] + 1);
    elements *= padded[i];
    places *= steps[i];
    taps *= (*block)[i];
  }
  int64_t batch = n.shape(0)[0];
  if (n.shape(0)[1] % taps != 0 || n.shape(0)[2] != places)
    return n.fail("expected columns [N, C * " + Twine(taps) + ", " +
                  Twine(places) + "]");
  int64_t channels = n.shape(0)[1] / taps;

  // The flat index of tap k of block l, in row-major order of both.
  SmallVector<int64_t> indices;
  for (int64_t k = 0; k < taps; ++k)
    for (int64_t l = 0; l < places; ++l) {
      int64_t index = 0, scale = 1, tap = k, place = l;
      for (size_t i = d; i-- > 0;) {
        index += scale * (tap % (*block)[i] * dilations[i] +
                          place % steps[i] * strides[i]);
        tap /= (*block)[i];
        place /= steps[i];
        scale *= padded[i];
      }
      indices.push_back(index);
    }
  int64_t rows = batch * channels;
  Value y = n.splat({rows, elements}, n.element(0), 0);
  if (rows != 0) {
    Value where = n.broadcastTo(n.constantInts(indices, n.b.getI32Type()),
                                {rows, taps * places});
    y = n.make<nn::ScatterElementsOp>(y.getType(), y, where,
                                      n.reshape(n.in(0), {rows, taps * places}),
                                      1, nn::ScatterKind::add, false);
  }
  SmallVector<int64_t> shape{batch, channels}, first{0, 0},
      sizes{batch, channels};
  for (size_t i = 0; i < d; ++i) {
    shape.push_back(padded[i]);
    first.push_back(pads[i]);
    sizes.push_back((*image)[i]);
  }
  n.set(0, n.slice(n.reshape(y, shape), first, sizes), n.isUnsigned(0));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Col2Im", 18, 28, col2Im},
    {"", "MaxUnpool", 9, 28, maxUnpool},
    {"", "Scatter", 9, 10, scatterElements},
    {"", "ScatterElements", 11, 28, scatterElements},
    {"", "ScatterND", 11, 28, scatterNd},
    {"", "TensorScatter", 24, 28, tensorScatter},
};

Family adze::import::scatterFamily() { return lowerings; }
