//===- Rvv.cpp - Pointwise convolution, RISC-V vectors ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/rvv/ChannelLanes.h"

namespace adze::families {

namespace {

/// Kernels of one pixel over images, and products of matrices.
class PointwiseRvv final : public rvv::ChannelLanesFamily {
public:
  std::string_view name() const override { return "conv.pointwise.rvv"; }
  std::string_view summary() const override {
    return "pointwise convolution, output channels in lanes, pixels share "
           "weights";
  }

private:
  bool accepts(const ConvolutionProblem &p) const override {
    return p.kernelHeight == 1 && p.kernelWidth == 1 && !p.isDepthwise() &&
           p.outputElements() > p.outputChannels;
  }
};

} // namespace

const KernelFamily &convPointwiseRvv() {
  static const PointwiseRvv family;
  return family;
}

} // namespace adze::families
