//===- Translate.cpp - Steps around the translation to LLVM IR --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/llvm/Translate.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace adze;

llvm::Error codegen::makeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::Error codegen::runStep(MLIRContext *context, StringRef what,
                             llvm::function_ref<LogicalResult()> step) {
  std::string text;
  LogicalResult result = mlir::failure();
  {
    ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
        return mlir::failure();
      llvm::raw_string_ostream out(text);
      out << (text.empty() ? "" : "\n") << diagnostic.str();
      for (Diagnostic &note : diagnostic.getNotes())
        out << "\n  " << note.str();
      return mlir::success();
    });
    result = step();
  }
  if (succeeded(result))
    return llvm::Error::success();
  return makeError(what + " failed" + (text.empty() ? "" : ": " + text));
}

llvm::Error codegen::linkRuntime(llvm::Module &module,
                                 std::string_view bitcode) {
  auto isWanted = [](const llvm::Function &function) {
    return function.isDeclaration() && !function.use_empty() &&
           function.getName().starts_with("adze_");
  };
  if (llvm::none_of(module, isWanted))
    return llvm::Error::success();
  llvm::Expected<std::unique_ptr<llvm::Module>> runtime =
      llvm::getLazyBitcodeModule(
          llvm::MemoryBufferRef(StringRef(bitcode.data(), bitcode.size()),
                                "runtime"),
          module.getContext());
  if (!runtime)
    return runtime.takeError();
  (*runtime)->setTargetTriple(module.getTargetTriple());
  (*runtime)->setDataLayout(module.getDataLayout());
  auto internalize = [](llvm::Module &linked, const llvm::StringSet<> &names) {
    for (const auto &name : names)
      if (llvm::GlobalValue *value = linked.getNamedValue(name.first());
          value && !value->isDeclaration())
        value->setLinkage(llvm::GlobalValue::InternalLinkage);
  };
  if (llvm::Linker::linkModules(module, std::move(*runtime),
                                llvm::Linker::LinkOnlyNeeded, internalize))
    return makeError("the runtime's bitcode could not be linked");
  for (const llvm::Function &function : module)
    if (isWanted(function))
      return makeError("the runtime has no function '" + function.getName() +
                       "'");
  return llvm::Error::success();
}
