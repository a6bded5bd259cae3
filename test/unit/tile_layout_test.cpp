//===- tile_layout_test.cpp - Swizzled layouts ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/tile/Layout.h"

#include <gtest/gtest.h>

using namespace adze::tile;

TEST(TileLayout, SwizzleIsItsOwnInverseAndAPermutation) {
  for (int64_t span : {0, 32, 64, 128}) {
    Swizzle swizzle = Swizzle::ofSpan(span);
    std::vector<bool> seen(2048);
    for (int64_t offset = 0; offset < 2048; ++offset) {
      int64_t to = swizzle.apply(offset);
      ASSERT_LT(to, 2048);
      EXPECT_FALSE(seen[to]);
      seen[to] = true;
      EXPECT_EQ(swizzle.apply(to), offset);
    }
  }
}

TEST(TileLayout, SwizzleOf128BytesAddsTheRowToTheChunk) {
  Swizzle swizzle = Swizzle::ofSpan(128);
  for (int64_t row = 0; row < 16; ++row)
    for (int64_t chunk = 0; chunk < 8; ++chunk)
      EXPECT_EQ(swizzle.apply(row * 128 + chunk * 16),
                row * 128 + (chunk ^ (row % 8)) * 16);
}

TEST(TileLayout, ColumnsConflictUnlessSwizzled) {
  std::vector<int64_t> column;
  for (int64_t row = 0; row < 8; ++row)
    column.push_back(row * 128 + 48);
  EXPECT_FALSE(isConflictFree(column, Swizzle::ofSpan(0)));
  EXPECT_FALSE(isConflictFree(column, Swizzle::ofSpan(64)));
  EXPECT_TRUE(isConflictFree(column, Swizzle::ofSpan(128)));
}

TEST(TileLayout, DescriptorsOfWgmma) {
  mlir::MLIRContext context;
  context.loadDialect<TileDialect>();
  MatrixAttr k = canonicalMatrix(&context, true, 128, 0);
  EXPECT_FALSE(k.isTransposed());
  EXPECT_EQ(k.getBits(), (uint64_t(1) << 62) | (uint64_t(64) << 32) | 1 << 16);
  MatrixAttr mn = canonicalMatrix(&context, false, 128, 8192);
  EXPECT_TRUE(mn.isTransposed());
  EXPECT_EQ(mn.getBits(),
            (uint64_t(1) << 62) | (uint64_t(64) << 32) | 512 << 16);
}
