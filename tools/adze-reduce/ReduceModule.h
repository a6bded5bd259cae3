//===- ReduceModule.h - Smaller MLIR modules with the same fault *- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_REDUCE_REDUCEMODULE_H
#define ADZE_TOOLS_ADZE_REDUCE_REDUCEMODULE_H

#include "tools/adze-reduce/Criterion.h"

#include <string>

namespace adze::reduce {

struct ModuleReduction {
  std::string input, output; // paths
};

/// Reduces the module and writes what is left, with progress on standard
/// error. Fails if the module does not show the fault to begin with.
Status reduceModule(const ModuleReduction &reduction, Criterion &criterion);

} // namespace adze::reduce

#endif
