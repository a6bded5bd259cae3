//===- Operators.cpp - How operators are quantized ------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Operators.h"

using namespace adze;
using namespace adze::quantize;

namespace {
struct Row {
  const char *op;
  Rule rule;
};
} // namespace

static constexpr Row rules[] = {
    {"Conv", Rule::Linear},
    {"ConvTranspose", Rule::Linear},
    {"Gemm", Rule::Linear},
    {"MatMul", Rule::Linear},
    {"Add", Rule::Arithmetic},
    {"Sub", Rule::Arithmetic},
    {"Mul", Rule::Arithmetic},
    {"Relu", Rule::Lookup},
    {"Clip", Rule::Lookup},
    {"LeakyRelu", Rule::Lookup},
    {"Sigmoid", Rule::Lookup},
    {"HardSigmoid", Rule::Lookup},
    {"HardSwish", Rule::Lookup},
    {"Tanh", Rule::Lookup},
    {"Elu", Rule::Lookup},
    {"Selu", Rule::Lookup},
    {"Celu", Rule::Lookup},
    {"Gelu", Rule::Lookup},
    {"Erf", Rule::Lookup},
    {"Mish", Rule::Lookup},
    {"Softplus", Rule::Lookup},
    {"Softsign", Rule::Lookup},
    {"Abs", Rule::Lookup},
    {"Neg", Rule::Lookup},
    {"Softmax", Rule::Softmax},
    {"MaxPool", Rule::Shared},
    {"GlobalMaxPool", Rule::Shared},
    {"AveragePool", Rule::Shared},
    {"GlobalAveragePool", Rule::Shared},
    {"Concat", Rule::Shared},
    {"Split", Rule::Shared},
    {"Reshape", Rule::Shared},
    {"Flatten", Rule::Shared},
    {"Squeeze", Rule::Shared},
    {"Unsqueeze", Rule::Shared},
    {"Transpose", Rule::Shared},
    {"Slice", Rule::Shared},
    {"Gather", Rule::Shared},
    {"Expand", Rule::Shared},
    {"Tile", Rule::Shared},
    {"Pad", Rule::Shared},
    {"Resize", Rule::Shared},
    {"DepthToSpace", Rule::Shared},
    {"SpaceToDepth", Rule::Shared},
    {"ReduceMean", Rule::Normalized},
    {"LayerNormalization", Rule::Normalized},
    {"InstanceNormalization", Rule::Normalized},
};

Rule quantize::ruleOf(const Node &node) {
  if (!node.domain.empty() || !node.captured.empty())
    return Rule::None;
  for (const Row &row : rules)
    if (node.op == row.op)
      return row.rule;
  return Rule::None;
}

static int64_t product(const std::vector<int64_t> &shape, size_t from) {
  int64_t value = 1;
  for (size_t i = from; i < shape.size(); ++i)
    value *= shape[i];
  return value;
}

std::optional<WeightLayout> quantize::weightLayout(const Graph &graph,
                                                   const Node &node) {
  if (!node.domain.empty() || node.inputs.size() < 2 ||
      node.outputs.size() != 1)
    return std::nullopt;
  const Constant *weights = graph.constant(node.inputs[1]);
  if (!weights || !weights->isFloat() || weights->floats.empty())
    return std::nullopt;
  const std::vector<int64_t> &shape = weights->shape;
  WeightLayout layout;
  if (node.op == "Conv" && shape.size() >= 3) {
    layout.channels = shape[0];
    layout.reduction = product(shape, 1);
    layout.axis = 0;
    layout.channelStride = 0;
    layout.groupStride = layout.reduction; // each channel by itself
    layout.inner = layout.reduction;
    layout.resultRank = shape.size();
    layout.resultAxis = 1;
    return layout;
  }
  if (node.op == "ConvTranspose" && shape.size() >= 3) {
    int64_t groups = node.attributes.integer("group", 1);
    if (groups < 1 || shape[0] % groups != 0)
      return std::nullopt;
    int64_t taps = product(shape, 2);
    layout.perGroup = shape[1];
    layout.channels = shape[1] * groups;
    layout.reduction = shape[0] / groups * taps;
    layout.groupStride = shape[0] / groups * shape[1] * taps;
    layout.channelStride = taps;
    layout.inner = taps;
    layout.outerStride = shape[1] * taps;
    if (groups == 1)
      layout.axis = 1;
    layout.resultRank = shape.size();
    layout.resultAxis = 1;
    return layout;
  }
  if ((node.op != "Gemm" && node.op != "MatMul") || shape.size() != 2)
    return std::nullopt;
  bool transposed =
      node.op == "Gemm" && node.attributes.integer("transB", 0) != 0;
  layout.channels = shape[transposed ? 0 : 1];
  layout.reduction = shape[transposed ? 1 : 0];
  layout.axis = transposed ? 0 : 1;
  layout.perGroup = layout.channels;
  layout.channelStride = transposed ? layout.reduction : 1;
  layout.inner = transposed ? layout.reduction : 1;
  layout.outerStride = transposed ? 0 : layout.channels;
  layout.resultRank = 2;
  layout.resultAxis = 1;
  return layout;
}

std::optional<FixedRange> quantize::fixedRange(const Node &node, int bits) {
  // Of TFLite's kernels: softmax and logistic 1/256 and -128 (1/32768 and 0 in
  // 16 bits), tanh 1/128 (1/32768) and 0.
  if (node.op == "Softmax" || node.op == "Sigmoid")
    return bits == 8 ? FixedRange{1.0 / 256, -128} : FixedRange{1.0 / 32768, 0};
  if (node.op == "Tanh")
    return FixedRange{bits == 8 ? 1.0 / 128 : 1.0 / 32768, 0};
  return std::nullopt;
}
