//===- Images.cpp - Bodies of image operators -----------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/contrib/FusedOperators.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace adze::reader;

void fused::nhwcMaxPool(FusedBody &b) {
  b.expectInputs(1);
  int64_t rank = b.rank(0);
  if (rank < 3)
    b.refuse(fmt::format("its input has rank {}, expected at least 3", rank));
  std::vector<int64_t> in = {0, rank - 1}, out = {0};
  for (int64_t i = 1; i + 1 < rank; ++i) {
    in.push_back(i);
    out.push_back(i + 1);
  }
  out.push_back(1);
  std::string attributes = fmt::format("auto_pad = \"{}\", ceil_mode = {}",
                                       b.attrString("auto_pad", "NOTSET"),
                                       b.attrInt("ceil_mode", 0));
  for (const char *name : {"dilations", "kernel_shape", "pads", "strides"})
    if (std::vector<int64_t> values = b.attrInts(name); !values.empty())
      attributes += fmt::format(", {} = [{}]", name, fmt::join(values, ", "));
  b.add(
      fmt::format("first = Transpose <perm = [{}]> (x)", fmt::join(in, ", ")));
  b.add("pooled = MaxPool <" + attributes + "> (first)");
  b.add(fmt::format("y = Transpose <perm = [{}]> (pooled)",
                    fmt::join(out, ", ")));
}

/// The coordinates of `size` samples between two normalised ones along an axis
/// of `extent` pixels: `NAME`, [boxes, size], and whether they lie in the
/// image.
static void sampleAxis(FusedBody &b, const std::string &name, int64_t from,
                       int64_t to, int64_t size, int64_t extent) {
  b.slice(name + "_start", "rois", 1, from, from + 1);
  b.slice(name + "_end", "rois", 1, to, to + 1);
  b.real(name + "_last", double(extent - 1), "rois");
  if (size > 1) {
    b.integer(name + "_zero", 0);
    b.integer(name + "_one", 1);
    b.integer(name + "_size", size);
    b.real(name + "_gaps", double(size - 1), "rois");
    b.add(fmt::format("{0}_steps = Range({0}_zero, {0}_size, {0}_one)"
                      "{0}_steps_real = CastLike({0}_steps, rois)"
                      "{0}_extent = Sub({0}_end, {0}_start)"
                      "{0}_pixels = Mul({0}_extent, {0}_last)"
                      "{0}_step = Div({0}_pixels, {0}_gaps)"
                      "{0}_way = Mul({0}_step, {0}_steps_real)"
                      "{0}_origin = Mul({0}_start, {0}_last)"
                      "{0} = Add({0}_origin, {0}_way)",
                      name));
  } else {
    b.real(name + "_half", 0.5, "rois");
    b.add(fmt::format("{0}_sum = Add({0}_start, {0}_end)"
                      "{0}_middle = Mul({0}_sum, {0}_half)"
                      "{0} = Mul({0}_middle, {0}_last)",
                      name));
  }
  b.real(name + "_first", 0, "rois");
  b.add(fmt::format("{0}_after = GreaterOrEqual({0}, {0}_first)"
                    "{0}_before = LessOrEqual({0}, {0}_last)"
                    "{0}_inside = And({0}_after, {0}_before)"
                    "{0}_safe = Clip({0}, {0}_first, {0}_last)",
                    name));
}

/// `to` [boxes, channels, height, width] = pixels at rows [boxes, height] and
/// columns [boxes, width] (integers that lie in the image).
static void gatherPixels(FusedBody &b, const std::string &to,
                         const std::string &rows, const std::string &columns,
                         int64_t boxes, int64_t height, int64_t width) {
  std::string r = b.fresh("rows"), c = b.fresh("columns"), sizes = b.fresh("s"),
              wide = b.fresh("wide"), indices = b.fresh("indices"),
              pixels = b.fresh("pixels");
  b.reshape(r, rows, {boxes, height, 1, 1});
  b.reshape(c, columns, {boxes, 1, width, 1});
  b.ints(sizes, {boxes, height, width, 1});
  b.add(fmt::format("{0}_b = Expand(images, {0}) {0}_r = Expand({1}, {0}) "
                    "{0}_c = Expand({2}, {0})"
                    "{3} = Concat <axis = 3> ({0}_b, {0}_r, {0}_c)"
                    "{4} = GatherND(channels_last, {3})"
                    "{5} = Transpose <perm = [0, 3, 1, 2]> ({4})",
                    sizes, r, c, indices, pixels, to));
}

void fused::cropAndResize(FusedBody &b) {
  b.expectInputs(4);
  auto size = b.constantInts(3);
  if (!size || size->size() != 2 || (*size)[0] < 1 || (*size)[1] < 1)
    b.refuse("its crop_size must be two positive numbers that are known when "
             "the model is compiled");
  std::string mode = b.attrString("mode", "bilinear");
  if (mode != "bilinear" && mode != "nearest")
    b.refuse("its mode '" + mode + "' is neither bilinear nor nearest");
  int64_t height = (*size)[0], width = (*size)[1], boxes = b.dim(1, 0);
  sampleAxis(b, "row", 0, 2, height, b.dim(0, 2));
  sampleAxis(b, "column", 1, 3, width, b.dim(0, 3));
  b.add("channels_last = Transpose <perm = [0, 2, 3, 1]> (x)"
        "batch = Cast <to = 7> (batch_indices)");
  b.reshape("images", "batch", {boxes, 1, 1, 1});
  auto sample = [&](const std::string &to, const char *row,
                    const char *column) {
    gatherPixels(b, to, row, column, boxes, height, width);
  };
  if (mode == "nearest") {
    // Halves go up.
    b.real("half", 0.5, "rois");
    for (std::string axis : {"row", "column"})
      b.add(fmt::format("{0}_up = Add({0}_safe, half) {0}_round = Floor({0}_up)"
                        "{0}_near = Cast <to = 7> ({0}_round)",
                        axis));
    sample("sampled", "row_near", "column_near");
  } else {
    for (std::string axis : {"row", "column"})
      b.add(fmt::format("{0}_floor = Floor({0}_safe) {0}_ceil = Ceil({0}_safe)"
                        "{0}_low = Cast <to = 7> ({0}_floor)"
                        "{0}_high = Cast <to = 7> ({0}_ceil)"
                        "{0}_weight = Sub({0}_safe, {0}_floor)",
                        axis));
    b.reshape("down", "row_weight", {boxes, 1, height, 1});
    b.reshape("right", "column_weight", {boxes, 1, 1, width});
    sample("top_left", "row_low", "column_low");
    sample("top_right", "row_low", "column_high");
    sample("bottom_left", "row_high", "column_low");
    sample("bottom_right", "row_high", "column_high");
    b.add("top_gap = Sub(top_right, top_left) top_way = Mul(top_gap, right)"
          "top = Add(top_left, top_way)"
          "bottom_gap = Sub(bottom_right, bottom_left)"
          "bottom_way = Mul(bottom_gap, right)"
          "bottom = Add(bottom_left, bottom_way)"
          "gap = Sub(bottom, top) way = Mul(gap, down)"
          "sampled = Add(top, way)");
  }
  b.reshape("row_in", "row_inside", {boxes, 1, height, 1});
  b.reshape("column_in", "column_inside", {boxes, 1, 1, width});
  b.real("outside", b.attrFloat("extrapolation_value", 0), "x");
  b.add("inside = And(row_in, column_in) y = Where(inside, sampled, outside)");
}
