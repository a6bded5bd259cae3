//===- Places.cpp - What memory a launch names ------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/host/Places.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace adze;
using namespace adze::cuda;
using namespace mlir;

bool Place::overlaps(const Place &other) const {
  if (kind != other.kind || tensor != other.tensor ||
      constant != other.constant)
    return false;
  return offset < other.offset + other.bytes && other.offset < offset + bytes;
}

int64_t cuda::elementBytes(Type type) {
  if (type.isIndex())
    return 8;
  if (auto complex = dyn_cast<ComplexType>(type))
    return 2 * elementBytes(complex.getElementType());
  return std::max<int64_t>(1,
                           llvm::divideCeil(type.getIntOrFloatBitWidth(), 8));
}

/// Elements from the first to the last one that a memref reaches.
static int64_t extent(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset = 0, last = 0;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return type.getNumElements();
  for (auto [size, stride] : llvm::zip(type.getShape(), strides)) {
    if (size == 0)
      return 0;
    last += (size - 1) * stride;
  }
  return last + 1;
}

FailureOr<Place>
cuda::placeOf(Value buffer, llvm::function_ref<int(BlockArgument)> tensorOf) {
  Place place;
  auto asked = cast<MemRefType>(buffer.getType());
  int64_t size = elementBytes(asked.getElementType());
  place.bytes = extent(asked) * size;
  // Offsets in the type of a strided view count from the pointer behind it.
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (succeeded(asked.getStridesAndOffset(strides, offset))) {
    if (ShapedType::isDynamic(offset))
      return failure();
    place.offset = offset * size;
  }
  for (;;) {
    if (auto argument = dyn_cast<BlockArgument>(buffer)) {
      int number = tensorOf(argument);
      if (number >= 0) {
        place.kind = Place::Tensor;
        place.tensor = unsigned(number);
      }
      return place;
    }
    Operation *op = buffer.getDefiningOp();
    if (auto global = dyn_cast<memref::GetGlobalOp>(op)) {
      place.kind = Place::Constant;
      place.constant = global.getName().str();
      return place;
    }
    if (auto view = dyn_cast<memref::ViewOp>(op)) {
      APInt shift;
      if (!matchPattern(view.getByteShift(), m_ConstantInt(&shift)))
        return op->emitError("the host program needs views at known offsets");
      place.offset += shift.getSExtValue();
      buffer = view.getSource();
      continue;
    }
    // These keep the pointer; where they begin is in the type, seen above.
    if (isa<memref::ReinterpretCastOp, memref::SubViewOp, memref::CastOp,
            memref::ExpandShapeOp, memref::CollapseShapeOp>(op)) {
      buffer = op->getOperand(0);
      continue;
    }
    return op->emitError("the host program cannot follow this to memory");
  }
}

/// Whether `value` is used for more than loads.
static bool isWritten(Value value) {
  for (Operation *user : value.getUsers()) {
    if (isa<memref::LoadOp, vector::LoadOp, vector::TransferReadOp,
            memref::DimOp>(user))
      continue;
    if (isa<ViewLikeOpInterface>(user) && user->getNumResults() == 1) {
      if (isWritten(user->getResult(0)))
        return true;
      continue;
    }
    return true;
  }
  return false;
}

SmallVector<bool> cuda::writtenArguments(tile::KernelOp kernel) {
  SmallVector<bool> written;
  for (BlockArgument argument : kernel.getBody().getArguments())
    written.push_back(isWritten(argument));
  return written;
}
