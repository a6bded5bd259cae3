//===- Jit.cpp - Running a model in this process ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Host.h"
#include "adze/WeightStore.h"
#include "codegen/host/Codegen.h"
#include "codegen/host/Entry.h"
#include "codegen/llvm/Patterns.h"
#include "dialects/adze/adze.h"

#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemAlloc.h"
#include "llvm/TargetParser/Host.h"

#include <mutex>

using namespace mlir;
using namespace adze;
using namespace adze::codegen;
using namespace adze::host;

namespace {

/// Of the arena and of weights that have to be copied: a cache line.
constexpr size_t bufferAlignment = 64;

struct AlignedDelete {
  size_t bytes;
  void operator()(char *pointer) const {
    llvm::deallocate_buffer(pointer, bytes, bufferAlignment);
  }
};
using AlignedBuffer = std::unique_ptr<char, AlignedDelete>;

AlignedBuffer allocate(size_t bytes) {
  size_t size = std::max<size_t>(bytes, 1);
  return AlignedBuffer(
      static_cast<char *>(llvm::allocate_buffer(size, bufferAlignment)),
      AlignedDelete{size});
}

std::string describe(const TensorSpec &spec) {
  std::string text = elementTypeName(spec.type);
  text += "[";
  for (size_t axis = 0; axis < spec.shape.size(); ++axis)
    text += (axis ? ", " : "") + std::to_string(spec.shape[axis]);
  return text + "]";
}

} // namespace

struct HostExecutable::Impl {
  Entry entry;
  HostTimes times;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  int (*invoke)(void **args) = nullptr;
  /// Keeps the bytes of the weights that the code reads in place.
  std::shared_ptr<WeightStore> weights;
  /// Copies of weights whose bytes lie at an unaligned address.
  std::vector<AlignedBuffer> copies;
  AlignedBuffer arena;
  std::mutex running;

  llvm::Error link(std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects,
                   llvm::ArrayRef<WeightSymbol> symbols);
  llvm::orc::ExecutorAddr place(const WeightSymbol &weight);
};

llvm::orc::ExecutorAddr
HostExecutable::Impl::place(const WeightSymbol &weight) {
  llvm::ArrayRef<char> bytes = weights->bytes(weight.name);
  if (llvm::isAddrAligned(llvm::Align(weight.alignment), bytes.data()))
    return llvm::orc::ExecutorAddr::fromPtr(bytes.data());
  copies.push_back(allocate(bytes.size()));
  llvm::copy(bytes, copies.back().get());
  return llvm::orc::ExecutorAddr::fromPtr(copies.back().get());
}

llvm::Error HostExecutable::Impl::link(
    std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects,
    llvm::ArrayRef<WeightSymbol> symbols) {
  auto created =
      llvm::orc::LLJITBuilder()
          .setJITTargetMachineBuilder(llvm::orc::JITTargetMachineBuilder(
              llvm::Triple(llvm::sys::getProcessTriple())))
          .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
          .create();
  if (!created)
    return created.takeError();
  jit = std::move(*created);
  llvm::orc::SymbolMap addresses;
  for (const WeightSymbol &weight : symbols)
    addresses[jit->mangleAndIntern(weight.symbol)] = {
        place(weight), llvm::JITSymbolFlags::Exported};
  if (!addresses.empty())
    if (llvm::Error error = jit->getMainJITDylib().define(
            llvm::orc::absoluteSymbols(std::move(addresses))))
      return error;
  for (std::unique_ptr<llvm::MemoryBuffer> &object : objects)
    if (llvm::Error error = jit->addObjectFile(std::move(object)))
      return error;
  auto address = jit->lookup(invokeName);
  if (!address)
    return address.takeError();
  invoke = address->toPtr<int(void **)>();
  return llvm::Error::success();
}

HostExecutable::HostExecutable() : impl(std::make_unique<Impl>()) {}
HostExecutable::~HostExecutable() = default;

const std::vector<TensorSpec> &HostExecutable::inputs() const {
  return impl->entry.inputs;
}
const std::vector<TensorSpec> &HostExecutable::outputs() const {
  return impl->entry.outputs;
}
size_t HostExecutable::arenaSize() const { return impl->entry.arenaBytes; }
const HostTimes &HostExecutable::times() const { return impl->times; }
int HostExecutable::invoke(void **args) const { return impl->invoke(args); }

Status HostExecutable::run(const std::vector<const Tensor *> &in,
                           std::vector<Tensor> &out) {
  if (in.size() != inputs().size())
    return Status::failure("the model has " + std::to_string(inputs().size()) +
                           " inputs, but " + std::to_string(in.size()) +
                           " were given");
  std::vector<void *> args;
  for (size_t index = 0; index < in.size(); ++index) {
    const TensorSpec &expected = inputs()[index], &found = in[index]->spec;
    if (found.type != expected.type || found.shape != expected.shape)
      return Status::failure("input '" + expected.name + "' has to be " +
                             describe(expected) + ", but " + describe(found) +
                             " was given; compile the model for the shapes "
                             "that it is to run with");
    // Kernels never write to an input.
    args.push_back(const_cast<char *>(in[index]->data()));
  }
  out.clear();
  for (const TensorSpec &spec : outputs())
    out.emplace_back(spec);
  for (Tensor &tensor : out)
    args.push_back(tensor.data());
  std::lock_guard<std::mutex> lock(impl->running);
  args.push_back(impl->arena.get());
  if (int code = invoke(args.data()))
    return Status::failure("the model returned the status " +
                           std::to_string(code));
  return Status::success();
}

llvm::Expected<std::unique_ptr<HostExecutable>>
adze::jitCompile(ModuleOp module, const HostOptions &options) {
  std::unique_ptr<HostExecutable> executable(new HostExecutable);
  HostExecutable::Impl &impl = *executable->impl;
  MLIRContext *context = module.getContext();
  Stopwatch watch;
  auto lower = [&]() -> LogicalResult {
    FailureOr<Entry> entry = readEntry(module);
    if (failed(entry))
      return failure();
    impl.entry = std::move(*entry);
    return lowerToLLVM(module);
  };
  if (llvm::Error error = runStep(context, "the lowering to LLVM", lower))
    return error;
  auto weights = findWeights(module);
  if (!weights)
    return weights.takeError();
  impl.times.lower = watch.lap();

  auto machine = createMachine(options, /*inProcess=*/true);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext llvmContext;
  auto translated = translate(module, llvmContext, **machine);
  if (!translated)
    return translated.takeError();
  // A weight that nobody reads need not even be computed.
  llvm::erase_if(*weights, [&](const WeightSymbol &weight) {
    return (*translated)->getNamedValue(weight.symbol)->use_empty();
  });
  impl.times.translate = watch.lap();

  auto objects = compileInParts(std::move(*translated), options);
  if (!objects)
    return objects.takeError();
  impl.times.generate = watch.lap();

  impl.weights = context->getLoadedDialect<AdzeDialect>()->getWeightStore();
  impl.arena = allocate(impl.entry.arenaBytes);
  if (llvm::Error error = impl.link(std::move(*objects), *weights))
    return error;
  impl.times.link = watch.lap();
  return executable;
}
