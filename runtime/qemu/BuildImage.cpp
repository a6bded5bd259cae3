//===- BuildImage.cpp - From an artifact's folder to an image -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/native/ArtifactFolder.h"
#include "runtime/native/Process.h"
#include "runtime/qemu/GuestFiles.h"
#include "runtime/qemu/ImageImpl.h"
#include "runtime/qemu/StackBound.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace adze {

Image::Image() = default;
Image::Image(Image &&) noexcept = default;
Image &Image::operator=(Image &&) noexcept = default;
Image::~Image() = default;

namespace {

constexpr uint64_t defaultStackBytes = 64 << 10;

/// The tools of one build, and what they are given.
struct Build {
  const ArtifactFolder &artifact;
  const Machine &machine;
  const ImageOptions &options;
  const std::string &folder;
  std::string compiler, linker; // paths
  std::vector<std::string> compilerArguments;
  std::vector<std::string> objects;

  std::string purpose() const {
    return fmt::format("build model '{}' for machine '{}'", artifact.name,
                       machine.name);
  }
};

Status findTools(Build &build) {
  const MachineCompiler *compiler =
      build.machine.findCompiler(build.options.compiler);
  if (!compiler) {
    std::vector<std::string> names;
    for (const MachineCompiler &known : build.machine.compilers)
      names.push_back(known.name);
    return Status::failure(fmt::format(
        "machine '{}' cannot be compiled for with '{}'; its compilers are: {}",
        build.machine.name, build.options.compiler, fmt::join(names, ", ")));
  }
  build.compilerArguments = compiler->command.arguments;
  if (Status status =
          findTool(compiler->command.tools, build.purpose(), build.compiler);
      !status)
    return status;
  return findTool(build.machine.linker.tools, build.purpose(), build.linker);
}

/// Compilers other than the linker's own do not know where the headers of its C
/// library are. The linker driver does: it is asked.
Status addSystemHeaders(Build &build) {
  if (build.compiler == build.linker)
    return Status::success();
  std::string probe = build.folder + "/headers.c";
  if (Status status = writeFile(probe, "#include <string.h>\n"); !status)
    return status;
  std::vector<std::string> command = {build.linker};
  const std::vector<std::string> &arguments = build.machine.linker.arguments;
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {"-E", probe});
  ProcessResult result;
  if (Status status = runProcess(command, build.folder,
                                 build.options.timeoutSeconds, result);
      !status)
    return status;
  size_t end = result.output.find("/string.h\"");
  size_t begin = result.output.rfind('"', end);
  if (result.exitCode != 0 || end == std::string::npos)
    return Status::failure(fmt::format(
        "{} has no C library (it does not find string.h), which is needed to "
        "{}; run tools/setup",
        build.linker, build.purpose()));
  build.compilerArguments.insert(
      build.compilerArguments.end(),
      {"-isystem", result.output.substr(begin + 1, end - begin - 1)});
  return Status::success();
}

Status compile(Build &build, const std::string &source,
               const std::string &object,
               const std::vector<std::string> &flags) {
  std::vector<std::string> command = {build.compiler, "-std=c99"};
  command.insert(command.end(), build.compilerArguments.begin(),
                 build.compilerArguments.end());
  command.insert(command.end(), {"-ffunction-sections", "-fdata-sections", "-I",
                                 build.artifact.path});
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), {"-c", source, "-o", object});
  build.objects.push_back(object);
  return runTool(
      command, build.folder, build.options.timeoutSeconds,
      fmt::format("compiling {} for machine '{}'", source, build.machine.name));
}

/// Start-up code, runner and binding: always -O2, so that they do not change
/// with the options of the artifact.
Status compileGuest(Build &build) {
  std::string startup = build.machine.emulator.startup == "riscv"
                            ? "start_riscv"
                            : "start_cortex_m";
  for (const char *header : {"guest.h", "report.h"})
    if (Status status = writeEmbeddedFile(header, build.folder); !status)
      return status;
  if (Status status =
          writeFile(build.folder + "/binding.c", bindingSource(build.artifact));
      !status)
    return status;
  std::error_code error; // a missing file is the assembler's to report
  std::filesystem::create_symlink(build.artifact.weightsFile(),
                                  build.folder + "/" + weightsLink, error);
  for (const std::string &name :
       {startup, std::string("semihosting"), std::string("runner"),
        std::string("binding")}) {
    std::string source = build.folder + "/" + name + ".c";
    if (name != "binding")
      if (Status status = writeEmbeddedFile(name + ".c", build.folder); !status)
        return status;
    if (Status status =
            compile(build, source, build.folder + "/guest_" + name + ".o",
                    {"-O2", "-I", build.folder});
        !status)
      return status;
  }
  return Status::success();
}

Status compileArtifact(Build &build) {
  // Compilers inline a static function that is called once; kernels stay
  // functions, so that they can be counted one by one. What a call costs is
  // nothing beside a kernel.
  std::vector<std::string> flags = {
      build.options.optimization,
      "-D" + build.artifact.macroPrefix() +
          "_KERNEL=static __attribute__((noinline))"};
  // gcc makes one function of two with equal code; each call has to be known by
  // its kernel.
  const MachineCompiler *compiler =
      build.machine.findCompiler(build.options.compiler);
  if (compiler && compiler->name == "gcc")
    flags.push_back("-fno-ipa-icf");
  flags.insert(flags.end(), build.options.flags.begin(),
               build.options.flags.end());
  for (size_t i = 0; i < build.artifact.sources.size(); ++i)
    if (Status status =
            compile(build, build.artifact.sources[i],
                    fmt::format("{}/model_{}.o", build.folder, i), flags);
        !status)
      return status;
  return Status::success();
}

Status link(Build &build, uint64_t stackBytes, const std::string &elf) {
  std::string script = build.folder + "/image.ld";
  if (Status status =
          writeFile(script, linkerScript(build.machine, stackBytes));
      !status)
    return status;
  std::vector<std::string> command = {build.linker};
  const std::vector<std::string> &arguments = build.machine.linker.arguments;
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {"-nostartfiles", "-Wl,--gc-sections", "-T",
                                 script, "-o", elf});
  command.insert(command.end(), build.objects.begin(), build.objects.end());
  command.push_back("-lm");
  return runTool(command, build.folder, build.options.timeoutSeconds,
                 fmt::format("linking model '{}' for machine '{}' ({} B of "
                             "data memory, stack {} B)",
                             build.artifact.name, build.machine.name,
                             build.machine.memory.data.length, stackBytes));
}

ImageMemory measureMemory(const ElfFile &elf, uint64_t arenaBytes) {
  ImageMemory memory;
  memory.arena = arenaBytes;
  for (const ElfSection &section : elf.sections()) {
    if (isGuestSection(section.name))
      continue;
    if (section.isCode)
      memory.text += section.size;
    else if (!section.isWritable)
      memory.constants += section.size;
    else if (!section.bytes.empty())
      memory.data += section.size;
    else
      memory.bss += section.size;
  }
  return memory;
}

std::string compilerVersion(const Build &build) {
  ProcessResult result;
  if (!runProcess({build.compiler, "--version"}, build.folder,
                  build.options.timeoutSeconds, result))
    return build.compiler;
  return result.output.substr(0, result.output.find('\n'));
}

} // namespace

Status buildImage(const std::string &artifactDir, const Machine &machine,
                  const ImageOptions &options, Image &image) {
  if (!machine.isEmulated())
    return Status::failure(fmt::format(
        "machine '{}' is not emulated, so no image can be built for it",
        machine.name));
  ArtifactFolder artifact;
  if (Status status = readArtifactFolder(artifactDir, artifact); !status)
    return status;
  if (artifact.sources.empty())
    return Status::failure(fmt::format(
        "the folder {} holds an object file for another machine and no C; "
        "write it with 'adze compile MODEL -t {}'",
        artifactDir, machine.name));
  auto impl = std::make_unique<Image::Impl>();
  impl->machine = machine;
  if (Status status = impl->folder.create(); !status)
    return status;
  impl->elfPath = impl->folder.file("image.elf");
  impl->stackBytes =
      options.stackBytes
          ? (options.stackBytes + 15) / 16 * 16
          : std::min(defaultStackBytes, machine.memory.data.length / 4);

  Build build{artifact, machine, options, impl->folder.path(), {}, {}, {}, {}};
  if (Status status = findTools(build); !status)
    return status;
  if (Status status = addSystemHeaders(build); !status)
    return status;
  if (Status status = compileGuest(build); !status)
    return status;
  if (Status status = compileArtifact(build); !status)
    return status;
  if (Status status = link(build, impl->stackBytes, impl->elfPath); !status)
    return status;
  if (Status status = impl->elf.read(impl->elfPath); !status)
    return status;

  image.model = artifact.name;
  image.inputs = artifact.inputs;
  image.outputs = artifact.outputs;
  image.memory = measureMemory(impl->elf, artifact.arenaBytes);
  image.compiler = compilerVersion(build);
  image.stackBound =
      stackBound(impl->elf, machine, artifact.name + "_run");
  image.impl = std::move(impl);
  return Status::success();
}

} // namespace adze
