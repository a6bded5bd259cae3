//===- Quantization.h - The arithmetic of quantized elements ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_OPS_QUANTIZATION_H
#define ADZE_IMPORT_OPS_QUANTIZATION_H

#include "lib/Import/ops/Conversion.h"
#include "lib/Import/ops/Elementwise.h"

namespace adze::import {

/// saturate(round(quotient) + zero point) for an integer type `to` of at most
/// 16 bits; the zero point has the type `to`, or is null. Ties go to even, NaN
/// becomes the smallest number.
mlir::Value quantizedScalar(Scalars &s, mlir::Value quotient,
                            mlir::Value zeroPoint, ElementKind to);

} // namespace adze::import

#endif
