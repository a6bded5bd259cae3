//===- Parameters.cpp - Scales and zero points known ahead of time -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/quantize/Parameters.h"

#include "adze/WeightStore.h"
#include "passes/graph/ConstantEvaluation.h"
#include "passes/lower/ElementEmitter.h"

#include <cmath>

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;
using lower::shapeOf;

static DenseElementsAttr valueOf(Value value) {
  return value ? evaluateConstant(value, int64_t(1) << 30)
               : DenseElementsAttr();
}

std::optional<std::vector<double>> quantize::numbersOf(Value value) {
  DenseElementsAttr dense = valueOf(value);
  if (!dense || !isa<FloatType>(dense.getElementType()))
    return std::nullopt;
  std::vector<double> numbers;
  for (APFloat number : dense.getValues<APFloat>()) {
    bool lossy;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
    numbers.push_back(number.convertToDouble());
  }
  return numbers;
}

std::optional<std::vector<int64_t>> quantize::integersOf(Value value) {
  DenseElementsAttr dense = valueOf(value);
  if (!dense || !isa<IntegerType>(dense.getElementType()))
    return std::nullopt;
  std::vector<int64_t> numbers;
  for (const APInt &number : dense.getValues<APInt>())
    numbers.push_back(number.getSExtValue());
  return numbers;
}

static std::optional<Parameters> read(Value integers, Value scale,
                                      Value zeroPoint, bool isUnsigned) {
  auto type = dyn_cast<IntegerType>(elementTypeOf(integers));
  if (!type || isUnsigned || (type.getWidth() != 8 && type.getWidth() != 16) ||
      cast<RankedTensorType>(scale.getType()).getNumElements() != 1)
    return std::nullopt;
  auto scales = numbersOf(scale);
  if (!scales || !std::isfinite((*scales)[0]) || (*scales)[0] <= 0)
    return std::nullopt;
  Parameters result{(*scales)[0], 0, type.getWidth()};
  if (zeroPoint) {
    auto zeros = integersOf(zeroPoint);
    if (!zeros || zeros->size() != 1)
      return std::nullopt;
    result.zeroPoint = (*zeros)[0];
  }
  return result;
}

std::optional<Parameters> quantize::parametersOf(nn::DequantizeOp op) {
  return read(op.getInput(), op.getScale(), op.getZeroPoint(),
              op.getIsUnsigned());
}

std::optional<Parameters> quantize::parametersOf(nn::QuantizeOp op) {
  if (!isa<FloatType>(elementTypeOf(op.getInput())))
    return std::nullopt;
  return read(op.getOutput(), op.getScale(), op.getZeroPoint(),
              op.getIsUnsigned());
}

std::optional<QuantizedTensor> quantize::quantizedTensorOf(Value value) {
  auto op = value.getDefiningOp<nn::DequantizeOp>();
  if (!op)
    return std::nullopt;
  auto parameters = parametersOf(op);
  if (!parameters)
    return std::nullopt;
  return QuantizedTensor{op.getInput(), *parameters};
}

Value quantize::makeConstant(OpBuilder &b, Location loc, RankedTensorType type,
                             ArrayRef<int64_t> values, StringRef name) {
  constexpr size_t inlineLimit = 1024; // as for imported constants
  size_t size = type.getElementTypeBitWidth() / 8;
  std::vector<char> bytes;
  bytes.reserve(values.size() * size);
  for (int64_t value : values)
    for (size_t i = 0; i < size; ++i)
      bytes.push_back(char(uint64_t(value) >> (8 * i)));
  if (bytes.size() <= inlineLimit)
    return adze::ConstantOp::create(b, loc, denseOf(type, bytes));
  WeightStore &store = WeightStore::get(b.getContext());
  std::string stored = store.addBytes(name, std::move(bytes));
  return adze::ConstantOp::create(
      b, loc, WeightAttr::get(b.getContext(), stored, type));
}

bool quantize::isRepresentable(double factor) {
  // Shifts of the accumulator to the left stay below its width.
  return std::isfinite(factor) && factor > 0 && factor < 0x1p30;
}
