//===- WgmmaOperand.cpp - Tiles of A and B for wgmma ----------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/WgmmaBuilder.h"

#include "dialects/tile/Layout.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;

WgmmaOperand::WgmmaOperand(lower::LoopBuilder &e, const Operand &operand,
                           int64_t tile, int64_t tileK, int64_t stages,
                           int64_t offset, int64_t sharers)
    : e(e), operand(operand), tile(tile), tileK(tileK), sharers(sharers) {
  SmallVector<int64_t> shape =
      operand.isKContiguous
          ? SmallVector<int64_t>{stages, tile, tileK}
          : SmallVector<int64_t>{stages, tile / 64, tileK, 64};
  auto type =
      MemRefType::get(shape, operand.element, MemRefLayoutAttrInterface(),
                      e.b.getI64IntegerAttr(3));
  shared = e.make<tile::SharedMemoryOp>(type, uint64_t(offset));
}

tile::TensorMapAttr WgmmaOperand::tensorMap() const {
  SmallVector<int64_t> shape(llvm::reverse(operand.shape));
  SmallVector<int64_t> strides, box(shape.size(), 1);
  int64_t stride = operand.elementBytes();
  for (int64_t extent : ArrayRef<int64_t>(shape).drop_back())
    strides.push_back(stride *= extent);
  box[0] = 64;
  box[1] = operand.isKContiguous ? tile / sharers : tileK;
  return tile::TensorMapAttr::get(e.b.getContext(), operand.element, shape,
                                  strides, box, wgmmaSwizzle, 256);
}

void WgmmaOperand::load(Value map, const TilePosition &position, Value x,
                        Value k0, Value stage, Value barriers,
                        Value rank) const {
  Value mask;
  if (sharers > 1)
    mask = e.make<arith::ConstantOp>(e.b.getI16IntegerAttr((1 << sharers) - 1));
  auto copy = [&](Value at, lower::Indices to) {
    lower::Indices from = operandIndices(e, operand, position.batchIndices,
                                         operand.isKContiguous ? at : k0,
                                         operand.isKContiguous ? k0 : at);
    SmallVector<Value> coordinates;
    for (Value index : llvm::reverse(from))
      coordinates.push_back(
          e.make<arith::IndexCastOp>(e.b.getI32Type(), index));
    e.make<tile::TmaLoadOp>(map, coordinates, shared, to, barriers, stage,
                            mask);
  };
  auto mine = [&](int64_t extent) {
    return sharers > 1 ? e.mul(rank, extent / sharers) : e.index(0);
  };
  if (operand.isKContiguous) {
    Value row = mine(tile);
    return copy(e.add(x, row), {stage, row, e.index(0)});
  }
  int64_t groups = tile / 64;
  for (int64_t i = 0; i < groups / sharers; ++i) {
    Value group = e.add(mine(groups), i);
    copy(e.add(x, e.mul(group, 64)), {stage, group, e.index(0), e.index(0)});
  }
}

lower::Indices WgmmaOperand::at(Value stage, Value x, int64_t k) const {
  if (operand.isKContiguous)
    return {stage, x, e.index(k)};
  return {stage, e.div(x, 64), e.index(k), e.index(0)};
}

tile::MatrixAttr WgmmaOperand::matrix() const {
  return tile::canonicalMatrix(e.b.getContext(), operand.isKContiguous,
                               wgmmaSwizzle, tileK * wgmmaSwizzle);
}
