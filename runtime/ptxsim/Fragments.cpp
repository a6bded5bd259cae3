//===- Fragments.cpp - Which lane holds which matrix element --------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/Fragments.h"

namespace adze::ptxsim {

MatrixDescriptor MatrixDescriptor::decode(uint64_t bits) {
  MatrixDescriptor descriptor;
  descriptor.start = (bits & 0x3fff) << 4;
  descriptor.leading = ((bits >> 16) & 0x3fff) << 4;
  descriptor.stride = ((bits >> 32) & 0x3fff) << 4;
  descriptor.base = (bits >> 49) & 7;
  descriptor.swizzle = static_cast<Swizzle>(bits >> 62);
  return descriptor;
}

uint64_t MatrixDescriptor::encode() const {
  return (start >> 4 & 0x3fff) | uint64_t(leading >> 4 & 0x3fff) << 16 |
         uint64_t(stride >> 4 & 0x3fff) << 32 | uint64_t(base) << 49 |
         uint64_t(swizzle) << 62;
}

uint32_t MatrixDescriptor::chunkAddress(unsigned mn, unsigned k, unsigned bytes,
                                        bool mnMajor) const {
  unsigned perChunk = 16 / bytes;
  unsigned width = swizzleSpan(swizzle) / 16; // chunks in a row of the atom
  uint32_t offset;
  if (!mnMajor) {
    unsigned chunk = k / perChunk;
    offset = (mn % 8) * width * 16 + (mn / 8) * stride +
             (swizzle == Swizzle::none ? chunk * leading : chunk * 16);
  } else {
    unsigned chunk = mn / perChunk;
    unsigned within = chunk % width, block = chunk / width;
    offset = within * 16 + (k % 8) * width * 16;
    offset += swizzle == Swizzle::none ? block * stride + (k / 8) * leading
                                       : block * leading + (k / 8) * stride;
  }
  return swizzleAddress(start + offset, swizzle, base);
}

} // namespace adze::ptxsim
