//===- onnx.cpp - The onnx dialect -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/onnx/onnx.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace adze::onnx;

#include "dialects/onnx/onnxDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/onnx/onnxTypes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/onnx/onnxOps.cpp.inc"

void OnnxDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/onnx/onnxTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/onnx/onnxOps.cpp.inc"
      >();
}

LogicalResult NodeOp::verify() {
  size_t named = getRegionNames() ? getRegionNames()->size() : 0;
  if (named != getBodies().size())
    return emitOpError("has ")
           << getBodies().size() << " bodies and " << named << " region names";
  for (Region &body : getBodies())
    if (!isa_and_nonnull<ReturnOp>(body.front().getTerminator()))
      return emitOpError("bodies end in onnx.return");
  return success();
}
