//===- Quantize.h - Post-training quantization -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From a float model and sample inputs to a model with QuantizeLinear and
// DequantizeLinear around each layer (QDQ), which onnxruntime runs in float or
// in integers and adze compiles to integer kernels.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_H
#define ADZE_QUANTIZE_H

#include "adze/Compiler.h"

#include <map>
#include <string>
#include <vector>

namespace adze {

/// How the range of an activation, and with it its scale, is chosen.
enum class Calibration {
  MinMax,     ///< all that was seen
  Percentile, ///< all but the outermost numbers
  Entropy,    ///< least Kullback-Leibler divergence (TensorRT, GTC 2017)
  Mse,        ///< least mean square error of the rounded numbers
  Cosine,     ///< nearest layer outputs, weights and activations in turns
              ///< (EasyQuant, arXiv:2006.16669)
};

/// What a node is to be that is not to be int8.
enum class Keep { Int16, Float };

struct QuantizeOptions {
  /// As in CompileOptions.
  std::map<std::string, std::vector<int64_t>> shapes;
  /// An .npz file with samples along the first dimension of arrays named by
  /// input (or in/NAME), or a folder of .npz files, one a sample.
  std::string calibrate;
  /// Samples of the same form on which the result is judged; empty: those it
  /// was calibrated with.
  std::string check;
  int64_t limit = 0; // samples to use of each at most; 0: all
  Calibration method = Calibration::Mse;
  double percentile = 99.99; // of Calibration::Percentile
  bool perChannel = true;    // weights: a scale for each output channel
  bool correctBias = true;   // Nagel et al. 2019, section 4.2, empirically
  bool equalize = false;     // Nagel et al. 2019, section 4.1
  /// Measure each layer, not the model alone.
  bool perLayer = true;
  /// By node name.
  std::map<std::string, Keep> keep;
  Progress progress;
};

/// Signal-to-quantization-noise ratios are in dB: 10 log10 of the sum of
/// squares of the float result over that of the difference, over all samples.
/// An exact result has infinity.
struct LayerError {
  std::string name, op, type; // "int8", "int16"
  double local = 0;       // the layer reads what it reads in the float model
  double accumulated = 0; // it reads what the quantized layers before it made
  bool proposed = false;  // to be kept at int16, or at float if it is int16
};

struct QuantizeReport {
  int64_t samples = 0, checked = 0;
  /// By output of the model.
  std::vector<std::pair<std::string, double>> outputs;
  double sqnr = 0; // of all float outputs
  std::vector<LayerError> layers;
  /// Nodes that compute in float, and why.
  struct Kept {
    std::string name, op, reason;
  };
  std::vector<Kept> kept;
  /// Bytes of constants before and after.
  int64_t floatBytes = 0, quantizedBytes = 0;
};

/// Quantizes `model` into the file `output`, which appears whole or not at all.
Status quantizeModel(const std::string &model, const std::string &output,
                     const QuantizeOptions &options, QuantizeReport &report);

} // namespace adze

#endif
