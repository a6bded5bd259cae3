//===- GuestFiles.cpp - The files that go into or with an image -----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/qemu/GuestFiles.h"
#include "runtime/native/TemporaryFolder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <string_view>

namespace adze {
namespace {

struct EmbeddedFile {
  const char *name;
  const unsigned char *data;
  size_t size;
};
#include "Guest.inc"

/// Buffers of the runner lie in sections of their own (see linkerScript).
std::string buffer(const std::string &name, const char *section, int64_t size) {
  return fmt::format("static unsigned char {}[{}]\n"
                     "    __attribute__((aligned(16), section(\"{}\")));\n",
                     name, std::max<int64_t>(size, 1), section);
}

std::string fileTable(const char *kind, size_t count,
                      const std::vector<TensorSpec> &specs,
                      std::string (*fileName)(size_t)) {
  std::string text =
      fmt::format("const struct adze_guest_file adze_guest_{}s[] = {{\n", kind);
  for (size_t i = 0; i < count; ++i)
    text += fmt::format("    {{\"{}\", {}{}, {}}},\n", fileName(i), kind, i,
                        specs[i].byteSize());
  // The empty row: C has no arrays without elements.
  text += fmt::format("    {{0, 0, 0}}}};\n"
                      "const unsigned adze_guest_num_{}s = {};\n",
                      kind, count);
  return text;
}

constexpr std::array<const char *, 6> guestSections = {
    ".start", ".guest_data", ".guest_bss", ".stack", ".arena", ".io"};

} // namespace

Status writeEmbeddedFile(const std::string &name, const std::string &folder) {
  for (const EmbeddedFile &file : embeddedFiles)
    if (name == file.name)
      return writeFile(folder + "/" + name, file.data, file.size);
  assert(false && "no such embedded file");
  return Status::failure("no embedded file " + name);
}

std::string inputFile(size_t index) { return fmt::format("in{}.bin", index); }
std::string outputFile(size_t index) { return fmt::format("out{}.bin", index); }

std::string bindingSource(const ArtifactFolder &artifact) {
  std::string text = fmt::format("#include \"guest.h\"\n"
                                 "#include \"{}\"\n\n",
                                 artifact.header());
  for (size_t i = 0; i < artifact.inputs.size(); ++i)
    text +=
        buffer(fmt::format("input{}", i), ".io", artifact.inputs[i].byteSize());
  for (size_t i = 0; i < artifact.outputs.size(); ++i)
    text += buffer(fmt::format("output{}", i), ".io",
                   artifact.outputs[i].byteSize());
  text += fmt::format(
      "static unsigned char arena[{0}_ARENA_SIZE > 0 ? {0}_ARENA_SIZE : 1]\n"
      "    __attribute__((aligned(16), section(\".arena\")));\n"
      "const struct adze_guest_file adze_guest_arena =\n"
      "    {{0, arena, sizeof arena}};\n\n",
      artifact.macroPrefix());
  text +=
      fileTable("input", artifact.inputs.size(), artifact.inputs, inputFile);
  text += fileTable("output", artifact.outputs.size(), artifact.outputs,
                    outputFile);
  // Weights in a file of their own become part of the image's constants.
  text += fmt::format(
      R"(
#ifdef {0}_WEIGHTS_SIZE
__asm__(".section .weights, \"a\"\n"
        ".balign 16\n"
        ".globl adze_guest_weights\n"
        "adze_guest_weights:\n"
        ".incbin \"{1}\"\n"
        ".previous\n");
extern const unsigned char adze_guest_weights[];
#define WEIGHTS adze_guest_weights,
#else
#define WEIGHTS
#endif

int adze_guest_call(void) {{
#ifdef {0}_ARENAS_IN
  const {2}_arenas arenas = {0}_ARENAS_IN(arena);
  return {2}_run({3}WEIGHTS &arenas);
#else
  return {2}_run({3}WEIGHTS (void *)arena, {0}_ARENA_SIZE);
#endif
}}
const char *adze_guest_status_text(int status) {{
  return {2}_status_text(status);
}}
)",
      artifact.macroPrefix(), weightsLink, artifact.name,
      runArguments(artifact, "(void *)input{}", "(void *)output{}"));
  return text;
}

bool isGuestSection(const std::string &name) {
  return std::find(guestSections.begin(), guestSections.end(), name) !=
         guestSections.end();
}

std::string linkerScript(const Machine &machine, uint64_t stackBytes) {
  const MemoryMap &map = machine.memory;
  const char *constants = map.constants.length ? "CONSTANTS" : "CODE";
  std::string text = "MEMORY {\n";
  auto region = [&](const char *name, const MemoryRegion &memory) {
    if (memory.length)
      text += fmt::format("  {} : ORIGIN = {:#x}, LENGTH = {:#x}\n", name,
                          memory.origin, memory.length);
  };
  region("CODE", map.code);
  region("CONSTANTS", map.constants);
  region("DATA", map.data);
  text += fmt::format(
      R"(}}
ENTRY(adze_guest_start)
SECTIONS {{
  .start : {{
    KEEP(*(.adze_start))
    *guest_*.o(.text .text.* .rodata .rodata.* .srodata .srodata.*)
    . = ALIGN(16);
  }} > CODE
  .text : {{ *(.text .text.*) . = ALIGN(16); }} > CODE
  .ARM.exidx : {{ *(.ARM.exidx* .ARM.extab*) }} > CODE
  .rodata : {{
    *(.rodata .rodata.* .weights .srodata .srodata.* .eh_frame .eh_frame_hdr)
    . = ALIGN(16);
  }} > {0}
  __stack_guard = {1:#x};
  __stack_guard_size = {2:#x};
  .stack (NOLOAD) : {{
    __stack_limit = .;
    . += {3};
    __stack_top = .;
  }} > DATA
  .guest_data : {{
    __data_start = .;
    *guest_*.o(.data .data.* .sdata .sdata.*)
    . = ALIGN(16);
  }} > DATA AT> CODE
  .data : {{
    __global_pointer$ = . + 0x800;
    *(.data .data.* .sdata .sdata.*)
    . = ALIGN(16);
    __data_end = .;
  }} > DATA AT> CODE
  __data_source = LOADADDR(.guest_data);
  .guest_bss (NOLOAD) : {{
    __bss_start = .;
    *guest_*.o(.bss .bss.* .sbss .sbss.*)
    . = ALIGN(16);
  }} > DATA
  .bss (NOLOAD) : {{
    *(.bss .bss.* .sbss .sbss.* COMMON)
    . = ALIGN(16);
    __bss_end = .;
    end = .;
    _end = .;
  }} > DATA
  .arena (NOLOAD) : {{ *(.arena) }} > DATA
  .io (NOLOAD) : {{ *(.io) }} > DATA
}}
)",
      constants, map.stackGuard.origin, map.stackGuard.length, stackBytes);
  return text;
}

} // namespace adze
