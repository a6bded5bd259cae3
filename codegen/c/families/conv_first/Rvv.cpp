//===- Rvv.cpp - First layers, RISC-V vectors -------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/rvv/ChannelLanes.h"

namespace adze::families {

namespace {

/// Kernels larger than one pixel over one to four input channels.
class FirstRvv final : public rvv::ChannelLanesFamily {
public:
  std::string_view name() const override { return "conv.first.rvv"; }
  std::string_view summary() const override {
    return "convolution of few input channels, output channels in lanes";
  }

private:
  bool accepts(const ConvolutionProblem &p) const override {
    return (p.kernelHeight > 1 || p.kernelWidth > 1) && p.groupInputs() <= 4 &&
           !p.isDepthwise();
  }
};

} // namespace

const KernelFamily &convFirstRvv() {
  static const FirstRvv family;
  return family;
}

} // namespace adze::families
