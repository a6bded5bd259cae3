//===- ModuleContext.h - What the functions of a module share --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_MODULECONTEXT_H
#define ADZE_CODEGEN_C_MODULECONTEXT_H

#include "codegen/c/Expression.h"
#include "codegen/c/Names.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <set>
#include <string>

namespace adze::c {

/// The name of a function and of its parameters.
struct FunctionNames {
  std::string name;
  llvm::SmallVector<std::string> parameters;
  /// For each parameter: does the function (or one that it calls) write it?
  llvm::SmallVector<bool> writes;
};

struct ModuleContext {
  std::string model; // conv_net
  std::string macro; // CONV_NET
  /// Names of file scope: functions, weights, helpers.
  NameScopes names;
  llvm::DenseMap<mlir::Operation *, FunctionNames> functions;
  /// The pointer to a global, by symbol: a name, or a cast into the binary.
  llvm::StringMap<Expression> globals;
  std::set<std::string> runtimeFunctions;
  std::set<std::string> helpers; // see Helpers.h
  std::set<std::string> textFunctions; // printed; see TextKernels.h
  bool usesMath = false, usesString = false, usesBool = false;
};

/// The C type of a value or element; empty if C has none. i1 is `bool` as a
/// value and `uint8_t` in memory.
std::string valueType(mlir::Type type);
std::string memoryType(mlir::Type type);
/// `uint32_t` for i32, `size_t` for index.
std::string unsignedType(mlir::Type type);
/// The C type for a numpy-like element name; empty if there is none.
std::string borderType(llvm::StringRef elementName);

/// Names functions and parameters and finds which parameters are written.
/// Returns the functions with a body, callees before callers; fails on
/// recursion.
llvm::FailureOr<llvm::SmallVector<mlir::func::FuncOp>>
nameFunctions(mlir::ModuleOp module, ModuleContext &context);

/// Appends the definition of a function that is not the entry.
llvm::LogicalResult emitFunction(mlir::func::FuncOp function,
                                 ModuleContext &context, std::string &out);

/// Appends the statements of a function whose arguments are called
/// `arguments`; locals are declared in `scopes`.
llvm::LogicalResult emitStatements(mlir::func::FuncOp function,
                                   ModuleContext &context,
                                   llvm::ArrayRef<Expression> arguments,
                                   NameScopes &scopes, std::string &out);

/// The schedule attribute of a kernel as words; empty if it has none.
std::string scheduleText(mlir::func::FuncOp function);

/// "/* ... */" around a text, broken into lines.
std::string blockComment(llvm::StringRef text);

/// `head(a, b, c)tail`, with one parameter a line if it does not fit in one.
std::string signature(llvm::StringRef head,
                      llvm::ArrayRef<std::string> parameters,
                      llvm::StringRef tail);

/// `line` broken after at most 96 columns, continued 4 columns deeper.
std::string brokenLine(llvm::StringRef line, unsigned indent);

} // namespace adze::c

#endif
