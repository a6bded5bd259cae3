//===- Execute.cpp - One test from model to verdict -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Execute.h"

#include "adze/Interpreter.h"
#include "lib/Pipeline/CompiledModule.h"

#include <algorithm>

using namespace adze;
using namespace adze::conformance;

Outcome conformance::failed(const Status &status) {
  Outcome outcome;
  outcome.message = status.message;
  auto says = [&](const char *text) {
    return status.message.find(text) != std::string::npos;
  };
  bool known = says("not supported") || says("too old");
  outcome.result = known ? Result::Unsupported : Result::Error;
  return outcome;
}

/// The inputs that a test gives as data and a user would give as constants:
/// small vectors and scalars, of integers (axes, shapes, counts) or, with
/// `floats`, of any type (the bounds of a Range).
static std::map<std::string, Tensor>
shapeInputs(const ModelSignature &signature, const DataSet &set, bool floats) {
  std::map<std::string, Tensor> constants;
  for (size_t i = 0; i < signature.inputs.size() && i < set.inputs.size();
       ++i) {
    const Tensor &tensor = set.inputs[i];
    bool isInteger = tensor.spec.type == ElementType::Int64 ||
                     tensor.spec.type == ElementType::Int32;
    if (tensor.spec.shape.size() <= 1 && tensor.spec.numElements() <= 64 &&
        (isInteger || floats))
      constants[signature.inputs[i].spec.name] = tensor;
  }
  return constants;
}

/// Free dimensions take the sizes that the data has.
static void chooseShapes(const ModelSignature &signature, const DataSet &set,
                         CompileOptions &options) {
  options.shapes.clear();
  for (size_t i = 0; i < signature.inputs.size() && i < set.inputs.size();
       ++i) {
    const ModelValue &input = signature.inputs[i];
    if (!input.isStatic() && !options.constants.count(input.spec.name))
      options.shapes[input.spec.name] = set.inputs[i].spec.shape;
  }
}

static Status compile(const Test &test, const ModelSignature &signature,
                      CompileOptions options, Prepared &prepared) {
  const DataSet &set = prepared.sets.front();
  chooseShapes(signature, set, options);
  Status first = compileModel(test.model(), options, prepared.compiled);
  auto wantsConstants = [](const Status &status) {
    return status.message.find("run time") != std::string::npos ||
           status.message.find("compile time") != std::string::npos;
  };
  Status status = first;
  for (bool floats : {false, true}) {
    if (!wantsConstants(status))
      break;
    options.constants = shapeInputs(signature, set, floats);
    if (options.constants.empty())
      continue;
    chooseShapes(signature, set, options);
    prepared.compiled = {};
    status = compileModel(test.model(), options, prepared.compiled);
  }
  if (status)
    for (const auto &[name, tensor] : options.constants)
      prepared.fixed.push_back(name);
  return status;
}

bool conformance::prepare(const Test &test, const std::string &target,
                          int optLevel, Prepared &prepared, Outcome &outcome) {
  CompileOptions options;
  options.target = target == interpreterTarget ? "c" : target;
  options.textKernels = target != interpreterTarget;
  options.optLevel = optLevel;
  options.name = test.name;
  ModelSignature signature;
  Status status = readSignature(test.model(), signature);
  for (const ModelValue &input : signature.inputs)
    if (status && !input.kind.empty() && input.kind != "tensor")
      status = Status::failure("input '" + input.spec.name + "' is " +
                               (input.kind == "optional" ? "an " : "a ") +
                               input.kind + ", which is not supported");
  if (status)
    status = readDataSets(test, prepared.sets);
  if (status)
    status = compile(test, signature, options, prepared);
  if (!status) {
    outcome = failed(status);
    return false;
  }
  // Inputs that became constants are no longer given.
  for (DataSet &set : prepared.sets) {
    std::vector<Tensor> rest;
    for (size_t i = 0; i < set.inputs.size(); ++i)
      if (i >= signature.inputs.size() ||
          std::find(prepared.fixed.begin(), prepared.fixed.end(),
                    signature.inputs[i].spec.name) == prepared.fixed.end())
        rest.push_back(std::move(set.inputs[i]));
    set.inputs = std::move(rest);
  }
  return true;
}

static Status load(const std::string &target, CompiledModel &compiled,
                   std::unique_ptr<Executable> &executable) {
  if (target != interpreterTarget)
    return loadExecutable(compiled, executable);
  Status status;
  executable = makeInterpreted(std::move(compiled.impl->module), status);
  return status;
}

Outcome conformance::runTest(const Test &test, const std::string &target,
                             int optLevel) {
  Outcome outcome;
  Prepared prepared;
  if (!prepare(test, target, optLevel, prepared, outcome))
    return outcome;
  for (const std::string &name : prepared.fixed)
    outcome.payload += (outcome.payload.empty() ? "" : ", ") + name;
  std::unique_ptr<Executable> executable;
  if (Status status = load(target, prepared.compiled, executable); !status)
    return failed(status);
  for (const DataSet &set : prepared.sets) {
    std::vector<const Tensor *> in;
    for (const Tensor &tensor : set.inputs)
      in.push_back(&tensor);
    std::vector<Tensor> out;
    if (Status status = executable->run(in, out); !status)
      return failed(status);
    outcome.message = compareOutputs(test, out, set);
    outcome.result = outcome.message.empty() ? Result::Pass : Result::Wrong;
    if (outcome.result != Result::Pass)
      return outcome;
  }
  return outcome;
}
