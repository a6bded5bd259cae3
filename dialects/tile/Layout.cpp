//===- Layout.cpp - Swizzled layouts of shared memory ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/tile/Layout.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace adze::tile;

Swizzle Swizzle::ofSpan(int64_t span) {
  return {span < 32 ? 0 : int64_t(llvm::Log2_64(span / 16)), 4, 3};
}

int64_t Swizzle::apply(int64_t offset) const {
  int64_t mask = ((int64_t(1) << bits) - 1) << (base + shift);
  return offset ^ ((offset & mask) >> shift);
}

bool adze::tile::isConflictFree(ArrayRef<int64_t> offsets,
                                const Swizzle &swizzle) {
  unsigned used = 0;
  for (int64_t offset : offsets) {
    unsigned bit = 1u << (swizzle.apply(offset) / 16 % 8);
    if (used & bit)
      return false;
    used |= bit;
  }
  return true;
}

/// PTX ISA 9.7.15.5.1: eight rows are one pattern. K-major: the next eight rows
/// follow (`stride`), the other offset is not used. MN-major: the next eight of
/// K follow, and the next span of rows (columns) is `leading` bytes away.
MatrixAttr adze::tile::canonicalMatrix(MLIRContext *context, bool isKMajor,
                                       int64_t span, int64_t groupBytes) {
  return MatrixAttr::get(context, isKMajor ? "k" : "mn", span,
                         isKMajor ? 16 : groupBytes, 8 * span);
}
