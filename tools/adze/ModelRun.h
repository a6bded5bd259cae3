//===- ModelRun.h - Inputs from files, models made runnable --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_MODELRUN_H
#define ADZE_TOOLS_ADZE_MODELRUN_H

#include "adze/Driver.h"
#include "adze/Npz.h"
#include "tools/adze/Command.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace adze::cli {

/// Where a model's inputs come from.
class InputFiles {
public:
  /// An .npz file: arrays `in/NAME`, or `NAME` if none begins with `in/`.
  void addNpz(const std::string &path);
  /// NAME=FILE.npy, or FILE.npy for the only input.
  void addNpy(const std::string &text);
  bool empty() const { return !npz && singles.empty(); }

  /// The .npz file, for its reference outputs.
  const NpzReader &archive() const { return *npz; }

  /// Adds the arrays' shapes to the shapes that the user gave, which win; an
  /// input that is fixed has none.
  void addShapes(CompileOptions &options) const;

  /// Reads one tensor for each input, in order, and checks types and shapes.
  std::vector<Tensor> read(const std::vector<TensorSpec> &inputs) const;

private:
  /// The array of an input; empty if the archive has none.
  std::string arrayOf(const std::string &input, bool onlyInput) const;

  std::string npzPath;
  std::optional<NpzReader> npz;
  std::string prefix;                                       // "in/" or nothing
  std::vector<std::pair<std::string, std::string>> singles; // (name, path)
};

/// Inputs made up from a seed: floats in [0, 1), integers and bools 0 or 1
/// (they are indices as often as numbers).
std::vector<Tensor> randomInputs(const std::vector<TensorSpec> &inputs,
                                 unsigned seed);

std::vector<const Tensor *> pointersTo(const std::vector<Tensor> &tensors);

/// A model or artifact that can be run.
struct Runnable {
  CompiledModel compiled; // empty for an artifact's folder
  std::unique_ptr<Executable> executable;
  double compileSeconds = 0;
  std::string device; // where a GPU's code runs; empty for other targets
};

/// Compiles a model, or takes an artifact's folder, and makes it runnable.
Runnable makeRunnable(const ModelOptions &options,
                      const CompileOptions &compileOptions);

} // namespace adze::cli

#endif
