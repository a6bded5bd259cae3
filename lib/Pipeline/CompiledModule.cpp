//===- CompiledModule.cpp - What a compiled model holds -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Pipeline/CompiledModule.h"

#include "adze/KernelFamily.h"
#include "adze/Machine.h"
#include "dialects/tile/tile.h"
#include "codegen/ptx/Passes.h"
#include "passes/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace adze;

/// The passes by name, once a process.
static void registerPassesOnce() {
  static const bool registered = [] {
    registerAdzePasses();
    registerAdzePtxPasses();
    registerCanonicalizer();
    registerCSE();
    return true;
  }();
  (void)registered;
}

CompiledModel::Impl::Impl() : context(MLIRContext::Threading::DISABLED) {
  registerPassesOnce();
  context.loadDialect<AdzeDialect, kernel::KernelDialect, nn::NnDialect,
                      onnx::OnnxDialect, arith::ArithDialect,
                      func::FuncDialect, linalg::LinalgDialect,
                      math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                      tensor::TensorDialect, tile::TileDialect,
                      vector::VectorDialect>();
  context.getLoadedDialect<AdzeDialect>()->setKernelFamilies(
      &cKernelFamilies());
}

DiagnosticCollector::DiagnosticCollector(MLIRContext &context,
                                         std::string model)
    : model(std::move(model)), handler(&context, [this](Diagnostic &d) {
        if (d.getSeverity() != DiagnosticSeverity::Error)
          return success(d.getSeverity() == DiagnosticSeverity::Remark);
        text += (text.empty() ? "" : "\n") + d.str();
        return success();
      }) {}

Status DiagnosticCollector::status(const std::string &otherwise) const {
  return Status::failure(model + ": " + (text.empty() ? otherwise : text));
}

Status CompiledModel::Impl::runPasses(const std::string &passes,
                                      const std::string &path) {
  PassManager manager(&context);
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (failed(parsePassPipeline(passes, manager, stream)))
    return Status::failure("adze's own pass pipeline '" + passes +
                           "' is wrong: " + problem);
  DiagnosticCollector errors(context, path);
  if (failed(manager.run(*module)))
    return errors.status("a pass failed without a message");
  return Status::success();
}

std::string adze::modelName(const std::string &path) {
  llvm::StringRef stem = llvm::sys::path::stem(path);
  if (stem != "model")
    return stem.str();
  llvm::StringRef folder =
      llvm::sys::path::filename(llvm::sys::path::parent_path(path));
  return folder.empty() || folder == "." ? stem.str() : folder.str();
}

std::string adze::compilerFlags(const Target &target) {
  const Machine *machine = findMachine(target.machine.str());
  const MachineCompiler *compiler =
      machine ? machine->findCompiler("") : nullptr;
  std::string flags;
  if (compiler)
    for (const std::string &argument : compiler->command.arguments)
      flags += (flags.empty() ? "" : " ") + argument;
  return flags;
}

/// Multiply-accumulates of one operation.
static int64_t macsOf(Operation *op) {
  auto count = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getNumElements();
  };
  if (auto conv = dyn_cast<nn::ConvOp>(op)) {
    auto filter = cast<RankedTensorType>(conv.getFilter().getType()).getShape();
    bool last = conv.getLayout() == nn::Layout::channels_last;
    int64_t outputs = last ? filter.back() : filter.front();
    return count(conv.getOutput()) * count(conv.getFilter()) /
           std::max<int64_t>(1, outputs);
  }
  if (auto conv = dyn_cast<nn::ConvTransposeOp>(op))
    return count(conv.getInput()) * count(conv.getFilter()) /
           std::max<int64_t>(1, cast<RankedTensorType>(conv.getFilter().getType())
                                    .getShape()[0]);
  if (auto matmul = dyn_cast<nn::MatmulOp>(op)) {
    auto a = cast<RankedTensorType>(matmul.getA().getType()).getShape();
    return count(matmul.getOutput()) *
           (matmul.getTransA() ? a[a.size() - 2] : a.back());
  }
  return 0;
}

void adze::describeKernels(CompiledModel &compiled) {
  ModuleOp module = *compiled.impl->module;
  compiled.kernels.clear();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  SymbolTable symbols(module);
  llvm::StringMap<size_t> known;
  main.walk<WalkOrder::PreOrder>([&](kernel::CallOp call) {
    auto [it, added] =
        known.try_emplace(call.getCallee(), compiled.kernels.size());
    bool inLoop = call->getParentOfType<kernel::WhileOp>() != nullptr;
    if (added) {
      auto kernel = symbols.lookup<kernel::FuncOp>(call.getCallee());
      KernelInfo info;
      info.name = call.getCallee().str();
      info.doc = kernel.getDoc().value_or("").str();
      kernel.walk([&](Operation *op) { info.macs += macsOf(op); });
      if (auto macs = kernel->getAttrOfType<IntegerAttr>("adze.macs"))
        info.macs = macs.getInt();
      KernelDetail &detail = compiled.impl->kernelDetails[info.name];
      if (auto schedule = kernel.getScheduleAttr()) {
        llvm::raw_string_ostream stream(detail.schedule);
        Attribute(schedule).print(stream);
      }
      for (TypeRange types : {TypeRange(kernel.getArgumentTypes()),
                              TypeRange(kernel.getResultTypes())})
        for (Type type : types)
          if (auto tensor = dyn_cast<RankedTensorType>(type))
            detail.bytes +=
                tensor.getNumElements() *
                std::max<int64_t>(1, tensor.getElementTypeBitWidth() / 8);
      info.calls = 0;
      compiled.kernels.push_back(std::move(info));
    }
    KernelInfo &info = compiled.kernels[it->second];
    info.calls = inLoop ? 0 : info.calls + 1;
  });
  auto size = [&](StringRef name) {
    auto attr = module->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getInt() : 0;
  };
  CompiledModel::Impl &impl = *compiled.impl;
  if (auto sha = module->getAttrOfType<StringAttr>("onnx.sha256"))
    impl.sha256 = sha.str();
  if (auto file = module->getAttrOfType<StringAttr>("onnx.file"))
    impl.modelFile = file.str();
  compiled.floatFallbacks.clear();
  if (auto list = module->getAttrOfType<ArrayAttr>("adze.float_fallbacks"))
    for (auto line : list.getAsRange<StringAttr>())
      compiled.floatFallbacks.push_back(line.str());
  impl.buffers.clear();
  if (auto plan = module->getAttrOfType<DictionaryAttr>("adze.memory"))
    if (auto buffers = plan.getAs<ArrayAttr>("buffers"))
      for (Attribute entry : buffers) {
        auto buffer = dyn_cast<DictionaryAttr>(entry);
        if (!buffer)
          continue;
        auto number = [&](StringRef key) {
          auto value = buffer.getAs<IntegerAttr>(key);
          return value ? value.getInt() : 0;
        };
        auto name = buffer.getAs<StringAttr>("name");
        impl.buffers.push_back({name ? name.str() : "", number("offset"),
                                number("bytes"), number("first"),
                                number("last")});
      }
  compiled.memory.arenaBytes = size("adze.arena_size");
  compiled.memory.arenaBound = size("adze.arena_bound");
}

void adze::describeEntry(CompiledModel &compiled) {
  ModuleOp module = *compiled.impl->module;
  compiled.inputs.clear();
  compiled.outputs.clear();
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function->hasAttr("adze.entry"))
      continue;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto kind = function.getArgAttrOfType<StringAttr>(i, "adze.kind");
      if (!kind || kind.getValue() == "arena")
        continue;
      TensorSpec spec;
      if (auto name = function.getArgAttrOfType<StringAttr>(i, "adze.name"))
        spec.name = name.str();
      if (auto type = function.getArgAttrOfType<StringAttr>(i, "adze.type"))
        spec.type = elementTypeNamed(type.str());
      auto memref = cast<MemRefType>(function.getArgumentTypes()[i]);
      spec.shape.assign(memref.getShape().begin(), memref.getShape().end());
      if (auto shape =
              function.getArgAttrOfType<DenseI64ArrayAttr>(i, "adze.shape"))
        spec.shape.assign(shape.asArrayRef().begin(), shape.asArrayRef().end());
      (kind.getValue() == "input" ? compiled.inputs : compiled.outputs)
          .push_back(std::move(spec));
    }
  }
  compiled.memory.weightBytes = 0;
  for (auto global : module.getOps<memref::GlobalOp>()) {
    MemRefType type = global.getType();
    compiled.memory.weightBytes +=
        type.getNumElements() *
        std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
  }
}
