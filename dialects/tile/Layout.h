//===- Layout.h - Swizzled layouts of shared memory -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIALECTS_TILE_LAYOUT_H
#define ADZE_DIALECTS_TILE_LAYOUT_H

#include "dialects/tile/tile.h"

namespace adze::tile {

/// A permutation of byte offsets: the `bits` bits from `base` + `shift` on are
/// added without carry to those from `base` on (CuTe's Swizzle). It is its own
/// inverse.
struct Swizzle {
  int64_t bits = 0, base = 4, shift = 3;

  /// Of the copy engine and of wgmma: chunks of 16 bytes within spans of 0, 32,
  /// 64 or 128 bytes (PTX ISA 5.5.6).
  static Swizzle ofSpan(int64_t span);
  int64_t apply(int64_t offset) const;
};

/// Whether eight chunks of 16 bytes that one step of ldmatrix, stmatrix or a
/// load of vectors touches lie in different banks (32 of 4 bytes).
bool isConflictFree(llvm::ArrayRef<int64_t> offsets, const Swizzle &swizzle);

/// How wgmma reads rows of `span` bytes that lie one behind the other, swizzled
/// over `span`. K-major: a row is K of one row of A (column of B). MN-major: a
/// row is one K; `groupBytes` lie between one span of rows (columns) and the
/// next.
MatrixAttr canonicalMatrix(mlir::MLIRContext *context, bool isKMajor,
                           int64_t span, int64_t groupBytes);

} // namespace adze::tile

#endif
