//===- Samples.cpp - Sample inputs from files -----------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Samples.h"

#include "adze/Diagnostics.h"
#include "adze/Npz.h"

#include <algorithm>
#include <filesystem>

using namespace adze;
using namespace adze::quantize;

/// Samples in an array of that shape; 0 if it fits the input in no way.
static int64_t samplesIn(const std::vector<int64_t> &shape,
                         const std::vector<int64_t> &input) {
  if (shape.size() == input.size() + 1 &&
      std::equal(input.begin(), input.end(), shape.begin() + 1))
    return shape[0];
  if (shape == input)
    return 1;
  if (input.empty() || shape.size() != input.size() || input[0] < 1 ||
      !std::equal(input.begin() + 1, input.end(), shape.begin() + 1) ||
      shape[0] % input[0] != 0)
    return 0;
  return shape[0] / input[0];
}

/// The arrays of one file, one for each input, and how many samples they hold.
static Status readArrays(const std::string &path,
                         const std::vector<TensorSpec> &inputs,
                         std::vector<Tensor> &arrays, int64_t &number) {
  NpzReader npz;
  if (Status status = NpzReader::open(path, npz); !status)
    return status;
  Problem problem;
  problem.model = path;
  std::string have, first;
  for (const std::string &name : npz.names())
    have += (have.empty() ? "" : ", ") + adze::quoted(name);
  for (const TensorSpec &input : inputs) {
    std::string array = "in/" + input.name;
    if (!npz.contains(array))
      array = input.name;
    if (!npz.contains(array) && inputs.size() == 1 && npz.names().size() == 1)
      array = npz.names()[0];
    if (!npz.contains(array)) {
      problem.what = "there is no array for input " + adze::quoted(input.name) +
                     " (" + input.typeText() + ")";
      problem.found = have.empty() ? "an empty file" : have;
      problem.advice = "name the array of samples as the input, or in/ and its "
                       "name";
      return Status::failure(problem.text());
    }
    Tensor tensor;
    if (Status status = npz.read(array, tensor, input.type); !status)
      return status;
    int64_t samples = samplesIn(tensor.spec.shape, input.shape);
    if (samples < 1 || tensor.spec.type != input.type) {
      TensorSpec many = input;
      many.shape.insert(many.shape.begin(), 0);
      std::string text = many.typeText();
      text.replace(text.find('[') + 1, 1, "N");
      problem.what = "array " + adze::quoted(array) +
                     " does not hold samples of input " +
                     adze::quoted(input.name);
      problem.expected = text;
      problem.found = tensor.spec.typeText();
      return Status::failure(problem.text());
    }
    if (first.empty()) {
      first = array;
      number = samples;
    } else if (samples != number) {
      problem.what = "arrays " + adze::quoted(first) + " and " +
                     adze::quoted(array) + " hold " + std::to_string(number) +
                     " and " + std::to_string(samples) + " samples";
      return Status::failure(problem.text());
    }
    arrays.push_back(std::move(tensor));
  }
  return Status::success();
}

Status Samples::open(const std::string &path,
                     const std::vector<TensorSpec> &inputs, int64_t limit,
                     Samples &samples) {
  samples.inputs = inputs;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (std::filesystem::directory_iterator entry(path, error), end;
         !error && entry != end; entry.increment(error))
      if (entry->path().extension() == ".npz")
        samples.files.push_back(entry->path().string());
    if (samples.files.empty())
      return Status::failure(
          printable(path, 400) +
          ": the folder holds no .npz file. Put one file there for each "
          "sample, with arrays named by input.");
    std::sort(samples.files.begin(), samples.files.end());
    samples.number = int64_t(samples.files.size());
  } else if (Status status =
                 readArrays(path, inputs, samples.arrays, samples.number);
             !status) {
    return status;
  }
  if (limit > 0)
    samples.number = std::min(samples.number, limit);
  return Status::success();
}

Status Samples::read(int64_t index, std::vector<Tensor> &tensors) const {
  tensors.clear();
  if (!files.empty()) {
    const std::string &path = files[size_t(index)];
    int64_t samples = 0;
    if (Status status = readArrays(path, inputs, tensors, samples); !status)
      return status;
    if (samples != 1)
      return Status::failure(printable(path, 400) + ": the file holds " +
                             std::to_string(samples) +
                             " samples; in a folder it is one a file.");
    for (size_t i = 0; i < inputs.size(); ++i)
      tensors[i].spec = inputs[i];
    return Status::success();
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor tensor(inputs[i]);
    size_t bytes = size_t(inputs[i].byteSize());
    std::copy_n(arrays[i].data() + size_t(index) * bytes, bytes, tensor.data());
    tensors.push_back(std::move(tensor));
  }
  return Status::success();
}
