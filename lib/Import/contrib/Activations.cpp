//===- Activations.cpp - Bodies of fused activations ----------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/contrib/FusedOperators.h"

using namespace adze::reader;

void fused::gelu(FusedBody &b) {
  b.expectInputs(1);
  b.add("y = Gelu(x)");
}

void fused::biasGelu(FusedBody &b) {
  b.expectInputs(2);
  b.add("sum = Add(x, bias) y = Gelu(sum)");
}

void fused::fastGelu(FusedBody &b) {
  b.expectInputs(1);
  b.add(b.has(1) ? "sum = Add(x, bias)" : "sum = Identity(x)");
  b.add("y = Gelu <approximate = \"tanh\"> (sum)");
}

void fused::quickGelu(FusedBody &b) {
  b.expectInputs(1);
  b.real("alpha", b.attrFloat("alpha", 1.702), "x");
  b.add("scaled = Mul(x, alpha) gate = Sigmoid(scaled) y = Mul(x, gate)");
}
