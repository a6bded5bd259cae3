//===- Parameters.h - Scales and zero points known ahead of time -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_QUANTIZE_PARAMETERS_H
#define ADZE_PASSES_QUANTIZE_PARAMETERS_H

#include "adze/Requantization.h"
#include "dialects/adze/adze.h"
#include "dialects/nn/nn.h"
#include "mlir/IR/Builders.h"

#include <optional>
#include <vector>

namespace adze::quantize {

/// Scale and zero point of a whole tensor of signed integers.
struct Parameters {
  double scale = 1; // exactly as stored (a float)
  int64_t zeroPoint = 0;
  unsigned bits = 8;

  int64_t lowest() const { return -(int64_t(1) << (bits - 1)); }
  int64_t highest() const { return (int64_t(1) << (bits - 1)) - 1; }
  bool operator==(const Parameters &other) const = default;
};

/// Those of a dequantize or quantize operation on int8 or int16; nothing if
/// they are not constants, not of the whole tensor, or the integers unsigned.
std::optional<Parameters> parametersOf(nn::DequantizeOp op);
std::optional<Parameters> parametersOf(nn::QuantizeOp op);

/// A tensor of integers and what they stand for.
struct QuantizedTensor {
  mlir::Value value;
  Parameters parameters;
};
/// The tensor behind a float value that nn.dequantize makes.
std::optional<QuantizedTensor> quantizedTensorOf(mlir::Value value);

/// The numbers of a value that depends on constants alone, in row-major order;
/// nothing if it depends on anything else.
std::optional<std::vector<double>> numbersOf(mlir::Value value);
std::optional<std::vector<int64_t>> integersOf(mlir::Value value);

/// A constant tensor of integers of the width of `type`.
mlir::Value makeConstant(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::RankedTensorType type,
                         llvm::ArrayRef<int64_t> values, llvm::StringRef name);

/// Whether fixed-point arithmetic can say a factor.
bool isRepresentable(double factor);

} // namespace adze::quantize

#endif
