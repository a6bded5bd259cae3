//===- TensorMemory.cpp - Verifiers of tcgen05 operations -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/tile/tile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace adze::tile;

/// PTX ISA 9.7.16.7.1.
static LogicalResult verifyColumns(Operation *op, int64_t columns) {
  if (columns < 32 || columns > 512 || !llvm::isPowerOf2_64(columns))
    return op->emitOpError("takes 32, 64, 128, 256 or 512 columns, found ")
           << columns;
  return success();
}

LogicalResult Tcgen05AllocOp::verify() {
  auto type = cast<MemRefType>(getPlace().getType());
  auto space = dyn_cast_or_null<IntegerAttr>(type.getMemorySpace());
  if (!space || space.getInt() != 3 || type.getRank() != 1)
    return emitOpError("writes the address to a row of shared memory, found ")
           << type;
  return verifyColumns(*this, static_cast<int64_t>(getColumns()));
}

LogicalResult Tcgen05DeallocOp::verify() {
  return verifyColumns(*this, static_cast<int64_t>(getColumns()));
}

static LogicalResult verifyValues(Operation *op, VectorType type) {
  int64_t count = type.getNumElements();
  if (count > 128 || !llvm::isPowerOf2_64(count))
    return op->emitOpError("moves 1, 2, 4, 8, 16, 32, 64 or 128 columns, "
                           "found ")
           << count;
  return success();
}

LogicalResult Tcgen05LoadOp::verify() {
  return verifyValues(*this, cast<VectorType>(getValues().getType()));
}

LogicalResult Tcgen05StoreOp::verify() {
  return verifyValues(*this, cast<VectorType>(getValues().getType()));
}

LogicalResult Tcgen05MmaOp::verify() {
  auto aType = cast<MemRefType>(getA().getType());
  auto bType = cast<MemRefType>(getB().getType());
  for (auto [type, count] : {std::pair(aType, getAIndices().size()),
                             std::pair(bType, getBIndices().size())}) {
    auto space = dyn_cast_or_null<IntegerAttr>(type.getMemorySpace());
    if (!space || space.getInt() != 3 || !type.hasStaticShape() ||
        !type.getLayout().isIdentity() ||
        static_cast<size_t>(type.getRank()) != count)
      return emitOpError("takes places in shared memory of static shape and "
                         "identity layout, one index for each dimension, "
                         "found ")
             << type;
  }
  Type element = aType.getElementType();
  if ((!element.isBF16() && !element.isF16()) ||
      element != bType.getElementType())
    return emitOpError("multiplies two matrices of bf16 or two of f16, found ")
           << element << " and " << bType.getElementType();
  if (getM() != 128 || getN() < 16 || getN() > 256 || getN() % 16 != 0)
    return emitOpError("has m = 128 and n = 16, 32, ..., 256, found m = ")
           << getM() << " and n = " << getN();
  return success();
}

/// Types of D (bits 4-5: 1 is f32), A (7-9) and B (10-12: 0 is f16, 1 bf16),
/// whether A (15) and B (16) are MN-major, N / 8 (17-22), M / 16 (24-28).
uint32_t Tcgen05MmaOp::getDescriptor() {
  bool isBF16 = cast<MemRefType>(getA().getType()).getElementType().isBF16();
  return 1u << 4 | uint32_t(isBF16) << 7 | uint32_t(isBF16) << 10 |
         uint32_t(getAMatrix().isTransposed()) << 15 |
         uint32_t(getBMatrix().isTransposed()) << 16 |
         uint32_t(getN() / 8) << 17 | uint32_t(getM() / 16) << 24;
}
