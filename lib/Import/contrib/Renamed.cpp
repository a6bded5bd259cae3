//===- Renamed.cpp - Operators of ONNX under another domain ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Copies that onnxruntime had before ONNX knew the same types.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/contrib/FusedOperators.h"

using namespace adze::reader;

/// "x, scale" with the zero point if there is one.
static std::string quantizedInputs(FusedBody &b) {
  b.expectInputs(2);
  return b.has(2) ? "x, scale, zero_point" : "x, scale";
}

void fused::quantizeLinear(FusedBody &b) {
  std::string inputs = quantizedInputs(b);
  b.add("y = QuantizeLinear <axis = " + std::to_string(b.attrInt("axis", 1)) +
        "> (" + inputs + ")");
}

void fused::dequantizeLinear(FusedBody &b) {
  std::string inputs = quantizedInputs(b);
  b.add("y = DequantizeLinear <axis = " + std::to_string(b.attrInt("axis", 1)) +
        "> (" + inputs + ")");
}

void fused::trilu(FusedBody &b) {
  b.expectInputs(1);
  b.add("y = Trilu <upper = " + std::to_string(b.attrInt("upper", 1)) + "> (" +
        (b.has(1) ? "x, k" : "x") + ")");
}
