//===- Reader.h - Reading ONNX files ----------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_READER_H
#define ADZE_READER_H

#include "adze/Compiler.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mlir {
class MLIRContext;
class ModuleOp;
template <typename OpTy> class OwningOpRef;
} // namespace mlir

namespace adze {

struct ReadOptions {
  /// Shapes of inputs by input name, or values of free dimensions by dimension
  /// name (one entry); the empty name is the only input. An input that keeps a
  /// free dimension is an error.
  std::map<std::string, std::vector<int64_t>> shapes;
  /// Values of inputs by input name: these stop being inputs.
  std::map<std::string, Tensor> constants;
  /// Give dimensions that stay free the value 1, and list them in the module's
  /// attribute `onnx.assumed` ("x[0] = batch"): for looking at a model, never
  /// for code that somebody will run.
  bool assumeOnes = false;
  /// Return every tensor that a node of the main graph makes, after the
  /// model's own outputs, under its name in the file.
  bool keepAllValues = false;
};

/// Reads the model in `path` into a module of the `onnx` dialect, loading the
/// dialects that it needs. Constants over 1 KiB go to the weight store of
/// `context`: those in raw_data or external data stay mapped files (so their
/// bytes have no alignment, and the files must not be truncated while they are
/// in use).
///
/// The module holds `func.func @main`, whose arguments and results carry
/// `onnx.name`, and these attributes:
///   onnx.file           the file's name without its folder
///   onnx.sha256         of the model file (external data is not in it)
///   onnx.ir_version     i64
///   onnx.opset_imports  domain -> i64 ("ai.onnx" is the default domain)
///   onnx.producer       "name version", as the file says
/// Node outputs that the file omits have type `none`; trailing omitted inputs
/// and outputs are dropped.
///
/// Any fault of the file is a failure whose message names it; memory in use
/// stays near the size of the file without its large tensors.
Status readOnnx(const std::string &path, const ReadOptions &options,
                mlir::MLIRContext &context,
                mlir::OwningOpRef<mlir::ModuleOp> &module);

} // namespace adze

#endif
