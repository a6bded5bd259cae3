//===- NumberFormat.h - Bit patterns of floating-point formats -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One description serves every binary format up to 16 bits, so that a new one
// is one row of a table. The formats are those of ONNX (TensorProto.DataType):
// https://onnx.ai/onnx/technical/float8.html and float4.html.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_LIB_SUPPORT_NUMBERFORMAT_H
#define ADZE_LIB_SUPPORT_NUMBERFORMAT_H

#include "adze/Tensor.h"

#include <cstdint>

namespace adze {

/// A binary floating-point format: sign, exponent, mantissa, from the top.
struct NumberFormat {
  unsigned bits, exponentBits, mantissaBits;
  int bias;
  enum class Specials {
    Ieee,    // the largest exponent is infinity (mantissa 0) or NaN
    AllOnes, // "FN": no infinity, NaN is all ones
    NegZero, // "FNUZ": no infinity, no -0, NaN is the pattern of -0
    None,    // neither infinity nor NaN
    Scale,   // E8M0: no sign, no zero, NaN is all ones
  } specials;
};

/// The format of a type of at most 16 bits; null for all others.
const NumberFormat *numberFormat(ElementType type);

/// The value of a bit pattern (exact: double holds them all).
double decode(const NumberFormat &format, uint32_t pattern);

/// The pattern nearest to a value, ties to even. What is too large becomes
/// infinity, NaN where there is no infinity, the largest value where there is
/// neither.
uint32_t encode(const NumberFormat &format, double value);

} // namespace adze

#endif
