//===- tensor_map_test.cpp - Tensor maps: what the driver refuses, boxes ===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/TensorMap.h"

#include "gtest/gtest.h"

#include <vector>

using namespace adze::ptxsim;

namespace {
/// A map of a bf16 matrix of 100 x 64, box 8 x 64; fields to change.
struct Arguments {
  int dataType = 9;
  uint32_t rank = 2;
  uint64_t address = 0x700000000000;
  uint64_t dims[5] = {64, 100, 1, 1, 1};
  uint64_t strides[4] = {128, 12800, 12800, 12800};
  uint32_t box[5] = {64, 8, 1, 1, 1};
  uint32_t steps[5] = {1, 1, 1, 1, 1};
  int interleave = 0, swizzle = 3, promotion = 0, fill = 0;
  alignas(64) char out[128];

  std::string encode() {
    return encodeTiled(out, dataType, rank, address, dims, strides, box, steps,
                       interleave, swizzle, promotion, fill);
  }
};
} // namespace

template <typename Change>
static void expectRefused(const char *why, const Change &change) {
  Arguments arguments;
  ASSERT_EQ(arguments.encode(), "");
  change(arguments);
  std::string text = arguments.encode();
  EXPECT_NE(text.find(why), std::string::npos) << text;
}

TEST(TensorMap, ArgumentsAreChecked) {
  using A = Arguments;
  expectRefused("16-byte aligned", [](A &a) { a.address += 8; });
  expectRefused("multiple of 16 bytes", [](A &a) { a.strides[0] = 136; });
  expectRefused("not in 1..256", [](A &a) { a.box[1] = 257; });
  expectRefused("not in 1..256", [](A &a) { a.box[1] = 0; });
  expectRefused("more than the swizzle's 64", [](A &a) { a.swizzle = 2; });
  expectRefused("not a multiple of 16", [](A &a) { a.box[0] = 4; });
  expectRefused("not in 1..8", [](A &a) { a.steps[1] = 9; });
  expectRefused("not in 1..5", [](A &a) { a.rank = 6; });
  expectRefused("not in 1..2^32", [](A &a) { a.dims[0] = 0; });
  expectRefused("interleaved", [](A &a) { a.interleave = 1; });
  expectRefused("floating point", [](A &a) {
    a.dataType = 1;
    a.fill = 1;
  });
}

TEST(TensorMap, OtherBytesAreNoMap) {
  char bytes[128] = {};
  TensorMap map;
  EXPECT_FALSE(TensorMap::decode(bytes, map));
}

TEST(TensorMap, RowsOutsideAreEmptyAndPartsAreCut) {
  Arguments arguments;
  ASSERT_EQ(arguments.encode(), "");
  TensorMap map;
  ASSERT_TRUE(TensorMap::decode(arguments.out, map));
  EXPECT_EQ(map.boxBytes(), 1024u);
  // Columns -8..55, rows 96..103 of 100.
  int32_t at[] = {-8, 96};
  unsigned rows = 0;
  map.forEachRow(
      at, [&](uint32_t offset, int64_t address, unsigned begin, unsigned end) {
        EXPECT_EQ(offset, rows * 128);
        EXPECT_EQ(address, int64_t(arguments.address + (96 + rows) * 128 - 16));
        EXPECT_EQ(begin, rows < 4 ? 8u : 0u);
        EXPECT_EQ(end, rows < 4 ? 64u : 0u);
        ++rows;
      });
  EXPECT_EQ(rows, 8u);
}

TEST(TensorMap, BoxesOfThreeDimensionsGoInnermostFirst) {
  Arguments arguments;
  arguments.rank = 3;
  arguments.dims[2] = 4;
  arguments.box[1] = 2;
  arguments.box[2] = 2;
  ASSERT_EQ(arguments.encode(), "");
  TensorMap map;
  ASSERT_TRUE(TensorMap::decode(arguments.out, map));
  std::vector<int64_t> addresses;
  int32_t at[] = {0, 5, 3};
  map.forEachRow(at, [&](uint32_t, int64_t address, unsigned, unsigned end) {
    addresses.push_back(end ? address - int64_t(arguments.address) : -1);
  });
  int64_t first = 5 * 128 + 3 * 12800;
  EXPECT_EQ(addresses, (std::vector<int64_t>{first, first + 128, -1, -1}));
}

TEST(TensorMap, NaNFill) {
  Arguments arguments;
  arguments.fill = 1;
  ASSERT_EQ(arguments.encode(), "");
  TensorMap map;
  ASSERT_TRUE(TensorMap::decode(arguments.out, map));
  EXPECT_EQ(map.fill(), 0x7fc07fc0u);
}
