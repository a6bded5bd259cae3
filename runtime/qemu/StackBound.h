//===- StackBound.h - The most stack that a function can take ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_QEMU_STACKBOUND_H
#define ADZE_RUNTIME_QEMU_STACKBOUND_H

#include "adze/Machine.h"
#include "runtime/qemu/ElfFile.h"

namespace adze {

/// Bytes of stack that no run of `function` exceeds, its callees included, read
/// off the machine code: along every way through the calls the sum of all that
/// the functions on it take from the stack pointer. 0 if that cannot be told:
/// recursion, a call through a pointer, a jump through a table, or a frame
/// whose size is computed.
uint64_t stackBound(const ElfFile &elf, const Machine &machine,
                    const std::string &function);

} // namespace adze

#endif
