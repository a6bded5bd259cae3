//===- quantize_test.cpp - Pieces of post-training quantization -----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Quantize/Ranges.h"
#include "lib/Quantize/Weights.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace adze;
using namespace adze::quantize;

static Histogram histogramOf(const std::vector<float> &values) {
  Histogram histogram;
  EXPECT_TRUE(histogram.widen(values));
  histogram.count(values);
  return histogram;
}

/// Many numbers in [-1, 1] and one far away.
static std::vector<float> withOutlier() {
  std::mt19937 random(5);
  std::vector<float> values;
  for (int i = 0; i < 500000; ++i)
    values.push_back(float(double(random()) / 4294967295.0 * 2 - 1));
  values.push_back(30);
  return values;
}

TEST(QuantizeRanges, MethodsAndAnOutlier) {
  Histogram seen = histogramOf(withOutlier());
  QuantizeOptions options;
  options.method = Calibration::MinMax;
  EXPECT_FLOAT_EQ(float(chooseRange(seen, options, 8).high), 30);
  for (Calibration method : {Calibration::Percentile, Calibration::Entropy,
                             Calibration::Mse, Calibration::Cosine}) {
    options.method = method;
    Range range = chooseRange(seen, options, 8);
    EXPECT_LT(range.high, 29) << int(method);
    EXPECT_GT(range.high, 0.9) << int(method);
    EXPECT_LE(range.low, -0.5) << int(method);
    // 16 bits take all there is.
    EXPECT_FLOAT_EQ(float(chooseRange(seen, options, 16).high), 30);
  }
}

TEST(QuantizeRanges, NumbersThatAreNone) {
  Histogram seen;
  EXPECT_FALSE(seen.widen(std::vector<float>{1, NAN}));
  EXPECT_FALSE(seen.widen(std::vector<float>{1, INFINITY}));
}

TEST(QuantizeRanges, ZeroIsExact) {
  for (Range range : {Range{-1.7, 3.1}, Range{0, 5}, Range{-4, 0}, Range{0, 0},
                      Range{0, 1e-30}, Range{-1e30, 1e30}})
    for (int bits : {8, 16}) {
      Group group;
      group.bits = bits;
      setScale(group, range);
      EXPECT_GT(group.scale, 0);
      EXPECT_EQ(group.scale, double(float(group.scale)));
      int high = bits == 8 ? 127 : 32767;
      EXPECT_GE(group.zeroPoint, -high - 1);
      EXPECT_LE(group.zeroPoint, high);
      EXPECT_EQ(roundTrip(0, group.scale, group.zeroPoint, -high - 1, high), 0);
      if (bits == 16) {
        EXPECT_EQ(group.zeroPoint, 0);
      }
    }
}

//===----------------------------------------------------------------------===//
// Linear layers
//===----------------------------------------------------------------------===//

static std::vector<float> numbers(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i)
    values.push_back(float(double(random()) / 4294967295.0 * 2 - 1));
  return values;
}

static Graph oneNode(const std::string &op, std::vector<int64_t> weights) {
  Graph graph;
  Node node;
  node.op = op;
  node.name = "node";
  node.inputs = {"x", "w"};
  node.outputs = {"y"};
  graph.nodes.push_back(node);
  size_t count = 1;
  for (int64_t size : weights)
    count *= size_t(size);
  graph.constants["w"] = Constant::ofFloats(weights, numbers(count, 1));
  graph.outputs = {"y"};
  return graph;
}

TEST(QuantizeWeights, LayoutOfProducts) {
  Graph graph = oneNode("Gemm", {3, 5}); // [K, N]
  WeightLayout layout = *weightLayout(graph, graph.nodes[0]);
  EXPECT_EQ(layout.channels, 5);
  EXPECT_EQ(layout.reduction, 3);
  EXPECT_EQ(layout.axis, 1);
  EXPECT_EQ(layout.at(4, 2), 2 * 5 + 4);
  graph.nodes[0].attributes.integers["transB"] = 1;
  layout = *weightLayout(graph, graph.nodes[0]);
  EXPECT_EQ(layout.channels, 3);
  EXPECT_EQ(layout.axis, 0);
  EXPECT_EQ(layout.at(2, 4), 2 * 5 + 4);
}

TEST(QuantizeWeights, LayoutOfTransposedConvolutions) {
  Graph graph = oneNode("ConvTranspose", {4, 3, 2, 2}); // [C, M/g, h, w]
  WeightLayout layout = *weightLayout(graph, graph.nodes[0]);
  EXPECT_EQ(layout.channels, 3);
  EXPECT_EQ(layout.axis, 1);
  EXPECT_EQ(layout.at(2, 5), (1 * 3 + 2) * 4 + 1); // input 1, tap 1
  graph.nodes[0].attributes.integers["group"] = 2;
  layout = *weightLayout(graph, graph.nodes[0]);
  EXPECT_EQ(layout.channels, 6);
  EXPECT_FALSE(layout.axis.has_value());
  EXPECT_EQ(layout.at(4, 5), (3 * 3 + 1) * 4 + 1); // group 1, its input 1
}

/// Rows times weights are the convolution, whatever its window.
TEST(QuantizeWeights, RowsOfAConvolution) {
  Graph graph = oneNode("Conv", {4, 2, 3, 2});
  Attributes &attributes = graph.nodes[0].attributes;
  attributes.integers["group"] = 2;
  attributes.lists["pads"] = {1, 0, 2, 1};
  attributes.lists["strides"] = {2, 1};
  attributes.lists["dilations"] = {1, 2};
  Layer layer;
  layer.op = "Conv";
  layer.nodes = {0};
  layer.inputs = {"x"};
  layer.weights = weightLayout(graph, graph.nodes[0]);
  TensorSpec in{"x", ElementType::Float32, {1, 4, 5, 6}};
  Tensor input(in);
  std::vector<float> x = numbers(4 * 5 * 6, 2);
  std::memcpy(input.data(), x.data(), x.size() * sizeof(float));
  TensorSpec out{"y", ElementType::Float32, {1, 4, 3, 5}};
  LinearData data;
  std::mt19937 random(1);
  data.gather(graph, layer, input, out, 100, random); // all 15 positions
  ASSERT_EQ(data.rows(), 15);
  const Constant &weights = graph.constants.at("w");
  auto result = multiply(data, data.inputs,
                         data.weights(weights, *layer.weights,
                                      [](float w, int64_t) { return w; }));
  for (int64_t m = 0; m < 4; ++m)
    for (int64_t row = 0; row < 3; ++row)
      for (int64_t column = 0; column < 5; ++column) {
        double want = 0;
        for (int64_t c = 0; c < 2; ++c)
          for (int64_t h = 0; h < 3; ++h)
            for (int64_t w = 0; w < 2; ++w) {
              int64_t y = row * 2 - 1 + h, z = column + w * 2;
              if (y < 0 || y >= 5 || z >= 6)
                continue;
              want +=
                  double(x[size_t(((m / 2 * 2 + c) * 5 + y) * 6 + z)]) *
                  double(weights.floats[size_t(((m * 2 + c) * 3 + h) * 2 + w)]);
            }
        EXPECT_NEAR(
            result[size_t(m / 2)][size_t((row * 5 + column) * 2 + m % 2)], want,
            1e-5);
      }
}

/// Two products with a relu between compute the same after equalisation, and
/// the ranges of each channel meet.
TEST(QuantizeWeights, EqualizationKeepsTheFunction) {
  Graph graph = oneNode("Gemm", {3, 4});
  graph.nodes[0].outputs = {"h"};
  Node relu;
  relu.op = "Relu";
  relu.inputs = {"h"};
  relu.outputs = {"r"};
  graph.nodes.push_back(relu);
  Node second;
  second.op = "Gemm";
  second.inputs = {"r", "v"};
  second.outputs = {"y"};
  graph.nodes.push_back(second);
  graph.constants["v"] = Constant::ofFloats({4, 2}, numbers(8, 4));
  for (size_t i = 0; i < 3; ++i)
    graph.constants["w"].floats[i * 4 + 1] *= 100; // one channel sticks out
  auto compute = [&](const std::vector<float> &x) {
    const Constant &w = graph.constants.at(graph.nodes[0].inputs[1]),
                   &v = graph.constants.at(graph.nodes[2].inputs[1]);
    std::vector<double> y(2);
    for (size_t c = 0; c < 4; ++c) {
      double sum = 0;
      for (size_t k = 0; k < 3; ++k)
        sum += double(x[k]) * double(w.floats[k * 4 + c]);
      for (size_t n = 0; n < 2; ++n)
        y[n] += std::max(sum, 0.0) * double(v.floats[c * 2 + n]);
    }
    return y;
  };
  std::vector<float> x = {0.3f, -0.7f, 0.9f};
  std::vector<double> before = compute(x);
  EXPECT_EQ(equalizeLayers(graph), 1);
  std::vector<double> after = compute(x);
  for (size_t n = 0; n < 2; ++n)
    EXPECT_NEAR(after[n], before[n], 1e-5 * std::fabs(before[n]) + 1e-6);
  const Constant &w = graph.constants.at(graph.nodes[0].inputs[1]),
                 &v = graph.constants.at(graph.nodes[2].inputs[1]);
  for (size_t c = 0; c < 4; ++c) {
    float made = 0, read = 0;
    for (size_t k = 0; k < 3; ++k)
      made = std::max(made, std::fabs(w.floats[k * 4 + c]));
    for (size_t n = 0; n < 2; ++n)
      read = std::max(read, std::fabs(v.floats[c * 2 + n]));
    EXPECT_NEAR(made / read, 1, 1e-3);
  }
}
