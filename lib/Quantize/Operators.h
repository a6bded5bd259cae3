//===- Operators.h - How operators are quantized ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_OPERATORS_H
#define ADZE_QUANTIZE_OPERATORS_H

#include "Graph.h"

#include <optional>

namespace adze::quantize {

/// What an operator needs around it.
enum class Rule {
  None,       // it stays in float
  Linear,     // weights by channel, a bias in 32 bits, an output range
  Arithmetic, // operands with ranges of their own, constants among them
  Lookup,     // a function of one number: ranges of input and output
  Softmax,    // an output range that is known: [0, 1]
  Shared,     // moves or selects numbers: input and output have one range
  Normalized, // statistics of its input: ranges of input and output
};

/// The rule of the operator by its name alone.
Rule ruleOf(const Node &node);

/// How the constant weights of a linear operator (input 1) lie.
struct WeightLayout {
  int64_t channels = 0;  // of the result
  int64_t reduction = 0; // numbers that each channel's result is a sum over
  /// Dimension of the weights that counts channels; nothing where no one does
  /// (a grouped transposed convolution).
  std::optional<int64_t> axis;
  /// Rank of the result, and its dimension that counts channels.
  size_t resultRank = 0, resultAxis = 0;

  /// Index of the i-th weight of channel c, in the order of the reduction.
  int64_t at(int64_t c, int64_t i) const {
    return c / perGroup * groupStride + c % perGroup * channelStride +
           i / inner * outerStride + i % inner;
  }
  template <typename Visit> void forEach(int64_t c, const Visit &visit) const {
    for (int64_t i = 0; i < reduction; ++i)
      visit(at(c, i));
  }

private:
  int64_t perGroup = 1, groupStride = 0, channelStride = 0, inner = 1,
          outerStride = 0;
  friend std::optional<WeightLayout> weightLayout(const Graph &, const Node &);
};

/// Nothing if the node is no Conv, ConvTranspose, Gemm or MatMul with constant
/// float weights.
std::optional<WeightLayout> weightLayout(const Graph &graph, const Node &node);

/// A range that the operator's results have whatever its input is, with the
/// customary scale and zero point of `bits` bits (those of TFLite's kernels).
struct FixedRange {
  double scale;
  int zeroPoint;
};
std::optional<FixedRange> fixedRange(const Node &node, int bits);

} // namespace adze::quantize

#endif
