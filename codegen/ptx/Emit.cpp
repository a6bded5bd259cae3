//===- Emit.cpp - From tile kernels to PTX text -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The LLVM dialect (Lowering.cpp) becomes LLVM IR, the runtime is linked in,
/// LLVM's -O3 pipeline runs with the NVPTX target and writes the text.
///
//===----------------------------------------------------------------------===//

#include "codegen/ptx/Ptx.h"

#include "adze/RuntimeText.h"
#include "codegen/llvm/Translate.h"
#include "codegen/ptx/Lowering.h"
#include "dialects/tile/tile.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace mlir;
using namespace adze;
using namespace adze::codegen;

namespace {

struct Chip {
  StringRef name;
  int isa;
};

/// PTX ISA, section "Release Notes": the version that introduced each target.
constexpr Chip chips[] = {{"sm_80", 70},   {"sm_86", 71},  {"sm_87", 74},
                          {"sm_89", 78},   {"sm_90", 78},  {"sm_90a", 80},
                          {"sm_100a", 86}, {"sm_120a", 87}};

void initializeTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(StringRef chip, int isa) {
  initializeTarget();
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return makeError("this LLVM makes no PTX: " + error);
  llvm::TargetOptions options;
  // llvm.fmuladd, which only math.fma becomes, is one instruction; a multiply
  // and an add stay two.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, chip, "+ptx" + std::to_string(isa), options, std::nullopt,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return makeError("this LLVM makes no PTX for " + chip);
  return machine;
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  // A thread has no vector unit, but its loads and stores may be 16 bytes wide
  // (the load-store vectoriser of the target does that).
  tuning.LoopVectorization = tuning.SLPVectorization = false;
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
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

llvm::Expected<std::unique_ptr<llvm::Module>>
translate(ModuleOp module, llvm::LLVMContext &context,
          const llvm::TargetMachine &machine) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
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

PtxKernel describe(tile::KernelOp kernel) {
  PtxKernel result;
  result.name = kernel.getSymName().str();
  llvm::copy(kernel.getGrid(), result.grid);
  result.block = kernel.getBlock();
  std::fill_n(result.cluster, 3, 1);
  if (auto cluster = kernel.getCluster())
    llvm::copy(*cluster, result.cluster);
  result.sharedBytes = kernel.getSharedBytes();
  return result;
}

} // namespace

int adze::leastPtxIsa(StringRef chip) {
  for (const Chip &row : chips)
    if (row.name == chip)
      return row.isa;
  return 0;
}

llvm::Expected<PtxModule> adze::emitPtx(ModuleOp module, StringRef chip) {
  PtxModule result;
  result.chip = chip.str();
  result.isa = leastPtxIsa(chip);
  if (!result.isa) {
    std::string known;
    for (const Chip &row : chips)
      known += (known.empty() ? "" : ", ") + row.name.str();
    return makeError("adze makes no PTX for the chip '" + chip +
                     "'; it knows " + known);
  }
  for (auto kernel : module.getOps<tile::KernelOp>()) {
    result.kernels.push_back(describe(kernel));
    result.isa = std::max<int>(result.isa, kernel.getMinPtx().value_or(0));
  }
  auto machine = createMachine(chip, result.isa);
  if (!machine)
    return machine.takeError();
  OwningOpRef<ModuleOp> device = ptx::deviceModule(module);
  if (llvm::Error error = runStep(module.getContext(), "the lowering to PTX",
                                  [&] { return ptx::lowerToLLVM(*device); }))
    return error;
  llvm::LLVMContext context;
  auto translated = translate(*device, context, **machine);
  if (!translated)
    return translated.takeError();
  if (llvm::Error error = linkRuntime(**translated, runtimePtxBitcode()))
    return error;
  optimize(**translated, **machine);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, out, nullptr,
                                      llvm::CodeGenFileType::AssemblyFile,
                                      /*DisableVerify=*/true))
    return makeError("the NVPTX target cannot write text");
  passes.run(**translated);
  result.text = text.str().str();
  return result;
}
