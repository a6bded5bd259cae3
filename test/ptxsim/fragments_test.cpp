//===- fragments_test.cpp - Register fragments and matrix descriptors ===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/Fragments.h"

#include "gtest/gtest.h"

#include <set>
#include <vector>

using namespace adze::ptxsim;

/// Every element of a rows x columns matrix is held exactly once.
template <typename Function>
static void expectBijection(unsigned rows, unsigned columns, unsigned registers,
                            unsigned perRegister, const Function &function) {
  std::set<std::pair<unsigned, unsigned>> seen;
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned reg = 0; reg < registers; ++reg)
      for (unsigned i = 0; i < perRegister; ++i) {
        Element at = function(lane, reg, i);
        EXPECT_LT(at.row, rows);
        EXPECT_LT(at.column, columns);
        EXPECT_TRUE(seen.insert({at.row, at.column}).second);
      }
  EXPECT_EQ(seen.size(), rows * columns);
}

TEST(Fragments, EveryElementOfAAndBIsHeldOnce) {
  struct Case {
    unsigned k, bits;
  };
  for (Case c : {Case{4, 32}, Case{8, 32}, Case{8, 16}, Case{16, 16},
                 Case{16, 8}, Case{32, 8}}) {
    expectBijection(16, c.k, 16 * c.k * c.bits / 1024, 32 / c.bits,
                    [&](unsigned lane, unsigned reg, unsigned i) {
                      return fragmentA(lane, reg, i, c.bits);
                    });
    expectBijection(c.k, 8, 8 * c.k * c.bits / 1024, 32 / c.bits,
                    [&](unsigned lane, unsigned reg, unsigned i) {
                      return fragmentB(lane, reg, i, c.bits);
                    });
  }
}

TEST(Fragments, EveryAccumulatorIsHeldOnce) {
  for (unsigned n : {8, 64, 256})
    expectBijection(16, n, n / 2, 1,
                    [](unsigned lane, unsigned value, unsigned) {
                      return fragmentD(lane, value);
                    });
}

/// The formulas that the ISA prints for single shapes (9.7.14.5.4, .7, .8, .9).
TEST(Fragments, ShapesOfTheManual) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned g = lane >> 2, t = lane % 4;
    // m16n8k16 .f16: a_i, i = 0..7.
    for (unsigned i = 0; i < 8; ++i) {
      unsigned row = i < 2 || (i >= 4 && i < 6) ? g : g + 8;
      unsigned column = i < 4 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8;
      Element at = fragmentA(lane, i / 2, i % 2, 16);
      EXPECT_EQ(at.row, row);
      EXPECT_EQ(at.column, column);
    }
    // m16n8k8 .tf32: a_0..a_3, b_0, b_1.
    for (unsigned i = 0; i < 4; ++i) {
      Element at = fragmentA(lane, i, 0, 32);
      EXPECT_EQ(at.row, i == 0 || i == 2 ? g : g + 8);
      EXPECT_EQ(at.column, i < 2 ? t : t + 4);
    }
    EXPECT_EQ(fragmentB(lane, 1, 0, 32).row, t + 4);
    // m16n8k32 .s8: a_i, i = 0..15; b_i, i = 0..7.
    for (unsigned i = 0; i < 16; ++i) {
      unsigned row = i < 4 || (i >= 8 && i < 12) ? g : g + 8;
      unsigned column = i < 8 ? t * 4 + (i & 3) : t * 4 + (i & 3) + 16;
      Element at = fragmentA(lane, i / 4, i % 4, 8);
      EXPECT_EQ(at.row, row);
      EXPECT_EQ(at.column, column);
    }
    for (unsigned i = 0; i < 8; ++i) {
      Element at = fragmentB(lane, i / 4, i % 4, 8);
      EXPECT_EQ(at.row, i < 4 ? t * 4 + (i & 3) : t * 4 + (i & 3) + 16);
      EXPECT_EQ(at.column, g);
    }
    // wgmma m64nN: d_i.
    for (unsigned i = 0; i < 128; ++i) {
      Element at = fragmentD(lane, i);
      EXPECT_EQ(at.row, i % 4 < 2 ? g : g + 8);
      EXPECT_EQ(at.column, i / 4 * 8 + t * 2 + (i & 1));
    }
  }
}

TEST(Fragments, LdmatrixTransposed) {
  Element plain = fragmentMatrix(13, 1, false);
  EXPECT_EQ(plain.row, 3u);
  EXPECT_EQ(plain.column, 3u);
  Element transposed = fragmentMatrix(6, 1, true);
  EXPECT_EQ(transposed.row, 5u);
  EXPECT_EQ(transposed.column, 1u);
}

/// CuTe's Swizzle<B, 4, 3>: bits 7.. of the offset onto bits 4...
static uint32_t cuteSwizzle(uint32_t offset, unsigned bits) {
  uint32_t mask = ((1u << bits) - 1) << 7;
  return offset ^ ((offset & mask) >> 3);
}

TEST(Descriptors, SwizzleIsCuTes) {
  for (uint32_t offset = 0; offset < 4096; offset += 16) {
    EXPECT_EQ(swizzleAddress(offset, Swizzle::none), offset);
    EXPECT_EQ(swizzleAddress(offset, Swizzle::b32), cuteSwizzle(offset, 1));
    EXPECT_EQ(swizzleAddress(offset, Swizzle::b64), cuteSwizzle(offset, 2));
    EXPECT_EQ(swizzleAddress(offset, Swizzle::b128), cuteSwizzle(offset, 3));
  }
}

TEST(Descriptors, FieldsRoundTrip) {
  // address 0x8400, leading 16 bytes, stride 1024 bytes, 128-byte swizzle.
  uint64_t bits = 0x840 | 1ull << 16 | 64ull << 32 | 1ull << 62;
  MatrixDescriptor d = MatrixDescriptor::decode(bits);
  EXPECT_EQ(d.start, 0x8400u);
  EXPECT_EQ(d.leading, 16u);
  EXPECT_EQ(d.stride, 1024u);
  EXPECT_EQ(d.base, 0u);
  EXPECT_EQ(d.swizzle, Swizzle::b128);
  EXPECT_EQ(d.encode(), bits);
}

/// Row r, byte k of a K-major tile with 128-byte rows as TMA leaves it, and a
/// descriptor that has advanced by 32 bytes of k.
TEST(Descriptors, KMajorWith128ByteSwizzleIsWhatTmaWrites) {
  for (unsigned step = 0; step < 4; ++step) {
    MatrixDescriptor d{4096 + 32 * step, 16, 1024, 0, Swizzle::b128};
    for (unsigned row = 0; row < 256; ++row)
      for (unsigned chunk = 0; chunk < 2; ++chunk)
        EXPECT_EQ(d.chunkAddress(row, chunk * 8, 2, false),
                  4096 + cuteSwizzle(row * 128 + 32 * step + chunk * 16, 3));
  }
}

/// The canonical layouts as CuTe writes them, with T elements to 16 bytes.
TEST(Descriptors, CanonicalLayouts) {
  const unsigned bytes = 2, T = 8;
  struct Mode {
    Swizzle swizzle;
    unsigned width, bits;
  };
  for (Mode mode : {Mode{Swizzle::none, 1, 0}, Mode{Swizzle::b32, 2, 1},
                    Mode{Swizzle::b64, 4, 2}, Mode{Swizzle::b128, 8, 3}}) {
    const unsigned leading = 2048, stride = 4096;
    MatrixDescriptor d{0, leading, stride, 0, mode.swizzle};
    for (unsigned mn = 0; mn < 128; ++mn)
      for (unsigned k = 0; k < 16; ++k) {
        unsigned w = mode.width;
        // ((8,m),(T,2)):((wT,SBO),(1, T or LBO)), elements.
        unsigned kMajor = mn % 8 * w * T + mn / 8 * (stride / bytes) + k % T +
                          k / T * (w == 1 ? leading / bytes : T);
        // ((T,w,m),(8,k)):((1,T,LBO or SBO),(wT, SBO or LBO)).
        unsigned outer = (w == 1 ? stride : leading) / bytes;
        unsigned deep = (w == 1 ? leading : stride) / bytes;
        unsigned mnMajor = mn % T + mn / T % w * T + mn / T / w * outer +
                           k % 8 * w * T + k / 8 * deep;
        EXPECT_EQ(d.chunkAddress(mn, k, bytes, false),
                  cuteSwizzle(kMajor * bytes & ~15u, mode.bits));
        EXPECT_EQ(d.chunkAddress(mn, k, bytes, true),
                  cuteSwizzle(mnMajor * bytes & ~15u, mode.bits));
      }
  }
}
