//===- ImageImpl.h - What an image keeps between build and run --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_QEMU_IMAGEIMPL_H
#define ADZE_RUNTIME_QEMU_IMAGEIMPL_H

#include "adze/Qemu.h"
#include "runtime/native/TemporaryFolder.h"
#include "runtime/qemu/ElfFile.h"

namespace adze {

struct Image::Impl {
  Machine machine;
  TemporaryFolder folder;
  std::string elfPath;
  ElfFile elf;
  uint64_t stackBytes = 0;
};

} // namespace adze

#endif
