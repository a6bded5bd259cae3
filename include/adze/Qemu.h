//===- Qemu.h - Artifacts on emulated microcontrollers ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Builds an artifact's folder into a bare-metal image for a machine of the
/// table, runs it in QEMU, and counts what it did. Counts repeat exactly; they
/// are instructions, accesses and bytes, and never a time.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_QEMU_H
#define ADZE_QEMU_H

#include "adze/Compiler.h"
#include "adze/Machine.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace adze {

struct ImageOptions {
  /// A compiler of the machine ("gcc", "clang"); empty: its default.
  std::string compiler;
  std::string optimization = "-O3";
  /// Added after all other flags of the compiler.
  std::vector<std::string> flags;
  /// Memory reserved for the stack; 0: 64 KiB, or a quarter of the machine's
  /// data memory if that is less. An overflow is detected and reported.
  uint64_t stackBytes = 0;
  double timeoutSeconds = 600; // for each call of a tool
};

/// What the artifact and the C library functions that it pulls in take of the
/// chip's memory, in bytes; start-up code and test data are left out.
struct ImageMemory {
  uint64_t text = 0;      // code
  uint64_t constants = 0; // weights and other read-only data
  uint64_t data = 0;      // initialised variables: in flash and in RAM
  uint64_t bss = 0;       // other variables
  uint64_t arena = 0;     // NAME_ARENA_SIZE

  uint64_t flash() const { return text + constants + data; }
  /// Without the stack, which only a run knows.
  uint64_t staticRam() const { return data + bss + arena; }
};

/// A linked image in a temporary folder of its own.
class Image {
public:
  struct Impl;

  Image();
  Image(Image &&) noexcept;
  Image &operator=(Image &&) noexcept;
  ~Image();

  std::string model;                       // the artifact's name
  std::vector<TensorSpec> inputs, outputs; // of the model
  ImageMemory memory;
  /// Bytes of stack that no run of NAME_run exceeds; 0: cannot be told.
  uint64_t stackBound = 0;
  std::string compiler; // the compiler's version line
  std::unique_ptr<Impl> impl;
};

/// Builds the C files of an artifact's folder for an emulated machine.
Status buildImage(const std::string &artifactDir, const Machine &machine,
                  const ImageOptions &options, Image &image);

/// What the instructions of one function did (its callees not included).
struct FunctionStats {
  std::string name;
  uint64_t calls = 0;
  uint64_t instructions = 0;
  uint64_t loadInstructions = 0, storeInstructions = 0; // that touched memory
  uint64_t loadBytes = 0, storeBytes = 0;
  uint64_t cycles = 0; // estimate; 0 if the machine has no cycle table
  uint64_t codeBytes = 0;
};

struct RunOptions {
  bool count = true; // without counting a run takes a third of the time
  double timeoutSeconds = 300;
};

/// One inference, from the call of NAME_run to its return.
struct RunStats {
  int status = 0; // what NAME_run returned
  /// Bytes of the stack below the caller's frame that were written to.
  uint64_t stackBytes = 0;
  ImageMemory memory;
  /// Sums over `functions`; zero if the run was not counted.
  FunctionStats total;
  /// In the order in which they were first executed.
  std::vector<FunctionStats> functions;
  /// The calls that NAME_run made, in order, each with everything that was
  /// executed until it came back: kernels (layers of the model), and copies.
  /// Bytes are not counted here.
  std::vector<FunctionStats> calls;

  uint64_t flash() const { return memory.flash(); }
  uint64_t ram() const { return memory.staticRam() + stackBytes; }
};

/// Runs the image once. `inputs` are checked against the model's; `outputs`
/// receives one tensor for each output. A fault of the guest, a status other
/// than zero, and a time-out are failures that say what happened and where.
Status runImage(const Image &image, const std::vector<const Tensor *> &inputs,
                std::vector<Tensor> &outputs, RunStats &stats,
                const RunOptions &options = {});

/// An artifact's folder as an executable that runs in QEMU, uncounted.
Status makeQemuExecutable(const std::string &artifactDir,
                          const Machine &machine,
                          std::unique_ptr<Executable> &executable,
                          const ImageOptions &options = {});

} // namespace adze

#endif
