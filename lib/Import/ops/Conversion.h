//===- Conversion.h - Conversions between element types -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_OPS_CONVERSION_H
#define ADZE_IMPORT_OPS_CONVERSION_H

#include "lib/Import/ops/NodeLowering.h"

namespace adze::import {

/// A type of elements, signless, and its signedness.
struct ElementKind {
  mlir::Type type;
  bool isUnsigned = false;
};

/// The element type with this number in TensorProto.DataType; nothing if the
/// compiler does not compute with it.
std::optional<ElementKind> elementOfDataType(mlir::MLIRContext *context,
                                             int64_t dataType);
/// The same, failing with a message.
mlir::FailureOr<ElementKind> expectDataType(NodeLowering &n, int64_t dataType);

/// The attributes of ONNX Cast: `saturate` for floats of 8 bits (too large
/// becomes the largest number, otherwise NaN or an infinity), `rounding` for
/// e8m0.
struct CastRules {
  enum class Rounding { up, down, nearest };
  bool saturate = true;
  Rounding rounding = Rounding::up;
};

/// The conversion of one element. Integers out of range wrap. ONNX leaves
/// floats out of the range of an integer open: they saturate at 32 and 64
/// bits, the low bits of that are the result at less; NaN gives the smallest
/// number, which is zero at less.
mlir::Value castScalar(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value value, mlir::Type to, bool fromUnsigned,
                       bool toUnsigned, const CastRules &rules);

} // namespace adze::import

#endif
