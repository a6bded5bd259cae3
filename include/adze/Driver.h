//===- Driver.h - From a model file to text, folder or executable -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the command line, the Python package and the tests ask of the compiler.
// No MLIR type appears here, so a user of this header needs the standard
// library alone. Every function answers with a Status and throws nothing.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DRIVER_H
#define ADZE_DRIVER_H

#include "adze/Compiler.h"
#include "adze/Tensor.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace adze {

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

/// One row of the target table.
struct TargetInfo {
  std::string name;    // "host", "c", "cortex-m4"
  std::string summary; // one line for `adze targets`
  /// How an executable of this target comes to run here: "in process",
  /// "system C compiler", "QEMU", "GPU or ptxsim".
  std::string runsIn;
  /// Flags for the C compiler that builds the artifact ("-mcpu=cortex-m4 ...").
  std::string compilerFlags;
};

/// The target table, in the order in which it is shown.
std::vector<TargetInfo> targets();
/// Whether that names a row, "cuda", or a list of GPUs: "cuda:sm_80,sm_90a".
bool isTarget(const std::string &name);
/// The GPUs that a target names ("sm_80", "sm_90a"); none for other targets.
std::vector<std::string> chipsOf(const std::string &target);

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

/// The first layers run in bands of rows (passes/patch).
struct PatchFigures {
  int64_t bands = 0;     // 0: they do not
  int64_t layers = 0;    // convolutions and poolings that do
  std::string upTo;      // the tensor at which the bands end
  int64_t macs = 0;      // multiply-accumulates of an inference without bands
  int64_t extraMacs = 0; // what bands compute twice
};

/// Bytes that a compiled model needs. Inputs and outputs are memory of the
/// caller and count nowhere but in `ioBytes`.
struct MemoryFigures {
  int64_t arenaBytes = 0;  // what the plan takes
  int64_t arenaBound = 0;  // no plan of these kernels in this order takes less
  int64_t orderBound = 0;  // ... nor in any order (0: not known)
  int64_t unfusedBound = 0; // no plan without fusion takes less, in any order
  int64_t weightBytes = 0; // constants, as the artifact carries them
  int64_t ioBytes = 0;     // inputs and outputs
  /// What is live where the arena is full, and the kernel that runs then.
  std::vector<std::pair<std::string, int64_t>> peakTensors;
  std::string peakAt;
  PatchFigures patches;

  /// Whether no order and no offsets of these kernels need less.
  bool isProved() const { return orderBound == arenaBytes; }
};

/// One kernel of the compiled program, in order of execution.
struct KernelInfo {
  std::string name;  // the function's name in the artifact
  std::string doc;   // one line: the fused operators, shapes, schedule
  int64_t macs = 0;  // multiply-accumulates of one call
  int64_t calls = 1; // calls in one inference (0: not known, in a loop)
};

/// A model compiled for one target, held in memory. Moved, never copied.
class CompiledModel {
public:
  struct Impl; // the modules and the weight store; lib/Pipeline knows it

  CompiledModel();
  ~CompiledModel();
  CompiledModel(CompiledModel &&) noexcept;
  CompiledModel &operator=(CompiledModel &&) noexcept;

  std::string name;   // C identifier, the prefix of the artifact's files
  std::string target; // a row of the target table, or a list of GPUs
  std::vector<TensorSpec> inputs, outputs;
  std::vector<KernelInfo> kernels;
  MemoryFigures memory;
  /// What computes in float with quantized tensors: "node: reason".
  std::vector<std::string> floatFallbacks;
  std::unique_ptr<Impl> impl;
};

/// Reads and compiles the model for `options.target`.
Status compileModel(const std::string &path, const CompileOptions &options,
                    CompiledModel &compiled);

/// The levels of the way of the data that can be printed.
/// Tile and Ptx are of GPUs, Llvm of the host.
enum class EmitLevel { Onnx, Nn, Kernel, Loops, Tile, Llvm, Ptx, C };

/// The text of the model at one level. Weights are elided.
Status emitText(const std::string &path, const CompileOptions &options,
                EmitLevel level, std::string &text);

//===----------------------------------------------------------------------===//
// Artifacts
//===----------------------------------------------------------------------===//

/// A file that was written, relative to the artifact's folder.
struct WrittenFile {
  std::string name;
  int64_t bytes = 0;
};

/// Writes the artifact into the folder `directory`: all of it or nothing (it
/// is written beside and renamed). Makes parent folders; an existing folder
/// is replaced only if it is empty or an artifact of ours, or if `force`.
Status writeArtifact(const CompiledModel &compiled,
                     const std::string &directory,
                     std::vector<WrittenFile> &files, bool force = false);

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Makes the compiled model runnable in whatever way its target runs here
/// (TargetInfo::runsIn). An artifact's folder is run by adze/Native.h.
Status loadExecutable(CompiledModel &compiled,
                      std::unique_ptr<Executable> &executable);

//===----------------------------------------------------------------------===//
// Inspecting
//===----------------------------------------------------------------------===//

/// An operator of the model and how often it occurs.
struct OperatorCount {
  std::string domain; // empty: the ONNX domain
  std::string name;
  int64_t sinceVersion = 0;
  int64_t count = 0;
  bool supported = true;
};

/// A node that cannot be compiled.
struct UnsupportedNode {
  std::string node; // its name, or the name of its first result
  std::string domain, op;
  int64_t opset = 0;
  std::string reason; // what is missing and what to try, without a full stop
};

/// What is known of a model without running it.
struct ModelInfo {
  std::string path, producer;
  int64_t irVersion = 0;
  std::vector<std::pair<std::string, int64_t>> opsets; // (domain, version)
  /// A dimension that the file and the options leave free is taken as 1 and
  /// listed in `freeDimensions` ("input[0] = batch").
  std::vector<TensorSpec> inputs, outputs;
  std::vector<std::string> freeDimensions;
  std::vector<OperatorCount> operators; // by count, then by name
  std::vector<UnsupportedNode> unsupported;
  int64_t nodes = 0;
  int64_t parameters = 0;  // elements of all initialisers
  int64_t weightBytes = 0; // their bytes in the file
  /// Figures of the compiled form, for `options.target`. Not known if
  /// `notCompiled` says why: an operator is unsupported, say.
  int64_t macs = -1;
  MemoryFigures memory;
  std::vector<KernelInfo> kernels;
  std::string notCompiled;
};

/// Fails only if the file is no model at all.
Status inspectModel(const std::string &path, const CompileOptions &options,
                    ModelInfo &info);

} // namespace adze

#endif
