//===- Codegen.cpp - From the LLVM dialect to machine code ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/host/Codegen.h"

#include "adze/RuntimeText.h"
#include "adze/WeightStore.h"
#include "codegen/llvm/Patterns.h"
#include "codegen/llvm/Translate.h"
#include "dialects/adze/adze.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include <mutex>

using namespace mlir;
using namespace adze;
using namespace adze::codegen;
using namespace adze::host;

namespace {

void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
  });
}

/// "+avx2,-avx512f,...": what this processor (and its operating system) has.
std::string nativeFeatures() {
  std::vector<std::string> features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(features);
  return llvm::join(features, ",");
}

/// What any machine of an architecture runs. Plain x86-64 cannot round a float
/// without the C library; x86-64-v2 (every processor since 2011) can.
StringRef baseline(const llvm::Triple &triple) {
  switch (triple.getArch()) {
  case llvm::Triple::x86_64:
    return "x86-64-v2";
  case llvm::Triple::riscv64:
    return "generic-rv64";
  default:
    return "generic";
  }
}

/// FastISel (which None selects) loses more run time than it saves: at -O0 the
/// IR alone stays as it is.
llvm::CodeGenOptLevel codeGenLevel(unsigned optLevel) {
  switch (optLevel) {
  case 0:
  case 1:
    return llvm::CodeGenOptLevel::Less;
  case 2:
    return llvm::CodeGenOptLevel::Default;
  default:
    return llvm::CodeGenOptLevel::Aggressive;
  }
}

} // namespace

llvm::Expected<std::vector<WeightSymbol>> host::findWeights(ModuleOp module) {
  WeightStore &store = WeightStore::get(module.getContext());
  std::vector<WeightSymbol> weights;
  for (auto global : module.getOps<LLVM::GlobalOp>()) {
    auto weight = global->getAttrOfType<WeightAttr>(weightAttr);
    if (!weight)
      continue;
    auto array = cast<LLVM::LLVMArrayType>(global.getType());
    WeightSymbol symbol;
    symbol.symbol = global.getSymName().str();
    symbol.name = weight.getName().str();
    symbol.bytes =
        uint64_t(array.getNumElements()) *
        llvm::divideCeil(array.getElementType().getIntOrFloatBitWidth(), 8);
    symbol.alignment = global.getAlignment().value_or(1);
    if (!store.contains(symbol.name))
      return makeError("the weight '" + symbol.name +
                       "' is not in the weight store");
    if (store.size(symbol.name) != symbol.bytes)
      return makeError("the weight '" + symbol.name + "' has " +
                       Twine(store.size(symbol.name)) +
                       " bytes in the weight store, but the program reads " +
                       Twine(symbol.bytes));
    weights.push_back(std::move(symbol));
  }
  return weights;
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
host::createMachine(const HostOptions &options, bool inProcess) {
  initializeTargets();
  bool isNativeTriple = inProcess || options.triple.empty();
  llvm::Triple triple(isNativeTriple ? llvm::sys::getProcessTriple()
                                     : llvm::Triple::normalize(options.triple));
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return makeError("no code can be made for the machine '" + triple.str() +
                     "': " + error);
  std::string cpu = options.cpu, features;
  if (cpu.empty())
    cpu = inProcess ? "native" : baseline(triple).str();
  if (cpu == "native") {
    if (!isNativeTriple)
      return makeError(
          "the processor 'native' is this machine's, not one of '" +
          triple.str() + "'; name the processor");
    cpu = llvm::sys::getHostCPUName().str();
    features = nativeFeatures();
  }
  llvm::TargetOptions targetOptions;
  // Standard fuses llvm.fmuladd (which only math.fma and vector.fma become),
  // Strict splits it; neither touches a multiply and an add.
  targetOptions.AllowFPOpFusion = options.fuseMultiplyAdd
                                      ? llvm::FPOpFusion::Standard
                                      : llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, cpu, features, targetOptions, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, codeGenLevel(options.optLevel), inProcess));
  if (!machine)
    return makeError("no code can be made for the machine '" + triple.str() +
                     "'");
  if (!machine->getMCSubtargetInfo()->isCPUStringValid(cpu))
    return makeError("'" + cpu + "' is no processor of the architecture " +
                     triple.getArchName());
  return machine;
}

llvm::Expected<std::unique_ptr<llvm::Module>>
host::translate(ModuleOp module, llvm::LLVMContext &context,
                const llvm::TargetMachine &machine) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  std::unique_ptr<llvm::Module> result;
  auto step = [&] {
    result = translateModuleToLLVMIR(module, context, "adze",
                                     /*disableVerification=*/true);
    return success(result != nullptr);
  };
  if (llvm::Error error =
          runStep(module.getContext(), "the translation to LLVM IR", step))
    return error;
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  return result;
}

llvm::Error host::linkRuntime(llvm::Module &module) {
  return codegen::linkRuntime(module, runtimeBitcode());
}

void host::optimize(llvm::Module &module, llvm::TargetMachine &machine,
                    const HostOptions &options) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = options.optLevel >= 2;
  tuning.LoopInterleaving = tuning.LoopUnrolling = options.optLevel >= 1;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  static const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::OptimizationLevel level = levels[std::min(options.optLevel, 3u)];
  llvm::ModulePassManager passes =
      options.optLevel == 0 ? builder.buildO0DefaultPipeline(level)
                            : builder.buildPerModuleDefaultPipeline(level);
  passes.run(module, modules);
}

llvm::Error host::emit(llvm::Module &module, llvm::TargetMachine &machine,
                       llvm::CodeGenFileType kind,
                       llvm::raw_pwrite_stream &out) {
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, out, nullptr, kind,
                                  /*DisableVerify=*/true))
    return makeError("the target cannot write this kind of file");
  passes.run(module);
  return llvm::Error::success();
}
