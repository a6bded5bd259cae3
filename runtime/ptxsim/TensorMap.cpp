//===- TensorMap.cpp - Tensor maps and their boxes ------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The checks follow the CUDA driver API's page of cuTensorMapEncodeTiled.
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/TensorMap.h"

#include <algorithm>
#include <cstring>

namespace adze::ptxsim {

namespace {
struct DataType {
  const char *name;
  unsigned bytes;
  bool floating;
};
/// In the order of CUtensorMapDataType.
constexpr DataType dataTypes[] = {
    {"uint8", 1, false},       {"uint16", 2, false},     {"uint32", 4, false},
    {"int32", 4, false},       {"uint64", 8, false},     {"int64", 8, false},
    {"float16", 2, true},      {"float32", 4, true},     {"float64", 8, true},
    {"bfloat16", 2, true},     {"float32_ftz", 4, true}, {"tfloat32", 4, true},
    {"tfloat32_ftz", 4, true},
};
enum : int { float16 = 6, bfloat16 = 9 };
/// CUtensorMapSwizzle: none, 32, 64, 128 bytes.
constexpr Swizzle swizzles[] = {Swizzle::none, Swizzle::b32, Swizzle::b64,
                                Swizzle::b128};
} // namespace

std::string encodeTiled(void *out, int dataType, uint32_t rank,
                        uint64_t globalAddress, const uint64_t *globalDim,
                        const uint64_t *globalStrides, const uint32_t *boxDim,
                        const uint32_t *elementStrides, int interleave,
                        int swizzle, int l2Promotion, int oobFill) {
  auto number = [](uint64_t value) { return std::to_string(value); };
  if (!out || reinterpret_cast<uintptr_t>(out) % 64)
    return "the tensor map has to be 64-byte aligned";
  if (dataType < 0 || dataType >= int(std::size(dataTypes)))
    return "data type " + std::to_string(dataType) + " is not known";
  const DataType &type = dataTypes[dataType];
  if (rank < 1 || rank > 5)
    return "rank " + number(rank) + " is not in 1..5";
  if (!globalDim || !boxDim || !elementStrides || (rank > 1 && !globalStrides))
    return "a required array is null";
  if (interleave != 0)
    return "interleaved layouts (16B, 32B) are not supported";
  if (globalAddress == 0 || globalAddress % 16)
    return "the global address has to be 16-byte aligned and not null";
  if (swizzle < 0 || swizzle > 3)
    return "swizzle " + std::to_string(swizzle) +
           " is not one of none, 32B, 64B, 128B";
  if (l2Promotion < 0 || l2Promotion > 3)
    return "L2 promotion " + std::to_string(l2Promotion) + " is not known";
  if (oobFill < 0 || oobFill > 1)
    return "out-of-bounds fill " + std::to_string(oobFill) + " is not known";
  if (oobFill == 1 && !type.floating)
    return "NaN fill needs a floating point type, not " +
           std::string(type.name);

  TensorMap map = {};
  map.magic = TensorMap::expectedMagic;
  map.address = globalAddress;
  map.rank = uint8_t(rank);
  map.dataType = uint8_t(dataType);
  map.elementBytes = uint8_t(type.bytes);
  map.swizzle = uint8_t(swizzles[swizzle]);
  map.fillNaN = uint8_t(oobFill);
  for (uint32_t d = 0; d < rank; ++d) {
    std::string of = " of dimension " + number(d);
    if (globalDim[d] == 0 || globalDim[d] > (uint64_t(1) << 32))
      return "size " + number(globalDim[d]) + of + " is not in 1..2^32";
    if (boxDim[d] == 0 || boxDim[d] > 256)
      return "box size " + number(boxDim[d]) + of + " is not in 1..256";
    if (elementStrides[d] == 0 || elementStrides[d] > 8)
      return "element stride " + number(elementStrides[d]) + of +
             " is not in 1..8";
    map.dims[d] = uint32_t(globalDim[d] - 1);
    map.box[d] = uint16_t(boxDim[d]);
    map.elementStrides[d] = uint8_t(elementStrides[d]);
    if (d == 0)
      continue;
    uint64_t stride = globalStrides[d - 1];
    if (stride % 16 || stride >= (uint64_t(1) << 40))
      return "stride " + number(stride) + of +
             " has to be a multiple of 16 bytes below 2^40";
    map.strides[d - 1] = stride;
  }
  uint32_t inner = boxDim[0] * type.bytes;
  if (inner % 16)
    return "the box's innermost dimension has " + number(inner) +
           " bytes, which is not a multiple of 16";
  unsigned span = swizzleSpan(swizzles[swizzle]);
  if (swizzle != 0 && inner > span)
    return "the box's innermost dimension has " + number(inner) +
           " bytes, more than the swizzle's " + number(span);
  std::memcpy(out, &map, sizeof map);
  return "";
}

bool TensorMap::decode(const void *bytes, TensorMap &map) {
  std::memcpy(&map, bytes, sizeof map);
  return map.magic == expectedMagic;
}

uint32_t TensorMap::boxBytes() const {
  uint32_t bytes = elementBytes;
  for (unsigned d = 0; d < rank; ++d)
    bytes *= boxSize(d);
  return bytes;
}

uint32_t TensorMap::fill() const {
  if (!fillNaN)
    return 0;
  if (dataType == float16)
    return 0x7fff7fff;
  return dataType == bfloat16 ? 0x7fc07fc0 : 0x7fffffff;
}

void TensorMap::forEachRow(const int32_t *coordinates, const Row &row) const {
  // Elements of dimension 0 inside the tensor; the same for all rows.
  unsigned count = boxSize(0), begin = 0, end = 0;
  for (unsigned i = 0; i < count; ++i) {
    int64_t at = int64_t(coordinates[0]) + int64_t(i) * elementStrides[0];
    if (at < 0)
      begin = i + 1;
    else if (at <= int64_t(dims[0]))
      end = i + 1;
  }
  if (end < begin)
    end = begin;
  unsigned index[5] = {0, 0, 0, 0, 0};
  for (uint32_t offset = 0;; offset += rowBytes()) {
    bool inside = begin < end;
    int64_t at = int64_t(address) + int64_t(coordinates[0]) * elementBytes;
    for (unsigned d = 1; d < rank; ++d) {
      int64_t place =
          int64_t(coordinates[d]) + int64_t(index[d]) * elementStrides[d];
      inside &= place >= 0 && place <= int64_t(dims[d]);
      at += place * int64_t(strides[d - 1]);
    }
    row(offset, at, inside ? begin : 0, inside ? end : 0);
    unsigned d = 1;
    while (d < rank && ++index[d] == boxSize(d))
      index[d++] = 0;
    if (d >= rank)
      return;
  }
}

} // namespace adze::ptxsim
