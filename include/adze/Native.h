//===- Native.h - Running an artifact with this machine's compiler -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_NATIVE_H
#define ADZE_NATIVE_H

#include "adze/Compiler.h"

#include <memory>
#include <string>
#include <vector>

namespace adze {

struct NativeOptions {
  /// A compiler of machine `c` ("cc", "gcc", "clang"); empty: the default.
  std::string compiler;
  /// Added to `-std=c99 -O2 -ffp-contract=off`.
  std::vector<std::string> flags;
  double timeoutSeconds = 600; // for each call of the compiler
};

/// Compiles the C files of an artifact's folder with the C compiler of this
/// machine into a shared object, which is loaded into this process. No file is
/// left behind. The model runs in-process: a crash of it is a crash of the
/// caller.
Status makeNativeExecutable(const std::string &artifactDir,
                            std::unique_ptr<Executable> &executable,
                            const NativeOptions &options = {});

} // namespace adze

#endif
