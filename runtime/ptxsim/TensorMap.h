//===- TensorMap.h - Tensor maps and their boxes ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The 128 bytes of a CUtensorMap are opaque in CUDA; these are our own, with a
// magic number so that a kernel that gets something else says so.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_TENSORMAP_H
#define ADZE_RUNTIME_PTXSIM_TENSORMAP_H

#include "runtime/ptxsim/Fragments.h"
#include "runtime/ptxsim/TensorMapFormat.h"

#include <functional>

namespace adze::ptxsim {

/// A decoded tensor map; dimension 0 is the innermost.
struct TensorMap {
  uint64_t magic;
  uint64_t address;
  uint64_t strides[4]; ///< bytes, of dimensions 1..4
  uint32_t dims[5];    ///< elements, minus one (2^32 must fit)
  uint16_t box[5];
  uint8_t elementStrides[5];
  uint8_t rank;
  uint8_t dataType; ///< CUtensorMapDataType
  uint8_t swizzle;  ///< Swizzle's numbers, not CUDA's
  uint8_t fillNaN;
  uint8_t elementBytes;
  uint8_t reserved[40];

  static constexpr uint64_t expectedMagic = 0x7042d'4ad2e'0001;

  /// Copies the 128 bytes at `bytes`; false if they are no tensor map.
  static bool decode(const void *bytes, TensorMap &map);

  /// Elements that the box has in dimension `d` of shared memory.
  unsigned boxSize(unsigned d) const {
    return (box[d] + elementStrides[d] - 1) / elementStrides[d];
  }
  /// Bytes of one row of the box in shared memory, and of all of it.
  uint32_t rowBytes() const { return boxSize(0) * elementBytes; }
  uint32_t boxBytes() const;
  /// The element of an out-of-bounds place, low bytes first.
  uint32_t fill() const;

  /// Walks the rows (runs along dimension 0) of the box at `coordinates`.
  /// `row` gets: byte offset of the row in the box (dense, before swizzling),
  /// global address of element 0 of the row, and the elements [begin, end)
  /// inside the tensor (both 0 if the row is outside).
  using Row = std::function<void(uint32_t offset, int64_t address,
                                 unsigned begin, unsigned end)>;
  void forEachRow(const int32_t *coordinates, const Row &row) const;

  Swizzle swizzleMode() const { return static_cast<Swizzle>(swizzle); }
};
static_assert(sizeof(TensorMap) == 128);

} // namespace adze::ptxsim

#endif
