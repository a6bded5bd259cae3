//===- Pool.h - Work in children, some at a time ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CONFORMANCE_POOL_H
#define ADZE_CONFORMANCE_POOL_H

#include <functional>
#include <string>
#include <vector>

namespace adze::conformance {

/// How a piece of work ended, in the table's words.
enum class Result { Pass, Wrong, Unsupported, Error, Crash, Timeout };
const char *resultName(Result result);

struct Outcome {
  Result result = Result::Error;
  std::string message;
  std::string payload; // what the work hands over, of any form
  double seconds = 0;
};

struct PoolOptions {
  unsigned jobs = 2;
  double timeoutSeconds = 60; // for each piece of work
  /// Do the work in this process, one after the other: for a debugger.
  bool inProcess = false;
};

/// Does `count` pieces of work, each in a child of its own, so that a crash or
/// an endless loop of one is the outcome of that one. The caller must have no
/// threads. `done` is called here, in the order in which they end.
void runPool(size_t count, const PoolOptions &options,
             const std::function<Outcome(size_t index)> &work,
             const std::function<void(size_t index, Outcome outcome)> &done);

} // namespace adze::conformance

#endif
