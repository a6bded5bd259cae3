//===- kernel.cpp - The kernel dialect -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/kernel/kernel.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace adze::kernel;

#include "dialects/kernel/kernelDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/kernel/kernelAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/kernel/kernelOps.cpp.inc"

void KernelDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/kernel/kernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/kernel/kernelOps.cpp.inc"
      >();
}

int64_t ScheduleAttr::getInt(StringRef name, int64_t otherwise) const {
  auto value = getParams().getAs<IntegerAttr>(name);
  return value ? value.getInt() : otherwise;
}

SmallVector<int64_t> ScheduleAttr::getInts(StringRef name) const {
  SmallVector<int64_t> ints;
  if (auto array = getParams().getAs<ArrayAttr>(name))
    for (Attribute element : array)
      if (auto value = dyn_cast<IntegerAttr>(element))
        ints.push_back(value.getInt());
  return ints;
}

void FuncOp::build(OpBuilder &builder, OperationState &state, StringRef name,
                   FunctionType type) {
  state.addAttribute(getSymNameAttrName(state.name),
                     builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name), TypeAttr::get(type));
  state.addAttribute(getSymVisibilityAttrName(state.name),
                     builder.getStringAttr("private"));
  Region *body = state.addRegion();
  Block &entry = body->emplaceBlock();
  for (Type input : type.getInputs())
    entry.addArgument(input, state.location);
}

ParseResult FuncOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> inputs,
                      ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag, std::string &) {
    return builder.getFunctionType(inputs, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void FuncOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(
      printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // A lowered program calls functions over buffers under the same names.
  auto callee =
      symbols.lookupNearestSymbolFrom<FuncOp>(*this, getCalleeAttr());
  if (!callee)
    return emitOpError("calls '") << getCallee() << "', which is no kernel.func";
  if (callee.getArgumentTypes() != ArrayRef<Type>(llvm::to_vector(getInputs().getTypes())) ||
      callee.getResultTypes() != ArrayRef<Type>(llvm::to_vector(getOutputs().getTypes())))
    return emitOpError("does not match the type of '") << getCallee() << "'";
  return success();
}

/// Elements that lie on bytes of their own, so that some of them can be
/// pointed at.
static bool hasWholeBytes(RankedTensorType type) {
  Type element = type.getElementType();
  return element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
}

bool ViewOp::isWhole() {
  return getOffset() == 0 &&
         cast<RankedTensorType>(getInput().getType()).getNumElements() ==
             cast<RankedTensorType>(getOutput().getType()).getNumElements();
}

LogicalResult ViewOp::verify() {
  auto from = cast<RankedTensorType>(getInput().getType());
  auto to = cast<RankedTensorType>(getOutput().getType());
  if (from.getElementType() != to.getElementType() ||
      !from.hasStaticShape() || !to.hasStaticShape())
    return emitOpError("needs static shapes and one type of elements");
  auto offset = static_cast<int64_t>(getOffset());
  if (offset < 0 || offset > from.getNumElements() ||
      to.getNumElements() > from.getNumElements() - offset)
    return emitOpError("reaches beyond the ")
           << from.getNumElements() << " elements of its input";
  if (offset == 0 && to.getNumElements() == from.getNumElements())
    return success();
  if (!hasWholeBytes(from))
    return emitOpError("of a piece needs elements of whole bytes");
  return success();
}

LogicalResult JoinOp::verify() {
  auto whole = cast<RankedTensorType>(getWhole().getType());
  int64_t elements = 0;
  for (Type type : getParts().getTypes()) {
    auto part = cast<RankedTensorType>(type);
    if (!part.hasStaticShape() ||
        part.getElementType() != whole.getElementType())
      return emitOpError("needs static shapes and one type of elements");
    elements += part.getNumElements();
  }
  if (!whole.hasStaticShape() || elements != whole.getNumElements())
    return emitOpError("the elements of the parts do not add up");
  if (!hasWholeBytes(whole))
    return emitOpError("needs elements of whole bytes");
  return success();
}

static LogicalResult verifyYield(Operation *op, Region &region,
                                 TypeRange expected, unsigned skip) {
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield)
    return op->emitOpError("bodies end in kernel.yield");
  auto types = llvm::to_vector(yield.getValues().getTypes());
  if (types.size() < skip ||
      !llvm::equal(ArrayRef<Type>(types).drop_front(skip), expected))
    return op->emitOpError("a body yields other types than the results");
  return success();
}

LogicalResult IfOp::verify() {
  if (failed(verifyYield(*this, getThenRegion(), getOutputs().getTypes(), 0)))
    return failure();
  return verifyYield(*this, getElseRegion(), getOutputs().getTypes(), 0);
}

LogicalResult WhileOp::verify() {
  if (!llvm::equal(getInits().getTypes(), getOutputs().getTypes()))
    return emitOpError("carries values of one type each");
  return verifyYield(*this, getBody(), getOutputs().getTypes(), 1);
}
