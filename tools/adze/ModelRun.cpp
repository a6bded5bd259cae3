//===- ModelRun.cpp - Inputs from files, models made runnable -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/adze/ModelRun.h"
#include "adze/CudaDriver.h"
#include "adze/Diagnostics.h"
#include "adze/Machine.h"
#include "adze/Native.h"
#include "adze/Qemu.h"
#include "lib/Support/Spelling.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>

using namespace adze;
using namespace adze::cli;

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

static bool startsWith(const std::string &text, const std::string &start) {
  return text.compare(0, start.size(), start) == 0;
}

void InputFiles::addNpz(const std::string &path) {
  npzPath = path;
  npz.emplace();
  check(NpzReader::open(path, *npz));
  const std::vector<std::string> &names = npz->names();
  if (std::any_of(names.begin(), names.end(), [](const std::string &name) {
        return startsWith(name, "in/");
      }))
    prefix = "in/";
}

void InputFiles::addNpy(const std::string &text) {
  // A file named like an input's assignment is unlikely; an input's name that
  // holds '=' is not, and it comes first.
  size_t equals = text.rfind('=');
  if (equals == std::string::npos)
    singles.emplace_back("", text);
  else if (equals == 0 || equals + 1 == text.size())
    throw UsageError(fmt::format(
        "--input '{}' cannot be read: expected NAME=FILE.npy", text));
  else
    singles.emplace_back(text.substr(0, equals), text.substr(equals + 1));
}

void InputFiles::addShapes(CompileOptions &options) const {
  std::map<std::string, std::vector<int64_t>> &shapes = options.shapes;
  if (shapes.count("")) // the user has spoken about the only input
    return;
  for (const auto &[name, path] : singles) {
    Tensor tensor;
    // The type matters later; any 8- or 16-bit float tells opaque bytes'
    // shape.
    if (readNpy(path, tensor) || readNpy(path, tensor, ElementType::BFloat16) ||
        readNpy(path, tensor, ElementType::Float8E4M3FN))
      shapes.emplace(name, tensor.spec.shape);
    else
      check(readNpy(path, tensor));
  }
  if (!npz)
    return;
  for (const std::string &name : npz->names()) {
    if (!startsWith(name, prefix) ||
        (prefix.empty() && startsWith(name, "out/")))
      continue;
    if (options.constants.count(name.substr(prefix.size())))
      continue;
    std::vector<int64_t> shape;
    check(npz->shape(name, shape));
    // A lone array is for the only input, whatever its name.
    bool lone = prefix.empty() && singles.empty() && npz->names().size() == 1;
    shapes.emplace(lone ? "" : name.substr(prefix.size()), shape);
  }
}

std::string InputFiles::arrayOf(const std::string &input,
                                bool onlyInput) const {
  if (!npz)
    return {};
  if (npz->contains(prefix + input))
    return prefix + input;
  // One input and one array: no name is needed to bring them together.
  if (onlyInput && prefix.empty() && npz->names().size() == 1)
    return npz->names()[0];
  return {};
}

std::vector<Tensor>
InputFiles::read(const std::vector<TensorSpec> &inputs) const {
  std::vector<Tensor> tensors;
  std::vector<std::string> names;
  for (const TensorSpec &spec : inputs)
    names.push_back(spec.name);
  for (const auto &[name, path] : singles) {
    if (name.empty()
            ? inputs.size() != 1
            : std::find(names.begin(), names.end(), name) == names.end())
      throw Failure(
          name.empty()
              ? fmt::format("the model has {} inputs: say which one {} is for, "
                            "with --input NAME={}.",
                            inputs.size(), path, path)
              : fmt::format("the model has no input {}{}.", adze::quoted(name),
                            didYouMean(name, names)));
  }
  for (const TensorSpec &spec : inputs) {
    Tensor tensor;
    std::string source;
    auto single =
        std::find_if(singles.begin(), singles.end(), [&](const auto &entry) {
          return entry.first.empty() || entry.first == spec.name;
        });
    std::string array = arrayOf(spec.name, inputs.size() == 1);
    if (single != singles.end()) {
      source = single->second;
      check(readNpy(single->second, tensor, spec.type));
    } else if (!array.empty()) {
      source = fmt::format("array {} of {}", adze::quoted(array), npzPath);
      check(npz->read(array, tensor, spec.type));
    } else {
      std::string have;
      if (npz)
        for (const std::string &name : npz->names())
          have += (have.empty() ? "" : ", ") + adze::quoted(name);
      throw Failure(fmt::format(
          "there is no array for input {} ({}){}. Add 'in/{}' to the .npz "
          "file, or give it with --input '{}=FILE.npy'.",
          adze::quoted(spec.name), spec.typeText(),
          npz ? fmt::format(": {} holds {}", npzPath,
                            have.empty() ? "nothing" : have)
              : std::string(),
          printable(spec.name), printable(spec.name)));
    }
    if (tensor.spec.shape != spec.shape)
      throw Failure(fmt::format(
          "input {} was compiled for {}, but {} is {}. Give an array of that "
          "shape, or compile for this one with --shape.",
          adze::quoted(spec.name), spec.typeText(), source,
          tensor.spec.typeText()));
    if (tensor.spec.type != spec.type)
      throw Failure(fmt::format(
          "input {} is of type {}, but {} is of type {}. Convert it, for "
          "example with array.astype('{}') in numpy.",
          adze::quoted(spec.name), elementTypeName(spec.type), source,
          elementTypeName(tensor.spec.type), elementTypeName(spec.type)));
    tensor.spec.name = spec.name;
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::vector<Tensor> cli::randomInputs(const std::vector<TensorSpec> &inputs,
                                      unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Tensor> tensors;
  for (const TensorSpec &spec : inputs) {
    Tensor tensor(spec);
    for (int64_t i = 0, e = spec.numElements(); i < e; ++i) {
      // Not uniform_real_distribution: its results differ between libraries.
      double value = double(random()) / 4294967296.0;
      tensor.set(i, isFloat(spec.type) ? value : double(value >= 0.5));
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::vector<const Tensor *>
cli::pointersTo(const std::vector<Tensor> &tensors) {
  std::vector<const Tensor *> pointers;
  for (const Tensor &tensor : tensors)
    pointers.push_back(&tensor);
  return pointers;
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// An artifact's folder runs as the C code that lies in it, whatever target it
/// was written for: on an emulated machine, or else here.
static std::unique_ptr<Executable> loadFolder(const ModelOptions &options) {
  std::unique_ptr<Executable> executable;
  const Machine *machine = findMachine(options.target);
  if (machine && machine->isEmulated())
    check(makeQemuExecutable(options.model, *machine, executable));
  else
    check(makeNativeExecutable(options.model, executable));
  return executable;
}

Runnable cli::makeRunnable(const ModelOptions &options,
                           const CompileOptions &compileOptions) {
  Runnable runnable;
  auto start = std::chrono::steady_clock::now();
  ProgressBar progress;
  CompileOptions withProgress = compileOptions;
  withProgress.progress = progress.callback();
  std::error_code error;
  if (std::filesystem::is_directory(options.model, error)) {
    runnable.executable = loadFolder(options);
  } else {
    check(compileModel(options.model, withProgress, runnable.compiled));
    check(loadExecutable(runnable.compiled, runnable.executable));
  }
  runnable.compileSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  runnable.device = selectedCudaDevice().text;
  if (!runnable.device.empty())
    fmt::print(stderr, "on {}\n", runnable.device);
  return runnable;
}
