//===- Fault.cpp - What an exception of the guest means -------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/qemu/Fault.h"

#include <fmt/format.h>

namespace adze {
namespace {

struct Cause {
  unsigned code;
  const char *text;
};

/// Bits of the Configurable Fault Status Register (Armv7-M Architecture
/// Reference Manual, B3.2.15; Armv8-M adds STKOF).
constexpr Cause cortexCauses[] = {
    {0, "instruction fetch violates memory protection"},
    {1, "data access violates memory protection"},
    {8, "instruction fetch from an address without memory"},
    {9, "access to an address without memory"},
    {10, "access to an address without memory (imprecise)"},
    {12, "no memory for the stack on exception entry"},
    {16, "undefined instruction"},
    {17, "branch to an address that is not Thumb code"},
    {18, "invalid return from an exception"},
    {19, "instruction of a coprocessor that is off or missing"},
    {20, "stack limit passed"},
    {24, "unaligned access"},
    {25, "division by zero"},
};

/// Values of mcause (RISC-V privileged architecture, table 3.6).
constexpr Cause riscvCauses[] = {
    {0, "instruction address misaligned"},
    {1, "instruction fetch from an address without memory"},
    {2, "illegal instruction"},
    {3, "breakpoint"},
    {4, "load address misaligned"},
    {5, "load from an address without memory"},
    {6, "store address misaligned"},
    {7, "store to an address without memory"},
};

std::string causeText(const Machine &machine, uint64_t cause) {
  if (machine.emulator.startup == "riscv") {
    for (const Cause &known : riscvCauses)
      if (cause == known.code)
        return known.text;
  } else {
    for (const Cause &known : cortexCauses)
      if (cause & (uint64_t(1) << known.code))
        return known.text;
  }
  return "unknown cause";
}

} // namespace

std::string describePlace(const ElfFile &elf, uint64_t address) {
  const ElfFunction *function = elf.functionAt(address & ~uint64_t(1));
  if (!function)
    return fmt::format("{:#x}, which is in no function", address);
  return fmt::format("{:#x} in function {} (offset {:#x})", address,
                     function->name,
                     (address & ~uint64_t(1)) - function->address);
}

std::string describeFault(const Image::Impl &image, const adze_report &report) {
  std::string text = fmt::format(
      "{} at {}, return address {}", causeText(image.machine, report.cause),
      describePlace(image.elf, report.pc),
      describePlace(image.elf, report.return_address));
  if (report.address)
    text += fmt::format("; the address accessed is {:#x}", report.address);
  return text;
}

} // namespace adze
