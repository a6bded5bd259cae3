//===- tensor_test.cpp - Element types, their bits and their values -------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Tensor.h"
#include "lib/Support/NumberFormat.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace adze;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(ElementType, NamesAreUnique) {
  for (int type = 1; type <= int(ElementType::Int2); ++type) {
    std::string name = elementTypeName(ElementType(type));
    EXPECT_NE(name, "undefined");
    EXPECT_EQ(elementTypeNamed(name), ElementType(type));
  }
  EXPECT_EQ(elementTypeNamed("float33"), ElementType::Undefined);
}

TEST(TensorSpec, SizesSaturateInsteadOfOverflowing) {
  TensorSpec spec{"x", ElementType::Float32, {2, 3}};
  EXPECT_EQ(spec.byteSize(), 24);
  spec.shape = {int64_t(1) << 40, int64_t(1) << 40};
  EXPECT_EQ(spec.byteSize(), std::numeric_limits<int64_t>::max());
  spec.shape = {int64_t(1) << 40, int64_t(1) << 40, 0};
  EXPECT_EQ(spec.byteSize(), 0);
  spec.shape = {-1, 3};
  EXPECT_EQ(spec.numElements(), -1);
  EXPECT_EQ(spec.typeText(), "float32[?,3]");
  EXPECT_EQ((TensorSpec{"x", ElementType::Int4, {3}}).byteSize(), 2);
}

TEST(Tensor, CopiesStayAligned) {
  Tensor tensor(TensorSpec{"x", ElementType::UInt8, {3}});
  tensor.set(2, 200);
  std::vector<Tensor> copies(5, tensor);
  for (const Tensor &copy : copies) {
    EXPECT_EQ(uintptr_t(copy.data()) % 64, 0u);
    EXPECT_EQ(copy.get(2), 200);
  }
}

TEST(Tensor, IntegersAreClampedAndPacked) {
  Tensor nibbles(TensorSpec{"x", ElementType::Int4, {3}});
  nibbles.set(0, -8);
  nibbles.set(1, 100);
  nibbles.set(2, -1);
  EXPECT_EQ(uint8_t(nibbles.storage[0]), 0x78); // low nibble first
  EXPECT_EQ(uint8_t(nibbles.storage[1]), 0x0f);
  EXPECT_EQ(nibbles.get(0), -8);
  EXPECT_EQ(nibbles.get(1), 7);
  EXPECT_EQ(nibbles.get(2), -1);
  Tensor wide(TensorSpec{"x", ElementType::Int64, {2}});
  wide.set(0, 1e30);
  wide.set(1, -1e30);
  EXPECT_EQ(wide.get(0), std::ldexp(1, 63));
  EXPECT_EQ(wide.get(1), -std::ldexp(1, 63));
}

/// Values from the tables of the format's definitions.
TEST(NumberFormat, KnownValues) {
  static const struct {
    ElementType type;
    uint32_t pattern;
    double value;
  } rows[] = {
      {ElementType::Float16, 0x3c00, 1.0},
      {ElementType::Float16, 0x7bff, 65504.0},
      {ElementType::Float16, 0x0001, std::ldexp(1, -24)},
      {ElementType::Float16, 0xfc00, -infinity},
      {ElementType::BFloat16, 0xc040, -3.0},
      {ElementType::BFloat16, 0x7f80, infinity},
      {ElementType::Float8E4M3FN, 0x7e, 448.0},
      {ElementType::Float8E4M3FN, 0x01, std::ldexp(1, -9)},
      {ElementType::Float8E4M3FNUZ, 0x7f, 240.0},
      {ElementType::Float8E4M3FNUZ, 0x01, std::ldexp(1, -10)},
      {ElementType::Float8E5M2, 0x7b, 57344.0},
      {ElementType::Float8E5M2, 0x01, std::ldexp(1, -16)},
      {ElementType::Float8E5M2, 0x7c, infinity},
      {ElementType::Float8E5M2FNUZ, 0x7f, 57344.0},
      {ElementType::Float8E5M2FNUZ, 0x01, std::ldexp(1, -17)},
      {ElementType::Float8E8M0, 0x00, std::ldexp(1, -127)},
      {ElementType::Float8E8M0, 0x7f, 1.0},
      {ElementType::Float8E8M0, 0xfe, std::ldexp(1, 127)},
      {ElementType::Float4E2M1, 0x7, 6.0},
      {ElementType::Float4E2M1, 0x1, 0.5},
      {ElementType::Float4E2M1, 0xf, -6.0},
  };
  for (const auto &row : rows) {
    const NumberFormat &format = *numberFormat(row.type);
    EXPECT_EQ(decode(format, row.pattern), row.value)
        << elementTypeName(row.type) << " " << row.pattern;
    EXPECT_EQ(encode(format, row.value), row.pattern)
        << elementTypeName(row.type) << " " << row.value;
  }
}

TEST(NumberFormat, EveryPatternSurvivesAndEveryMidpointGoesToEven) {
  for (int type = 1; type <= int(ElementType::Int2); ++type) {
    const NumberFormat *format = numberFormat(ElementType(type));
    if (!format)
      continue;
    SCOPED_TRACE(elementTypeName(ElementType(type)));
    for (uint32_t pattern = 0; pattern < 1u << format->bits; ++pattern) {
      double value = decode(*format, pattern);
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(decode(*format, encode(*format, value))));
        continue;
      }
      ASSERT_EQ(encode(*format, value), pattern);
      if (pattern + 1 >= 1u << format->bits)
        continue;
      double next = decode(*format, pattern + 1);
      if (!std::isfinite(next) || std::signbit(next) != std::signbit(value))
        continue;
      uint32_t middle = encode(*format, (value + next) / 2);
      if (format->mantissaBits > 0)
        EXPECT_EQ(middle, pattern % 2 == 0 ? pattern : pattern + 1);
      EXPECT_EQ(encode(*format, value + (next - value) * 0.375), pattern);
    }
  }
}

TEST(NumberFormat, OverflowBecomesWhatTheFormatHas) {
  auto encoded = [](ElementType type, double value) {
    return encode(*numberFormat(type), value);
  };
  EXPECT_EQ(encoded(ElementType::Float16, 65519.0), 0x7bffu);
  EXPECT_EQ(encoded(ElementType::Float16, 65520.0), 0x7c00u);
  EXPECT_EQ(encoded(ElementType::Float8E4M3FN, 1e9), 0x7fu);
  EXPECT_EQ(encoded(ElementType::Float8E4M3FNUZ, 1e9), 0x80u);
  EXPECT_EQ(encoded(ElementType::Float8E5M2, -1e9), 0xfcu);
  EXPECT_EQ(encoded(ElementType::Float4E2M1, -1e9), 0xfu);
  EXPECT_EQ(encoded(ElementType::Float8E4M3FNUZ, -0.0), 0u);
}

} // namespace
