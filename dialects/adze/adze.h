//===- adze.h - The adze dialect ---* -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIALECTS_ADZE_H
#define ADZE_DIALECTS_ADZE_H

#include "adze/WeightStore.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace adze {
class KernelFamily; // adze/KernelFamily.h
} // namespace adze

#include "dialects/adze/adzeDialect.h.inc"
#include "dialects/adze/adzeEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/adze/adzeAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/adze/adzeTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/adze/adzeOps.h.inc"

#endif
