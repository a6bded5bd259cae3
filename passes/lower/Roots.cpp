//===- Roots.cpp - The table of roots -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/lower/Roots.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace adze::lower;

static const RootRule rules[] = {
    {"nn.arg_reduce", roots::argReduce},
    {"nn.conv", roots::conv},
    {"nn.cumulative", roots::cumulative},
    {"nn.matmul", roots::matmul},
    {"nn.normalize", roots::normalize},
    {"nn.pool", roots::pool},
    {"nn.scatter_elements", roots::scatterElements},
    {"nn.scatter_nd", roots::scatterNd},
    {"nn.softmax", roots::softmax},
    {"nn.topk", roots::topk},
};

RootFn adze::lower::findRootRule(Operation *op) {
  if (isa<linalg::GenericOp>(op))
    return isElementwise(op) ? nullptr : roots::reduce;
  StringRef name = op->getName().getStringRef();
  for (const RootRule &rule : rules)
    if (rule.op == name)
      return rule.lower;
  return nullptr;
}
