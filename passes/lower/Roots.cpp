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
    {"nn.conv_transpose", roots::convTranspose},
    {"nn.cumulative", roots::cumulative},
    {"nn.grid_sample", roots::gridSample},
    {"nn.matmul", roots::matmul},
    {"nn.max_roi_pool", roots::maxRoiPool},
    {"nn.normalize", roots::normalize},
    {"nn.pool", roots::pool},
    {"nn.quantized_normalize", roots::quantizedNormalize},
    {"nn.quantized_recurrent", roots::quantizedRecurrent},
    {"nn.quantized_softmax", roots::quantizedSoftmax},
    {"nn.recurrent", roots::recurrent},
    {"nn.roi_align", roots::roiAlign},
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
