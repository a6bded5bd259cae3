//===- Recurrent.cpp - GRU and LSTM of integers -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/quantize/Former.h"

#include "passes/lower/ElementEmitter.h"

#include <cmath>

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;
using lower::shapeOf;

static constexpr double stateScale = 0x1p-15;    // Q0.15
static constexpr double argumentScale = 0x1p-12; // Q3.12
static constexpr int64_t cellBits = 20;

static bool isZero(Value value) {
  if (!value)
    return true;
  auto numbers = numbersOf(value);
  return numbers &&
         llvm::all_of(*numbers, [](double number) { return number == 0; });
}

/// Why a recurrence has no integer form; empty if it may have one.
static StringRef obstacle(nn::RecurrentOp op) {
  if (op.getKind() == nn::CellKind::rnn)
    return "only GRU and LSTM have an integer form";
  if (op.getLengths())
    return "its sequences have lengths of their own";
  if (op.getP() || op.getInputForget() || op.getClip().convertToDouble() != 0)
    return "peepholes, coupled gates and clipping have no integer form";
  if (!isZero(op.getH0()) || !isZero(op.getC0()))
    return "its initial state is not zero";
  StringRef names[] = {"sigmoid", "tanh", "tanh"};
  for (auto [name, own] : llvm::zip(names, op.getActivations()))
    if (cast<StringAttr>(own).getValue() != name)
      return "its activations are not sigmoid and tanh";
  return "";
}

/// A table of nn.interpolate from Q3.12 to Q0.15.
static Value table(OpBuilder &b, Location loc, double (*function)(double),
                   StringRef name) {
  constexpr int64_t lines = 512;
  std::vector<int64_t> values;
  for (int64_t i = 0; i <= lines; ++i)
    values.push_back(std::llrint(std::min(
        32767.0, 32768 * function(16.0 * double(i) / double(lines) - 8))));
  return makeConstant(
      b, loc, RankedTensorType::get({lines + 1}, b.getI16Type()), values, name);
}

/// Multipliers and shifts of scales * factor.
static std::optional<std::pair<Value, Value>>
factors(OpBuilder &b, Location loc, ArrayRef<double> scales, double factor) {
  std::vector<int64_t> multipliers, shifts;
  for (double scale : scales) {
    if (!isRepresentable(scale * factor))
      return std::nullopt;
    FixedPoint fixed = fixedPoint(scale * factor);
    multipliers.push_back(fixed.multiplier);
    shifts.push_back(fixed.shift);
  }
  auto type = RankedTensorType::get({int64_t(scales.size())}, b.getI32Type());
  return std::pair(makeConstant(b, loc, type, multipliers, "multipliers"),
                   makeConstant(b, loc, type, shifts, "shifts"));
}

bool Former::formRecurrent(nn::RecurrentOp op) {
  auto x = quantizedTensorOf(op.getX());
  if (!x || x->parameters.bits != 8)
    return refuse(op, "its input is not quantized to int8 with one constant "
                      "scale");
  if (StringRef text = obstacle(op); !text.empty())
    return refuse(op, text);
  std::string why;
  auto w = weightsOf(op.getW(), 0, why);
  auto r = w ? weightsOf(op.getR(), 0, why) : std::nullopt;
  if (!r)
    return refuse(op, why);
  if (!elementTypeOf(w->value).isInteger(8) ||
      !elementTypeOf(r->value).isInteger(8))
    return refuse(op, "its weights less their zero points take more than 8 "
                      "bits");
  size_t rows = w->sums.size();
  std::vector<double> biases(2 * rows, 0);
  if (op.getB()) {
    auto numbers = numbersOf(op.getB());
    if (!numbers || numbers->size() != 2 * rows)
      return refuse(op, "its bias is not known at compile time");
    biases = *numbers;
  }
  std::vector<int64_t> inputBias, stateBias;
  for (size_t i = 0; i < rows; ++i) {
    auto scaleOf = [&](const Weights &weights) {
      return weights.scales[weights.scales.size() == 1 ? 0 : i];
    };
    double input = biases[i] / (x->parameters.scale * scaleOf(*w)) -
                   double(x->parameters.zeroPoint) * double(w->sums[i]);
    double state = biases[rows + i] / (stateScale * scaleOf(*r));
    if (!(std::abs(input) + 128.0 * double(w->magnitudes[i]) < 0x1p31) ||
        !(std::abs(state) < 0x1p31))
      return refuse(op, "its sums may overflow");
    inputBias.push_back(std::llrint(input));
    stateBias.push_back(std::llrint(state));
  }
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto inputFactors =
      factors(b, loc, w->scales, x->parameters.scale / argumentScale);
  auto stateFactors = factors(b, loc, r->scales, stateScale / argumentScale);
  if (!inputFactors || !stateFactors)
    return refuse(op, "the factors between its scales are out of range");
  auto biasType = RankedTensorType::get({int64_t(rows)}, b.getI32Type());
  SmallVector<Type> types;
  for (auto [i, output] : llvm::enumerate(op.getOutputs()))
    types.push_back(cast<RankedTensorType>(output.getType())
                        .clone(i == 2 ? b.getI32Type() : b.getI16Type()));
  auto made = nn::QuantizedRecurrentOp::create(
      b, loc, types, x->value, w->value, r->value,
      makeConstant(b, loc, biasType, inputBias, "input_bias"),
      makeConstant(b, loc, biasType, stateBias, "state_bias"),
      inputFactors->first, inputFactors->second, stateFactors->first,
      stateFactors->second,
      table(
          b, loc, [](double v) { return 1 / (1 + std::exp(-v)); }, "sigmoid"),
      table(
          b, loc, [](double v) { return std::tanh(v); }, "tanh"),
      op.getKind(), op.getReverse(), op.getLinearBeforeReset(), cellBits);
  auto scalar = RankedTensorType::get({}, b.getF32Type());
  for (auto [i, output] : llvm::enumerate(op.getOutputs())) {
    if (output.use_empty())
      continue;
    auto scale = float(i == 2 ? std::ldexp(1.0, -int(cellBits)) : stateScale);
    Value step =
        adze::ConstantOp::create(b, loc, DenseElementsAttr::get(scalar, scale));
    Value y = nn::DequantizeOp::create(b, loc, output.getType(),
                                       made.getOutputs()[i], step, Value(),
                                       /*axis=*/0, /*block_size=*/0,
                                       /*is_unsigned=*/false);
    output.replaceAllUsesWith(y);
  }
  return true;
}
