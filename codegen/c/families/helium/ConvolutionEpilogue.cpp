//===- ConvolutionEpilogue.cpp - Around a convolution on Helium -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/ConvolutionEpilogue.h"

#include "codegen/c/families/helium/VectorAddition.h"

#include <fmt/format.h>

namespace adze::families::helium {

bool isConvolution(const ConvolutionProblem &p) {
  return p.type == QuantizedType::int8;
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

bool addResidual(const ConvolutionProblem &p, KernelCode &code) {
  if (!p.residual)
    return true;
  std::string call = additionCall(*p.residual, p.outputElements(), "out0",
                                  "in1", "out0", code);
  code.body += call;
  return !call.empty();
}

void addResidualFeatures(const ConvolutionProblem &p, KernelFeatures &f) {
  if (!p.residual)
    return;
  f.instructions += additionInstructions(p.outputElements());
  f.constantBytes += 40;
  f.codeBytes += 200;
}

} // namespace adze::families::helium
