//===- Fragments.h - Which lane holds which matrix element ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Register fragments of mma.sync, wgmma, ldmatrix, stmatrix and movmatrix (PTX
// ISA 9.7.14 and 9.7.15), and the shared memory matrices of wgmma descriptors.
//
// All mma.sync shapes that have 8 columns are one formula: a 32-bit register
// holds e = 32 / bits neighbouring elements of k, lane l = 4 * g + t.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_FRAGMENTS_H
#define ADZE_RUNTIME_PTXSIM_FRAGMENTS_H

#include <cstdint>

namespace adze::ptxsim {

/// A place in a matrix.
struct Element {
  unsigned row, column;
};

/// Element `i` of 32-bit register `reg` of lane `lane` in the A operand of
/// m16n8kK and, with 16 * warp more rows, of wgmma from registers: row g or
/// g + 8 (odd registers), columns 4 * e * (reg / 2) + e * t + i.
constexpr Element fragmentA(unsigned lane, unsigned reg, unsigned i,
                            unsigned bits) {
  unsigned e = 32 / bits;
  return {lane / 4 + 8 * (reg & 1), 4 * e * (reg / 2) + e * (lane % 4) + i};
}

/// The same of the B operand (row: k, column: n).
constexpr Element fragmentB(unsigned lane, unsigned reg, unsigned i,
                            unsigned bits) {
  unsigned e = 32 / bits;
  return {4 * e * reg + e * (lane % 4) + i, lane / 4};
}

/// Accumulator `value` (counted in values, two to a register for f16) of the C
/// and D operands. mma.sync has values 0..3; wgmma m64nN has N / 2 of them, and
/// 16 * warp is added to the row.
constexpr Element fragmentD(unsigned lane, unsigned value) {
  return {lane / 4 + 8 * ((value / 2) & 1),
          8 * (value / 4) + 2 * (lane % 4) + (value & 1)};
}

/// Which element of an 8x8 matrix of 16-bit elements lane `lane` holds in half
/// `half` of its register after ldmatrix (before stmatrix). With .trans row and
/// column trade places.
constexpr Element fragmentMatrix(unsigned lane, unsigned half,
                                 bool transposed) {
  unsigned row = lane / 4, column = 2 * (lane % 4) + half;
  return transposed ? Element{column, row} : Element{row, column};
}

/// Swizzle modes, numbered as in a wgmma descriptor (bits 62 and 63).
enum class Swizzle : unsigned { none = 0, b128 = 1, b64 = 2, b32 = 3 };

/// Bytes that one row of the swizzle atom has: 16, 128, 64, 32.
constexpr unsigned swizzleSpan(Swizzle swizzle) {
  constexpr unsigned spans[] = {16, 128, 64, 32};
  return spans[static_cast<unsigned>(swizzle)];
}

/// The bits of the address that the swizzle takes up before it repeats: 1024,
/// 512, 256 bytes; 16 without one.
constexpr unsigned swizzlePeriod(Swizzle swizzle) {
  return swizzle == Swizzle::none ? 16 : 8 * swizzleSpan(swizzle);
}

/// Where the byte at shared address `address` lies: the 16-byte chunk number
/// within a row (bits 4..6) is xor-ed with bits 7..9 (CuTe's Swizzle<B,4,3>).
/// `base` is the descriptor's base offset, subtracted from bits 7..9.
constexpr uint32_t swizzleAddress(uint32_t address, Swizzle swizzle,
                                  unsigned base = 0) {
  unsigned mask = swizzleSpan(swizzle) / 16 - 1;
  return address ^ (((((address >> 7) - base) & 7) & mask) << 4);
}

/// A wgmma matrix descriptor (PTX ISA 9.7.15.5.1.2.2), offsets in bytes.
struct MatrixDescriptor {
  uint32_t start, leading, stride;
  unsigned base;
  Swizzle swizzle;

  static MatrixDescriptor decode(uint64_t bits);
  uint64_t encode() const;

  /// Shared address (before the wrap at 256 KiB) of the 16-byte chunk that
  /// holds element (`mn`, `k`) of a tile of wgmma; both counted in elements
  /// of `bytes` bytes. CuTe's canonical layouts, T = 16 / bytes:
  ///
  ///   K-major   none  ((8,m),(T,2)) : ((1T,SBO),(1,LBO))
  ///             w*16  ((8,m),(T,2)) : ((wT,SBO),(1,T))       w = 2, 4, 8
  ///   MN-major  none  ((T,1,m),(8,k)) : ((1,T,SBO),(1T,LBO))
  ///             w*16  ((T,w,m),(8,k)) : ((1,T,LBO),(wT,SBO))
  uint32_t chunkAddress(unsigned mn, unsigned k, unsigned bytes,
                        bool mnMajor) const;
};

} // namespace adze::ptxsim

#endif
