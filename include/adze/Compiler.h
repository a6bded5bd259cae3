//===- Compiler.h - Compiling and running a model from C++ -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_COMPILER_H
#define ADZE_COMPILER_H

#include "adze/Tensor.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace adze {

/// Success, or one paragraph for the user: which model and node, what was
/// expected, what was found, what to do.
struct Status {
  std::string message; // empty: success
  static Status success() { return {}; }
  static Status failure(std::string text) { return {std::move(text)}; }
  explicit operator bool() const { return message.empty(); }
};

/// Receives progress: a short label and a fraction in [0, 1].
using Progress = std::function<void(const std::string &label, double fraction)>;

struct CompileOptions {
  std::string target = "host"; // a row of the target table
  int optLevel = 2;            // -O0 .. -O3
  /// Shapes of inputs (by input name), or values of free dimensions (by
  /// dimension name, one entry). The empty name is the model's only input.
  std::map<std::string, std::vector<int64_t>> shapes;
  /// Values of inputs (by input name) that are known now: these stop being
  /// inputs. What decides on shapes has to be known.
  std::map<std::string, Tensor> constants;
  /// Make every node's results outputs too (`verify --per-layer`).
  bool keepAllValues = false;
  /// Base name of what is written; the model's file name by default.
  std::string name;
  /// Budgets in bytes, 0: none. `ram` holds the arena and `stack`, which is
  /// what the caller grants NAME_run; inputs and outputs are the caller's and
  /// count for nothing. `flash` holds the weights.
  int64_t ram = 0, flash = 0;
  /// Whether C targets get the kernels of kernel families. Without them every
  /// kernel is loops, which an interpreter can run, too.
  bool textKernels = true;
  /// "PATTERN=FUNCTION": quantized layers whose description matches are
  /// computed by a C function of the user (lib/Kernels/Accelerator.h).
  std::vector<std::string> accelerators;
  int64_t stack = 1024;
  Progress progress;
  /// The memories of the chip that the arena is spread over, the fastest first:
  /// name (lower case letters and digits) and bytes. Empty: one arena. For
  /// targets that print C; not together with `ram`.
  std::vector<std::pair<std::string, int64_t>> memories;
};

/// A model compiled and loaded into this process (or run through a simulator).
class Executable {
public:
  virtual ~Executable() = default;
  virtual const std::vector<TensorSpec> &inputs() const = 0;
  virtual const std::vector<TensorSpec> &outputs() const = 0;
  /// Runs once. `in` is in the order of inputs(), checked against them;
  /// `out` receives one tensor for each of outputs().
  virtual Status run(const std::vector<const Tensor *> &in,
                     std::vector<Tensor> &out) = 0;
};

} // namespace adze

#endif
