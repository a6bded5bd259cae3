//===- Suite.cpp - The tests and their data ---------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Suite.h"

#include "adze/Compare.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace adze;
using namespace adze::conformance;
namespace fs = std::filesystem;

/// "test_gelu_default_1" of "test_gelu_default_1_expanded_ver18".
static std::string withoutExpansion(const std::string &name) {
  return name.substr(0, name.find("_expanded"));
}

static Status readIndex(const fs::path &folder, std::vector<Test> &tests) {
  std::ifstream file(folder / "index.json");
  nlohmann::json index = nlohmann::json::parse(file, nullptr, false);
  if (index.is_discarded() || !index.is_array())
    return Status::failure((folder / "index.json").string() +
                           " is no list of tests in JSON");
  for (const nlohmann::json &entry : index) {
    Test test;
    test.name = entry.at("name");
    test.folder = (folder / test.name).string();
    test.operators = entry.at("ops").get<std::vector<std::string>>();
    test.expanded = entry.at("expanded");
    test.relative = entry.at("rtol");
    test.absolute = entry.at("atol");
    // A second domain is there for the sake of the test's own operator.
    for (const auto &[domain, version] : entry.at("opset").items())
      if (test.domain.empty() || test.domain == "ai.onnx") {
        test.domain = domain;
        test.opset = version;
      }
    tests.push_back(std::move(test));
  }
  return Status::success();
}

static Status scanFolder(const fs::path &folder, std::vector<Test> &tests) {
  std::error_code error;
  for (const fs::directory_entry &entry :
       fs::directory_iterator(folder, error)) {
    if (!fs::exists(entry.path() / "model.onnx"))
      continue;
    Test test;
    test.name = entry.path().filename().string();
    test.folder = entry.path().string();
    test.expanded = test.name.find("_expanded") != std::string::npos;
    // A model that cannot be read is the outcome of that test.
    ModelSignature signature;
    (void)readSignature(test.model(), signature);
    test.operators = signature.operators;
    for (const auto &[domain, version] : signature.opsets)
      if (test.domain.empty() || test.domain == "ai.onnx") {
        test.domain = domain;
        test.opset = version;
      }
    tests.push_back(std::move(test));
  }
  if (error)
    return Status::failure(folder.string() + ": " + error.message());
  std::sort(tests.begin(), tests.end(),
            [](const Test &a, const Test &b) { return a.name < b.name; });
  return Status::success();
}

Status conformance::readSuite(const std::string &folder,
                              std::vector<Test> &tests) {
  Status status = fs::exists(fs::path(folder) / "index.json")
                      ? readIndex(folder, tests)
                      : scanFolder(folder, tests);
  if (!status)
    return status;
  if (tests.empty())
    return Status::failure(folder + " holds no tests: expected index.json and "
                                    "folders test_*/ with a model.onnx each");
  std::map<std::string, std::string> operatorOf;
  for (Test &test : tests)
    if (!test.expanded)
      operatorOf[test.name] = test.op =
          test.operators.empty() ? "?" : test.operators.front();
  for (Test &test : tests)
    if (test.expanded) {
      auto found = operatorOf.find(withoutExpansion(test.name));
      test.op = found == operatorOf.end() ? "?" : found->second;
    }
  return Status::success();
}

/// Reads input_0.pb, input_1.pb, ...
static Status readNumbered(const fs::path &folder, const std::string &prefix,
                           std::vector<Tensor> &tensors) {
  for (unsigned i = 0;; ++i) {
    fs::path path = folder / fmt::format("{}_{}.pb", prefix, i);
    if (!fs::exists(path))
      return Status::success();
    Tensor tensor;
    if (Status status = readTensorProto(path.string(), tensor); !status)
      return status;
    tensors.push_back(std::move(tensor));
  }
}

Status conformance::readDataSets(const Test &test, std::vector<DataSet> &sets) {
  for (unsigned i = 0;; ++i) {
    fs::path folder =
        fs::path(test.folder) / fmt::format("test_data_set_{}", i);
    if (!fs::exists(folder))
      break;
    DataSet set;
    if (Status status = readNumbered(folder, "input", set.inputs); !status)
      return status;
    if (Status status = readNumbered(folder, "output", set.outputs); !status)
      return status;
    sets.push_back(std::move(set));
  }
  if (sets.empty())
    return Status::failure(test.folder + " holds no test_data_set_0");
  return Status::success();
}

std::string conformance::compareOutputs(const Test &test,
                                        const std::vector<Tensor> &got,
                                        const DataSet &set) {
  if (got.size() != set.outputs.size())
    return fmt::format("there are {} outputs instead of {}", got.size(),
                       set.outputs.size());
  for (size_t i = 0; i < got.size(); ++i) {
    Tolerance tolerance; // none: equal, for integers and bools
    if (isFloat(got[i].spec.type) ||
        got[i].spec.type == ElementType::Complex64 ||
        got[i].spec.type == ElementType::Complex128) {
      tolerance.relative = test.relative;
      tolerance.absolute = test.absolute;
    }
    Comparison result = compareTensors(got[i], set.outputs[i], tolerance);
    if (!result.passed)
      return fmt::format(
          "output {} '{}' {}: {}{}", i, got[i].spec.name,
          set.outputs[i].spec.typeText(), result.reason,
          result.worst < 0
              ? ""
              : fmt::format(" ({} of {} differ; element {}: {:.9g}, expected "
                            "{:.9g})",
                            result.different, result.elements, result.worst,
                            result.worstGot, result.worstWant));
  }
  return "";
}
