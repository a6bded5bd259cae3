//===- ArtifactFolder.h - What lies in an artifact's folder -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_NATIVE_ARTIFACTFOLDER_H
#define ADZE_RUNTIME_NATIVE_ARTIFACTFOLDER_H

#include "adze/Compiler.h"

#include <string>
#include <vector>

namespace adze {

/// The part of NAME.json that is needed to build and run the artifact:
///   {"name": "kws", "arena_bytes": 16000,
///    "inputs": [{"name": "audio", "type": "float32", "shape": [1, 490]}],
///    "outputs": [...]}
struct ArtifactFolder {
  std::string path; // absolute
  std::string name; // the C identifier, prefix of the artifact's functions
  uint64_t arenaBytes = 0;
  std::vector<std::string> chips; // GPUs with code; none: C is all of it
  std::vector<TensorSpec> inputs, outputs;
  /// Absolute paths of the C files to compile: NAME.c, NAME_*.c, in order.
  std::vector<std::string> sources;
  /// Absolute path of NAME.o, which target `host` writes instead of C.
  std::string object;

  /// NAME in upper case, the prefix of the artifact's macros.
  std::string macroPrefix() const;
  std::string header() const { return name + ".h"; }
  /// Where weights are that were too large for C arrays.
  std::string weightsFile() const { return path + "/" + name + "_weights.bin"; }
};

/// Reads the metadata of the artifact in a folder. The folder holds exactly one
/// NAME.json with a NAME.h beside it.
Status readArtifactFolder(const std::string &path, ArtifactFolder &artifact);

/// Checks the tensors against the artifact's inputs: number, types, shapes.
Status checkInputs(const std::string &model,
                   const std::vector<TensorSpec> &expected,
                   const std::vector<const Tensor *> &found);

/// The arguments of NAME_run for its inputs and outputs as C text, each made
/// from a format of its number ("buffer{}"), with a comma after each:
/// pointers to void, which convert to whatever the header declares.
std::string runArguments(const ArtifactFolder &artifact,
                         const std::string &inputFormat,
                         const std::string &outputFormat);

} // namespace adze

#endif
