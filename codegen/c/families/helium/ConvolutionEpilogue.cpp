//===- ConvolutionEpilogue.cpp - Around a convolution on Helium -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/ConvolutionEpilogue.h"

#include <fmt/format.h>

namespace adze::families::helium {

bool isConvolution(const ConvolutionProblem &p) {
  return p.type == QuantizedType::int8 && !p.residual;
}

std::string rowLoop(const ConvolutionProblem &p, int64_t inputPitch,
                    int64_t outputPitch, const std::string &calls) {
  std::string text = "  int32_t y;\n";
  if (p.batch > 1)
    text +=
        fmt::format("  int32_t n;\n  for (n = 0; n < {}; ++n) {{\n", p.batch);
  text += fmt::format("  for (y = 0; y < {}; ++y) {{\n{}    in += {};\n"
                      "    out += {};\n  }}\n",
                      p.outputHeight, calls, inputPitch, outputPitch);
  if (p.batch > 1)
    text += fmt::format("  in += {};\n  }}\n",
                        p.inputHeight * p.inputWidth * p.inputChannels -
                            p.outputHeight * inputPitch);
  return text;
}

void addResidual(const ConvolutionProblem &, KernelCode &) {}
void addResidualFeatures(const ConvolutionProblem &, KernelFeatures &) {}

} // namespace adze::families::helium
