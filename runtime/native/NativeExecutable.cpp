//===- NativeExecutable.cpp - An artifact as a shared object --------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/CudaDriver.h"
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

/// Calls the model through its own header, so that the compiler checks the call
/// and no calling convention is guessed. Weights are a parameter only if they
/// come in a file of their own.
std::string bindingSource(const ArtifactFolder &artifact) {
  return fmt::format(
      "#include \"{0}\"\n"
      "#ifdef {3}_WEIGHTS_SIZE\n"
      "#define WEIGHTS weights,\n"
      "#else\n"
      "#define WEIGHTS\n"
      "#define {3}_WEIGHTS_SIZE 0\n"
      "#endif\n"
      "typedef unsigned long long size_type;\n"
      "size_type adze_binding_arena_size(void);\n"
      "size_type adze_binding_weights_size(void);\n"
      "const char *adze_binding_status_text(int status);\n"
      "int adze_binding_run(void **inputs, void **outputs,\n"
      "                     const void *weights, void *arena);\n"
      "size_type adze_binding_arena_size(void) {{\n"
      "  return {3}_ARENA_SIZE;\n"
      "}}\n"
      "size_type adze_binding_weights_size(void) {{\n"
      "  return {3}_WEIGHTS_SIZE;\n"
      "}}\n"
      "const char *adze_binding_status_text(int status) {{\n"
      "  return {1}_status_text(status);\n"
      "}}\n"
      "int adze_binding_run(void **inputs, void **outputs,\n"
      "                     const void *weights, void *arena) {{\n"
      "  (void)inputs;\n"
      "  (void)outputs;\n"
      "  (void)weights;\n"
      "#ifdef {3}_ARENAS_IN\n"
      "  const {1}_arenas arenas = {3}_ARENAS_IN(arena);\n"
      "  return {1}_run({2}WEIGHTS &arenas);\n"
      "#else\n"
      "  return {1}_run({2}WEIGHTS arena, {3}_ARENA_SIZE);\n"
      "#endif\n"
      "}}\n",
      artifact.header(), artifact.name,
      runArguments(artifact, "inputs[{}]", "outputs[{}]"),
      artifact.macroPrefix());
}

/// The same for an artifact of a GPU: one session, made by the first run.
std::string cudaBindingSource(const ArtifactFolder &artifact) {
  return fmt::format(
      "#include \"{0}\"\n"
      "#ifdef {3}_WEIGHTS_SIZE\n"
      "#define WEIGHTS , weights\n"
      "#else\n"
      "#define WEIGHTS\n"
      "#define {3}_WEIGHTS_SIZE 0\n"
      "#endif\n"
      "typedef unsigned long long size_type;\n"
      "size_type adze_binding_arena_size(void);\n"
      "size_type adze_binding_weights_size(void);\n"
      "const char *adze_binding_status_text(int status);\n"
      "int adze_binding_run(void **inputs, void **outputs,\n"
      "                     const void *weights, void *arena);\n"
      "void adze_binding_close(void);\n"
      "static {1}_session *session;\n"
      "size_type adze_binding_arena_size(void) {{\n"
      "  return 0;\n"
      "}}\n"
      "size_type adze_binding_weights_size(void) {{\n"
      "  return {3}_WEIGHTS_SIZE;\n"
      "}}\n"
      "const char *adze_binding_status_text(int status) {{\n"
      "  const char *text = {1}_message(session);\n"
      "  return text[0] != 0 ? text : {1}_status_text(status);\n"
      "}}\n"
      "int adze_binding_run(void **inputs, void **outputs,\n"
      "                     const void *weights, void *arena) {{\n"
      "  int status = 0;\n"
      "  (void)inputs;\n"
      "  (void)outputs;\n"
      "  (void)weights;\n"
      "  (void)arena;\n"
      "  if (session == 0) {{\n"
      "    status = {1}_create(&session, -1 WEIGHTS);\n"
      "  }}\n"
      "  return status != 0 ? status : {1}_run(session{2});\n"
      "}}\n"
      "void adze_binding_close(void) {{\n"
      "  {1}_destroy(session);\n"
      "  session = 0;\n"
      "}}\n",
      artifact.header(), artifact.name,
      [&] {
        std::string text;
        for (size_t i = 0; i < artifact.inputs.size(); ++i)
          text += fmt::format(", inputs[{}]", i);
        for (size_t i = 0; i < artifact.outputs.size(); ++i)
          text += fmt::format(", outputs[{}]", i);
        return text;
      }(),
      artifact.macroPrefix());
}

/// The functions of the binding.
struct Binding {
  unsigned long long (*arenaSize)() = nullptr;
  unsigned long long (*weightsSize)() = nullptr;
  const char *(*statusText)(int status) = nullptr;
  int (*run)(void **inputs, void **outputs, const void *weights,
             void *arena) = nullptr;
  void (*close)() = nullptr; // of a GPU's alone
};

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
    if (binding.close)
      binding.close();
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
    Arena arena(binding.arenaSize());
    if (!arena.memory)
      return Status::failure(fmt::format(
          "model '{}' needs an arena of {} bytes, which this machine does not "
          "have",
          artifact.name, binding.arenaSize()));
    int code = binding.run(inputPointers.data(), outputPointers.data(),
                           weights.data(), arena.memory);
    if (code != 0)
      return Status::failure(fmt::format("{}_run returned status {}: {}",
                                         artifact.name, code,
                                         binding.statusText(code)));
    return Status::success();
  }

  Status load(const std::string &path) {
    library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      return Status::failure(fmt::format("model '{}' was compiled, but cannot "
                                         "be loaded: {}",
                                         artifact.name, ::dlerror()));
    find("adze_binding_arena_size", binding.arenaSize);
    find("adze_binding_weights_size", binding.weightsSize);
    find("adze_binding_status_text", binding.statusText);
    find("adze_binding_run", binding.run);
    if (!artifact.chips.empty())
      find("adze_binding_close", binding.close);
    if (binding.weightsSize() == 0)
      return Status::success();
    std::string bytes;
    if (Status status = readFile(artifact.weightsFile(), bytes); !status)
      return status;
    if (bytes.size() != binding.weightsSize())
      return Status::failure(fmt::format(
          "{} holds {} bytes, and the artifact was generated for {}; write the "
          "folder anew with 'adze compile'",
          artifact.weightsFile(), bytes.size(), binding.weightsSize()));
    weights.assign(bytes.begin(), bytes.end());
    return Status::success();
  }

private:
  template <typename Function>
  void find(const char *name, Function *&function) {
    function = reinterpret_cast<Function *>(::dlsym(library, name));
    assert(function && "it is in the binding");
  }

  ArtifactFolder artifact;
  void *library = nullptr;
  Binding binding;
  std::vector<char, AlignedAllocator<char>> weights;
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
  bool isCuda = !artifact.chips.empty();
  if (isCuda) {
    CudaDevice device;
    if (Status status = selectCudaDriver(artifact.chips, device); !status)
      return status;
  }
  if (Status status =
          writeFile(binding, isCuda ? cudaBindingSource(artifact)
                                    : bindingSource(artifact));
      !status)
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
  if (!artifact.object.empty())
    command.push_back(artifact.object);
  command.push_back("-lm");
  if (isCuda)
    command.push_back("-ldl");
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
