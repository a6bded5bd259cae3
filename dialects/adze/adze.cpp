//===- adze.cpp - The adze dialect -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/adze/adze.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace adze;

#include "dialects/adze/adzeDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/adze/adzeAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/adze/adzeOps.cpp.inc"

void AdzeDialect::initialize() {
  store = std::make_shared<WeightStore>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/adze/adzeAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/adze/adzeOps.cpp.inc"
      >();
}

Operation *AdzeDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                            Type type, Location loc) {
  auto typed = dyn_cast<TypedAttr>(value);
  if (!typed || typed.getType() != type ||
      !ConstantOp::isBuildableWith(value, type))
    return nullptr;
  return ConstantOp::create(builder, loc, typed);
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  if (!isBuildableWith(getValue(), getType()))
    return emitOpError("takes a dense elements attribute or an #adze.weight");
  if (auto type = dyn_cast<RankedTensorType>(getType());
      !type || !type.hasStaticShape())
    return emitOpError("needs a static shape");
  return success();
}
