//===- QuantizedLayers.h - Layers judged on equal inputs -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The layers of a quantized model, each computed from onnxruntime's tensors. A
// layer is what lies between quantized tensors; fixed point rounds elsewhere
// than the float arithmetic by which ONNX defines it, so its result may differ
// by a step of its scale. On equal inputs these steps do not add up, as they do
// over a whole network.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_QUANTIZEDLAYERS_H
#define ADZE_TOOLS_ADZE_QUANTIZEDLAYERS_H

#include "adze/Compare.h"
#include "tools/adze/Command.h"

#include <string>
#include <vector>

namespace adze::cli {

/// The result of a layer beside onnxruntime's.
struct QuantizedLayer {
  TensorSpec spec;   // of the tensor that the layer makes
  std::string nodes; // the operators it consists of: "Conv Relu"
  Tolerance tolerance;
  Comparison figures;

  /// Whether differences count in steps; outputs of the model may be floats.
  bool hasSteps() const { return !isFloat(spec.type); }
};

/// Compares every layer with onnxruntime, its optimisations off, which gets the
/// inputs in/NAME of the file `io`. The layers are compiled and run as one
/// model, so each with the schedule that it gets in such a program. Empty if
/// the model has no quantized tensor. Throws Failure.
std::vector<QuantizedLayer> compareQuantizedLayers(const ModelOptions &model,
                                                   const std::string &io);

} // namespace adze::cli

#endif
