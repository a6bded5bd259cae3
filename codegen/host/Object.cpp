//===- Object.cpp - Object files for the host -------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// An object exports the C API of an artifact and nothing else. Weights receive
/// their bytes after the optimisation, which would only have to carry them.
///
//===----------------------------------------------------------------------===//

#include "adze/Host.h"
#include "adze/WeightStore.h"
#include "codegen/host/Codegen.h"
#include "codegen/host/Entry.h"
#include "codegen/llvm/Patterns.h"

#include "llvm/IR/IRBuilder.h"

using namespace mlir;
using namespace adze;
using namespace adze::codegen;
using namespace adze::host;

namespace {

/// NAME_ARENA_ALIGN of the C API.
constexpr uint64_t arenaAlignment = 16;
/// Weights begin at a cache line.
constexpr uint64_t weightAlignment = 64;

/// `enum NAME_status`, in its order.
enum StatusCode { Ok, NullArgument, ArenaTooSmall, ArenaMisaligned };
constexpr const char *statusTexts[] = {
    "success",
    "an input, an output or the arena is a null pointer",
    "the arena is smaller than the model needs",
    "the arena is not aligned to 16 bytes",
};

/// Builds the three functions of the C API around the entry.
class Interface {
public:
  Interface(llvm::Module &module, const Entry &entry)
      : module(module), entry(entry), context(module.getContext()),
        builder(context),
        sizeType(module.getDataLayout().getIntPtrType(context)),
        statusType(builder.getInt32Ty()), pointerType(builder.getPtrTy()) {}

  void build() {
    llvm::Function *kernel = module.getFunction(entry.symbol);
    kernel->setName("adze.entry");
    buildRun(kernel);
    buildArenaSize();
    buildStatusText();
  }

private:
  llvm::Function *declare(llvm::StringRef suffix, llvm::Type *result,
                          llvm::ArrayRef<llvm::Type *> arguments) {
    auto *function = llvm::Function::Create(
        llvm::FunctionType::get(result, arguments, /*isVarArg=*/false),
        llvm::GlobalValue::ExternalLinkage, entry.model + suffix, module);
    function->setDoesNotThrow();
    builder.SetInsertPoint(
        llvm::BasicBlock::Create(context, "entry", function));
    return function;
  }

  /// Returns `code` if `condition` holds, and goes on otherwise.
  void returnIf(llvm::Value *condition, StatusCode code) {
    llvm::Function *function = builder.GetInsertBlock()->getParent();
    auto *fails = llvm::BasicBlock::Create(context, "", function);
    auto *holds = llvm::BasicBlock::Create(context, "", function);
    builder.CreateCondBr(condition, fails, holds);
    builder.SetInsertPoint(fails);
    builder.CreateRet(llvm::ConstantInt::get(statusType, code));
    builder.SetInsertPoint(holds);
  }

  /// int NAME_run(inputs, outputs, void *arena, size_t arena_size)
  void buildRun(llvm::Function *kernel) {
    size_t tensors = entry.inputs.size() + entry.outputs.size();
    std::vector<llvm::Type *> arguments(tensors + 1, pointerType);
    arguments.push_back(sizeType);
    llvm::Function *run = declare("_run", statusType, arguments);
    llvm::Value *arena = run->getArg(tensors);
    llvm::Value *anyNull = builder.getFalse();
    for (size_t index = 0; index < tensors + (entry.arenaBytes ? 1 : 0);
         ++index)
      anyNull =
          builder.CreateOr(anyNull, builder.CreateIsNull(run->getArg(index)));
    returnIf(anyNull, NullArgument);
    if (entry.arenaBytes) {
      returnIf(builder.CreateICmpULT(
                   run->getArg(tensors + 1),
                   llvm::ConstantInt::get(sizeType, entry.arenaBytes)),
               ArenaTooSmall);
      llvm::Value *address = builder.CreatePtrToInt(arena, sizeType);
      returnIf(
          builder.CreateIsNotNull(builder.CreateAnd(
              address, llvm::ConstantInt::get(sizeType, arenaAlignment - 1))),
          ArenaMisaligned);
    }
    std::vector<llvm::Value *> operands;
    for (size_t index = 0; index < tensors; ++index)
      operands.push_back(run->getArg(index));
    if (entry.hasArena)
      operands.push_back(arena);
    builder.CreateCall(kernel, operands);
    builder.CreateRet(llvm::ConstantInt::get(statusType, Ok));
  }

  /// size_t NAME_arena_size(void)
  void buildArenaSize() {
    declare("_arena_size", sizeType, {});
    builder.CreateRet(llvm::ConstantInt::get(sizeType, entry.arenaBytes));
  }

  /// const char *NAME_status_text(int status)
  void buildStatusText() {
    llvm::Function *text = declare("_status_text", pointerType, {statusType});
    llvm::Value *result =
        builder.CreateGlobalString("unknown status", "adze.status");
    for (auto [code, line] : llvm::enumerate(statusTexts))
      result = builder.CreateSelect(
          builder.CreateICmpEQ(text->getArg(0),
                               llvm::ConstantInt::get(statusType, code)),
          builder.CreateGlobalString(line, "adze.status"), result);
    builder.CreateRet(result);
  }

  llvm::Module &module;
  const Entry &entry;
  llvm::LLVMContext &context;
  llvm::IRBuilder<> builder;
  llvm::IntegerType *sizeType;
  llvm::IntegerType *statusType;
  llvm::PointerType *pointerType;
};

/// Gives a weight its bytes, in read-only data.
void define(llvm::Module &module, const WeightSymbol &weight,
            WeightStore &store) {
  llvm::GlobalVariable *declaration = module.getNamedGlobal(weight.symbol);
  if (!declaration) // optimised away
    return;
  llvm::ArrayRef<char> bytes = store.bytes(weight.name);
  llvm::Constant *value = llvm::ConstantDataArray::getRaw(
      llvm::StringRef(bytes.data(), bytes.size()), bytes.size(),
      llvm::Type::getInt8Ty(module.getContext()));
  auto *definition =
      new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                               llvm::GlobalValue::InternalLinkage, value);
  definition->setAlignment(llvm::Align(weightAlignment));
  declaration->replaceAllUsesWith(definition);
  definition->takeName(declaration);
  declaration->eraseFromParent();
}

/// A module after lowering and translation.
struct Translated {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::Module> module;
  Entry entry;
};

llvm::Error lowerAndTranslate(ModuleOp module, const HostOptions &options,
                              Translated &result) {
  auto lower = [&]() -> LogicalResult {
    FailureOr<Entry> entry = readEntry(module);
    if (failed(entry))
      return failure();
    result.entry = std::move(*entry);
    return lowerToLLVM(module);
  };
  if (llvm::Error error =
          runStep(module.getContext(), "the lowering to LLVM", lower))
    return error;
  auto machine = createMachine(options, /*inProcess=*/false);
  if (!machine)
    return machine.takeError();
  result.machine = std::move(*machine);
  auto translated = translate(module, result.context, *result.machine);
  if (!translated)
    return translated.takeError();
  result.module = std::move(*translated);
  return llvm::Error::success();
}

} // namespace

llvm::Error adze::writeObject(ModuleOp module, const HostOptions &options,
                              llvm::raw_pwrite_stream &out) {
  Translated result;
  if (llvm::Error error = lowerAndTranslate(module, options, result))
    return error;
  if (result.entry.model.empty())
    return makeError("an object needs the name of its model (adze.model)");
  auto weights = findWeights(module);
  if (!weights)
    return weights.takeError();
  result.module->getFunction(invokeName)->eraseFromParent();
  Interface(*result.module, result.entry).build();
  if (llvm::Error error = linkRuntime(*result.module))
    return error;
  optimize(*result.module, *result.machine, options);
  for (const WeightSymbol &weight : *weights)
    define(*result.module, weight, WeightStore::get(module.getContext()));
  return emit(*result.module, *result.machine,
              llvm::CodeGenFileType::ObjectFile, out);
}

llvm::Error adze::printCode(ModuleOp module, const HostOptions &options,
                            HostCode stage, llvm::raw_pwrite_stream &out) {
  Translated result;
  if (llvm::Error error = lowerAndTranslate(module, options, result))
    return error;
  if (stage == HostCode::Dialect) {
    module.print(out);
    return llvm::Error::success();
  }
  if (stage != HostCode::LLVM) {
    if (llvm::Error error = linkRuntime(*result.module))
      return error;
    optimize(*result.module, *result.machine, options);
  }
  if (stage == HostCode::Assembly)
    return emit(*result.module, *result.machine,
                llvm::CodeGenFileType::AssemblyFile, out);
  result.module->print(out, nullptr);
  return llvm::Error::success();
}
