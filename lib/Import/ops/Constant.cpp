//===- Constant.cpp - Constants and generators -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

static LogicalResult identity(NodeLowering &n) {
  n.set(0, n.in(0), n.isUnsigned(0));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Identity", 1, 99, identity},
};

Family adze::import::constantFamily() { return lowerings; }
