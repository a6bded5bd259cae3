//===- Sample.cpp - Problems made from a line of text -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Kernels/Sample.h"

#include "adze/QuantizedSoftmax.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <sstream>

namespace adze {

namespace {

constexpr int64_t largest = 1 << 20; // of any size

/// The words of a problem's text.
class Words {
public:
  explicit Words(const std::string &text) {
    std::istringstream stream(text);
    stream >> kind;
    std::string word;
    while (stream >> word) {
      size_t equals = word.find('=');
      if (equals == std::string::npos)
        error = fmt::format("'{}' is not key=value", word);
      else
        values[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }

  std::string text(const std::string &key, const std::string &otherwise) {
    auto it = values.find(key);
    if (it == values.end())
      return otherwise;
    used.insert(key);
    return it->second;
  }

  /// `count` sizes; one size stands for all of them.
  std::vector<int64_t> sizes(const std::string &key, size_t count,
                             const std::string &otherwise) {
    std::string value = text(key, otherwise);
    std::vector<int64_t> result;
    std::istringstream stream(value);
    std::string part;
    while (std::getline(stream, part, 'x')) {
      int64_t number = 0;
      auto [end, code] =
          std::from_chars(part.data(), part.data() + part.size(), number);
      if (code != std::errc() || end != part.data() + part.size() ||
          std::abs(number) > largest)
        break;
      result.push_back(number);
    }
    if (result.size() == 1)
      result.resize(count, result[0]);
    if (result.size() != count) {
      error =
          fmt::format("{}={} must be {} sizes joined by x", key, value, count);
      result.assign(count, 1);
    }
    return result;
  }
  int64_t size(const std::string &key, const std::string &otherwise) {
    return sizes(key, 1, otherwise)[0];
  }

  Status finish() {
    for (const auto &[key, value] : values)
      if (!used.count(key) && error.empty())
        error = fmt::format("'{}' is no property of '{}'", key, kind);
    return error.empty() ? Status::success() : Status::failure(error);
  }

  std::string kind, error;

private:
  std::map<std::string, std::string> values;
  std::set<std::string> used;
};

using Random = std::mt19937_64;

// Own distributions: those of the standard library differ between libraries.
int64_t between(Random &random, int64_t low, int64_t high) {
  return low + int64_t(random() % uint64_t(high - low + 1));
}
double unit(Random &random) { return double(random() >> 11) * 0x1p-53; }
double gauss(Random &random) {
  double sum = 0;
  for (int i = 0; i < 12; ++i)
    sum += unit(random);
  return sum - 6;
}

Addition sampleAddition(Random &random, QuantizedType type) {
  Addition a;
  bool wide = type == QuantizedType::int16;
  double scaleA = 0.02 + 0.1 * unit(random), scaleB = 0.02 + 0.1 * unit(random);
  double scale = (scaleA + scaleB) * (0.4 + 0.4 * unit(random));
  double twice = 2 * std::max(scaleA, scaleB);
  a.leftShift = wide ? 15 : 20;
  a.factorA = fixedPoint(scaleA / twice);
  a.factorB = fixedPoint(scaleB / twice);
  a.factor = fixedPoint(twice / (double(1 << a.leftShift) * scale));
  if (wide) {
    a.low = -32768;
    a.high = 32767;
  } else {
    a.zeroPointA = int32_t(between(random, -128, 127));
    a.zeroPointB = int32_t(between(random, -128, 127));
    a.zeroPoint = int32_t(between(random, -128, 127));
    if (between(random, 0, 1))
      a.low = a.zeroPoint = -128;
  }
  return a;
}

/// Sizes of the result along one dimension, and the padding before it.
void place(const std::string &pad, int64_t input, int64_t window,
           int64_t stride, int64_t before, int64_t after, int64_t &output,
           int64_t &padding) {
  if (pad == "same") {
    output = (input + stride - 1) / stride;
    padding = std::max<int64_t>(0, (output - 1) * stride + window - input) / 2;
  } else {
    padding = pad == "valid" ? 0 : before;
    output =
        (input + padding + (pad == "valid" ? 0 : after) - window) / stride + 1;
    if (input + padding + (pad == "valid" ? 0 : after) < window)
      output = 0;
  }
}

/// As training leaves them behind: of `period` output channels only the first
/// depends on the input, and it has no weights for inputs of dead channels.
void addDeadChannels(ConvolutionProblem &p, int64_t period) {
  int64_t inputs = p.groupInputs();
  auto depth = int64_t(p.weights.size()) / p.outputChannels;
  for (int64_t o = 0; o < p.outputChannels; ++o) {
    bool isDead = o % period != 0;
    if (isDead) {
      p.bias[size_t(o)] = (o % 2 ? -1 : 1) * (int64_t(1) << 30);
      p.requantization.factors[size_t(o)] = fixedPoint(7e-9);
      continue;
    }
    for (int64_t i = 0; i < depth; ++i)
      if (i % inputs % period != 0) {
        int8_t &weight = p.weights[size_t(o * depth + i)];
        p.bias[size_t(o)] += int64_t(p.inputZeroPoint) * weight;
        weight = 0;
      }
  }
}

Status sampleConvolution(Words &words, Random &random, bool dense,
                         Problem &problem) {
  ConvolutionProblem p;
  p.batch = words.size("batch", "1");
  if (dense) {
    p.inputChannels = words.size("in", "64");
  } else {
    auto in = words.sizes("in", 3, "8x8x16");
    p.inputHeight = in[0], p.inputWidth = in[1], p.inputChannels = in[2];
  }
  p.outputChannels = words.size("out", std::to_string(p.inputChannels));
  auto kernel = words.sizes("kernel", 2, "1x1");
  p.kernelHeight = kernel[0], p.kernelWidth = kernel[1];
  auto stride = words.sizes("stride", 2, "1");
  p.strideHeight = stride[0], p.strideWidth = stride[1];
  auto dilation = words.sizes("dilation", 2, "1");
  p.dilationHeight = dilation[0], p.dilationWidth = dilation[1];
  p.groups =
      words.kind == "depthwise" ? p.inputChannels : words.size("groups", "1");
  std::string pad = words.text("pad", "same");
  std::vector<int64_t> pads(4, 0);
  if (pad != "same" && pad != "valid")
    pads = words.sizes("pad", 4, pad);
  place(pad, p.inputHeight, (p.kernelHeight - 1) * p.dilationHeight + 1,
        p.strideHeight, pads[0], pads[2], p.outputHeight, p.padTop);
  place(pad, p.inputWidth, (p.kernelWidth - 1) * p.dilationWidth + 1,
        p.strideWidth, pads[1], pads[3], p.outputWidth, p.padLeft);
  std::string type = words.text("type", "int8");
  p.type = type == "int16" ? QuantizedType::int16 : QuantizedType::int8;
  bool wide = p.type == QuantizedType::int16;
  p.weightBits = int(words.size("bits", "8"));
  int64_t relu = words.size("relu", "1");
  Requantization &r = p.requantization;
  r.rounding = words.size("once", "0") ? Rounding::once : Rounding::twice;
  if (wide) {
    r.low = relu ? 0 : -32768;
    r.high = 32767;
  } else {
    p.inputZeroPoint = relu ? -128 : int32_t(between(random, -20, 20));
    r.zeroPoint = relu ? -128 : int32_t(between(random, -20, 20));
  }
  auto clamp = words.sizes("clamp", 2, fmt::format("{}x{}", r.low, r.high));
  r.low = int32_t(clamp[0]), r.high = int32_t(clamp[1]);
  int64_t dead = words.size("dead", "0");
  if (words.size("residual", "0"))
    p.residual = sampleAddition(random, p.type);
  if (Status status = words.finish(); !status)
    return status;
  if (p.groups < 1 || p.inputChannels % p.groups ||
      p.outputChannels % p.groups || p.outputHeight < 1 || p.outputWidth < 1 ||
      p.batch < 1 || p.strideHeight < 1 || p.strideWidth < 1 ||
      p.dilationHeight < 1 || p.dilationWidth < 1)
    return Status::failure("the sizes do not fit together");
  if (p.outputElements() > largest || p.inputElements() > largest)
    return Status::failure("the tensors are too large for a test");

  int64_t depth = p.kernelHeight * p.kernelWidth * p.groupInputs();
  double top = p.weightBits == 1 ? 1 : double((1 << (p.weightBits - 1)) - 1);
  for (int64_t o = 0; o < p.outputChannels; ++o) {
    std::vector<double> values;
    double peak = 1e-9, squares = 0;
    for (int64_t i = 0; i < depth; ++i) {
      values.push_back(gauss(random));
      peak = std::max(peak, std::abs(values.back()));
    }
    int64_t sum = 0;
    for (double value : values) {
      double scaled = p.weightBits == 1 ? (value < 0 ? -1 : 1)
                                        : std::nearbyint(value / peak * top);
      p.weights.push_back(int8_t(scaled));
      squares += scaled * scaled;
      sum += int64_t(scaled);
    }
    double spread = std::sqrt(std::max(squares, 1.0)) * (wide ? 12000 : 74);
    p.bias.push_back(between(random, -2000, 2000) -
                     int64_t(p.inputZeroPoint) * sum);
    r.factors.push_back(
        fixedPoint((40 + 50 * unit(random)) * (wide ? 200 : 1) / spread));
  }
  if (dead > 0)
    addDeadChannels(p, dead);
  problem = std::move(p);
  return Status::success();
}

Status samplePool(Words &words, Problem &problem) {
  PoolProblem p;
  auto in = words.sizes("in", 3, "8x8x16");
  p.inputHeight = in[0], p.inputWidth = in[1], p.channels = in[2];
  auto window = words.sizes("window", 2, "2x2");
  p.windowHeight = window[0], p.windowWidth = window[1];
  auto stride = words.sizes("stride", 2, "1");
  p.strideHeight = stride[0], p.strideWidth = stride[1];
  p.kind = words.text("kind", "average") == "maximum"
               ? PoolProblem::Kind::maximum
               : PoolProblem::Kind::average;
  std::string pad = words.text("pad", "valid");
  place(pad, p.inputHeight, p.windowHeight, p.strideHeight, 0, 0,
        p.outputHeight, p.padTop);
  place(pad, p.inputWidth, p.windowWidth, p.strideWidth, 0, 0, p.outputWidth,
        p.padLeft);
  if (p.outputHeight < 1 || p.outputWidth < 1)
    return Status::failure("the window is larger than the image");
  problem = p;
  return words.finish();
}

} // namespace

Status sampleProblem(const std::string &text, unsigned seed, Problem &problem) {
  Words words(text);
  Random random(seed);
  auto described = [&](Status status) {
    return status ? status
                  : Status::failure(
                        fmt::format("problem '{}': {}", text, status.message));
  };
  auto elements = [&] {
    return std::clamp<int64_t>(words.size("n", "1024"), 1, largest);
  };
  if (words.kind == "conv" || words.kind == "depthwise")
    return described(sampleConvolution(words, random, false, problem));
  if (words.kind == "dense")
    return described(sampleConvolution(words, random, true, problem));
  if (words.kind == "pool")
    return described(samplePool(words, problem));
  if (words.kind == "add") {
    AdditionProblem p;
    p.elements = elements();
    p.type = words.text("type", "int8") == "int16" ? QuantizedType::int16
                                                   : QuantizedType::int8;
    p.addition = sampleAddition(random, p.type);
    p.addition.subtract = words.size("subtract", "0") != 0;
    problem = p;
  } else if (words.kind == "mul") {
    MultiplicationProblem p;
    p.elements = elements();
    p.period = words.size("period", "0");
    p.zeroPointA = int32_t(between(random, -128, 127));
    p.zeroPointB = int32_t(between(random, -128, 127));
    p.requantization.factors = {fixedPoint(0.002 + 0.01 * unit(random))};
    p.requantization.zeroPoint = int32_t(between(random, -128, 127));
    problem = p;
  } else if (words.kind == "lookup") {
    LookupProblem p;
    p.elements = elements();
    for (int i = 0; i < 256; ++i)
      p.table.push_back(int8_t(between(random, -128, 127)));
    problem = p;
  } else if (words.kind == "softmax") {
    SoftmaxProblem p;
    auto in = words.sizes("in", 2, "1x10");
    p.rows = in[0], p.length = in[1];
    SoftmaxInput input = softmaxInput(0.02 + 0.2 * unit(random));
    p.factor = input.factor;
    p.smallestDifference = input.smallestDifference;
    problem = p;
  } else {
    return Status::failure(fmt::format(
        "problem '{}': '{}' is none of conv, depthwise, dense, add, mul, pool, "
        "lookup, softmax",
        text, words.kind));
  }
  return described(words.finish());
}

std::string randomProblemText(Random &random) {
  auto pick = [&](std::initializer_list<int64_t> values) {
    return values.begin()[between(random, 0, int64_t(values.size()) - 1)];
  };
  auto convolution = [&](bool depthwise) {
    int64_t h = between(random, 1, 12), w = between(random, 1, 12);
    int64_t c = pick({1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 32, 33});
    std::string text =
        fmt::format("{} in={}x{}x{} kernel={}x{} stride={}x{} relu={}",
                    depthwise ? "depthwise" : "conv", h, w, c,
                    pick({1, 2, 3, 3, 3, 5}), pick({1, 2, 3, 3, 3, 5}),
                    pick({1, 1, 2, 3}), pick({1, 1, 2, 3}), pick({0, 1}));
    if (!depthwise)
      text += fmt::format(" out={}", pick({1, 2, 3, 4, 6, 8, 15, 16, 24, 33}));
    else if (pick({0, 0, 1}))
      text += fmt::format(" out={}", 2 * c);
    switch (pick({0, 0, 0, 1, 2, 3})) {
    case 1:
      text += " dilation=2";
      break;
    case 2:
      text += fmt::format(" clamp={}x{}", -100, 90);
      break;
    case 3:
      text += " once=1";
      break;
    }
    return text;
  };
  switch (between(random, 0, 9)) {
  case 0:
  case 1:
  case 2:
  case 3:
    return convolution(false);
  case 4:
  case 5:
    return convolution(true);
  case 6:
    return fmt::format("dense in={} out={} relu={}", between(random, 1, 150),
                       between(random, 1, 40), pick({0, 1}));
  case 7:
    return fmt::format("add n={} subtract={}", between(random, 1, 200),
                       pick({0, 0, 1}));
  case 8:
    return fmt::format(
        "pool in={}x{}x{} window={}x{} stride={} kind={} pad={}",
        between(random, 3, 9), between(random, 3, 9), between(random, 1, 20),
        between(random, 1, 3), between(random, 1, 3), between(random, 1, 2),
        pick({0, 1}) ? "average" : "maximum", pick({0, 1}) ? "same" : "valid");
  default:
    return pick({0, 1}) ? fmt::format("mul n={}", between(random, 1, 100))
                        : fmt::format("softmax in={}x{}", between(random, 1, 3),
                                      between(random, 1, 30));
  }
}

std::vector<std::vector<char>> sampleInputs(const Problem &problem,
                                            unsigned seed) {
  Random random(uint64_t(seed) * 7919 + 13);
  int32_t zero = -128;
  if (auto *p = std::get_if<ConvolutionProblem>(&problem))
    zero = p->inputZeroPoint;
  bool quarter = std::holds_alternative<ConvolutionProblem>(problem);
  std::vector<std::vector<char>> inputs;
  for (int64_t bytes : inputBytes(problem)) {
    std::vector<char> &input = inputs.emplace_back();
    for (int64_t i = 0; i < bytes; ++i) {
      auto value = char(random());
      input.push_back(quarter && random() % 4 == 0 ? char(zero) : value);
    }
  }
  return inputs;
}

std::vector<std::string> modelLayers(const std::string &model) {
  if (model == "resnet8")
    return {"conv in=32x32x3 out=16 kernel=3x3",
            "conv in=32x32x16 out=16 kernel=3x3",
            "conv in=32x32x16 out=16 kernel=3x3 relu=0",
            "add n=16384",
            "conv in=32x32x16 out=32 kernel=3x3 stride=2",
            "conv in=16x16x32 out=32 kernel=3x3 relu=0",
            "conv in=32x32x16 out=32 kernel=1x1 stride=2 relu=0",
            "add n=8192",
            "conv in=16x16x32 out=64 kernel=3x3 stride=2",
            "conv in=8x8x64 out=64 kernel=3x3 relu=0",
            "conv in=16x16x32 out=64 kernel=1x1 stride=2 relu=0",
            "add n=4096",
            "pool in=8x8x64 window=8x8",
            "dense in=64 out=10 relu=0",
            "softmax in=1x10"};
  if (model == "kws")
    return {"conv in=49x10x1 out=64 kernel=10x4 stride=2",
            "depthwise in=25x5x64 kernel=3x3",
            "conv in=25x5x64 out=64 kernel=1x1",
            "pool in=25x5x64 window=25x5",
            "dense in=64 out=12 relu=0",
            "softmax in=1x12"};
  if (model == "vww")
    return {"conv in=96x96x3 out=8 kernel=3x3 stride=2",
            "depthwise in=48x48x8 kernel=3x3",
            "conv in=48x48x8 out=16 kernel=1x1",
            "depthwise in=48x48x16 kernel=3x3 stride=2",
            "conv in=24x24x16 out=32 kernel=1x1",
            "depthwise in=24x24x32 kernel=3x3",
            "conv in=24x24x32 out=32 kernel=1x1",
            "depthwise in=24x24x32 kernel=3x3 stride=2",
            "conv in=12x12x32 out=64 kernel=1x1",
            "depthwise in=12x12x64 kernel=3x3",
            "conv in=12x12x64 out=64 kernel=1x1",
            "depthwise in=12x12x64 kernel=3x3 stride=2",
            "conv in=6x6x64 out=128 kernel=1x1",
            "depthwise in=6x6x128 kernel=3x3",
            "conv in=6x6x128 out=128 kernel=1x1",
            "depthwise in=6x6x128 kernel=3x3 stride=2",
            "conv in=3x3x128 out=256 kernel=1x1",
            "depthwise in=3x3x256 kernel=3x3",
            "conv in=3x3x256 out=256 kernel=1x1",
            "pool in=3x3x256 window=3x3",
            "dense in=256 out=2 relu=0",
            "softmax in=1x2"};
  if (model == "ad01")
    return {"dense in=640 out=128", "dense in=128 out=128",
            "dense in=128 out=8", "dense in=8 out=128",
            "dense in=128 out=640 relu=0"};
  return {};
}

} // namespace adze
