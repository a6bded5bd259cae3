//===- Functions.cpp - Elementary functions -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

/// A function that the math dialect has.
template <typename Op> static LogicalResult function(NodeLowering &n) {
  return mapFloats(n, [](Scalars &s, Value x) { return s.make<Op>(x); });
}

static LogicalResult reciprocal(NodeLowering &n) {
  return mapFloats(n, [](Scalars &s, Value x) { return s.reciprocal(x); });
}

static const OpLowering lowerings[] = {
    {"", "Acos", 7, 28, function<math::AcosOp>},
    {"", "Acosh", 9, 28, function<math::AcoshOp>},
    {"", "Asin", 7, 28, function<math::AsinOp>},
    {"", "Asinh", 9, 28, function<math::AsinhOp>},
    {"", "Atan", 7, 28, function<math::AtanOp>},
    {"", "Atanh", 9, 28, function<math::AtanhOp>},
    {"", "Ceil", 6, 28, function<math::CeilOp>},
    {"", "Cos", 7, 28, function<math::CosOp>},
    {"", "Cosh", 9, 28, function<math::CoshOp>},
    {"", "Erf", 9, 28, function<math::ErfOp>},
    {"", "Exp", 6, 28, function<math::ExpOp>},
    {"", "Floor", 6, 28, function<math::FloorOp>},
    {"", "Log", 6, 28, function<math::LogOp>},
    {"", "Reciprocal", 6, 28, reciprocal},
    // Halves go to the even neighbour.
    {"", "Round", 11, 28, function<math::RoundEvenOp>},
    {"", "Sin", 7, 28, function<math::SinOp>},
    {"", "Sinh", 9, 28, function<math::SinhOp>},
    {"", "Sqrt", 6, 28, function<math::SqrtOp>},
    {"", "Tan", 7, 28, function<math::TanOp>},
    {"", "Tanh", 6, 28, function<math::TanhOp>},
};

Family adze::import::functionsFamily() { return lowerings; }
