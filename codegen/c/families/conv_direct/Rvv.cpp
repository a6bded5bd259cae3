//===- Rvv.cpp - Direct convolution, RISC-V vectors -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/rvv/ChannelLanes.h"

namespace adze::families {

namespace {

/// Kernels larger than one pixel over five input channels or more.
class DirectRvv final : public rvv::ChannelLanesFamily {
public:
  std::string_view name() const override { return "conv.direct.rvv"; }
  std::string_view summary() const override {
    return "convolution, output channels in lanes, taps of a row share "
           "activations";
  }

private:
  bool accepts(const ConvolutionProblem &p) const override {
    return (p.kernelHeight > 1 || p.kernelWidth > 1) && p.groupInputs() > 4 &&
           !p.isDepthwise();
  }
};

} // namespace

const KernelFamily &convDirectRvv() {
  static const DirectRvv family;
  return family;
}

} // namespace adze::families
