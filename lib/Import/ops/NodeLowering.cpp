//===- NodeLowering.cpp - How an ONNX operator becomes tensor operations -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/NodeLowering.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

ArrayRef<int64_t> adze::import::shapeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType()).getShape();
}

Type adze::import::elementOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType()).getElementType();
}

std::string adze::import::typeName(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element)) {
    if (integer.getWidth() == 1)
      return "bool";
    return (integer.isUnsigned() ? "uint" : "int") +
           std::to_string(integer.getWidth());
  }
  return llvm::TypeSwitch<Type, std::string>(element)
      .Case<Float32Type>([](auto) { return "float32"; })
      .Case<Float64Type>([](auto) { return "float64"; })
      .Case<Float16Type>([](auto) { return "float16"; })
      .Case<BFloat16Type>([](auto) { return "bfloat16"; })
      .Case<Float8E4M3FNType>([](auto) { return "float8_e4m3fn"; })
      .Case<Float8E4M3FNUZType>([](auto) { return "float8_e4m3fnuz"; })
      .Case<Float8E5M2Type>([](auto) { return "float8_e5m2"; })
      .Case<Float8E5M2FNUZType>([](auto) { return "float8_e5m2fnuz"; })
      .Case<Float8E8M0FNUType>([](auto) { return "float8_e8m0fnu"; })
      .Case<Float4E2M1FNType>([](auto) { return "float4_e2m1fn"; })
      .Default([](Type) { return "unknown"; });
}

RankedTensorType NodeLowering::type(size_t i) const {
  return llvm::cast<RankedTensorType>(inputs[i].value.getType());
}

ArrayRef<int64_t> NodeLowering::shape(size_t i) const {
  return type(i).getShape();
}

DenseElementsAttr NodeLowering::constant(size_t i) {
  return has(i) ? evaluator.evaluate(in(i)) : DenseElementsAttr();
}

std::optional<SmallVector<int64_t>> NodeLowering::ints(size_t i) {
  DenseElementsAttr value = constant(i);
  if (!value || !isa<IntegerType>(value.getElementType()))
    return std::nullopt;
  SmallVector<int64_t> result;
  for (const APInt &element : value.getValues<APInt>())
    result.push_back(isUnsigned(i) || element.getBitWidth() == 1
                         ? int64_t(element.getZExtValue())
                         : element.getSExtValue());
  return result;
}

std::optional<SmallVector<double>> NodeLowering::floats(size_t i) {
  DenseElementsAttr value = constant(i);
  if (!value)
    return std::nullopt;
  SmallVector<double> result;
  if (isa<FloatType>(value.getElementType())) {
    for (APFloat element : value.getValues<APFloat>()) {
      bool lossy;
      element.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                      &lossy);
      result.push_back(element.convertToDouble());
    }
    return result;
  }
  auto integers = ints(i);
  if (!integers)
    return std::nullopt;
  result.assign(integers->begin(), integers->end());
  return result;
}

int64_t NodeLowering::attrInt(StringRef name, int64_t otherwise) const {
  auto value = dyn_cast_if_present<IntegerAttr>(attr(name));
  return value ? value.getInt() : otherwise;
}

double NodeLowering::attrFloat(StringRef name, double otherwise) const {
  auto value = dyn_cast_if_present<FloatAttr>(attr(name));
  return value ? value.getValueAsDouble() : otherwise;
}

std::string NodeLowering::attrString(StringRef name,
                                     StringRef otherwise) const {
  auto value = dyn_cast_if_present<StringAttr>(attr(name));
  return (value ? value.getValue() : otherwise).str();
}

std::optional<SmallVector<int64_t>>
NodeLowering::attrInts(StringRef name) const {
  if (auto value = dyn_cast_if_present<DenseI64ArrayAttr>(attr(name)))
    return SmallVector<int64_t>(value.asArrayRef());
  return std::nullopt;
}

std::optional<SmallVector<double>>
NodeLowering::attrFloats(StringRef name) const {
  if (auto value = dyn_cast_if_present<DenseF32ArrayAttr>(attr(name)))
    return SmallVector<double>(value.asArrayRef().begin(),
                               value.asArrayRef().end());
  return std::nullopt;
}

std::optional<SmallVector<std::string>>
NodeLowering::attrStrings(StringRef name) const {
  auto value = dyn_cast_if_present<ArrayAttr>(attr(name));
  if (!value)
    return std::nullopt;
  SmallVector<std::string> result;
  for (Attribute element : value)
    if (auto text = dyn_cast<StringAttr>(element))
      result.push_back(text.str());
  return result;
}

FailureOr<int64_t> NodeLowering::axis(int64_t value, int64_t rank) {
  if (value < -rank || value >= rank) {
    (void)fail("axis " + Twine(value) + " is outside [" + Twine(-rank) + ", " +
               Twine(rank) + ")");
    return failure();
  }
  return value < 0 ? value + rank : value;
}

LogicalResult NodeLowering::fail(const Twine &why) {
  if (message.empty())
    message = why.str();
  return failure();
}
