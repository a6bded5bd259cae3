//===- Parts.cpp - Code generation in independent parts ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Kernels are never inlined, so nothing is lost when each part of the module
/// is optimised alone. An LLVMContext belongs to one thread; each part is
/// therefore read from bitcode into a context of its own.
///
//===----------------------------------------------------------------------===//

#include "codegen/host/Codegen.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/Threading.h"

#include <tuple>

using namespace adze;
using namespace adze::host;

namespace {

/// A part is worth its overhead (reading, a pass manager) from about this many
/// instructions; more parts than the limit would only balance better.
constexpr size_t instructionsPerPart = 1500;
constexpr size_t maxParts = 16;

/// A function that keeps its symbol, with the helpers that may be inlined.
struct Root {
  size_t index;                   // in the module
  std::vector<std::string> names; // root first
  size_t size = 0;
};

struct Part {
  llvm::StringSet<> roots, functions;
  size_t size = 0;
};

bool isRoot(const llvm::Function &function) {
  return !function.isDeclaration() &&
         (!function.hasLocalLinkage() ||
          function.hasFnAttribute(llvm::Attribute::NoInline));
}

Root collect(llvm::Function &function, size_t index) {
  Root root{index, {}, 0};
  llvm::SmallVector<llvm::Function *> work{&function};
  llvm::SmallPtrSet<llvm::Function *, 8> seen{&function};
  while (!work.empty()) {
    llvm::Function *current = work.pop_back_val();
    root.names.push_back(current->getName().str());
    for (llvm::Instruction &instruction : llvm::instructions(*current)) {
      ++root.size;
      auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction);
      llvm::Function *callee = call ? call->getCalledFunction() : nullptr;
      if (callee && !callee->isDeclaration() && !isRoot(*callee) &&
          seen.insert(callee).second)
        work.push_back(callee);
    }
  }
  return root;
}

/// Roots by size into the part that is smallest so far.
std::vector<Part> divide(llvm::Module &module) {
  std::vector<Root> roots;
  size_t total = 0;
  for (llvm::Function &function : module)
    if (isRoot(function)) {
      roots.push_back(collect(function, roots.size()));
      total += roots.back().size;
    }
  llvm::sort(roots, [](const Root &left, const Root &right) {
    return std::tuple(right.size, left.index) <
           std::tuple(left.size, right.index);
  });
  size_t count = std::clamp<size_t>(total / instructionsPerPart, 1, maxParts);
  std::vector<Part> parts(std::min(count, std::max<size_t>(roots.size(), 1)));
  for (const Root &root : roots) {
    Part &part = *llvm::min_element(
        parts, [](const Part &a, const Part &b) { return a.size < b.size; });
    part.roots.insert(root.names.front());
    for (const std::string &name : root.names)
      part.functions.insert(name);
    part.size += root.size;
  }
  return parts;
}

/// Leaves the functions of one part in a module, the others as declarations.
/// Roots are seen by the other parts, by nobody else.
void restrictTo(llvm::Module &module, const Part &part) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration() && !function.isMaterializable())
      continue;
    bool isHere = part.functions.contains(function.getName());
    if (!isHere)
      function.deleteBody();
    if (function.hasLocalLinkage() &&
        (!isHere || part.roots.contains(function.getName()))) {
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
  }
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
compile(llvm::Module &module, const HostOptions &options) {
  auto machine = createMachine(options, /*inProcess=*/true);
  if (!machine)
    return machine.takeError();
  if (llvm::Error error = linkRuntime(module))
    return error;
  optimize(module, **machine, options);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  if (llvm::Error error =
          emit(module, **machine, llvm::CodeGenFileType::ObjectFile, out))
    return error;
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(bytes), /*RequiresNullTerminator=*/false);
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
compilePart(llvm::StringRef bitcode, const Part &part,
            const HostOptions &options) {
  llvm::LLVMContext context;
  auto module = llvm::getLazyBitcodeModule(
      llvm::MemoryBufferRef(bitcode, "adze"), context);
  if (!module)
    return module.takeError();
  restrictTo(**module, part);
  if (llvm::Error error = (*module)->materializeAll())
    return error;
  return compile(**module, options);
}

} // namespace

llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
host::compileInParts(std::unique_ptr<llvm::Module> module,
                     const HostOptions &options) {
  std::vector<Part> parts = divide(*module);
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects(parts.size());
  if (parts.size() == 1) {
    auto object = compile(*module, options);
    if (!object)
      return object.takeError();
    objects.front() = std::move(*object);
    return objects;
  }

  llvm::SmallVector<char, 0> bitcode;
  llvm::BitcodeWriter writer(bitcode);
  writer.writeModule(*module);
  writer.writeSymtab();
  writer.writeStrtab();
  module.reset();
  std::vector<std::string> errors(parts.size());
  {
    llvm::DefaultThreadPool pool(llvm::hardware_concurrency(options.threads));
    for (size_t index = 0; index < parts.size(); ++index)
      pool.async([&, index] {
        auto object =
            compilePart(llvm::StringRef(bitcode.data(), bitcode.size()),
                        parts[index], options);
        if (object)
          objects[index] = std::move(*object);
        else
          errors[index] = llvm::toString(object.takeError());
      });
    pool.wait();
  }
  for (const std::string &error : errors)
    if (!error.empty())
      return makeError(error);
  return objects;
}
