//===- Reference.cpp - What every kernel is compared with -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// TFLite's reference kernels for integer tensors, in plain loops.
///
//===----------------------------------------------------------------------===//
#include "adze/KernelFamily.h"
#include "adze/QuantizedSoftmax.h"

#include <algorithm>
#include <cstring>

namespace adze {

namespace {

/// A tensor of small integers, read and written as int32.
class Elements {
public:
  Elements(QuantizedType type, std::vector<char> bytes)
      : type(type), bytes(std::move(bytes)) {}
  int32_t operator[](int64_t i) const {
    if (type == QuantizedType::int8)
      return int8_t(bytes[size_t(i)]);
    if (type == QuantizedType::int16) {
      int16_t value;
      std::memcpy(&value, bytes.data() + 2 * i, 2);
      return value;
    }
    int32_t value;
    std::memcpy(&value, bytes.data() + 4 * i, 4);
    return value;
  }
  void set(int64_t i, int32_t value) {
    std::memcpy(bytes.data() + i * bytesOf(type), &value,
                size_t(bytesOf(type))); // little endian
  }
  std::vector<char> take() && { return std::move(bytes); }

private:
  QuantizedType type;
  std::vector<char> bytes;
};

/// int16: TFLite rounds the 64-bit accumulator once, with a multiplier of 16
/// bits (MultiplyByQuantizedMultiplier(int64_t, ...)).
int64_t multiplyWide(int64_t x, FixedPoint factor) {
  int32_t reduced = factor.multiplier < 0x7FFF0000
                        ? (factor.multiplier + (1 << 15)) >> 16
                        : 0x7FFF;
  int total = 15 - factor.shift;
  return (x * reduced + (int64_t(1) << (total - 1))) >> total;
}

void compute(const ConvolutionProblem &p, const std::vector<Elements> &in,
             Elements &out) {
  const Requantization &r = p.requantization;
  int64_t at = 0;
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t y = 0; y < p.outputHeight; ++y)
      for (int64_t x = 0; x < p.outputWidth; ++x)
        for (int64_t o = 0; o < p.outputChannels; ++o, ++at) {
          int64_t first = o / p.groupOutputs() * p.groupInputs();
          int64_t sum = p.bias[size_t(o)];
          for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
            for (int64_t kx = 0; kx < p.kernelWidth; ++kx) {
              int64_t iy =
                  y * p.strideHeight - p.padTop + ky * p.dilationHeight;
              int64_t ix = x * p.strideWidth - p.padLeft + kx * p.dilationWidth;
              bool inside =
                  iy >= 0 && iy < p.inputHeight && ix >= 0 && ix < p.inputWidth;
              int64_t pixel = (n * p.inputHeight + iy) * p.inputWidth + ix;
              for (int64_t i = 0; i < p.groupInputs(); ++i)
                sum +=
                    int64_t(inside ? in[0][pixel * p.inputChannels + first + i]
                                   : p.inputZeroPoint) *
                    p.weight(o, ky, kx, i);
            }
          int32_t value;
          if (p.type == QuantizedType::int16)
            value = int32_t(std::clamp<int64_t>(
                multiplyWide(sum, r.factor(o)) + r.zeroPoint, r.low, r.high));
          else
            value = r.apply(int32_t(uint32_t(sum)), o);
          out.set(at, p.residual ? p.residual->apply(value, in[1][at]) : value);
        }
}

void compute(const AdditionProblem &p, const std::vector<Elements> &in,
             Elements &out) {
  for (int64_t i = 0; i < p.elements; ++i)
    out.set(i, p.addition.apply(in[0][i], in[1][i]));
}

void compute(const MultiplicationProblem &p, const std::vector<Elements> &in,
             Elements &out) {
  for (int64_t i = 0; i < p.elements; ++i)
    out.set(i, p.requantization.apply(
                   (in[0][i] - p.zeroPointA) *
                       (in[1][p.period ? i % p.period : i] - p.zeroPointB),
                   0));
}

void compute(const PoolProblem &p, const std::vector<Elements> &in,
             Elements &out) {
  int64_t at = 0;
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t y = 0; y < p.outputHeight; ++y)
      for (int64_t x = 0; x < p.outputWidth; ++x)
        for (int64_t c = 0; c < p.channels; ++c, ++at) {
          int64_t sum = 0, count = 0;
          int32_t largest = INT32_MIN;
          for (int64_t ky = 0; ky < p.windowHeight; ++ky)
            for (int64_t kx = 0; kx < p.windowWidth; ++kx) {
              int64_t iy = y * p.strideHeight - p.padTop + ky;
              int64_t ix = x * p.strideWidth - p.padLeft + kx;
              if (iy < 0 || iy >= p.inputHeight || ix < 0 || ix >= p.inputWidth)
                continue;
              int32_t value =
                  in[0][((n * p.inputHeight + iy) * p.inputWidth + ix) *
                            p.channels +
                        c];
              sum += value;
              ++count;
              largest = std::max(largest, value);
            }
          int64_t value = largest;
          if (p.kind == PoolProblem::Kind::average)
            value = count == 0 ? 0
                    : sum > 0  ? (sum + count / 2) / count
                               : (sum - count / 2) / count;
          out.set(at, int32_t(std::clamp<int64_t>(value, p.low, p.high)));
        }
}

void compute(const LookupProblem &p, const std::vector<Elements> &in,
             Elements &out) {
  for (int64_t i = 0; i < p.elements; ++i)
    out.set(i, p.table[size_t(in[0][i] + 128)]);
}

void compute(const SoftmaxProblem &p, const std::vector<Elements> &in,
             Elements &out) {
  std::vector<int32_t> table =
      softmaxExponentials(p.factor, p.smallestDifference);
  for (int64_t row = 0; row < p.rows; ++row) {
    int64_t base = row * p.length;
    int32_t largest = INT32_MIN;
    for (int64_t i = 0; i < p.length; ++i)
      largest = std::max(largest, in[0][base + i]);
    // Sums of exponentials in Q12.19.
    uint32_t sum = 0;
    for (int64_t i = 0; i < p.length; ++i)
      sum += uint32_t(softmaxTerm(table[size_t(largest - in[0][base + i])]));
    SoftmaxScale scale = softmaxScale(int32_t(sum));
    for (int64_t i = 0; i < p.length; ++i)
      out.set(base + i,
              softmaxOutput(table[size_t(largest - in[0][base + i])], scale));
  }
}

} // namespace

std::vector<char>
computeReference(const Problem &problem,
                 const std::vector<std::vector<char>> &inputs) {
  return std::visit(
      [&](const auto &p) {
        QuantizedType type = QuantizedType::int8;
        if constexpr (requires { p.type; })
          type = p.type;
        std::vector<Elements> in;
        for (const std::vector<char> &bytes : inputs)
          in.emplace_back(type, bytes);
        Elements out(type, std::vector<char>(size_t(outputBytes(problem))));
        compute(p, in, out);
        return std::move(out).take();
      },
      problem);
}

} // namespace adze
