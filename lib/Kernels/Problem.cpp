//===- Problem.cpp - Sizes and names of problems ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/KernelFamily.h"

#include <fmt/format.h>

namespace adze {

namespace {
template <typename... Cases> struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases> Overloaded(Cases...) -> Overloaded<Cases...>;
} // namespace

int64_t bytesOf(QuantizedType type) {
  switch (type) {
  case QuantizedType::int8:
    return 1;
  case QuantizedType::int16:
    return 2;
  case QuantizedType::int32:
    return 4;
  }
  return 0;
}

std::string_view cTypeOf(QuantizedType type) {
  switch (type) {
  case QuantizedType::int8:
    return "int8_t";
  case QuantizedType::int16:
    return "int16_t";
  case QuantizedType::int32:
    return "int32_t";
  }
  return "";
}

std::vector<int64_t> inputBytes(const Problem &problem) {
  return std::visit(
      Overloaded{
          [](const ConvolutionProblem &p) -> std::vector<int64_t> {
            int64_t size = bytesOf(p.type);
            if (p.residual)
              return {p.inputElements() * size, p.outputElements() * size};
            return {p.inputElements() * size};
          },
          [](const AdditionProblem &p) -> std::vector<int64_t> {
            int64_t size = p.elements * bytesOf(p.type);
            return {size, size};
          },
          [](const MultiplicationProblem &p) -> std::vector<int64_t> {
            return {p.elements * bytesOf(p.type),
                    (p.period ? p.period : p.elements) * bytesOf(p.type)};
          },
          [](const PoolProblem &p) -> std::vector<int64_t> {
            return {p.batch * p.inputHeight * p.inputWidth * p.channels *
                    bytesOf(p.type)};
          },
          [](const LookupProblem &p) -> std::vector<int64_t> {
            return {p.elements};
          },
          [](const SoftmaxProblem &p) -> std::vector<int64_t> {
            return {p.rows * p.length};
          },
      },
      problem);
}

int64_t outputBytes(const Problem &problem) {
  return std::visit(
      Overloaded{
          [](const ConvolutionProblem &p) {
            return p.outputElements() * bytesOf(p.type);
          },
          [](const AdditionProblem &p) { return p.elements * bytesOf(p.type); },
          [](const MultiplicationProblem &p) {
            return p.elements * bytesOf(p.type);
          },
          [](const PoolProblem &p) {
            return p.batch * p.outputHeight * p.outputWidth * p.channels *
                   bytesOf(p.type);
          },
          [](const LookupProblem &p) { return p.elements; },
          [](const SoftmaxProblem &p) { return p.rows * p.length; },
      },
      problem);
}

static std::string strides(int64_t height, int64_t width) {
  if (height == 1 && width == 1)
    return "";
  return height == width ? fmt::format("/{}", height)
                         : fmt::format("/{}x{}", height, width);
}

std::string describe(const Problem &problem) {
  return std::visit(
      Overloaded{
          [](const ConvolutionProblem &p) {
            std::string suffix;
            if (p.dilationHeight > 1 || p.dilationWidth > 1)
              suffix += fmt::format(" dilated {}x{}", p.dilationHeight,
                                    p.dilationWidth);
            if (p.groups > 1 && !p.isDepthwise())
              suffix += fmt::format(" in {} groups", p.groups);
            if (p.type == QuantizedType::int16)
              suffix += " int16";
            if (p.weightBits != 8)
              suffix += fmt::format(" {}-bit weights", p.weightBits);
            if (p.residual)
              suffix += " + residual";
            if (p.inputHeight == 1 && p.inputWidth == 1 &&
                p.kernelHeight == 1 && p.kernelWidth == 1)
              return fmt::format("dense {} -> {}{}", p.inputChannels,
                                 p.outputChannels, suffix);
            return fmt::format(
                "{} {}x{}{} {}x{}x{} -> {}x{}x{}{}",
                p.isDepthwise() ? "depthwise" : "conv", p.kernelHeight,
                p.kernelWidth, strides(p.strideHeight, p.strideWidth),
                p.inputHeight, p.inputWidth, p.inputChannels, p.outputHeight,
                p.outputWidth, p.outputChannels, suffix);
          },
          [](const AdditionProblem &p) {
            return fmt::format("{} of {}",
                               p.addition.subtract ? "subtraction" : "addition",
                               p.elements);
          },
          [](const MultiplicationProblem &p) {
            return fmt::format("multiplication of {}{}", p.elements,
                               p.period ? fmt::format(" by {}", p.period) : "");
          },
          [](const PoolProblem &p) {
            return fmt::format("{} pool {}x{}{} {}x{}x{} -> {}x{}x{}",
                               p.kind == PoolProblem::Kind::average ? "average"
                                                                    : "maximum",
                               p.windowHeight, p.windowWidth,
                               p.outputHeight == 1 && p.outputWidth == 1
                                   ? std::string() // one window goes nowhere
                                   : strides(p.strideHeight, p.strideWidth),
                               p.inputHeight, p.inputWidth, p.channels,
                               p.outputHeight, p.outputWidth, p.channels);
          },
          [](const LookupProblem &p) {
            return fmt::format("lookup of {}", p.elements);
          },
          [](const SoftmaxProblem &p) {
            return fmt::format("softmax of {}x{}", p.rows, p.length);
          },
      },
      problem);
}

std::string Schedule::text() const {
  std::string text = family;
  for (const auto &[name, value] : parameters)
    text += fmt::format(", {} = {}", name, value);
  return text;
}

} // namespace adze
