//===- Resize.cpp - Resize and Upsample become tables -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Sizes and scales are known at compile time, so for each axis the places
/// that a result element reads and their weights are, too: every mode becomes
/// tables for nn.resize, computed here in double precision as ONNX's reference
/// computes them (onnx/reference/ops/op_resize.py).
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

namespace {

/// What a node asks for, along all dimensions.
struct Request {
  std::string mode, coordinates, nearest;
  bool antialias = false, excludeOutside = false;
  double cubicA = -0.75, extrapolation = 0;
  SmallVector<double> scales, roi; // roi: all begins, then all ends
  SmallVector<int64_t> sizes;
};

/// The places and weights of one axis, `taps` for each result index.
struct Axis {
  int64_t axis;
  int64_t taps = 1;
  SmallVector<int64_t> places;
  SmallVector<double> weights; // empty: nearest
  SmallVector<bool> outside;   // takes the extrapolation value
};

} // namespace

//===----------------------------------------------------------------------===//
// Coordinates and weights
//===----------------------------------------------------------------------===//

/// Where result index `o` lies among the indices of the input.
static double coordinate(const Request &r, int64_t axis, double o, double in) {
  double scale = r.scales[axis], out = scale * in;
  StringRef mode = r.coordinates;
  if (mode == "align_corners")
    return out == 1 ? 0 : o * (in - 1) / (out - 1);
  if (mode == "asymmetric")
    return o / scale;
  if (mode == "tf_crop_and_resize") {
    double begin = r.roi[axis], end = r.roi[r.scales.size() + axis];
    double x = out == 1 ? (end - begin) * (in - 1) / 2
                        : o * (end - begin) * (in - 1) / (out - 1);
    return x + begin * (in - 1);
  }
  if (mode == "tf_half_pixel_for_nn")
    return (o + 0.5) / scale;
  if (mode == "pytorch_half_pixel" && out == 1)
    return -0.5;
  double x = (o + 0.5) / scale - 0.5;
  if (mode == "half_pixel_symmetric")
    x += in / 2 * (1 - double(r.sizes[axis]) / out);
  return x;
}

static int64_t nearestPlace(StringRef mode, double x, bool shrinks) {
  double low = std::floor(x), part = x - low;
  bool up = mode == "ceil"                 ? part > 0
            : mode == "round_prefer_floor" ? part > 0.5
            : mode == "round_prefer_ceil"  ? part >= 0.5
            : mode == "simple"             ? shrinks && part > 0
                                           : false;
  return int64_t(low) + up;
}

static double cubicWeight(double x, double a) {
  x = std::abs(x);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return ((x - 5) * x + 8) * x * a - 4 * a;
  return 0;
}

/// The weights of the elements around a place that is `part` in (0, 1] behind
/// an index. Antialiasing stretches the kernel when it shrinks.
static SmallVector<double> weightsAt(const Request &r, double part,
                                     double scale) {
  bool cubic = r.mode == "cubic";
  double reach = cubic ? 2 : 1;
  scale = r.antialias ? std::min(scale, 1.0) : 1.0;
  int64_t first = int64_t(std::floor(-reach / scale)) + 1, end = 2 - first;
  SmallVector<double> weights;
  double sum = 0;
  for (int64_t i = first; i < end; ++i) {
    double x = (double(i) - part) * scale;
    weights.push_back(cubic ? cubicWeight(x, r.cubicA)
                            : std::max(0.0, 1 - std::abs(x)));
    sum += weights.back();
  }
  if (r.antialias)
    for (double &weight : weights)
      weight /= sum;
  return weights;
}

static Axis tablesOf(const Request &r, int64_t axis, int64_t in) {
  Axis result{axis, 1, {}, {}, {}};
  int64_t out = r.sizes[axis];
  double scale = r.scales[axis];
  auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i, 0, in - 1); };
  SmallVector<double> coordinates;
  for (int64_t o = 0; o < out; ++o) {
    double x = coordinate(r, axis, double(o), double(in));
    // Far outside is as good as just outside, and fits an integer.
    x = std::clamp(x, -2.0 * double(in) - 8, 3.0 * double(in) + 8);
    coordinates.push_back(x);
    result.outside.push_back(r.coordinates == "tf_crop_and_resize" &&
                             (x < 0 || x > double(in - 1)));
  }
  if (r.mode == "nearest") {
    for (double x : coordinates)
      result.places.push_back(clamp(nearestPlace(r.nearest, x, scale < 1)));
    return result;
  }
  for (double x : coordinates) {
    double low = std::floor(x);
    // A whole index is the right neighbour of a gap.
    double part = x == low ? 1 : x - low;
    SmallVector<double> weights = weightsAt(r, part, scale);
    int64_t count = weights.size();
    int64_t first = int64_t(low) - count / 2 + (x == low ? 0 : 1);
    if (r.excludeOutside) {
      double sum = 0;
      for (int64_t t = 0; t < count; ++t) {
        if (first + t < 0 || first + t >= in)
          weights[t] = 0;
        sum += weights[t];
      }
      for (double &weight : weights)
        weight = sum == 0 ? weight : weight / sum;
    }
    result.taps = count;
    for (int64_t t = 0; t < count; ++t)
      result.places.push_back(clamp(first + t));
    result.weights.append(weights);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

static Value indexTable(NodeLowering &n, const Axis &a) {
  SmallVector<int32_t> data(a.places.begin(), a.places.end());
  int64_t size = a.places.size() / a.taps;
  auto type = RankedTensorType::get({size, a.taps}, n.b.getI32Type());
  return n.constant(DenseElementsAttr::get(type, ArrayRef<int32_t>(data)));
}

static Value weightTable(NodeLowering &n, const Axis &a, Type element) {
  SmallVector<Attribute> data;
  for (double weight : a.weights)
    data.push_back(n.b.getFloatAttr(element, weight));
  int64_t size = a.places.size() / a.taps;
  auto type = RankedTensorType::get({size, a.taps}, element);
  return n.constant(DenseElementsAttr::get(type, data));
}

/// Evenly spaced places are a slice, repeated ones a division.
static Value selectNearest(NodeLowering &n, Value x, ArrayRef<Axis> axes) {
  size_t rank = shapeOf(x).size();
  SmallVector<int64_t> starts(rank, 0), steps(rank, 1), sizes(shapeOf(x));
  SmallVector<const Axis *> rest;
  for (const Axis &a : axes) {
    ArrayRef<int64_t> p = a.places;
    int64_t step = p.size() > 1 ? p[1] - p[0] : 1;
    bool even = step > 0;
    for (size_t i = 1; i < p.size(); ++i)
      even &= p[i] - p[i - 1] == step;
    if (!even) {
      rest.push_back(&a);
      continue;
    }
    starts[a.axis] = p[0];
    steps[a.axis] = step;
    sizes[a.axis] = p.size();
  }
  x = n.slice(x, starts, sizes, steps);
  if (rest.empty())
    return x;
  SmallVector<Value> tables;
  SmallVector<int64_t> which, repeats;
  SmallVector<int64_t> shape(shapeOf(x));
  for (const Axis *a : rest) {
    int64_t out = a->places.size();
    int64_t repeat = llvm::divideCeilSigned(out, shape[a->axis]);
    for (int64_t o = 0; o < out; ++o)
      if (a->places[o] != o / repeat) {
        repeat = 0;
        break;
      }
    if (repeat == 0)
      tables.push_back(indexTable(n, *a));
    which.push_back(a->axis);
    repeats.push_back(repeat);
    shape[a->axis] = out;
  }
  auto type = RankedTensorType::get(shape, elementOf(x));
  return n.make<nn::ResizeOp>(type, x, tables, which, repeats, false);
}

/// Axes share one operation while the taps of all are few; wide kernels are
/// applied one axis after the other.
static Value interpolate(NodeLowering &n, Value x, ArrayRef<Axis> axes,
                         Type weightType) {
  constexpr int64_t mostTaps = 16; // cubic along two axes
  while (!axes.empty()) {
    size_t count = 0;
    int64_t taps = 1;
    while (count < axes.size() &&
           (count == 0 || taps * axes[count].taps <= mostTaps))
      taps *= axes[count++].taps;
    SmallVector<Value> tables;
    SmallVector<int64_t> which, shape(shapeOf(x));
    for (const Axis &a : axes.take_front(count)) {
      tables.push_back(indexTable(n, a));
      tables.push_back(weightTable(n, a, weightType));
      which.push_back(a.axis);
      shape[a.axis] = a.places.size() / a.taps;
    }
    SmallVector<int64_t> repeats(count, 0);
    auto type = RankedTensorType::get(shape, elementOf(x));
    x = n.make<nn::ResizeOp>(type, x, tables, which, repeats, true);
    axes = axes.drop_front(count);
  }
  return x;
}

/// Puts the extrapolation value where any axis is outside.
static Value extrapolate(NodeLowering &n, Value y, ArrayRef<Axis> axes,
                         double value) {
  SmallVector<Value> operands{y};
  size_t rank = shapeOf(y).size();
  for (const Axis &a : axes) {
    if (!llvm::is_contained(a.outside, true))
      continue;
    SmallVector<int64_t> shape(rank, 1);
    shape[a.axis] = a.outside.size();
    auto type = RankedTensorType::get(shape, n.b.getI1Type());
    operands.push_back(
        n.constant(DenseElementsAttr::get(type, ArrayRef<bool>(a.outside))));
  }
  if (operands.size() == 1)
    return y;
  Type type = elementOf(y);
  return n.elementwise(
      operands, type, [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
        Scalars s(b, loc);
        Value outside = x[1];
        for (Value other : x.drop_front(2))
          outside = s.either(outside, other);
        return s.select(outside, s.constant(type, value), x[0]);
      });
}

static LogicalResult lower(NodeLowering &n, const Request &r) {
  ArrayRef<int64_t> in = n.shape(0);
  Type type = n.element(0);
  bool isUnsigned = n.isUnsigned(0), isFloat = isa<FloatType>(type);
  for (size_t i = 0; i < in.size(); ++i) {
    if (r.sizes[i] < 0 || r.sizes[i] > (int64_t(1) << 30))
      return n.fail("dimension " + Twine(i) + " would get the size " +
                    Twine(r.sizes[i]));
    if (in[i] == 0 && r.sizes[i] != 0)
      return n.fail("dimension " + Twine(i) + " is empty");
  }
  if (llvm::is_contained(r.sizes, 0)) {
    n.set(0, n.splat(r.sizes, type, 0), isUnsigned);
    return success();
  }
  SmallVector<Axis> axes;
  bool crops = r.coordinates == "tf_crop_and_resize";
  for (size_t i = 0; i < in.size(); ++i) {
    bool whole = !crops || (r.roi[i] == 0 && r.roi[in.size() + i] == 1);
    bool same = std::abs(r.scales[i] - 1) <= 1e-9 && r.sizes[i] == in[i];
    if (!same || !whole)
      axes.push_back(tablesOf(r, i, in[i]));
  }
  Value x = n.in(0);
  if (axes.empty()) {
    n.set(0, x, isUnsigned);
    return success();
  }
  if (r.mode == "nearest") {
    x = extrapolate(n, selectNearest(n, x, axes), axes, r.extrapolation);
    n.set(0, x, isUnsigned);
    return success();
  }
  unsigned bits = type.getIntOrFloatBitWidth();
  bool wide = isFloat ? bits == 64 : bits > 16;
  Type weightType = wide ? n.b.getF64Type() : n.b.getF32Type();
  if (!isFloat)
    x = n.cast(x, weightType, isUnsigned);
  x = interpolate(n, x, axes, weightType);
  x = extrapolate(n, x, axes, r.extrapolation);
  if (!isFloat) {
    // Cubic overshoots: saturate.
    double low = isUnsigned ? 0 : -std::ldexp(1.0, int(bits) - 1);
    double high = std::ldexp(1.0, int(bits) - (isUnsigned ? 0 : 1)) - 1;
    x = n.elementwise({x}, type,
                      [&](OpBuilder &b, Location loc, ValueRange v) -> Value {
                        Scalars s(b, loc);
                        Value whole = s.make<math::RoundEvenOp>(v[0]);
                        return castScalar(b, loc, s.clamp(whole, low, high),
                                          type, false, isUnsigned);
                      });
  }
  n.set(0, x, isUnsigned);
  return success();
}

//===----------------------------------------------------------------------===//
// Reading nodes
//===----------------------------------------------------------------------===//

/// The sizes that scales lead to, in the precision of the scales.
static LogicalResult applyScales(NodeLowering &n, Request &r,
                                 ArrayRef<double> scales,
                                 ArrayRef<int64_t> axes) {
  if (scales.size() != axes.size())
    return n.fail("expected a scale for each of " + Twine(axes.size()) +
                  " axes, found " + Twine(scales.size()));
  for (auto [scale, axis] : llvm::zip(scales, axes)) {
    if (!(scale > 0))
      return n.fail("the scale of axis " + Twine(axis) + " is not positive");
    r.scales[axis] = scale;
    float size = std::floor(float(n.shape(0)[axis]) * float(scale));
    if (!(size < 1e9f))
      return n.fail("the scale of axis " + Twine(axis) + " is too large");
    r.sizes[axis] = int64_t(size);
  }
  return success();
}

static LogicalResult applySizes(NodeLowering &n, Request &r,
                                ArrayRef<int64_t> sizes,
                                ArrayRef<int64_t> axes) {
  if (sizes.size() != axes.size())
    return n.fail("expected a size for each of " + Twine(axes.size()) +
                  " axes, found " + Twine(sizes.size()));
  std::string policy = n.attrString("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    return n.fail("the keep_aspect_ratio_policy '" + policy + "' is unknown");
  std::optional<double> common;
  for (auto [size, axis] : llvm::zip(sizes, axes)) {
    int64_t in = n.shape(0)[axis];
    if (size < 0 || (in == 0 && size != 0))
      return n.fail("dimension " + Twine(axis) + " of size " + Twine(in) +
                    " cannot be resized to " + Twine(size));
    double scale = in == 0 ? 1 : double(size) / double(in);
    r.scales[axis] = scale;
    r.sizes[axis] = size;
    if (policy == "not_larger")
      common = common ? std::min(*common, scale) : scale;
    else
      common = common ? std::max(*common, scale) : scale;
  }
  if (policy == "stretch" || !common)
    return success();
  for (int64_t axis : axes) {
    r.scales[axis] = *common;
    r.sizes[axis] =
        int64_t(std::floor(*common * double(n.shape(0)[axis]) + 0.5));
  }
  return success();
}

static Request requestFor(NodeLowering &n) {
  Request r;
  r.sizes.assign(n.shape(0).begin(), n.shape(0).end());
  r.scales.assign(r.sizes.size(), 1.0);
  r.mode = n.attrString("mode", "nearest");
  r.coordinates = "asymmetric";
  r.nearest = "floor";
  return r;
}

static LogicalResult checkMode(NodeLowering &n, const Request &r) {
  if (r.mode != "nearest" && r.mode != "linear" && r.mode != "cubic")
    return n.fail("the mode '" + r.mode +
                  "' is none of nearest, linear and cubic");
  return success();
}

static SmallVector<int64_t> allAxes(NodeLowering &n) {
  return llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
}

/// Upsample, and Resize of version 10, whose nearest element is the next one
/// when it shrinks.
static LogicalResult upsample(NodeLowering &n) {
  Request r = requestFor(n);
  if (n.node.getOpType() == "Resize")
    r.nearest = "simple";
  if (r.mode == "bilinear")
    r.mode = "linear";
  auto scales = n.version() < 9 ? n.attrFloats("scales") : n.floats(1);
  if (!scales)
    return n.fail("the scales are only known at run time; the shape of the "
                  "result must be known when the model is compiled");
  if (failed(checkMode(n, r)) || failed(applyScales(n, r, *scales, allAxes(n))))
    return failure();
  return lower(n, r);
}

static LogicalResult resize(NodeLowering &n) {
  Request r = requestFor(n);
  r.coordinates = n.attrString("coordinate_transformation_mode", "half_pixel");
  r.nearest = n.attrString("nearest_mode", "round_prefer_floor");
  r.antialias = n.attrInt("antialias", 0) != 0 && r.mode != "nearest";
  r.excludeOutside = n.attrInt("exclude_outside", 0) != 0;
  r.cubicA = n.attrFloat("cubic_coeff_a", -0.75);
  r.extrapolation = n.attrFloat("extrapolation_value", 0);
  if (failed(checkMode(n, r)))
    return failure();
  if (!llvm::is_contained({"half_pixel", "half_pixel_symmetric",
                           "pytorch_half_pixel", "align_corners", "asymmetric",
                           "tf_half_pixel_for_nn", "tf_crop_and_resize"},
                          StringRef(r.coordinates)))
    return n.fail("the coordinate_transformation_mode '" + r.coordinates +
                  "' is unknown");
  if (!llvm::is_contained(
          {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"},
          StringRef(r.nearest)))
    return n.fail("the nearest_mode '" + r.nearest + "' is unknown");

  size_t rank = n.rank(0);
  SmallVector<int64_t> axes = allAxes(n);
  if (auto given = n.attrInts("axes")) {
    axes.clear();
    for (int64_t value : *given) {
      auto axis = n.axis(value, rank);
      if (failed(axis))
        return failure();
      if (llvm::is_contained(axes, *axis))
        return n.fail("axis " + Twine(*axis) + " is given twice");
      axes.push_back(*axis);
    }
  }
  if (r.coordinates == "tf_crop_and_resize") {
    auto roi = n.has(1) ? n.floats(1) : SmallVector<double>();
    if (!roi)
      return n.fail("the region to crop is only known at run time");
    if (roi->size() != 2 * axes.size())
      return n.fail("tf_crop_and_resize needs a begin and an end for each of " +
                    Twine(axes.size()) + " axes, found " + Twine(roi->size()) +
                    " numbers");
    r.roi.assign(2 * rank, 0.0);
    std::fill(r.roi.begin() + rank, r.roi.end(), 1.0);
    for (auto [i, axis] : llvm::enumerate(axes)) {
      r.roi[axis] = (*roi)[i];
      r.roi[rank + axis] = (*roi)[axes.size() + i];
    }
  }
  bool hasScales = n.has(2) && n.type(2).getNumElements() != 0;
  bool hasSizes = n.has(3) && n.type(3).getNumElements() != 0;
  if (hasScales == hasSizes && !axes.empty())
    return n.fail("expected either scales or sizes, found " +
                  Twine(hasScales ? "both" : "neither"));
  if (hasScales) {
    auto scales = n.floats(2);
    if (!scales)
      return n.fail("the scales are only known at run time; the shape of the "
                    "result must be known when the model is compiled");
    if (failed(applyScales(n, r, *scales, axes)))
      return failure();
  } else if (hasSizes) {
    auto sizes = n.ints(3);
    if (!sizes)
      return n.fail("the sizes are only known at run time");
    if (failed(applySizes(n, r, *sizes, axes)))
      return failure();
  }
  return lower(n, r);
}

static const OpLowering lowerings[] = {
    {"", "Resize", 10, 10, upsample},
    {"", "Resize", 11, 28, resize},
    {"", "Upsample", 7, 9, upsample},
};

Family adze::import::resizeFamily() { return lowerings; }
