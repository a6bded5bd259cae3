//===- QuantizeOptions.h - Options of quantization ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_QUANTIZEOPTIONS_H
#define ADZE_TOOLS_ADZE_QUANTIZEOPTIONS_H

#include "adze/Quantize.h"
#include "tools/adze/Command.h"

#include <string>

namespace adze::cli {

/// How a float model is quantized, as the command line says it.
struct CalibrationOptions {
  std::string data, check, method = "mse";
  double percentile = 99.99;
  int64_t limit = 0;
  bool perTensor = false, equalize = false, noBiasCorrection = false;

  /// Throws UsageError where there are no samples.
  QuantizeOptions quantizeOptions() const;
};

/// --calibrate, --method and --limit, which `compile` knows as well.
void addCalibrationOptions(CommandLine &line, CLI::App &app,
                           CalibrationOptions &options);

} // namespace adze::cli

#endif
