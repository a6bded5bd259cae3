//===- Accelerator.cpp - A user's function in place of a kernel -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Kernels/Accelerator.h"

#include <fmt/format.h>

#include <cctype>
#include <cstring>

namespace adze {

namespace {

bool matchesFrom(const char *pattern, const char *text) {
  for (; *pattern; ++pattern, ++text) {
    if (*pattern == '*') {
      for (;; ++text) {
        if (matchesFrom(pattern + 1, text))
          return true;
        if (!*text)
          return false;
      }
    }
    if (!*text || (*pattern != '?' && *pattern != *text))
      return false;
  }
  return !*text;
}

template <typename T>
KernelConstant constant(QuantizedType type, const std::vector<T> &values) {
  KernelConstant result;
  result.type = type;
  result.bytes.resize(values.size() * sizeof(T));
  std::memcpy(result.bytes.data(), values.data(), result.bytes.size());
  return result;
}

/// What a function for an accelerator is told; printed once into the artifact.
/// A header of the user's may hold the same text behind the same macro.
constexpr const char *layerStruct = R"(#ifndef ADZE_LAYER
#define ADZE_LAYER
/* A quantized convolution over [N, H, W, C] tensors of int8_t (depthwise:
 * groups = input_channels; fully connected: one pixel). The sum of an output
 * is bias[o] + the products of inputs and weights as they are stored: the
 * input's zero point is in the bias already, and outside of the image the input
 * is input_zero_point. output = clamp(((int64_t)sum * multiplier[o], rounded)
 * * 2^(shift[o] - 31) + output_zero_point), TFLite's MultiplyByQuantizedMultiplier. */
struct adze_layer {
  int32_t batch, input_height, input_width, input_channels;
  int32_t output_height, output_width, output_channels;
  int32_t kernel_height, kernel_width, stride_height, stride_width;
  int32_t dilation_height, dilation_width, pad_top, pad_left, groups;
  int32_t input_zero_point, output_zero_point, output_low, output_high;
  const int8_t *weights;     /* [O, KH, KW, I / groups] */
  const int32_t *bias;       /* [O] */
  const int32_t *multiplier; /* [O] */
  const int32_t *shift;      /* [O], positive: to the left */
};
#endif
)";

class AcceleratorFamily final : public KernelFamily {
public:
  explicit AcceleratorFamily(AcceleratorRule rule) : rule(std::move(rule)) {}

  std::string_view name() const override { return "accelerator"; }
  std::string_view summary() const override {
    return "a function of the user's";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && p->type == QuantizedType::int8 && p->weightBits == 8 &&
           !p->residual && rule.matches(describe(problem));
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{"accelerator." + rule.function, {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    KernelFeatures features;
    features.constantBytes = int64_t(p.weights.size()) + 12 * p.outputChannels;
    features.codeBytes = 160;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<int32_t> bias, multiplier, shift;
    for (int64_t o = 0; o < p.outputChannels; ++o) {
      bias.push_back(int32_t(p.bias[size_t(o)]));
      multiplier.push_back(p.requantization.factor(o).multiplier);
      shift.push_back(p.requantization.factor(o).shift);
    }
    code.constants = {constant(QuantizedType::int8, p.weights),
                      constant(QuantizedType::int32, bias),
                      constant(QuantizedType::int32, multiplier),
                      constant(QuantizedType::int32, shift)};
    code.functions = {
        {"adze_layer", layerStruct},
        {rule.function,
         fmt::format("/* For the accelerator; defined by the application. */\n"
                     "extern void {}(const struct adze_layer *layer, const "
                     "int8_t *input,\n    int8_t *output);\n",
                     rule.function)}};
    const Requantization &r = p.requantization;
    code.body = fmt::format(
        "  struct adze_layer layer = {{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, "
        "{},\n    {}, {}, {}, {}, {}, {}, {}, {}, {}, NULL, NULL, NULL, "
        "NULL}};\n"
        "  layer.weights = c0;\n  layer.bias = c1;\n"
        "  layer.multiplier = c2;\n  layer.shift = c3;\n"
        "  {}(&layer, in0, out0);\n",
        p.batch, p.inputHeight, p.inputWidth, p.inputChannels, p.outputHeight,
        p.outputWidth, p.outputChannels, p.kernelHeight, p.kernelWidth,
        p.strideHeight, p.strideWidth, p.dilationHeight, p.dilationWidth,
        p.padTop, p.padLeft, p.groups, p.inputZeroPoint, r.zeroPoint, r.low,
        r.high, rule.function);
    return true;
  }

private:
  AcceleratorRule rule;
};

} // namespace

bool AcceleratorRule::matches(const std::string &description) const {
  return matchesFrom(pattern.c_str(), description.c_str());
}

Status parseAcceleratorRule(const std::string &text, AcceleratorRule &rule) {
  size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0)
    return Status::failure(fmt::format(
        "'{}' is no rule for an accelerator; expected PATTERN=FUNCTION, as in "
        "'conv 3x3*=npu_conv'",
        text));
  rule = {text.substr(0, equals), text.substr(equals + 1)};
  const std::string &name = rule.function;
  bool isName = !name.empty() && name.size() < 64 &&
                !std::isdigit(static_cast<unsigned char>(name[0]));
  for (char c : name)
    isName &= std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  if (!isName)
    return Status::failure(fmt::format(
        "'{}' in the rule '{}' is no name of a C function", name, text));
  return Status::success();
}

std::unique_ptr<KernelFamily> makeAcceleratorFamily(AcceleratorRule rule) {
  return std::make_unique<AcceleratorFamily>(std::move(rule));
}

} // namespace adze
