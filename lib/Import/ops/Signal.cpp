//===- Signal.cpp - Fourier transforms and filter banks -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A Fourier transform is a product with a constant matrix: exact enough for
/// any length, and fast at the lengths that frames of a signal have. Complex
/// numbers are pairs along the last dimension, so one real product does all.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Conversion.h"
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

/// More elements than this in a matrix of a transform are refused.
static constexpr int64_t maxMatrixElements = int64_t(1) << 24;

static DenseElementsAttr matrixOf(RankedTensorType type,
                                  ArrayRef<double> values) {
  auto element = cast<FloatType>(type.getElementType());
  SmallVector<APFloat> converted;
  converted.reserve(values.size());
  for (double value : values) {
    APFloat x(value);
    bool lossy;
    x.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven,
              &lossy);
    converted.push_back(x);
  }
  return DenseElementsAttr::get(type, converted);
}

namespace {

struct Transform {
  int64_t length; // of the transform
  int64_t rows;   // input positions that count
  bool isComplex; // input
  bool inverse, onesided;

  int64_t outputs() const {
    return onesided && !inverse ? length / 2 + 1 : length;
  }
  int64_t outputParts() const { return onesided && inverse ? 1 : 2; }
  /// [rows, parts of the input, outputs, parts of the output]
  SmallVector<double> matrix() const;
};

} // namespace

SmallVector<double> Transform::matrix() const {
  SmallVector<double> values;
  int64_t parts = isComplex ? 2 : 1;
  values.reserve(rows * parts * outputs() * outputParts());
  double scale = inverse ? 1.0 / double(length) : 1;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t part = 0; part < parts; ++part)
      for (int64_t k = 0; k < outputs(); ++k) {
        // The product is reduced first, so that the angle is exact.
        double angle = 2 * M_PI * double((i * k) % length) / double(length);
        double cosine = std::cos(angle) * scale;
        double sine = std::sin(angle) * scale * (inverse ? 1 : -1);
        if (outputParts() == 1) {
          // Each bin but the first and the middle one stands for two.
          bool alone = i == 0 || 2 * i == length;
          double weight = alone ? 1 : 2;
          // The imaginary parts of bins that stand alone do not count.
          values.push_back(part == 0 ? weight * cosine
                                     : (alone ? 0 : -weight * sine));
          continue;
        }
        values.push_back(part == 0 ? cosine : -sine);
        values.push_back(part == 0 ? sine : cosine);
      }
  return values;
}

/// Transforms dimension `axis` of x [..., 1 or 2].
static Value transformed(NodeLowering &n, Value x, int64_t axis, int64_t length,
                         bool inverse, bool onesided) {
  SmallVector<int64_t> shape(shapeOf(x));
  int64_t rank = shape.size(), parts = shape.back();
  auto refuse = [&](const Twine &why) -> Value {
    (void)n.fail(why);
    return nullptr;
  };
  if (parts != 1 && parts != 2)
    return refuse("the last dimension has " + Twine(parts) +
                  " elements, expected 1 (real) or 2 (complex)");
  if (length < 1)
    return refuse("the length of the transform is " + Twine(length));
  if (onesided && !inverse && parts == 2)
    return refuse("a one-sided transform needs real input");
  int64_t known = inverse && onesided ? length / 2 + 1 : length;
  Transform t{length, std::min(shape[axis], known), parts == 2, inverse,
              onesided};
  int64_t elements = t.rows * parts * t.outputs() * t.outputParts();
  if (elements > maxMatrixElements)
    return refuse("a transform of length " + Twine(length) +
                  " is too long to be a matrix product");
  if (t.rows < shape[axis]) {
    SmallVector<int64_t> starts(rank, 0);
    shape[axis] = t.rows;
    x = n.slice(x, starts, shape);
  }
  SmallVector<int64_t> perm, back(rank);
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      perm.push_back(i);
  perm.insert(perm.end() - 1, axis);
  for (auto [i, p] : llvm::enumerate(perm))
    back[p] = i;
  int64_t lines = 1;
  SmallVector<int64_t> outputShape;
  for (int64_t p : ArrayRef(perm).drop_back(2)) {
    lines *= shape[p];
    outputShape.push_back(shape[p]);
  }
  outputShape.append({t.outputs(), t.outputParts()});
  Value lined = n.reshape(n.transpose(x, perm), {lines, t.rows * parts});
  int64_t columns = t.outputs() * t.outputParts();
  Type type = elementOf(x);
  Value matrix = n.constant(matrixOf(
      RankedTensorType::get({t.rows * parts, columns}, type), t.matrix()));
  Value y = n.make<nn::MatmulOp>(RankedTensorType::get({lines, columns}, type),
                                 lined, matrix, Value(), false, false);
  return n.transpose(n.reshape(y, outputShape), back);
}

/// A one-element operand that must be known; `otherwise` if it is omitted.
static FailureOr<int64_t> knownScalar(NodeLowering &n, size_t i, StringRef name,
                                      int64_t otherwise) {
  if (!n.has(i))
    return otherwise;
  auto value = n.ints(i);
  if (!value || value->size() != 1) {
    (void)n.fail(Twine(name) +
                 " is only known at run time, expected one constant number");
    return failure();
  }
  return value->front();
}

static LogicalResult dft(NodeLowering &n) {
  if (n.rank(0) < 2 || !isa<FloatType>(n.element(0)))
    return n.fail("the input needs at least 2 dimensions of floats");
  bool inverse = n.attrInt("inverse", 0) != 0,
       onesided = n.attrInt("onesided", 0) != 0;
  auto given = n.version() < 20 ? FailureOr<int64_t>(n.attrInt("axis", 1))
                                : knownScalar(n, 2, "axis", -2);
  if (failed(given))
    return failure();
  auto axis = n.axis(*given, n.rank(0));
  if (failed(axis))
    return failure();
  if (*axis == n.rank(0) - 1)
    return n.fail("the axis is the last dimension, which holds the parts of "
                  "complex numbers");
  int64_t size = n.shape(0)[*axis];
  auto length = knownScalar(n, 1, "dft_length",
                            inverse && onesided ? 2 * (size - 1) : size);
  if (failed(length))
    return failure();
  Value y = transformed(n, n.in(0), *axis, *length, inverse, onesided);
  if (!y)
    return failure();
  n.set(0, y);
  return success();
}

static LogicalResult stft(NodeLowering &n) {
  Value x = n.in(0);
  if (n.rank(0) == 2)
    x = n.reshape(x, {n.shape(0)[0], n.shape(0)[1], 1});
  if (shapeOf(x).size() != 3 || !isa<FloatType>(n.element(0)))
    return n.fail("the signal needs the shape [batch, length, 1 or 2]");
  int64_t batch = shapeOf(x)[0], samples = shapeOf(x)[1], parts = shapeOf(x)[2];
  auto step = knownScalar(n, 1, "frame_step", 0);
  auto length = knownScalar(n, 3, "frame_length",
                            n.has(2) ? n.type(2).getNumElements() : samples);
  if (failed(step) || failed(length))
    return failure();
  if (*step < 1 || *length < 1 || *length > samples)
    return n.fail("frames of " + Twine(*length) + " samples every " +
                  Twine(*step) + " do not fit a signal of " + Twine(samples));
  if (n.has(2) && (n.rank(2) != 1 || n.shape(2)[0] > *length))
    return n.fail("the window needs one dimension of at most the frame's "
                  "length");
  int64_t frames = 1 + (samples - *length) / *step;
  SmallVector<int64_t> positions;
  for (int64_t f = 0; f < frames; ++f)
    for (int64_t i = 0; i < *length; ++i)
      positions.push_back(f * *step + i);
  Value indices =
      n.reshape(n.constantInts(positions, n.b.getI64Type()), {frames, *length});
  Value framed = n.make<nn::GatherOp>(
      RankedTensorType::get({batch, frames, *length, parts}, n.element(0)), x,
      indices, 1);
  if (n.has(2)) {
    int64_t size = n.shape(2)[0];
    if (size < *length) { // a shorter window stands in the first samples
      framed = n.slice(framed, {0, 0, 0, 0}, {batch, frames, size, parts});
    }
    framed =
        n.elementwise({framed, n.reshape(n.in(2), {size, 1})}, n.element(0),
                      [](OpBuilder &b, Location loc, ValueRange v) -> Value {
                        return Scalars(b, loc).mul(v[0], v[1]);
                      });
  }
  bool onesided = n.attrInt("onesided", 1) != 0 && parts == 1;
  Value y = transformed(n, framed, 2, *length, false, onesided);
  if (!y)
    return failure();
  n.set(0, y);
  return success();
}

static LogicalResult melWeightMatrix(NodeLowering &n) {
  auto bins = knownScalar(n, 0, "num_mel_bins", 0),
       length = knownScalar(n, 1, "dft_length", 0),
       rate = knownScalar(n, 2, "sample_rate", 0);
  auto low = n.floats(3), high = n.floats(4);
  if (failed(bins) || failed(length) || failed(rate))
    return failure();
  if (!low || !high || low->size() != 1 || high->size() != 1)
    return n.fail("the edge frequencies are only known at run time");
  if (*bins < 1 || *length < 1 || *rate < 1 || *bins > maxMatrixElements ||
      *length > maxMatrixElements)
    return n.fail("num_mel_bins, dft_length and sample_rate must be positive "
                  "and not absurdly large");
  auto kind =
      elementOfDataType(n.b.getContext(), n.attrInt("output_datatype", 1));
  if (!kind)
    return n.fail("output_datatype is no type that is supported");
  int64_t rows = *length / 2 + 1;
  if (rows * *bins > maxMatrixElements)
    return n.fail("the matrix would have more than " +
                  Twine(maxMatrixElements) + " elements");
  auto mel = [](double hertz) {
    return 2595 * std::log1p(hertz / 700) / std::log(10.0);
  };
  double first = mel(low->front()),
         step = (mel(high->front()) - first) / double(*bins + 2);
  SmallVector<int64_t> edges;
  for (int64_t i = 0; i < *bins + 2; ++i) {
    double hertz =
        700 * std::expm1((double(i) * step + first) / 2595 * std::log(10.0));
    double bin = std::floor(double(*length + 1) * hertz / double(*rate));
    if (!(bin >= 0 && bin < double(rows)))
      return n.fail("an edge frequency lies outside the spectrogram");
    edges.push_back(int64_t(bin));
  }
  SmallVector<double> values(rows * *bins, 0.0);
  for (int64_t i = 0; i < *bins; ++i) {
    int64_t left = edges[i], centre = edges[i + 1], right = edges[i + 2];
    auto at = [&](int64_t row) -> double & { return values[row * *bins + i]; };
    if (left == centre)
      at(centre) = 1;
    for (int64_t j = left; left < centre && j <= centre; ++j)
      at(j) = double(j - left) / double(centre - left);
    for (int64_t j = centre; j < right; ++j)
      at(j) = double(right - j) / double(right - centre);
  }
  auto type = RankedTensorType::get({rows, *bins}, n.b.getF64Type());
  n.set(0,
        n.cast(n.constant(matrixOf(type, values)), kind->type, false,
               kind->isUnsigned),
        kind->isUnsigned);
  return success();
}

static const OpLowering lowerings[] = {
    {"", "DFT", 17, 99, dft},
    {"", "MelWeightMatrix", 17, 99, melWeightMatrix},
    {"", "STFT", 17, 99, stft},
};

Family adze::import::signalFamily() { return lowerings; }
