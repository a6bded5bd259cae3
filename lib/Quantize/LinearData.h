//===- LinearData.h - Linear layers as matrix products ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A convolution or product at some of its positions is a product of matrices:
// rows of inputs times weights. Searches over scales and the correction of
// biases look at these rows in place of the whole layer.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_LINEARDATA_H
#define ADZE_QUANTIZE_LINEARDATA_H

#include "Layers.h"

#include <random>

namespace adze::quantize {

class LinearData {
public:
  /// How many rows are worth having for the layer.
  static int64_t wanted(const Layer &layer);

  /// Adds `rows` of what the layer reads in one sample, at positions drawn by
  /// `random`. Adds nothing for operators that have no such rows (ConvTranspose
  /// and operators of unknown attributes).
  void gather(const Graph &graph, const Layer &layer, const Tensor &input,
              const TensorSpec &output, int64_t rows, std::mt19937 &random);

  int64_t rows() const { return count; }
  /// Input and weights as matrices: for each group of channels one input
  /// [rows, reduction] and one weight matrix [reduction, channels of a group].
  int64_t groups = 1, reduction = 0, groupChannels = 0;
  /// [group][row][reduction]
  std::vector<std::vector<float>> inputs;

  /// The layer's weights as [group][reduction][channel], each first passed
  /// through `change(weight, channel)`.
  template <typename Change>
  std::vector<std::vector<float>> weights(const Constant &constant,
                                          const WeightLayout &layout,
                                          const Change &change) const {
    std::vector<std::vector<float>> result(static_cast<size_t>(groups));
    for (int64_t g = 0; g < groups; ++g) {
      result[size_t(g)].resize(size_t(reduction * groupChannels));
      for (int64_t c = 0; c < groupChannels; ++c)
        for (int64_t i = 0; i < reduction; ++i) {
          int64_t channel = g * groupChannels + c;
          result[size_t(g)][size_t(i * groupChannels + c)] =
              change(constant.floats[size_t(layout.at(channel, i))], channel);
        }
    }
    return result;
  }

  /// The inputs as a scale and zero point of `bits` bits give them back.
  std::vector<std::vector<float>> rounded(double scale, int zeroPoint,
                                          int bits) const;

private:
  int64_t count = 0;
};

/// The products [group][row][channel].
std::vector<std::vector<float>>
multiply(const LinearData &data, const std::vector<std::vector<float>> &inputs,
         const std::vector<std::vector<float>> &weights);

} // namespace adze::quantize

#endif
