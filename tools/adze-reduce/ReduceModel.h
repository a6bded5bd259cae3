//===- ReduceModel.h - Smaller ONNX models with the same fault -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_REDUCE_REDUCEMODEL_H
#define ADZE_TOOLS_ADZE_REDUCE_REDUCEMODEL_H

#include "tools/adze-reduce/Criterion.h"

#include <map>
#include <vector>

namespace adze::reduce {

struct ModelReduction {
  std::string input, output;                          // paths
  std::map<std::string, std::vector<int64_t>> shapes; // as in CompileOptions
};

/// Reduces the model and writes what is left, with progress on standard error.
/// Fails if the model does not show the fault to begin with.
Status reduceModel(const ModelReduction &reduction, Criterion &criterion);

} // namespace adze::reduce

#endif
