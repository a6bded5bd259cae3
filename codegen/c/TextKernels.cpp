//===- TextKernels.cpp - Kernels that come as C text ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/TextKernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <set>

using namespace adze;
using namespace adze::c;
using namespace mlir;

static DictionaryAttr codeOf(func::FuncOp function) {
  return function->getAttrOfType<DictionaryAttr>("adze.code");
}

static int64_t number(DictionaryAttr code, llvm::StringRef name) {
  auto value = code.getAs<IntegerAttr>(name);
  return value ? value.getInt() : 0;
}

bool c::isTextKernel(func::FuncOp function) {
  return function.isDeclaration() && codeOf(function);
}

llvm::SmallVector<std::string> c::textParameters(func::FuncOp function) {
  int64_t inputs = number(codeOf(function), "inputs");
  auto writes = function->getAttrOfType<DenseBoolArrayAttr>("adze.writes");
  llvm::SmallVector<std::string> names;
  int64_t reads = 0, written = 0;
  for (bool isWritten : writes.asArrayRef()) {
    if (isWritten)
      names.push_back(written == 0 ? "out0"
                                   : "scratch" + std::to_string(written - 1));
    else
      names.push_back(reads < inputs ? "in" + std::to_string(reads)
                                     : "c" + std::to_string(reads - inputs));
    ++(isWritten ? written : reads);
  }
  return names;
}

/// The definition with `static` at the begin of a line replaced by the macro
/// that also allows it to be unused: which helpers a kernel calls depends on
/// the instructions that the compiler at hand has.
static std::string asHelper(llvm::StringRef definition, llvm::StringRef macro) {
  std::string text;
  while (!definition.empty()) {
    auto [line, rest] = definition.split('\n');
    if (line.consume_front("static "))
      text += macro.str() + "_HELPER ";
    text += line;
    text += "\n";
    definition = rest;
  }
  return text;
}

void c::emitTextKernel(func::FuncOp function, ModuleContext &context,
                       std::string &out) {
  DictionaryAttr code = codeOf(function);
  for (Attribute entry : code.getAs<ArrayAttr>("functions")) {
    auto pair = cast<ArrayAttr>(entry);
    if (!context.textFunctions.insert(cast<StringAttr>(pair[0]).str()).second)
      continue;
    out += asHelper(cast<StringAttr>(pair[1]).getValue(), context.macro);
    out += "\n";
  }
  const FunctionNames &names = context.functions.at(function);
  int64_t inputs = number(code, "inputs");
  bool restricted = code.getAs<BoolAttr>("restricted").getValue();
  auto writes = function->getAttrOfType<DenseBoolArrayAttr>("adze.writes");
  llvm::SmallVector<std::string> parameters;
  int64_t reads = 0, written = 0;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    bool isTensor = writes[i] ? written++ == 0 : reads++ < inputs;
    parameters.push_back((writes[i] ? "" : "const ") +
                         memoryType(cast<MemRefType>(type).getElementType()) +
                         " *" + (isTensor && !restricted ? "" : "restrict ") +
                         names.parameters[i]);
  }
  std::string schedule = scheduleText(function);
  auto doc = function->getAttrOfType<StringAttr>("adze.doc");
  out += blockComment((doc ? doc.getValue().str() : "") +
                      (schedule.empty() ? "" : "; schedule: " + schedule));
  out +=
      signature(context.macro + "_KERNEL void " + names.name, parameters, " {");
  llvm::StringRef body = code.getAs<StringAttr>("body").getValue();
  out += body;
  out += body.ends_with("\n") ? "}\n\n" : "\n}\n\n";
}

int64_t c::textAlignment(ModuleOp module) {
  int64_t alignment = 1;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    if (isTextKernel(function))
      alignment = std::max(alignment, number(codeOf(function), "io_alignment"));
  return alignment;
}

std::string c::textHelperMacro(const ModuleContext &context) {
  return "#if defined(__GNUC__)\n#define " + context.macro +
         "_HELPER static __attribute__((unused))\n#else\n#define " +
         context.macro + "_HELPER static\n#endif\n\n";
}

std::string c::textHeaders(ModuleOp module) {
  // Compilers for other machines have no such header, and the text has plain
  // C for them.
  static constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral>
      features[] = {{"arm_acle.h", "__ARM_ARCH"},
                    {"arm_mve.h", "__ARM_FEATURE_MVE"},
                    {"riscv_vector.h", "__riscv_vector"}};
  std::set<std::string> headers;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    if (isTextKernel(function))
      for (Attribute header : codeOf(function).getAs<ArrayAttr>("headers"))
        headers.insert(cast<StringAttr>(header).str());
  std::string text;
  for (const std::string &header : headers) {
    llvm::StringRef feature;
    for (auto [name, macro] : features)
      if (name == header)
        feature = macro;
    std::string line = "#include <" + header + ">\n";
    text += feature.empty()
                ? line
                : "#ifdef " + feature.str() + "\n" + line + "#endif\n";
  }
  return text;
}
