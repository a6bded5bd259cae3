//===- Execute.h - One test from model to verdict ---------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CONFORMANCE_EXECUTE_H
#define ADZE_CONFORMANCE_EXECUTE_H

#include "Pool.h"
#include "Suite.h"

#include "adze/Driver.h"

namespace adze::conformance {

/// "interp" executes what target c would print, without a C compiler.
constexpr const char *interpreterTarget = "interp";

/// A test read and compiled.
struct Prepared {
  std::vector<DataSet> sets;
  CompiledModel compiled;
  /// Inputs that were made constants, because without knowing them the shapes
  /// of the program are not known.
  std::vector<std::string> fixed;
};

/// Reads the data and compiles the model; a failure is an outcome.
bool prepare(const Test &test, const std::string &target, int optLevel,
             Prepared &prepared, Outcome &outcome);

/// Compiles, loads and runs a test in this process. The payload lists the
/// inputs that were made constants.
Outcome runTest(const Test &test, const std::string &target, int optLevel);

/// A failed status as an outcome: what is not supported is told from what went
/// wrong by the message.
Outcome failed(const Status &status);

} // namespace adze::conformance

#endif
