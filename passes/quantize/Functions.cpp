//===- Functions.cpp - Functions by interpolation ---------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A function of a tensor of int16, quantized again, is linear between the
/// numbers of a table. The table is looked for by evaluating the float
/// operations on all 65536 numbers, and taken if each result is near enough;
/// larger tables are tried while it is not. A function behind a sum of products
/// is one of int16 too: the sums are requantized to the range in which the
/// function is not constant, with steps of 1/65536 of it.
///
//===----------------------------------------------------------------------===//
#include "passes/quantize/Former.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "passes/lower/ElementEmitter.h"

#include <cmath>

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;
using lower::shapeOf;

namespace {

/// An nn.interpolate, but for its operand.
struct Interpolation {
  std::vector<int64_t> table;
  int64_t shift, low, high;
};

/// Fits a table of 2^bits + 1 numbers to what a function yields for each int16.
class Fit {
public:
  Fit(const Samples &samples, const Parameters &to, bool isExact)
      : to(to), isExact(isExact), samples(samples) {
    for (double real : samples.reals)
      steps.push_back(real / to.scale);
  }

  std::optional<Interpolation> best() const {
    for (int bits = 4; bits <= 12; ++bits)
      if (auto found = of(bits))
        return found;
    return std::nullopt;
  }

private:
  std::optional<Interpolation> of(int bits) const;

  Parameters to;
  bool isExact; // the numbers are the inputs themselves, not rounded to int16
  const Samples &samples;
  std::vector<double> steps; // in units of the result's scale
};

} // namespace

std::optional<Interpolation> Fit::of(int bits) const {
  int64_t distance = int64_t(1) << (16 - bits);
  // Bits of fraction in the table: results less their zero point stay below
  // 2^(bits of the type), twice that is room for lines that end outside.
  int64_t fraction = to.bits == 8 ? 6 : 0;
  if (to.bits == 16 && to.zeroPoint != 0)
    return std::nullopt;
  Interpolation result{{}, 16 - bits + fraction, to.lowest(), to.highest()};
  auto knot = [&](double step) {
    if (std::isnan(step))
      step = 0;
    return int64_t(std::clamp(std::nearbyint(std::ldexp(step, int(fraction))),
                              -32768.0, 32767.0));
  };
  for (int64_t i = 0; i < 65536; i += distance)
    result.table.push_back(knot(steps[size_t(i)]));
  // One step beyond the last number.
  result.table.push_back(
      knot(steps[65535] + (steps[65535] - steps[size_t(65536 - distance)]) /
                              double(std::max<int64_t>(distance - 1, 1))));
  double low = double(to.lowest() - to.zeroPoint),
         high = double(to.highest() - to.zeroPoint);
  for (int64_t i = 0; i < 65536; ++i) {
    int64_t k = i / distance, f = i % distance;
    int64_t sum = result.table[size_t(k)] * distance +
                  (result.table[size_t(k + 1)] - result.table[size_t(k)]) * f;
    if (isExact && to.bits == 16) {
      int64_t half = int64_t(1) << (result.shift - 1);
      int64_t code = std::clamp(((sum + half) >> result.shift) + to.zeroPoint,
                                result.low, result.high);
      if (std::abs(code - samples.codes[size_t(i)]) > 1)
        return std::nullopt;
      continue;
    }
    // The number that is rounded here is up to half a step of int16 away from
    // the one that float arithmetic would round: together less than a step.
    auto clamped = [&](double x) { return std::clamp(x, low, high); };
    double wanted = clamped(steps[size_t(i)]);
    double error =
        std::abs(clamped(std::ldexp(double(sum), -int(result.shift))) - wanted);
    size_t next = size_t(std::min<int64_t>(i + 1, 65535));
    double half = isExact ? 0 : std::abs(clamped(steps[next]) - wanted) / 2;
    if (!(error <= 0.3 && error + half <= 0.9))
      return std::nullopt;
  }
  return result;
}

/// The numbers that all int16 stand for, as nn.dequantize computes them.
static std::vector<float> allNumbers(const Parameters &p) {
  std::vector<float> numbers;
  for (int64_t i = -32768; i < 32768; ++i)
    numbers.push_back(float(i - p.zeroPoint) * float(p.scale));
  return numbers;
}

static Value interpolate(OpBuilder &b, Location loc, nn::QuantizeOp op, Value x,
                         const Interpolation &f, const Parameters &to) {
  auto type = RankedTensorType::get({int64_t(f.table.size())}, b.getI16Type());
  return nn::InterpolateOp::create(b, loc, op.getType(), x,
                                   makeConstant(b, loc, type, f.table, "table"),
                                   f.shift, to.zeroPoint, f.low, f.high);
}

bool Former::formWideTable(nn::QuantizeOp op, const Parameters &to,
                           nn::DequantizeOp source,
                           const llvm::SetVector<Operation *> &between) {
  auto x = quantizedTensorOf(source.getOutput());
  Operation *last = between.empty() ? op.getOperation() : between.back();
  if (!elementTypeOf(source.getOutput()).isF32() ||
      !elementTypeOf(op.getInput()).isF32())
    return refuse(last, "a function of int16 is not computed in f32");
  // A clamp has corners anywhere: rather two bounds than a table.
  Tail tail = tailOf(op.getInput());
  double factor = x->parameters.scale / to.scale;
  if (tail.base == source.getOutput() && isRepresentable(factor))
    if (auto bounds = clampOf(tail.functions, op, to)) {
      OpBuilder b(op);
      Location loc = last->getLoc();
      FixedPoint fixed = fixedPoint(factor);
      auto one = RankedTensorType::get({1}, b.getI32Type());
      Value y = nn::RequantizeOp::create(
          b, loc, cast<RankedTensorType>(op.getType()).clone(shapeOf(x->value)),
          centred(b, loc, x->value, x->parameters.zeroPoint, b.getI32Type()),
          makeConstant(b, loc, one, int64_t(fixed.multiplier), "multiplier"),
          makeConstant(b, loc, one, int64_t(fixed.shift), "shift"), 0,
          to.zeroPoint, bounds->first, bounds->second, rounding);
      if (y.getType() != op.getType())
        y = nn::ReshapeOp::create(b, loc, op.getType(), y);
      replace(op, y);
      return true;
    }
  auto samples =
      evaluate(op, source.getOutput(), between, allNumbers(x->parameters));
  if (!samples)
    return refuse(last, "its table could not be computed");
  auto f = Fit(*samples, to, /*isExact=*/true).best();
  if (!f)
    return refuse(last, "no table of 4097 numbers is within a step of this "
                        "function of int16");
  OpBuilder b(op);
  replace(op, interpolate(b, last->getLoc(), op, x->value, *f, to));
  return true;
}

/// The range outside of which the function is constant, as parameters of int16;
/// nothing if it is nowhere, or everywhere.
static std::optional<Parameters>
rangeOf(nn::QuantizeOp op, Value source,
        const llvm::SetVector<Operation *> &between, const Parameters &to) {
  // 64 numbers for each power of two, from far below a step to far beyond what
  // the result can hold.
  std::vector<float> points{0};
  for (int i = -14 * 64; i <= 22 * 64; ++i) {
    auto point = float(to.scale * std::exp2(i / 64.0));
    points.insert(points.end(), {-point, point});
  }
  llvm::sort(points);
  auto samples = evaluate(op, source, between, points);
  if (!samples)
    return std::nullopt;
  const std::vector<int64_t> &codes = samples->codes;
  size_t first = 0, last = codes.size() - 1;
  while (first < last && codes[first + 1] == codes.front())
    ++first;
  while (last > first && codes[last - 1] == codes.back())
    --last;
  if (first == 0 || last + 1 == codes.size() || first >= last)
    return std::nullopt;
  double low = std::min(0.0, double(points[first])),
         high = std::max(0.0, double(points[last]));
  Parameters result;
  result.bits = 16;
  result.scale = float((high - low) / 65534);
  result.zeroPoint = int64_t(std::nearbyint(-32767 - low / result.scale));
  return result;
}

bool Former::formFunction(nn::QuantizeOp op, const Parameters &to) {
  llvm::SetVector<Operation *> between;
  Value source = functionSource(op.getInput(), between);
  if (!source || between.empty() || !elementTypeOf(source).isF32() ||
      !elementTypeOf(op.getInput()).isF32())
    return false;
  Operation *base = tailOf(source).base.getDefiningOp();
  if (!base || !isa<nn::ConvOp, nn::MatmulOp, nn::NormalizeOp>(base))
    return false;
  auto range = rangeOf(op, source, between, to);
  if (!range)
    return refuse(base, "the function behind it has no bounds between which "
                        "it changes");
  auto samples = evaluate(op, source, between, allNumbers(*range));
  if (!samples)
    return refuse(base, "the function behind it could not be evaluated");
  auto f = Fit(*samples, to, /*isExact=*/false).best();
  if (!f)
    return refuse(base, "no table of 4097 numbers is within a step of the "
                        "function behind it");
  OpBuilder b(op);
  Location loc = between.back()->getLoc();
  auto f32 = RankedTensorType::get({}, b.getF32Type());
  Value scale = adze::ConstantOp::create(
      b, loc, DenseElementsAttr::get(f32, float(range->scale)));
  Value zero = makeConstant(b, loc, RankedTensorType::get({}, b.getI16Type()),
                            range->zeroPoint, "zero_point");
  auto type = cast<RankedTensorType>(source.getType()).clone(b.getI16Type());
  auto wide = nn::QuantizeOp::create(b, loc, type, source, scale, zero,
                                     /*axis=*/0, /*block_size=*/0,
                                     b.getF32Type(), /*is_unsigned=*/false,
                                     /*input_unsigned=*/false,
                                     /*scale_unsigned=*/false,
                                     /*overflows=*/false);
  Value y = interpolate(b, loc, op, wide.getOutput(), *f, to);
  if (!form(wide)) {
    y.getDefiningOp()->erase();
    wide.erase();
    return false;
  }
  replace(op, y);
  return true;
}

namespace {
/// x < 0 ? x * slope : x with a constant slope.
struct Prelu {
  Value x;
  std::vector<double> slopes; // one, or one for each index of `axis`
  int64_t axis = 0;
};
} // namespace

static std::optional<Prelu> preluOf(Value value) {
  auto op = value.getDefiningOp<linalg::GenericOp>();
  if (!op || !lower::isElementwise(op) || op.getNumResults() != 1 ||
      op.getNumDpsInputs() != 2)
    return std::nullopt;
  auto select = op.getBody()
                    ->getTerminator()
                    ->getOperand(0)
                    .getDefiningOp<arith::SelectOp>();
  auto compare = select ? select.getCondition().getDefiningOp<arith::CmpFOp>()
                        : arith::CmpFOp();
  auto product = select ? select.getTrueValue().getDefiningOp<arith::MulFOp>()
                        : arith::MulFOp();
  auto x = select ? dyn_cast<BlockArgument>(select.getFalseValue())
                  : BlockArgument();
  if (!compare || !product || !x || x.getArgNumber() > 1 ||
      compare.getPredicate() != arith::CmpFPredicate::OLT ||
      compare.getLhs() != x ||
      !matchPattern(compare.getRhs(), m_AnyZeroFloat()))
    return std::nullopt;
  BlockArgument slope = op.getBody()->getArgument(1 - x.getArgNumber());
  if (!(product.getLhs() == x && product.getRhs() == slope) &&
      !(product.getLhs() == slope && product.getRhs() == x))
    return std::nullopt;
  OpOperand &main = op->getOpOperand(x.getArgNumber()),
            &factor = op->getOpOperand(slope.getArgNumber());
  auto slopes = numbersOf(factor.get());
  if (!slopes || !op.getMatchingIndexingMap(&main).isIdentity())
    return std::nullopt;
  Prelu result{main.get(), *slopes, 0};
  ArrayRef<int64_t> sizes = shapeOf(factor.get());
  AffineMap map = op.getMatchingIndexingMap(&factor);
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (sizes[i] == 1)
      continue;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || sizes[i] != int64_t(slopes->size()))
      return std::nullopt; // along several dimensions
    result.axis = dim.getPosition();
  }
  return result;
}

bool Former::formPrelu(nn::QuantizeOp op, const Parameters &to) {
  auto prelu = preluOf(op.getInput());
  if (!prelu)
    return false;
  Operation *base = op.getInput().getDefiningOp();
  OpBuilder b(op);
  Location loc = base->getLoc();
  Tail tail = tailOf(prelu->x);
  std::optional<Accumulators> sums;
  if (auto x = quantizedTensorOf(prelu->x)) {
    if (x->parameters.bits == 8) {
      sums.emplace();
      sums->sums =
          centred(b, loc, x->value, x->parameters.zeroPoint, b.getI32Type());
      sums->axis = prelu->axis;
      sums->weightScales = {x->parameters.scale};
    }
  } else if (isa_and_nonnull<nn::ConvOp, nn::MatmulOp>(
                 tail.base.getDefiningOp()) &&
             tail.functions.empty() &&
             tail.base.getType() == prelu->x.getType()) {
    sums = accumulate(tail.base.getDefiningOp(), tail.bias);
  }
  if (!sums || sums->bits > to.bits)
    return false;
  bool isOne = prelu->slopes.size() == 1;
  if (!isOne && sums->weightScales.size() != 1 && sums->axis != prelu->axis)
    return refuse(base, "its slopes lie along another axis than its input's "
                        "channels");
  int64_t axis = isOne ? sums->axis : prelu->axis;
  size_t count = std::max(prelu->slopes.size(), sums->weightScales.size());
  std::vector<int64_t> factors[4];
  for (size_t c = 0; c < count; ++c) {
    size_t channel = sums->weightScales.size() == 1 ? 0 : c;
    double factor = sums->inputScale * sums->weightScales[channel] / to.scale;
    double slope = prelu->slopes[isOne ? 0 : c];
    if (!isRepresentable(factor) ||
        (slope != 0 && !isRepresentable(factor * std::abs(slope))))
      return refuse(base, "the factor between its scales is out of range");
    FixedPoint positive = fixedPoint(factor), negative;
    if (slope != 0)
      negative = fixedPoint(factor * std::abs(slope));
    factors[0].push_back(positive.multiplier);
    factors[1].push_back(positive.shift);
    factors[2].push_back(slope < 0 ? -int64_t(negative.multiplier)
                                   : int64_t(negative.multiplier));
    factors[3].push_back(negative.shift);
  }
  auto type = RankedTensorType::get({int64_t(count)}, b.getI32Type());
  const char *names[] = {"multipliers", "shifts", "negative_multipliers",
                         "negative_shifts"};
  Value operands[4];
  for (int i = 0; i < 4; ++i)
    operands[i] = makeConstant(b, loc, type, factors[i], names[i]);
  auto shape = cast<RankedTensorType>(sums->sums.getType());
  replace(op,
          nn::RequantizePreluOp::create(
              b, loc, shape.clone(elementTypeOf(op.getOutput())), sums->sums,
              operands[0], operands[1], operands[2], operands[3], axis,
              to.zeroPoint, to.lowest(), to.highest(), rounding));
  return true;
}
