//===- Execute.cpp - One test from model to verdict -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Execute.h"

#include "adze/Interpreter.h"
#include "lib/Pipeline/CompiledModule.h"

#include <fmt/format.h>

using namespace adze;
using namespace adze::conformance;

Outcome conformance::failed(const Status &status) {
  Outcome outcome;
  outcome.message = status.message;
  bool known = status.message.find("not supported") != std::string::npos;
  outcome.result = known ? Result::Unsupported : Result::Error;
  return outcome;
}

bool conformance::prepare(const Test &test, const std::string &target,
                          int optLevel, Prepared &prepared, Outcome &outcome) {
  CompileOptions options;
  options.target = target == interpreterTarget ? "c" : target;
  options.optLevel = optLevel;
  options.name = test.name;
  Status status = readDataSets(test, prepared.sets);
  if (status)
    status = freeShapes(test, prepared.sets.front(), options.shapes);
  if (status)
    status = compileModel(test.model(), options, prepared.compiled);
  if (!status)
    outcome = failed(status);
  return bool(status);
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
    outcome.result =
        outcome.message.empty() ? Result::Pass : Result::Wrong;
    if (outcome.result != Result::Pass)
      return outcome;
  }
  return outcome;
}
