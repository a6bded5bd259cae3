//===- Artifact.h - The folder that a compiled model becomes ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_ARTIFACT_H
#define ADZE_ARTIFACT_H

#include "adze/CEmitter.h"
#include "adze/Driver.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace adze {

/// A kernel as the report shows it.
struct ArtifactKernel {
  std::string name;     // the C function
  std::string doc;      // fused operators and shapes
  std::string schedule; // as the IR prints it; empty: generic
  int64_t macs = 0;     // of one call
  int64_t bytes = 0;    // read and written by one call
  int64_t calls = 1;    // in one inference
};

/// A buffer of the memory plan. Time is counted in steps of the program.
struct ArtifactBuffer {
  std::string name;
  int64_t offset = 0, size = 0;
  int64_t first = 0, last = 0; // steps, inclusive
};

/// What is proved of the arena, and why it is not smaller. All in bytes.
struct ArtifactMemory {
  int64_t bound = 0;        // no plan of these kernels in this order needs fewer
  int64_t orderBound = 0;   // ... in any order (0: not known)
  int64_t unfusedBound = 0; // ... without fusion (0: not known)
  int64_t peakStep = -1;    // where the arena is full
  std::string peakAt;       // the kernel that runs there
  /// The first layers run in so many bands of rows; 0: they do not.
  int64_t bands = 0;
  int64_t bandLayers = 0, bandMacs = 0, bandExtraMacs = 0;
  std::string bandsUpTo; // the tensor that the bands make
};

/// What the metadata, the report and the build files say beside the code.
struct ArtifactInfo {
  std::string adzeVersion;
  std::string modelFile; // its name without folders
  std::string modelSha256;
  std::string target;
  /// Flags for the C compiler, as one would type them; kept in the metadata.
  std::string compilerFlags;
  std::vector<std::pair<std::string, std::string>> options;
  /// What computes in float with quantized tensors: "node: reason".
  std::vector<std::string> floatFallbacks;
  std::vector<ArtifactKernel> kernels; // in the order of execution
  std::vector<ArtifactBuffer> buffers;
  ArtifactMemory memory;
  /// Code as an object file instead of C (target host): written as NAME.o.
  std::string object;
};

/// Writes the folder: NAME.h, NAME.c (or NAME.o), NAME_weights*, NAME.json,
/// CMakeLists.txt, main.c, README.md, report.html. The folder appears complete
/// or not at all: it is written beside its final place and renamed. An existing
/// folder is replaced if adze wrote it (its NAME.json says so) or it is empty,
/// or if `force` is set. Identical arguments give identical bytes.
Status writeArtifact(const ArtifactInfo &info, const CSource &source,
                     const std::string &directory, bool force,
                     std::vector<WrittenFile> &files);

/// NAME.json: what tools read about an artifact.
std::string artifactMetadata(const ArtifactInfo &info, const CSource &source);
/// report.html: a page for people, without external resources.
std::string artifactReport(const ArtifactInfo &info, const CSource &source);
/// main.c: runs the model on files given on the command line, or on zeros.
std::string artifactExample(const CSource &source);
std::string artifactCMakeLists(const ArtifactInfo &info,
                               const CSource &source);
/// README.md: how to embed the library.
std::string artifactReadme(const ArtifactInfo &info, const CSource &source);

} // namespace adze

#endif
