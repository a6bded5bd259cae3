//===- tile.h - The tile dialect -----------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIALECTS_TILE_H
#define ADZE_DIALECTS_TILE_H

#include "dialects/adze/adze.h"
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

#include "dialects/tile/tileDialect.h.inc"
#include "dialects/tile/tileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/tile/tileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/tile/tileTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/tile/tileOps.h.inc"

#endif
