//===- runtime_bitcode_test.cpp - The runtime as LLVM bitcode -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/RuntimeText.h"

#include <llvm/AsmParser/Parser.h>
#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/Linker/Linker.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>

#include <gtest/gtest.h>

using namespace adze;

namespace {

std::unique_ptr<llvm::Module> readRuntime(llvm::LLVMContext &context) {
  std::string_view bitcode = runtimeBitcode();
  return llvm::cantFail(llvm::parseBitcodeFile(
      llvm::MemoryBufferRef({bitcode.data(), bitcode.size()}, "runtime"),
      context));
}

/// A function of C99 in single precision: `adze_expf`, `adze_powf`.
bool isSingle(const llvm::Function &function) {
  return function.getName().starts_with("adze_") &&
         function.getName().ends_with("f") &&
         function.getName() != "adze_upper_half" &&
         function.getReturnType()->isFloatTy();
}

/// What LLVM computes without calling a library.
bool isInstruction(llvm::Intrinsic::ID id) {
  switch (id) {
  case llvm::Intrinsic::abs:
  case llvm::Intrinsic::copysign:
  case llvm::Intrinsic::fabs:
  case llvm::Intrinsic::fshl:
  case llvm::Intrinsic::is_fpclass:
  case llvm::Intrinsic::lifetime_end:
  case llvm::Intrinsic::lifetime_start:
  case llvm::Intrinsic::smax:
  case llvm::Intrinsic::smin:
  case llvm::Intrinsic::sqrt:
  case llvm::Intrinsic::umax:
  case llvm::Intrinsic::umin:
    return true;
  default:
    return false;
  }
}

TEST(RuntimeBitcode, HasEveryFunctionOfTheText) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = readRuntime(context);
  for (const std::string &name : runtimeFunctions()) {
    std::string text = runtimeSource({name})->text;
    if (text.rfind("\nstruct " + name + " {") != std::string::npos)
      continue;
    llvm::Function *function = module->getFunction(name);
    ASSERT_TRUE(function) << name;
    EXPECT_FALSE(function->isDeclaration()) << name;
  }
}

TEST(RuntimeBitcode, InlinesIntoCodeForAnyCpu) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = readRuntime(context);
  for (const llvm::Function &function : *module) {
    EXPECT_FALSE(function.hasFnAttribute("target-cpu"));
    EXPECT_FALSE(function.hasFnAttribute("target-features"));
    EXPECT_FALSE(function.hasFnAttribute("tune-cpu"));
    if (!function.isDeclaration())
      EXPECT_TRUE(function.hasFnAttribute(llvm::Attribute::AlwaysInline))
          << function.getName().str();
  }
}

TEST(RuntimeBitcode, SinglePrecisionNeedsNoLibrary) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = readRuntime(context);
  for (const llvm::Function &function : *module) {
    if (!isSingle(function))
      continue;
    for (const llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction)) {
        EXPECT_TRUE(isInstruction(call->getCalledFunction()->getIntrinsicID()))
            << function.getName().str() << " calls "
            << call->getCalledFunction()->getName().str();
      }
  }
}

/// `for (i = 0; i < 1024; ++i) out[i] = f(in[i]);` as LLVM IR.
std::string loopOver(const llvm::Function &function) {
  std::string name = function.getName().str();
  bool binary = function.arg_size() == 2;
  return "declare float @" + name + (binary ? "(float, float)" : "(float)") +
         R"(
define void @loop(ptr noalias %in, ptr noalias %out) {
entry:
  br label %body
body:
  %i = phi i64 [0, %entry], [%next, %body]
  %from = getelementptr float, ptr %in, i64 %i
  %x = load float, ptr %from
  %y = call float @)" +
         name + (binary ? "(float %x, float %x)" : "(float %x)") + R"(
  %to = getelementptr float, ptr %out, i64 %i
  store float %y, ptr %to
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, 1024
  br i1 %more, label %body, label %end
end:
  ret void
}
)";
}

std::unique_ptr<llvm::TargetMachine> hostMachine() {
  llvm::InitializeNativeTarget();
  std::string error;
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  EXPECT_TRUE(target) << error;
  llvm::StringRef cpu = triple.isX86() ? "x86-64-v3" : "generic";
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, cpu, "", llvm::TargetOptions(), llvm::Reloc::PIC_));
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

TEST(RuntimeBitcode, LoopsOverEverySinglePrecisionFunctionAreVectorised) {
  std::unique_ptr<llvm::TargetMachine> machine = hostMachine();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> runtime = readRuntime(context);
  unsigned tested = 0;
  for (const llvm::Function &function : *runtime) {
    if (!isSingle(function) || function.isDeclaration())
      continue;
    llvm::SMDiagnostic diagnostic;
    std::unique_ptr<llvm::Module> module =
        llvm::parseAssemblyString(loopOver(function), diagnostic, context);
    ASSERT_TRUE(module) << diagnostic.getMessage().str();
    module->setDataLayout(runtime->getDataLayout());
    module->setTargetTriple(runtime->getTargetTriple());
    ASSERT_FALSE(llvm::Linker::linkModules(*module, readRuntime(context),
                                           llvm::Linker::LinkOnlyNeeded));
    llvm::Function *loop = module->getFunction("loop");
    loop->addFnAttr("target-cpu", machine->getTargetCPU());
    optimize(*module, *machine);
    // The store of the loop is one of a whole vector.
    unsigned width = 0;
    for (const llvm::Instruction &instruction : llvm::instructions(*loop))
      if (auto *store = llvm::dyn_cast<llvm::StoreInst>(&instruction))
        if (auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(
                store->getValueOperand()->getType()))
          width = vector->getNumElements();
    EXPECT_GE(width, machine->getTargetTriple().isX86() ? 8u : 4u)
        << function.getName().str();
    ++tested;
  }
  EXPECT_GE(tested, 26u);
}

} // namespace
