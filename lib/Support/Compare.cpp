//===- Compare.cpp - How near a result is to its reference ----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace adze;

Tolerance adze::defaultTolerance(ElementType type) {
  Tolerance tolerance;
  switch (type) {
  case ElementType::Float32:
  case ElementType::Complex64:
    tolerance.relativeL2 = 1e-4;
    break;
  case ElementType::Float64:
  case ElementType::Complex128:
    tolerance.relativeL2 = 1e-6;
    break;
  case ElementType::Float16:
    tolerance.relativeL2 = 5e-3;
    break;
  case ElementType::BFloat16:
    tolerance.relativeL2 = 2e-2;
    break;
  case ElementType::Int8:
  case ElementType::UInt8:
    tolerance.absolute = 1;
    break;
  default:
    if (isFloat(type)) // 8 bits and fewer
      tolerance.relativeL2 = 5e-2;
    break;
  }
  return tolerance;
}

std::string Tolerance::text() const {
  if (relative)
    return fmt::format("|difference| <= {:g} + {:g} |reference|",
                       absolute.value_or(0), *relative);
  std::string text;
  if (relativeL2)
    text = fmt::format("relative L2 <= {:g}", *relativeL2);
  if (absolute)
    text += fmt::format("{}|difference| <= {:g}", text.empty() ? "" : ", ",
                        *absolute);
  return text.empty() ? "equal" : text;
}

namespace {

/// A position on the line of all values of a type, in which neighbours differ
/// by 1: the bits, with the order of the negative ones reversed.
int64_t linePosition(int64_t bits, unsigned width) {
  int64_t magnitude = bits & int64_t((uint64_t(1) << (width - 1)) - 1);
  bool negative = bits >> (width - 1) & 1;
  return negative ? -magnitude : magnitude;
}

/// The line position of an element of a floating-point type, or the value of
/// an integer (unsigned 64-bit ones as their bits).
int64_t elementPosition(const Tensor &tensor, int64_t index) {
  unsigned bits = elementBits(tensor.spec.type);
  if (bits < 8) {
    // The narrow floats have all their neighbours one integer apart as well.
    unsigned perByte = 8 / bits;
    unsigned byte = uint8_t(tensor.storage[size_t(index / perByte)]);
    int64_t pattern = byte >> (index % perByte * bits) & ((1u << bits) - 1);
    return isFloat(tensor.spec.type) ? linePosition(pattern, bits)
                                     : int64_t(tensor.get(index));
  }
  uint64_t pattern = 0;
  std::memcpy(&pattern, tensor.data() + index * int64_t(bits / 8), bits / 8);
  if (tensor.spec.type == ElementType::Float8E8M0)
    return int64_t(pattern); // no sign
  if (isFloat(tensor.spec.type))
    return linePosition(int64_t(pattern), bits);
  if (bits == 64)
    return int64_t(pattern);
  return int64_t(tensor.get(index));
}

/// |a - b|, saturated. Two int64 may be further apart than an int64 says.
int64_t distance(int64_t a, int64_t b, bool isUnsigned) {
  uint64_t difference;
  if (isUnsigned ? uint64_t(a) >= uint64_t(b) : a >= b)
    difference = uint64_t(a) - uint64_t(b);
  else
    difference = uint64_t(b) - uint64_t(a);
  return int64_t(std::min<uint64_t>(
      difference, uint64_t(std::numeric_limits<int64_t>::max())));
}

/// Numbers that a tensor holds: a complex element counts as two.
struct Numbers {
  explicit Numbers(const Tensor &tensor) : tensor(&tensor) {
    if (tensor.spec.type == ElementType::Complex64 ||
        tensor.spec.type == ElementType::Complex128) {
      parts = tensor;
      parts.spec.type = tensor.spec.type == ElementType::Complex64
                            ? ElementType::Float32
                            : ElementType::Float64;
      parts.spec.shape.push_back(2);
      this->tensor = &parts;
    }
  }
  const Tensor *tensor;
  Tensor parts;
};

} // namespace

/// Fills the figures; returns the number of elements that break the
/// element-wise bound, if there is one.
static int64_t measure(const Tensor &got, const Tensor &want,
                       const Tolerance &tolerance, Comparison &result) {
  ElementType type = want.spec.type;
  bool hasUlp = isFloat(type) || isInteger(type);
  bool wide = isInteger(type) && elementBits(type) == 64;
  bool isUnsigned = type == ElementType::UInt64;
  double errorSquares = 0, wantSquares = 0, gotSquares = 0, product = 0;
  double worstError = -1;
  int64_t broken = 0;
  int64_t count = want.spec.numElements();
  result.elements = count;
  for (int64_t i = 0; i < count; ++i) {
    double a = got.get(i), b = want.get(i);
    if (!std::isfinite(a) || !std::isfinite(b)) {
      if ((std::isnan(a) && std::isnan(b)) || a == b)
        continue;
      ++result.different;
      ++broken;
      if (result.nonFinite++ == 0) {
        result.worst = i;
        result.worstGot = a;
        result.worstWant = b;
        worstError = std::numeric_limits<double>::infinity();
      }
      continue;
    }
    double error = std::fabs(a - b);
    if (hasUlp) {
      int64_t steps = distance(elementPosition(got, i),
                               elementPosition(want, i), isUnsigned);
      result.maxUlp = std::max(result.maxUlp, steps);
      if (wide) // beyond 2^53 a double does not tell neighbours apart
        error = double(steps);
    }
    if (error > 0) {
      ++result.different;
      if (error > worstError) {
        worstError = error;
        result.worst = i;
        result.worstGot = a;
        result.worstWant = b;
      }
      result.maxAbsolute = std::max(result.maxAbsolute, error);
      if (tolerance.relative && error > tolerance.absolute.value_or(0) +
                                            *tolerance.relative * std::fabs(b))
        ++broken;
    }
    errorSquares += error * error;
    wantSquares += b * b;
    gotSquares += a * a;
    product += a * b;
  }
  if (!hasUlp)
    result.maxUlp = -1;
  double wantNorm = std::sqrt(wantSquares), gotNorm = std::sqrt(gotSquares);
  result.relativeL2 = std::sqrt(errorSquares) / (wantNorm > 0 ? wantNorm : 1.0);
  if (wantNorm > 0 && gotNorm > 0)
    result.cosine = product / (wantNorm * gotNorm);
  else
    result.cosine = wantNorm == gotNorm ? 1 : 0;
  return broken;
}

Comparison adze::compareTensors(const Tensor &got, const Tensor &want,
                                const Tolerance &tolerance) {
  Comparison result;
  if (got.spec.type != want.spec.type || got.spec.shape != want.spec.shape) {
    result.reason = fmt::format("it is {}, the reference is {}",
                                got.spec.typeText(), want.spec.typeText());
    return result;
  }
  int64_t broken =
      measure(*Numbers(got).tensor, *Numbers(want).tensor, tolerance, result);
  if (result.nonFinite > 0)
    result.reason =
        fmt::format("{} element{} NaN or infinite in one of the two only",
                    result.nonFinite, result.nonFinite == 1 ? " is" : "s are");
  else if (tolerance.relative) {
    if (broken > 0)
      result.reason = fmt::format(
          "{} of {} elements are beyond {:g} + {:g} |reference|", broken,
          result.elements, tolerance.absolute.value_or(0), *tolerance.relative);
  } else if (tolerance.relativeL2 &&
             !(result.relativeL2 <= *tolerance.relativeL2))
    result.reason = fmt::format("relative L2 error {:.3g} is above {:g}",
                                result.relativeL2, *tolerance.relativeL2);
  else if (tolerance.absolute && !(result.maxAbsolute <= *tolerance.absolute))
    result.reason = fmt::format("largest difference {:g} is above {:g}",
                                result.maxAbsolute, *tolerance.absolute);
  else if (!tolerance.relativeL2 && !tolerance.absolute && result.different > 0)
    result.reason = fmt::format("{} of {} elements differ", result.different,
                                result.elements);
  result.passed = result.reason.empty();
  return result;
}
