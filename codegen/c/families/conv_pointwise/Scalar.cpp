//===- Scalar.cpp - 1x1 convolution without SIMD ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/scalar/PackedConvolution.h"

namespace adze::families {

namespace {
class PointwiseScalar final : public PackedConvolution {
public:
  std::string_view name() const override { return "conv.pointwise.scalar"; }
  std::string_view summary() const override {
    return "1x1 convolution and matrix product, two pixels in one 32-bit "
           "multiply";
  }

protected:
  bool takes(const ConvolutionProblem &p) const override {
    return p.groupInputs() * p.groupOutputs() > 1 && p.kernelHeight == 1 &&
           p.kernelWidth == 1;
  }
};
} // namespace

const KernelFamily &convPointwiseScalar() {
  static const PointwiseScalar family;
  return family;
}

} // namespace adze::families
