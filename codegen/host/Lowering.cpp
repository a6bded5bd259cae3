//===- Lowering.cpp - From the loops level to the LLVM dialect --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Steps: 1. math functions become calls of the runtime, local arrays move to
/// the entry block, weights get their external names; 2. vector operations that
/// LLVM does not have become simpler ones; 3. structured control flow becomes
/// branches; 4. one conversion takes everything to the LLVM dialect; 5. the
/// uniform entry point is added and our attributes go.
///
//===----------------------------------------------------------------------===//

#include "adze/Host.h"
#include "codegen/host/Entry.h"
#include "codegen/llvm/Patterns.h"

#include "dialects/adze/adze.h"

#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace adze;
using namespace adze::codegen;
using namespace adze::host;

namespace {

/// Weights are named apart from functions and from what a process may hold.
void nameWeights(ModuleOp module) {
  llvm::StringSet<> weights;
  for (auto global : module.getOps<memref::GlobalOp>())
    if (global->hasAttr(weightAttr)) {
      weights.insert(global.getSymName());
      global.setSymName((weightPrefix + global.getSymName()).str());
    }
  module.walk([&](memref::GetGlobalOp op) {
    if (weights.contains(op.getName()))
      op.setName((weightPrefix + op.getName()).str());
  });
}

void markKernels(ModuleOp module, func::FuncOp entry) {
  entry.walk([&](func::CallOp call) {
    if (auto kernel = module.lookupSymbol<func::FuncOp>(call.getCallee()))
      kernel->setAttr("adze.kernel", UnitAttr::get(module.getContext()));
  });
}

LogicalResult convert(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LowerToLLVMOptions options(context);
  options.overrideIndexBitwidth(64);
  LLVMTypeConverter converter(context, options);
  useBarePointers(converter);
  RewritePatternSet patterns(context);
  populateLoopsPatterns(converter, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(module, target, std::move(patterns));
}

/// `int adze_invoke(void **args)`: calls the entry with args[0], args[1], ...
void addInvoke(ModuleOp module, StringRef entryName) {
  auto entry = module.lookupSymbol<LLVM::LLVMFuncOp>(entryName);
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = entry.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(module.getContext());
  Type status = builder.getI32Type();
  auto invoke = LLVM::LLVMFuncOp::create(
      builder, loc, invokeName, LLVM::LLVMFunctionType::get(status, {pointer}));
  invoke.setNoUnwind(true);
  Block *body = invoke.addEntryBlock(builder);
  builder.setInsertionPointToStart(body);
  SmallVector<Value> arguments;
  for (unsigned index = 0; index < entry.getNumArguments(); ++index) {
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, pointer,
                                     body->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{int32_t(index)});
    arguments.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot));
  }
  LLVM::CallOp::create(builder, loc, entry, arguments);
  Value zero = LLVM::ConstantOp::create(builder, loc, status, 0);
  LLVM::ReturnOp::create(builder, loc, zero);
}

/// The translation to LLVM IR knows only LLVM's attributes.
void dropAttributes(ModuleOp module) {
  auto drop = [](Operation *op, bool keepWeight) {
    for (NamedAttribute attribute : llvm::to_vector(op->getDiscardableAttrs()))
      if (attribute.getName().strref().starts_with("adze.") &&
          !(keepWeight && attribute.getName() == weightAttr))
        op->removeDiscardableAttr(attribute.getName());
  };
  drop(module, false);
  for (Operation &op : *module.getBody())
    drop(&op, isa<LLVM::GlobalOp>(op));
}

} // namespace

LogicalResult adze::lowerToLLVM(ModuleOp module) {
  MLIRContext *context = module.getContext();
  context->loadDialect<LLVM::LLVMDialect, cf::ControlFlowDialect,
                       func::FuncDialect, vector::VectorDialect,
                       arith::ArithDialect>();
  func::FuncOp entry = findEntry(module);
  if (!entry)
    return module.emitError(
        "a loops module needs one function marked adze.entry");
  std::string entryName = entry.getSymName().str();
  callMathFunctions(module);
  hoistLocalArrays(module);
  nameWeights(module);
  markKernels(module, entry);
  if (failed(expandIntegerPowers(module)) || failed(simplifyVectors(module)) ||
      failed(lowerControlFlow(module)) || failed(convert(module)))
    return failure();
  addInvoke(module, entryName);
  dropAttributes(module);
  return success();
}
