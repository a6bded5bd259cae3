//===- FixedPointText.cpp - TFLite's fixed point as C text ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace adze::families {

std::string literal(int32_t value) {
  return value == INT32_MIN ? "(-2147483647 - 1)" : fmt::format("{}", value);
}

KernelConstant wordConstant(const std::vector<int32_t> &words) {
  KernelConstant constant;
  constant.type = QuantizedType::int32;
  constant.bytes.resize(words.size() * 4);
  std::memcpy(constant.bytes.data(), words.data(), constant.bytes.size());
  return constant;
}

void addFunction(KernelCode &code, const std::string &name,
                 const std::string &text) {
  auto same = [&](const auto &function) { return function.first == name; };
  if (std::none_of(code.functions.begin(), code.functions.end(), same))
    code.functions.emplace_back(name, text);
}

void addSharedFunction(KernelCode &code, const std::string &name,
                       const std::string &text) {
  addFunction(code, "ADZE_SHARED",
              "/* One copy for all callers: not inlined, not specialised. */\n"
              "#if defined(__GNUC__) && !defined(__clang__)\n"
              "#define ADZE_SHARED __attribute__((noipa))\n"
              "#elif defined(__clang__)\n"
              "#define ADZE_SHARED __attribute__((noinline))\n"
              "#else\n#define ADZE_SHARED\n#endif\n");
  addFunction(code, name, text);
}

bool hasMultiplyText(FixedPoint factor, Rounding rounding) {
  return rounding == Rounding::once ? factor.shift < 31
                                    : factor.shift < 32 && factor.shift > -32;
}

// A multiplier is not negative, so that the doubling high multiply neither
// saturates nor depends on the sign of the product.
static const char multiplyTwice[] =
    R"(/* round(round(x * 2^left * multiplier / 2^31) / 2^right), ties of the second
   rounding away from zero: gemmlowp's fixed point. */
static inline int32_t adze_multiply_twice(int32_t x, int32_t multiplier, int32_t left, int32_t right)
{
  int32_t shifted = (int32_t)((uint32_t)x << left);
  int32_t product = (int32_t)(((int64_t)shifted * multiplier + 1073741824) >> 31);
  int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u);
  int32_t threshold = (mask >> 1) + (product < 0);
  return (product >> right) + ((product & mask) > threshold);
}
)";

static const char multiplyOnce[] =
    R"(/* round(x * multiplier / 2^shift), ties upward, saturated. */
static inline int32_t adze_multiply_once(int32_t x, int32_t multiplier, int32_t shift)
{
  int64_t value = ((int64_t)x * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
  if (value > 2147483647) {
    return 2147483647;
  }
  if (value < -2147483647 - 1) {
    return -2147483647 - 1;
  }
  return (int32_t)value;
}
)";

std::string multiplyText(const std::string &x, FixedPoint factor,
                         Rounding rounding, KernelCode &code) {
  if (rounding == Rounding::once) {
    addFunction(code, "adze_multiply_once", multiplyOnce);
    // Beyond 62 bits every product is below one half.
    bool zero = factor.shift < -31;
    return fmt::format("adze_multiply_once({}, {}, {})", x,
                       zero ? 0 : factor.multiplier,
                       zero ? 62 : 31 - factor.shift);
  }
  addFunction(code, "adze_multiply_twice", multiplyTwice);
  return fmt::format("adze_multiply_twice({}, {}, {}, {})", x,
                     factor.multiplier, std::max(factor.shift, 0),
                     std::max(-factor.shift, 0));
}

std::string clampText(const std::string &variable, int32_t low, int32_t high,
                      const std::string &indent) {
  return fmt::format("{0}{1} = {1} < {2} ? {2} : {1};\n"
                     "{0}{1} = {1} > {3} ? {3} : {1};\n",
                     indent, variable, literal(low), literal(high));
}

} // namespace adze::families
