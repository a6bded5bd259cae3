//===- Sampling.cpp - Samples of images at places that are data -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult gridSample(NodeLowering &n) {
  int64_t rank = n.rank(0), spatial = rank - 2;
  std::string mode = n.attrString("mode", "linear");
  std::string padding = n.attrString("padding_mode", "zeros");
  // The names until version 16.
  if (mode == "bilinear")
    mode = "linear";
  else if (mode == "bicubic")
    mode = "cubic";
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    return n.fail("the mode '" + mode +
                  "' is none of nearest, linear and cubic");
  if (padding != "zeros" && padding != "border" && padding != "reflection")
    return n.fail("the padding_mode '" + padding +
                  "' is none of zeros, border and reflection");
  if (spatial < 1 || n.rank(1) != rank || n.shape(1)[0] != n.shape(0)[0] ||
      n.shape(1).back() != spatial)
    return n.fail("expected an input [N, C, ...] and a grid [N, ..., " +
                  Twine(spatial) + "] of as many dimensions");
  if (!isa<FloatType>(n.element(0)) || !isa<FloatType>(n.element(1)))
    return n.fail("expected an input and a grid of floats");
  SmallVector<int64_t> shape{n.shape(0)[0], n.shape(0)[1]};
  llvm::append_range(shape, n.shape(1).drop_front().drop_back());
  auto type = RankedTensorType::get(shape, n.element(0));
  if (type.getNumElements() != 0 && n.type(0).getNumElements() == 0)
    return n.fail("the input is empty: there is nothing to sample");
  n.set(0, n.make<nn::GridSampleOp>(type, n.in(0), n.in(1), mode, padding,
                                    n.attrInt("align_corners", 0) != 0));
  return success();
}

/// The places of result elements, in [-1, 1], times the matrices.
static LogicalResult affineGrid(NodeLowering &n) {
  auto size = n.ints(1);
  if (!size)
    return n.fail("the size of the grid is only known at run time");
  int64_t spatial = int64_t(size->size()) - 2;
  if (spatial < 1 || n.rank(0) != 3 || n.shape(0)[0] != size->front() ||
      n.shape(0)[1] != spatial || n.shape(0)[2] != spatial + 1)
    return n.fail("expected matrices [N, " + Twine(spatial) + ", " +
                  Twine(spatial + 1) + "] for a size of " +
                  Twine(size->size()) + " dimensions");
  bool corners = n.attrInt("align_corners", 0) != 0;
  ArrayRef<int64_t> extent = ArrayRef<int64_t>(*size).drop_front(2);
  int64_t places = 1;
  for (int64_t e : extent) {
    if (e < 1 || e > (1 << 24) || places > (1 << 24))
      return n.fail("the grid has the size " + Twine(e));
    places *= e;
  }
  Type element = n.element(0);
  if (!isa<FloatType>(element))
    return n.fail("expected matrices of floats");
  SmallVector<Attribute> base;
  for (int64_t p = 0; p < places; ++p) {
    int64_t rest = p;
    for (size_t d = extent.size(); d-- > 0;) { // the last dimension first
      double i = double(rest % extent[d]), e = double(extent[d]);
      rest /= extent[d];
      double x =
          corners ? (e == 1 ? -1 : -1 + 2 * i / (e - 1)) : (2 * i + 1) / e - 1;
      base.push_back(n.b.getFloatAttr(element, x));
    }
    base.push_back(n.b.getFloatAttr(element, 1));
  }
  Value points = n.constant(DenseElementsAttr::get(
      RankedTensorType::get({1, places, spatial + 1}, element), base));
  auto type = RankedTensorType::get({size->front(), places, spatial}, element);
  Value y = n.make<nn::MatmulOp>(type, points, n.in(0), Value(),
                                 /*trans_a=*/false, /*trans_b=*/true);
  SmallVector<int64_t> shape{size->front()};
  llvm::append_range(shape, extent);
  shape.push_back(spatial);
  n.set(0, n.reshape(y, shape));
  return success();
}

/// Fails unless the input is a batch of images of floats, and not empty.
static LogicalResult expectImages(NodeLowering &n, int64_t columns) {
  if (n.rank(0) != 4 || n.rank(1) != 2 || n.shape(1)[1] != columns)
    return n.fail("expected images [N, C, H, W] and regions [R, " +
                  Twine(columns) + "]");
  if (!isa<FloatType>(n.element(0)) || n.element(1) != n.element(0))
    return n.fail("expected images and regions of one type of floats");
  if (n.type(0).getNumElements() == 0)
    return n.fail("the images are empty");
  return success();
}

static LogicalResult roiAlign(NodeLowering &n) {
  if (failed(expectImages(n, 4)))
    return failure();
  int64_t regions = n.shape(1)[0], rows = n.attrInt("output_height", 1),
          columns = n.attrInt("output_width", 1);
  if (n.rank(2) != 1 || n.shape(2)[0] != regions)
    return n.fail("expected a batch index for each of " + Twine(regions) +
                  " regions");
  std::string mode = n.attrString("mode", "avg");
  if (mode != "avg" && mode != "max")
    return n.fail("the mode '" + mode + "' is neither avg nor max");
  // Before version 16 there was no shift by a half.
  std::string coordinates =
      n.version() < 16
          ? "output_half_pixel"
          : n.attrString("coordinate_transformation_mode", "half_pixel");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    return n.fail("the coordinate_transformation_mode '" + coordinates +
                  "' is neither half_pixel nor output_half_pixel");
  int64_t ratio = n.attrInt("sampling_ratio", 0);
  if (rows < 1 || columns < 1 || ratio < 0)
    return n.fail("expected a positive output size and a sampling_ratio that "
                  "is not negative");
  auto type = RankedTensorType::get({regions, n.shape(0)[1], rows, columns},
                                    n.element(0));
  n.set(0,
        n.make<nn::RoiAlignOp>(type, n.in(0), n.in(1), n.in(2), uint64_t(ratio),
                               APFloat(n.attrFloat("spatial_scale", 1)),
                               coordinates == "half_pixel", mode == "max"));
  return success();
}

static LogicalResult maxRoiPool(NodeLowering &n) {
  if (failed(expectImages(n, 5)))
    return failure();
  auto pooled = n.attrInts("pooled_shape");
  if (!pooled || pooled->size() != 2 || pooled->front() < 1 ||
      pooled->back() < 1)
    return n.fail("expected a pooled_shape of two positive sizes");
  auto type = RankedTensorType::get(
      {n.shape(1)[0], n.shape(0)[1], pooled->front(), pooled->back()},
      n.element(0));
  n.set(0, n.make<nn::MaxRoiPoolOp>(type, n.in(0), n.in(1),
                                    APFloat(n.attrFloat("spatial_scale", 1))));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "AffineGrid", 20, 28, affineGrid},
    {"", "GridSample", 16, 28, gridSample},
    {"", "MaxRoiPool", 1, 28, maxRoiPool},
    {"", "RoiAlign", 10, 28, roiAlign},
};

Family adze::import::samplingFamily() { return lowerings; }
