//===- Rvv.cpp - Fully connected layers, RISC-V vectors ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/rvv/ChannelLanes.h"

namespace adze::families {

namespace {

/// One pixel of input, one of output.
class DenseRvv final : public rvv::ChannelLanesFamily {
public:
  std::string_view name() const override { return "dense.rvv"; }
  std::string_view summary() const override {
    return "fully connected, output channels in lanes, blocks share "
           "activations";
  }

private:
  bool accepts(const ConvolutionProblem &p) const override {
    return p.kernelHeight == 1 && p.kernelWidth == 1 && !p.isDepthwise() &&
           p.outputElements() == p.outputChannels;
  }
};

} // namespace

const KernelFamily &denseRvv() {
  static const DenseRvv family;
  return family;
}

} // namespace adze::families
