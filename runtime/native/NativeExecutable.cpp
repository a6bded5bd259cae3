//===- NativeExecutable.cpp - An artifact as a shared object --------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Machine.h"
#include "adze/Native.h"
#include "runtime/native/ArtifactFolder.h"
#include "runtime/native/Process.h"
#include "runtime/native/TemporaryFolder.h"

#include <fmt/format.h>

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace adze {
namespace {

using Invoke = int (*)(void **inputs, void **outputs, void *arena);
using StatusText = const char *(*)(int status);

/// Calls the model through its own header, so that the compiler checks the call
/// and no calling convention is guessed.
std::string bindingSource(const ArtifactFolder &artifact) {
  return fmt::format("#include \"{0}\"\n"
                     "int adze_invoke(void **inputs, void **outputs, "
                     "void *arena);\n"
                     "int adze_invoke(void **inputs, void **outputs, "
                     "void *arena) {{\n"
                     "  (void)inputs;\n"
                     "  (void)outputs;\n"
                     "  return {1}_run({2}arena, {3}_ARENA_SIZE);\n"
                     "}}\n"
                     "const char *adze_status_text(int status);\n"
                     "const char *adze_status_text(int status) {{ "
                     "return {1}_status_text(status); }}\n"
                     "unsigned long long adze_arena_size(void);\n"
                     "unsigned long long adze_arena_size(void) {{ "
                     "return {3}_ARENA_SIZE; }}\n",
                     artifact.header(), artifact.name,
                     runArguments(artifact, "inputs[{}]", "outputs[{}]"),
                     artifact.macroPrefix());
}

/// Memory for one run's arena, aligned for any artifact.
struct Arena {
  static constexpr size_t alignment = 64;
  explicit Arena(size_t size) {
    size_t rounded = (size + alignment) / alignment * alignment;
    memory = std::aligned_alloc(alignment, rounded);
    // Ones: a float that is read before it was written is a NaN, and shows.
    if (memory)
      std::memset(memory, 0xFF, rounded);
  }
  Arena(const Arena &) = delete;
  ~Arena() { std::free(memory); }
  void *memory;
};

class NativeExecutable final : public Executable {
public:
  explicit NativeExecutable(ArtifactFolder artifact)
      : artifact(std::move(artifact)) {}
  ~NativeExecutable() override {
    if (library)
      ::dlclose(library);
  }

  const std::vector<TensorSpec> &inputs() const override {
    return artifact.inputs;
  }
  const std::vector<TensorSpec> &outputs() const override {
    return artifact.outputs;
  }

  Status run(const std::vector<const Tensor *> &in,
             std::vector<Tensor> &out) override {
    if (Status status = checkInputs(artifact.name, artifact.inputs, in);
        !status)
      return status;
    std::vector<void *> inputPointers, outputPointers;
    for (const Tensor *tensor : in)
      inputPointers.push_back(const_cast<char *>(tensor->data()));
    out.clear();
    for (const TensorSpec &spec : artifact.outputs)
      out.emplace_back(spec);
    for (Tensor &tensor : out) {
      std::memset(tensor.data(), 0xFF, tensor.storage.size());
      outputPointers.push_back(tensor.data());
    }
    Arena arena(arenaSize);
    if (!arena.memory)
      return Status::failure(fmt::format(
          "model '{}' needs an arena of {} bytes, which this machine does not "
          "have",
          artifact.name, arenaSize));
    int code =
        invoke(inputPointers.data(), outputPointers.data(), arena.memory);
    if (code != 0)
      return Status::failure(fmt::format("{}_run returned status {}: {}",
                                         artifact.name, code,
                                         statusText(code)));
    return Status::success();
  }

  Status load(const std::string &path) {
    library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      return Status::failure(fmt::format("model '{}' was compiled, but cannot "
                                         "be loaded: {}",
                                         artifact.name, ::dlerror()));
    invoke = reinterpret_cast<Invoke>(::dlsym(library, "adze_invoke"));
    statusText =
        reinterpret_cast<StatusText>(::dlsym(library, "adze_status_text"));
    auto size = reinterpret_cast<unsigned long long (*)()>(
        ::dlsym(library, "adze_arena_size"));
    assert(invoke && statusText && size && "they are in the binding");
    arenaSize = size();
    return Status::success();
  }

private:
  ArtifactFolder artifact;
  void *library = nullptr;
  Invoke invoke = nullptr;
  StatusText statusText = nullptr;
  size_t arenaSize = 0;
};

} // namespace

Status makeNativeExecutable(const std::string &artifactDir,
                            std::unique_ptr<Executable> &executable,
                            const NativeOptions &options) {
  ArtifactFolder artifact;
  if (Status status = readArtifactFolder(artifactDir, artifact); !status)
    return status;
  const Machine &machine = *findMachine("c");
  const MachineCompiler *compiler = machine.findCompiler(options.compiler);
  if (!compiler)
    return Status::failure(fmt::format("there is no C compiler '{}' in the "
                                       "description of machine '{}'",
                                       options.compiler, machine.name));
  std::string tool;
  if (Status status = findTool(compiler->command.tools,
                               "compile an artifact for this machine", tool);
      !status)
    return status;

  TemporaryFolder folder;
  if (Status status = folder.create(); !status)
    return status;
  std::string binding = folder.file("binding.c");
  if (Status status = writeFile(binding, bindingSource(artifact)); !status)
    return status;
  std::string object = folder.file(artifact.name + ".so");
  std::vector<std::string> command = {tool, "-std=c99", "-O2"};
  const std::vector<std::string> &target = compiler->command.arguments;
  command.insert(command.end(), target.begin(), target.end());
  command.insert(command.end(), options.flags.begin(), options.flags.end());
  command.insert(command.end(), {"-I", artifact.path, "-shared", "-o", object});
  command.push_back(binding);
  command.insert(command.end(), artifact.sources.begin(),
                 artifact.sources.end());
  command.push_back("-lm");
  if (Status status = runTool(command, folder.path(), options.timeoutSeconds,
                              fmt::format("compiling {}", artifact.path));
      !status)
    return status;

  auto native = std::make_unique<NativeExecutable>(std::move(artifact));
  if (Status status = native->load(object); !status)
    return status;
  executable = std::move(native);
  return Status::success();
}

} // namespace adze
