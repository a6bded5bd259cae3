//===- Samples.h - Sample inputs from files ---------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_SAMPLES_H
#define ADZE_QUANTIZE_SAMPLES_H

#include "adze/Compiler.h"

#include <string>
#include <vector>

namespace adze::quantize {

/// Sample inputs of a model: an .npz file with all of them along the first
/// dimension of its arrays, or a folder of .npz files with one each.
class Samples {
public:
  /// Reads an .npz file, or lists a folder. `limit`: at most so many; 0: all.
  static Status open(const std::string &path,
                     const std::vector<TensorSpec> &inputs, int64_t limit,
                     Samples &samples);
  int64_t count() const { return number; }
  /// One tensor for each input.
  Status read(int64_t index, std::vector<Tensor> &tensors) const;

private:
  std::vector<TensorSpec> inputs;
  std::vector<Tensor> arrays; // of an .npz file, by input
  std::vector<std::string> files;
  int64_t number = 0;
};

} // namespace adze::quantize

#endif
