//===- Suite.h - The tests and their data -----------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CONFORMANCE_SUITE_H
#define ADZE_CONFORMANCE_SUITE_H

#include "adze/TensorProto.h"

#include <map>
#include <string>
#include <vector>

namespace adze::conformance {

/// One folder test_*/ of ONNX's backend test data.
struct Test {
  std::string name;
  std::string folder;
  /// The operator that the test is for; an `_expanded` test holds the body of
  /// that function instead of a node of it.
  std::string op;
  std::string domain;                 // "ai.onnx", ...
  int64_t opset = 0;                  // of that domain
  std::vector<std::string> operators; // that the model really holds
  bool expanded = false;
  double relative = 1e-3, absolute = 1e-7;

  std::string model() const { return folder + "/model.onnx"; }
};

/// Reads SUITE_DIR/index.json, or looks at every test_*/ where there is none
/// (the onnx package's backend/test/data/node).
Status readSuite(const std::string &folder, std::vector<Test> &tests);

struct DataSet {
  std::vector<Tensor> inputs, outputs;
};

/// The data sets of a test, in order.
Status readDataSets(const Test &test, std::vector<DataSet> &sets);

/// Compares a run's results with the data set: an empty text, or what differs.
std::string compareOutputs(const Test &test, const std::vector<Tensor> &got,
                           const DataSet &set);

} // namespace adze::conformance

#endif
