//===- Criterion.h - What makes a candidate interesting --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_REDUCE_CRITERION_H
#define ADZE_TOOLS_ADZE_REDUCE_CRITERION_H

#include "adze/Compiler.h"

#include <string>

namespace adze::reduce {

/// The fault that a reduced model must still show.
enum class Fault {
  Script,   // the user's script exits with 0
  Crash,    // compiling dies by a signal
  Message,  // compiling fails with a message that contains a text
  Mismatch, // host -O0 and the target differ in their results
};

struct CriterionOptions {
  Fault fault = Fault::Script;
  std::string script;  // absolute path
  std::string message; // part of the expected one
  std::string target = "host";
  int optLevel = 2;
  unsigned seed = 0; // of the inputs of Mismatch
  double timeLimit =
      60.0; // seconds a candidate; a longer one is of no interest
};

/// Asks whether candidates show the fault. Each is tried in a process of its
/// own, so that it may crash, hang or exhaust its memory.
class Criterion {
public:
  explicit Criterion(CriterionOptions options) : options(std::move(options)) {}

  /// Whether the model or module in that file shows the fault.
  bool holds(const std::string &path);
  int tests() const { return count; }
  /// What became of the last candidate, as a clause: "it compiles", "it was
  /// killed by Segmentation fault".
  const std::string &outcome() const { return lastOutcome; }

private:
  CriterionOptions options;
  int count = 0;
  int crashSignal = 0; // of the first crash: others are other faults
  std::string lastOutcome;
};

} // namespace adze::reduce

#endif
