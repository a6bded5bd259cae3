//===- Portable.cpp - Softmax with exponentials from a table ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The exponential of a difference 0..255 to the row's maximum comes out of a
/// table computed ahead of time; entries that add nothing to the sum and give
/// the least output are cut off. What is left at run time is one reciprocal a
/// row, and one product an element.
///
//===----------------------------------------------------------------------===//
#include "adze/QuantizedSoftmax.h"

#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

namespace adze::families {

namespace {

// The largest element adds 2^19 to a sum in Q12.19, so that its leading zeros
// are at most 12; sums below 2^28 keep the last shift within 31 bits.
constexpr int64_t longestRow = 511;

const char highMultiply[] =
    R"(/* round(a * b / 2^31), ties upward; not for two times the least integer. */
static inline int32_t adze_high_multiply(int32_t a, int32_t b)
{
  return (int32_t)(((int64_t)a * b + 1073741824) >> 31);
}
)";

const char softmaxRows[] =
    R"(/* TFLite's softmax of int8 rows. exponentials[d] is exp of the difference d to
   the maximum in Q0.31; beyond `length` they count as zero. */
ADZE_SHARED static void adze_softmax_s8(const int8_t *x, const int32_t *exponentials, int32_t length, int8_t *y, int32_t rows, int32_t columns)
{
  for (; rows > 0; --rows) {
    int32_t largest = x[0];
    uint32_t sum = 0;
    int32_t headroom = 0;
    for (int32_t i = 1; i < columns; ++i) {
      largest = x[i] > largest ? x[i] : largest;
    }
    for (int32_t i = 0; i < columns; ++i) {
      const int32_t difference = largest - x[i];
      if (difference < length) {
        sum += ((uint32_t)exponentials[difference] + 2048u) >> 12;
      }
    }
    while ((sum & 0x80000000u) == 0u) {
      sum <<= 1;
      ++headroom;
    }
    /* 2 / (1 + a) of the sum's fraction a by Newton and Raphson from
       48/17 - 32/17 * half the denominator, in Q2.29. */
    const int32_t half = (int32_t)(sum >> 1);
    int32_t inverse = 1515870810 + adze_high_multiply(half, -1010580540);
    for (int32_t i = 0; i < 3; ++i) {
      const int32_t error = 536870912 - adze_high_multiply(half, inverse);
      inverse += adze_high_multiply(inverse, error) * 4;
    }
    inverse = inverse >= 1073741824 ? 2147483647 : inverse * 2;
    const int32_t shift = 35 - headroom;
    for (int32_t i = 0; i < columns; ++i) {
      const int32_t difference = largest - x[i];
      int32_t value = -128;
      if (difference < length) {
        const int32_t product = adze_high_multiply(inverse, exponentials[difference]);
        value += (int32_t)(((uint32_t)product + ((uint32_t)1 << (shift - 1))) >> shift);
        value = value > 127 ? 127 : value;
      }
      y[i] = (int8_t)value;
    }
    x += columns;
    y += columns;
  }
}
)";

class PortableSoftmax final : public KernelFamily {
public:
  std::string_view name() const override { return "softmax.table"; }
  std::string_view summary() const override {
    return "softmax of int8 rows with a table of exponentials";
  }

  bool matches(const Problem &problem, const Machine &) const override {
    auto *p = std::get_if<SoftmaxProblem>(&problem);
    return p && p->rows > 0 && p->rows <= INT32_MAX && p->length > 0 &&
           p->length <= longestRow;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &machine) const override {
    const auto &p = std::get<SoftmaxProblem>(problem);
    KernelFeatures features;
    double n = double(p.rows * p.length);
    // A 64-bit product is one instruction or four calls of a library.
    double product = machine.name == "cortex-m0" ? 60 : 4;
    features.instructions =
        n * (21 + product) + double(p.rows) * (75 + 7 * product) + 30;
    features.loads = 4 * n;
    features.stores = n;
    features.codeBytes = 300;
    features.constantBytes = int64_t(table(p).size()) * 4;
    features.stackBytes = 40;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<SoftmaxProblem>(problem);
    code = {};
    std::vector<int32_t> exponentials = table(p);
    addFunction(code, "adze_high_multiply", highMultiply);
    addSharedFunction(code, "adze_softmax_s8", softmaxRows);
    code.body = fmt::format("  adze_softmax_s8(in0, c0, {}, out0, {}, {});\n",
                            exponentials.size(), p.rows, p.length);
    code.constants.push_back(wordConstant(exponentials));
    code.overlap = {{0, 0}};
    return true;
  }

private:
  /// Without the entries at the end that neither sums nor outputs see: below
  /// 2^11 nothing is added to the sum, and an output of 256 * exp is below one
  /// half.
  static std::vector<int32_t> table(const SoftmaxProblem &p) {
    std::vector<int32_t> all =
        softmaxExponentials(p.factor, p.smallestDifference);
    while (all.size() > 1 && all.back() < (1 << 11))
      all.pop_back();
    return all;
  }
};

} // namespace

const KernelFamily &softmaxPortable() {
  static const PortableSoftmax family;
  return family;
}

} // namespace adze::families
