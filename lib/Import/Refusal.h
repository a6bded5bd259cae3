//===- Refusal.h - How the reader gives up ----------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_REFUSAL_H
#define ADZE_IMPORT_REFUSAL_H

#include "adze/Diagnostics.h"

#include <utility>

namespace adze::reader {

/// Thrown anywhere in the reader, caught in `readOnnx` alone, which adds the
/// model's path and makes a Status of it.
struct Refusal {
  Problem problem;
};

[[noreturn]] inline void refuse(Problem problem) {
  throw Refusal{std::move(problem)};
}

[[noreturn]] inline void refuse(std::string what, std::string advice = "") {
  Problem problem;
  problem.what = std::move(what);
  problem.advice = std::move(advice);
  throw Refusal{std::move(problem)};
}

} // namespace adze::reader

#endif
