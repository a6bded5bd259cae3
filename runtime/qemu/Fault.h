//===- Fault.h - What an exception of the guest means -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_QEMU_FAULT_H
#define ADZE_RUNTIME_QEMU_FAULT_H

#include "runtime/qemu/ImageImpl.h"
#include "runtime/qemu/guest/report.h"

namespace adze {

/// "0x1f4 in function k_conv (offset 0x14)".
std::string describePlace(const ElfFile &elf, uint64_t address);

/// "undefined instruction at PLACE, return address PLACE; the address
/// accessed is ...".
std::string describeFault(const Image::Impl &image, const adze_report &report);

} // namespace adze

#endif
