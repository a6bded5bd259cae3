//===- LinearData.cpp - Linear layers as matrix products ------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearData.h"
#include "Insert.h"
#include "Ranges.h"

#include <algorithm>

using namespace adze;
using namespace adze::quantize;

int64_t LinearData::wanted(const Layer &layer) {
  if (!layer.weights || layer.op == "ConvTranspose")
    return 0;
  // A search multiplies the rows a hundred times: large layers get fewer.
  constexpr int64_t multiplications = int64_t(1) << 24;
  int64_t size =
      std::max<int64_t>(layer.weights->channels * layer.weights->reduction, 1);
  return std::clamp<int64_t>(multiplications / size, 32, 4096);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

namespace {
/// A convolution's window: how the positions of result and weights become a
/// position of the input, dimension by dimension.
struct Window {
  std::vector<int64_t> input, output, kernel, stride, dilation, begin;
};
} // namespace

/// False for what does not fit together.
static bool windowOf(const Node &node, const std::vector<int64_t> &weights,
                     const std::vector<int64_t> &input,
                     const std::vector<int64_t> &output, Window &window) {
  size_t rank = weights.size() - 2;
  if (input.size() != rank + 2 || output.size() != rank + 2)
    return false;
  window.input.assign(input.begin() + 2, input.end());
  window.output.assign(output.begin() + 2, output.end());
  window.kernel.assign(weights.begin() + 2, weights.end());
  window.stride = node.attributes.list("strides", rank, 1);
  window.dilation = node.attributes.list("dilations", rank, 1);
  window.begin = node.attributes.list("pads", 2 * rank, 0);
  if (window.stride.size() != rank || window.dilation.size() != rank ||
      window.begin.size() != 2 * rank)
    return false;
  window.begin.resize(rank);
  auto mode = node.attributes.strings.find("auto_pad");
  if (mode == node.attributes.strings.end() || mode->second == "NOTSET")
    return true;
  for (size_t d = 0; d < rank; ++d) {
    int64_t needed = (window.output[d] - 1) * window.stride[d] +
                     (window.kernel[d] - 1) * window.dilation[d] + 1 -
                     window.input[d];
    needed = std::max<int64_t>(needed, 0);
    window.begin[d] = mode->second == "SAME_UPPER"   ? needed / 2
                      : mode->second == "SAME_LOWER" ? needed - needed / 2
                                                     : 0;
  }
  return true;
}

static int64_t volume(const std::vector<int64_t> &shape, size_t from = 0) {
  int64_t value = 1;
  for (size_t i = from; i < shape.size(); ++i)
    value *= shape[i];
  return value;
}

void LinearData::gather(const Graph &graph, const Layer &layer,
                        const Tensor &input, const TensorSpec &output,
                        int64_t rows, std::mt19937 &random) {
  const Node &node = graph.nodes[size_t(layer.nodes[0])];
  const float *from = reinterpret_cast<const float *>(input.data());
  const std::vector<int64_t> &shape = input.spec.shape;
  reduction = layer.weights->reduction;
  if (node.op != "Conv") {
    // Gemm and MatMul: the last dimension is summed over.
    if (shape.empty() || shape.back() != reduction)
      return;
    groupChannels = layer.weights->channels;
    inputs.resize(1);
    int64_t available =
        input.spec.numElements() / std::max<int64_t>(reduction, 1);
    for (int64_t r = 0; r < std::min(rows, available); ++r) {
      int64_t row = available <= rows ? r : int64_t(random()) % available;
      inputs[0].insert(inputs[0].end(), from + row * reduction,
                       from + (row + 1) * reduction);
      ++count;
    }
    return;
  }
  const Constant &weights = graph.constants.at(node.inputs[1]);
  Window window;
  int64_t group = node.attributes.integer("group", 1);
  if (!windowOf(node, weights.shape, shape, output.shape, window) ||
      group < 1 || layer.weights->channels % group != 0 ||
      shape[1] != group * weights.shape[1])
    return;
  groups = group;
  groupChannels = layer.weights->channels / group;
  inputs.resize(size_t(group));
  int64_t positions = output.shape[0] * volume(window.output);
  int64_t plane = volume(window.input), taps = volume(window.kernel);
  size_t rank = window.kernel.size();
  // Offset in a plane of the input for each tap, -1 in the padding.
  std::vector<int64_t> offsets(static_cast<size_t>(taps));
  for (int64_t r = 0; r < std::min(rows, positions); ++r) {
    int64_t position = positions <= rows ? r : int64_t(random()) % positions;
    int64_t batch = position / volume(window.output),
            place = position % volume(window.output);
    std::vector<int64_t> at(rank);
    for (size_t d = rank; d-- > 0; place /= window.output[d])
      at[d] = place % window.output[d];
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t left = tap, offset = 0, step = 1;
      for (size_t d = rank; d-- > 0; left /= window.kernel[d]) {
        int64_t x = at[d] * window.stride[d] - window.begin[d] +
                    left % window.kernel[d] * window.dilation[d];
        offset = x < 0 || x >= window.input[d] || offset < 0
                     ? -1
                     : offset + x * step;
        step *= window.input[d];
      }
      offsets[size_t(tap)] = offset;
    }
    for (int64_t g = 0; g < group; ++g)
      for (int64_t c = 0; c < weights.shape[1]; ++c) {
        const float *image =
            from + ((batch * shape[1]) + g * weights.shape[1] + c) * plane;
        for (int64_t offset : offsets)
          inputs[size_t(g)].push_back(offset < 0 ? 0.0f : image[offset]);
      }
    ++count;
  }
}

std::vector<std::vector<float>> LinearData::rounded(double scale, int zeroPoint,
                                                    int bits) const {
  int high = largest(bits);
  std::vector<std::vector<float>> result = inputs;
  for (std::vector<float> &matrix : result)
    for (float &value : matrix)
      value =
          float(roundTrip(double(value), scale, zeroPoint, -high - 1, high));
  return result;
}

std::vector<std::vector<float>>
quantize::multiply(const LinearData &data,
                   const std::vector<std::vector<float>> &inputs,
                   const std::vector<std::vector<float>> &weights) {
  std::vector<std::vector<float>> result(inputs.size());
  int64_t channels = data.groupChannels;
  for (size_t g = 0; g < inputs.size(); ++g) {
    result[g].assign(size_t(data.rows() * channels), 0.0f);
    for (int64_t r = 0; r < data.rows(); ++r) {
      float *out = result[g].data() + r * channels;
      const float *in = inputs[g].data() + r * data.reduction;
      for (int64_t k = 0; k < data.reduction; ++k) {
        float value = in[k];
        if (value == 0)
          continue;
        const float *row = weights[g].data() + k * channels;
        for (int64_t c = 0; c < channels; ++c)
          out[c] += value * row[c];
      }
    }
  }
  return result;
}
