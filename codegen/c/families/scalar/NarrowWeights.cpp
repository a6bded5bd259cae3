//===- NarrowWeights.cpp - Weights of fewer than eight bits -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/scalar/NarrowWeights.h"

#include <fmt/format.h>

namespace adze::families {

int storedBits(const ConvolutionProblem &problem) {
  return problem.weightBits == 8 ? 8 : problem.weightBits == 4 ? 4 : 2;
}

void appendPacked(const std::vector<int8_t> &weights, int bits,
                  std::vector<int8_t> &stream) {
  auto each = size_t(8 / bits);
  for (size_t i = 0; i < weights.size(); i += each) {
    unsigned byte = 0;
    for (size_t k = 0; k < each; ++k)
      byte |= (unsigned(weights[i + k]) & ((1u << bits) - 1))
              << (k * unsigned(bits));
    stream.push_back(int8_t(byte));
  }
}

std::string weightText(const std::string &stream, int64_t i, int bits) {
  if (bits == 8)
    return fmt::format("{}[{}]", stream, i);
  int64_t byte = i * bits / 8, top = i * bits % 8 + bits;
  if (top == 8)
    return fmt::format("({}[{}] >> {})", stream, byte, 8 - bits);
  return fmt::format("((int32_t)((uint32_t){}[{}] << {}) >> {})", stream, byte,
                     32 - top, 32 - bits);
}

} // namespace adze::families
