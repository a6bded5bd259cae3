//===- KernelFamily.h - Generators of hot kernels ---------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The one way by which a hot operator gets code that is not printed loops. A
/// family is asked what it can compute, under which schedules, at which cost,
/// and for the code. It sees plain data, no IR: everything that is known ahead
/// of time (shapes, zero points, weights, factors) is in the problem, and what
/// could be computed from it belongs into the constants of the kernel.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_KERNELFAMILY_H
#define ADZE_KERNELFAMILY_H

#include "adze/Machine.h"
#include "adze/Requantization.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace adze {

/// Element types of tensors that a family reads and writes.
enum class QuantizedType { int8, int16, int32 };
int64_t bytesOf(QuantizedType type);
/// "int8_t", ...
std::string_view cTypeOf(QuantizedType type);

/// Convolution over [N, H, W, C] tensors, grouped, strided, dilated, padded:
/// with accumulator a[n,y,x,o] = bias[o] + sum over ky, kx, i of
///   input[n, y*strideH - padTop + ky*dilationH, ..., g(o)*I + i] *
///   weight[o,ky,kx,i],
/// y = requantize(a)[ + residual]. Outside of the image the input has the value
/// inputZeroPoint. The sums are those of the stored integers: the input's zero
/// point is already folded into `bias` (bias - inputZeroPoint * sum of
/// weights), weights have zero point 0. Sums wrap around at 32 bits (int8) or
/// 64 (int16).
///   depthwise:        groups = inputChannels
///   pointwise:        a kernel of 1x1
///   fully connected:  1x1 over an image of 1x1 pixels
///   matrix product:   1x1 over an image of 1xM pixels
struct ConvolutionProblem {
  QuantizedType type = QuantizedType::int8; // of input and output
  int64_t batch = 1;
  int64_t inputHeight = 1, inputWidth = 1, inputChannels = 1;
  int64_t outputHeight = 1, outputWidth = 1, outputChannels = 1;
  int64_t kernelHeight = 1, kernelWidth = 1;
  int64_t strideHeight = 1, strideWidth = 1;
  int64_t dilationHeight = 1, dilationWidth = 1;
  int64_t padTop = 0, padLeft = 0; // bottom and right follow from the sizes
  int64_t groups = 1;
  int32_t inputZeroPoint = 0;

  int weightBits = 8;          // 8, 4, 2 or 1: the range of `weights`
  std::vector<int8_t> weights; // [O, KH, KW, I / groups]
  std::vector<int64_t> bias;   // [O]; fits int32 unless type is int16
  Requantization requantization;
  /// A second input of the output's shape, added to the requantized sum: `a` of
  /// the addition is the convolution's result, `b` the second input.
  std::optional<Addition> residual;

  int64_t groupInputs() const { return inputChannels / groups; }
  int64_t groupOutputs() const { return outputChannels / groups; }
  bool isDepthwise() const { return groups == inputChannels && groups > 1; }
  int64_t inputElements() const {
    return batch * inputHeight * inputWidth * inputChannels;
  }
  int64_t outputElements() const {
    return batch * outputHeight * outputWidth * outputChannels;
  }
  int64_t multiplyAccumulates() const {
    return outputElements() * kernelHeight * kernelWidth * groupInputs();
  }
  int8_t weight(int64_t o, int64_t ky, int64_t kx, int64_t i) const {
    return weights[size_t(
        ((o * kernelHeight + ky) * kernelWidth + kx) * groupInputs() + i)];
  }
};

/// y[i] = addition(a[i], b[i]) over tensors of the same size.
struct AdditionProblem {
  QuantizedType type = QuantizedType::int8;
  int64_t elements = 0;
  Addition addition;
};

/// y[i] = clamp(round((a[i] - za) * (b[i] - zb) * factor) + zeroPoint):
/// TFLite's multiplication. b has the size of a, or `period` elements that
/// repeat.
struct MultiplicationProblem {
  QuantizedType type = QuantizedType::int8;
  int64_t elements = 0, period = 0;
  int32_t zeroPointA = 0, zeroPointB = 0;
  Requantization requantization; // one factor
};

/// Pooling over [N, H, W, C]. Average divides the sum of the elements inside of
/// the image by their number, ties away from zero, and clamps: scale and zero
/// point are those of the input.
struct PoolProblem {
  enum class Kind { maximum, average } kind = Kind::average;
  QuantizedType type = QuantizedType::int8;
  int64_t batch = 1, inputHeight = 1, inputWidth = 1, channels = 1;
  int64_t outputHeight = 1, outputWidth = 1;
  int64_t windowHeight = 1, windowWidth = 1, strideHeight = 1, strideWidth = 1;
  int64_t padTop = 0, padLeft = 0;
  int32_t low = -128, high = 127;
};

/// y[i] = table[x[i] + 128].
struct LookupProblem {
  int64_t elements = 0;
  std::vector<int8_t> table; // 256
};

/// Softmax over the rows of [rows, length] int8 tensors, TFLite's fixed point
/// (reference_ops Softmax, int8 in and out, output scale 1/256, zero point
/// -128): `factor` scales differences to Q5.26, differences below
/// `smallestDifference` count as zero.
struct SoftmaxProblem {
  int64_t rows = 1, length = 1;
  FixedPoint factor;
  int32_t smallestDifference = 0;
};

using Problem =
    std::variant<ConvolutionProblem, AdditionProblem, MultiplicationProblem,
                 PoolProblem, LookupProblem, SoftmaxProblem>;

/// The tensors of a problem as raw little-endian bytes, computed in plain
/// loops: what every kernel is compared with, bit for bit.
std::vector<char>
computeReference(const Problem &problem,
                 const std::vector<std::vector<char>> &inputs);
/// Bytes of each input, and of the output.
std::vector<int64_t> inputBytes(const Problem &problem);
int64_t outputBytes(const Problem &problem);
/// "conv 3x3/2 32x32x16 -> 16x16x32".
std::string describe(const Problem &problem);

/// Every decision under which a kernel is generated; #kernel.schedule in IR.
struct Schedule {
  std::string family;
  std::map<std::string, int64_t> parameters;

  int64_t get(const std::string &name, int64_t otherwise) const {
    auto it = parameters.find(name);
    return it == parameters.end() ? otherwise : it->second;
  }
  std::string text() const; // "conv.direct.dsp, tile = 2"
};

/// What a cost model sees: computed from problem and schedule, never measured.
struct KernelFeatures {
  double instructions = 0; // estimate for one run of the kernel
  double loads = 0, stores = 0;
  double cycles = 0;         // 0: not known
  int64_t constantBytes = 0; // weights and factors as this kernel keeps them
  int64_t codeBytes = 0;     // estimate
  int64_t scratchBytes = 0;
  int64_t stackBytes = 0;
};

/// A constant that the kernel reads through a pointer of its own.
struct KernelConstant {
  QuantizedType type = QuantizedType::int32;
  std::vector<char> bytes; // little endian
};

/// C text of a kernel. It becomes
///   static void NAME(const T *in0[, const T *in1], const C0 *c0, ..., T *out0,
///                    int32_t *scratch0, ...)
///   { body }
/// with the element types of the tensors; all pointers are `restrict` except
/// where the kernel works in place. Tensors in the arena, constants and scratch
/// are aligned to 8 bytes (16 where the machine has vectors); inputs and
/// outputs of the model are aligned to `ioAlignment` by contract with the
/// caller. Kernels with equal text (their constants may differ) share one
/// function: keep what differs between layers of one shape in the constants.
struct KernelCode {
  std::string body;
  /// Functions that the body calls, complete definitions in order, each under a
  /// unique name; printed once a file, shared by name and text.
  std::vector<std::pair<std::string, std::string>> functions;
  std::set<std::string> headers; // "arm_acle.h"; may be guarded by `guards`
  std::vector<KernelConstant> constants;
  std::vector<int64_t> scratchBytes;
  /// [input, bytes]: the output may begin `bytes` below that input's begin and
  /// overlap it from there (0: exactly in place). Empty: disjoint memory.
  std::vector<std::pair<int, int64_t>> overlap;
  int ioAlignment = 4;
};

/// Limits that a choice has to keep.
struct KernelLimits {
  int64_t constantBytes = -1; // -1: none
  int64_t scratchBytes = -1;
};

class KernelFamily {
public:
  virtual ~KernelFamily() = default;
  virtual std::string_view name() const = 0; // "conv.direct.dsp"
  virtual std::string_view summary() const = 0;
  /// Whether it can compute the problem on the machine.
  virtual bool matches(const Problem &problem,
                       const Machine &machine) const = 0;
  /// The legal schedules, all of which `generate` accepts.
  virtual std::vector<Schedule> schedules(const Problem &problem,
                                          const Machine &machine) const = 0;
  virtual KernelFeatures features(const Problem &problem,
                                  const Schedule &schedule,
                                  const Machine &machine) const = 0;
  /// The code; false where a check that needs the weights fails (no exact
  /// two-instruction requantization, an overflow that cannot be excluded).
  virtual bool generate(const Problem &problem, const Schedule &schedule,
                        const Machine &machine, KernelCode &code) const = 0;
};

/// The families of the C targets, in an explicit list
/// (codegen/c/families/Families.cpp).
const std::vector<const KernelFamily *> &cKernelFamilies();

} // namespace adze

#endif
