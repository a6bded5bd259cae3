//===- Python.h - Talking to onnxruntime in a Python process -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// onnxruntime serves as the peer of `adze bench` and as the reference of
// `adze verify --per-layer`. It is looked for, never required to build.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_PYTHON_H
#define ADZE_TOOLS_ADZE_PYTHON_H

#include "adze/Compiler.h"

#include <memory>
#include <string>
#include <vector>

namespace adze::cli {

/// A Python program that answers lines with lines.
class PythonProcess {
public:
  PythonProcess() = default;
  ~PythonProcess();
  PythonProcess(const PythonProcess &) = delete;
  PythonProcess &operator=(const PythonProcess &) = delete;

  /// Starts `script` in the first Python that can import `modules`: that of
  /// $ADZE_PYTHON, of adze's own virtual environment, or the system's.
  Status start(const std::string &script, const std::string &modules,
               const std::vector<std::string> &arguments);
  /// Sends one line (if it is not empty) and waits for one.
  Status exchange(const std::string &request, std::string &answer);

private:
  Status launch(const std::string &python, const std::string &script,
                const std::vector<std::string> &arguments);
  int toChild = -1, fromChild = -1, child = -1;
  std::string pending;
};

/// A session of onnxruntime on one thread, for timing.
class OnnxRuntimePeer {
public:
  /// Loads the model and its inputs (an .npz file with arrays in/NAME).
  Status start(const std::string &model, const std::string &inputs);
  /// Times `count` runs, in seconds.
  Status time(unsigned count, std::vector<double> &seconds);
  const std::string &version() const { return versionText; }

private:
  PythonProcess process;
  std::string versionText;
};

/// Runs the model in onnxruntime, unoptimised, with the result of every node
/// of the main graph as an output, and writes them as arrays out/NAME.
Status runEveryLayer(const std::string &model, const std::string &inputs,
                     const std::string &outputs);

} // namespace adze::cli

#endif
