//===- CEmitter.h - Printing a loops module as C99 -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CEMITTER_H
#define ADZE_CEMITTER_H

#include "llvm/Support/LogicalResult.h"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace adze {

struct CEmitterOptions {
  /// Up to this many bytes the weights become C arrays; above, one binary
  /// file that NAME_run takes through a pointer.
  uint64_t maxWeightArrayBytes = uint64_t(4) << 20;
  /// Text of one weights file stays near this size; an array is never split.
  uint64_t weightsFileBytes = 256 << 10;
  /// Also define `int adze_invoke(void **args)`: args are pointers to the
  /// inputs, the outputs, the arena and, if there is one, the weights binary.
  bool uniformEntry = false;
  /// Alignment that NAME_run demands of the arena; offsets in the arena are
  /// planned for it. A power of two.
  unsigned arenaAlign = 16;
  /// Print NAME.h and nothing else (the code comes as an object file).
  bool headerOnly = false;
};

/// An input or output of the public function.
struct CArgument {
  std::string name;  // as the model calls it
  std::string cName; // the parameter
  std::string type;  // "float32", "uint8", ... (adze/Tensor.h)
  std::string cType; // "float", "uint8_t", ...
  std::vector<int64_t> shape;
  uint64_t elements = 0;
  uint64_t bytes = 0;
  bool isOutput = false;
};

/// A memory that the caller lends: the offsets `begin` to `begin + bytes` of
/// the arena's space lie in it. Without bytes it is not needed.
struct CArena {
  std::string name;  // as the user calls it
  std::string cName; // the member of NAME_arenas
  int64_t begin = 0, bytes = 0;
};

struct CKernel {
  std::string name; // the C function
  std::string doc;
  std::string symbol; // the function in the module
  std::string schedule; // "gemm, columns = 6, rows = 1"; empty: none
  /// Of a GPU's kernel: blocks, threads of a block, blocks of a cluster, bytes
  /// of dynamic shared memory.
  std::vector<int64_t> grid, cluster;
  int64_t block = 0, sharedBytes = 0;
};

struct CFile {
  std::string name; // relative to the folder
  std::string text;
};

/// A program as C99 text. The files depend on nothing but the C library's
/// <math.h> and <string.h> (sqrtf, floorf, memcpy, ...).
struct CSource {
  std::string model; // the C identifier, lower case
  std::string macro; // the same in upper case: prefix of the macros
  CFile header;      // NAME.h
  CFile source;      // NAME.c
  /// NAME_weights.h and NAME_weights*.c; empty if no array is large.
  std::vector<CFile> weightFiles;
  /// Of a GPU's program: NAME_cuda.h and NAME_kernels.c.
  std::vector<CFile> deviceFiles;
  /// Chips that the program has code for ("sm_90a"); empty: C is all of it.
  std::vector<std::string> chips;
  /// Memory that a session takes on the device.
  uint64_t deviceBytes = 0;
  /// Bytes of NAME_weights.bin (0: there is none), and a function that hands
  /// them out in order; it returns false as soon as the sink does. It reads
  /// the weight store of the module's context, which must still be alive.
  uint64_t weightsBinaryBytes = 0;
  std::function<bool(
      const std::function<bool(const char *data, size_t size)> &sink)>
      writeWeightsBinary;
  /// Bytes of all constants, wherever they are.
  uint64_t weightsBytes = 0;
  uint64_t arenaBytes = 0;
  unsigned arenaAlign = 16;
  std::vector<CArgument> arguments; // inputs, then outputs
  std::vector<CKernel> kernels;     // in the order of the file
  /// Names of the functions of runtime/core that the source calls.
  std::set<std::string> runtimeFunctions;
  /// The memories that the arena is spread over (attribute `adze.arenas`);
  /// empty: one.
  std::vector<CArena> arenas;
};

/// Prints a module of the `loops` level (docs/architecture.md) as C99 that is
/// clean under gcc and clang with -std=c99 -Wall -Wextra -Wpedantic
/// -Wconversion -Wsign-conversion -Wshadow. The module needs the attribute
/// `adze.model` and at most one function with `adze.entry`; without an entry
/// the functions that are not private are printed with external linkage.
/// Dead operations are erased from the module. Emits a diagnostic and fails on
/// what C cannot say (dynamic shapes, types below one byte, small floats).
llvm::LogicalResult emitC(mlir::ModuleOp module, CSource &out,
                          const CEmitterOptions &options = {});

} // namespace adze

#endif
