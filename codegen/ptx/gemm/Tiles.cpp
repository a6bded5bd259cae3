//===- Tiles.cpp - What the builders of GEMM families share ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/Builders.h"

#include "codegen/ptx/gemm/Epilogue.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;

TilePosition adze::gemm::tilePosition(lower::LoopBuilder &e,
                                      const GemmProblem &problem,
                                      const Schedule &schedule, Value number) {
  int64_t tilesM = schedule.tilesM(problem), tilesN = schedule.tilesN(problem);
  int64_t tiles = tilesM * tilesN;
  Value outer = e.div(number, tiles), inner = e.rem(number, tiles);
  TilePosition position;
  bool isBatched = problem.batchCount() > 1;
  position.part = schedule.splitK > 1
                      ? isBatched ? e.rem(outer, schedule.splitK) : outer
                      : e.index(0);
  position.batch = isBatched ? e.div(outer, schedule.splitK) : e.index(0);
  position.batchIndices =
      llvm::to_vector(batchIndices(e, problem, position.batch));
  int64_t rows = std::clamp<int64_t>(schedule.order, 1, tilesM);
  Value m, n;
  if (tilesN == 1) {
    m = inner;
    n = e.index(0);
  } else if (tilesM == 1) {
    m = e.index(0);
    n = inner;
  } else if (tilesM % rows == 0) {
    Value band = e.div(inner, rows * tilesN),
          within = e.rem(inner, rows * tilesN);
    m = e.add(e.mul(band, rows), e.rem(within, rows));
    n = e.div(within, rows);
  } else {
    // The last band has fewer rows.
    Value band = e.div(inner, rows * tilesN),
          within = e.rem(inner, rows * tilesN);
    Value first = e.mul(band, rows);
    Value height = e.min(e.index(rows), e.sub(e.index(tilesM), first));
    m = e.add(first, e.make<arith::RemUIOp>(within, height));
    n = e.make<arith::DivUIOp>(within, height);
  }
  position.m = e.mul(m, schedule.tile[0]);
  position.n = e.mul(n, schedule.tile[1]);
  return position;
}

Value adze::gemm::sharedArray(lower::LoopBuilder &e, tile::KernelOp kernel,
                              StringRef name, ArrayRef<int64_t> shape,
                              Type element) {
  auto type = MemRefType::get(shape, element, MemRefLayoutAttrInterface(),
                              e.b.getI64IntegerAttr(3));
  OpBuilder outside(kernel);
  std::string symbol = (kernel.getSymName() + "_" + name).str();
  memref::GlobalOp::create(
      outside, kernel.getLoc(), symbol, outside.getStringAttr("private"), type,
      outside.getUnitAttr(), /*constant=*/false, outside.getI64IntegerAttr(16));
  return e.make<memref::GetGlobalOp>(type, symbol);
}

Value adze::gemm::loadGroup(lower::LoopBuilder &e, Value memory,
                            ArrayRef<Value> indices, int64_t width) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  if (width == 1)
    return e.make<memref::LoadOp>(memory, indices);
  return e.make<vector::LoadOp>(VectorType::get({width}, element), memory,
                                indices);
}

SmallVector<Value> adze::gemm::wideElements(lower::LoopBuilder &e,
                                            Value group) {
  Type f32 = e.b.getF32Type();
  auto vector = dyn_cast<VectorType>(group.getType());
  if (!vector) {
    if (group.getType() != f32)
      group = e.make<arith::ExtFOp>(f32, group);
    return {group};
  }
  if (vector.getElementType() != f32)
    group = e.make<arith::ExtFOp>(vector.clone(f32), group);
  SmallVector<Value> elements;
  for (int64_t i = 0; i < vector.getNumElements(); ++i)
    elements.push_back(e.make<vector::ExtractOp>(group, i));
  return elements;
}

Value adze::gemm::zeroUnless(lower::LoopBuilder &e, Value condition,
                             Value group) {
  Value zero = e.make<arith::ConstantOp>(
      cast<TypedAttr>(e.b.getZeroAttr(group.getType())));
  return e.make<arith::SelectOp>(condition, group, zero);
}

int64_t adze::gemm::widthOf(const Operand &operand, int64_t limit) {
  int64_t width = std::max<int64_t>(
      1, std::min<int64_t>(16, operand.alignment) / operand.elementBytes());
  while (width > limit)
    width /= 2;
  return width;
}

PartialSums::PartialSums(const GemmProblem &problem, const Schedule &schedule,
                         tile::KernelOp kernel)
    : problem(problem), schedule(schedule) {
  if (schedule.splitK > 1)
    memory = kernel.getArguments().back();
}

int64_t PartialSums::maxWidth() const {
  return problem.n % 4 == 0 ? 4 : problem.n % 2 == 0 ? 2 : 1;
}

Value PartialSums::offset(lower::LoopBuilder &e, Value part, Value batch,
                          Value m, Value n) {
  Value matrix = e.add(e.mul(part, problem.batchCount()), batch);
  Value row = e.add(e.mul(matrix, problem.m), m);
  return e.add(e.mul(row, problem.n), n);
}

void PartialSums::store(lower::LoopBuilder &e, const TilePosition &position,
                        Value m, Value n, ArrayRef<Value> sums) {
  Value at = offset(e, position.part, position.batch, m, n);
  Type i32 = e.b.getI32Type();
  SmallVector<Value> codes;
  for (Value sum : sums)
    codes.push_back(e.make<arith::BitcastOp>(i32, sum));
  if (codes.size() == 1) {
    e.make<memref::StoreOp>(codes[0], memory, at);
    return;
  }
  auto type = VectorType::get({int64_t(codes.size())}, i32);
  e.make<vector::StoreOp>(e.make<vector::FromElementsOp>(type, codes), memory,
                          at);
}

SmallVector<Value> PartialSums::load(lower::LoopBuilder &e, Value batch,
                                     Value m, Value n, int64_t width) {
  SmallVector<Value> sums;
  for (int64_t part = 0; part < schedule.splitK; ++part) {
    Value group =
        loadGroup(e, memory, offset(e, e.index(part), batch, m, n), width);
    for (int64_t i = 0; i < width; ++i) {
      Value code =
          width == 1 ? group : e.make<vector::ExtractOp>(group, i).getResult();
      Value sum = e.make<arith::BitcastOp>(e.b.getF32Type(), code);
      if (part == 0)
        sums.push_back(sum);
      else
        sums[i] = e.make<arith::AddFOp>(sums[i], sum);
    }
  }
  return sums;
}

LogicalResult adze::gemm::buildFixUp(const GemmProblem &problem,
                                     const Schedule &schedule,
                                     tile::KernelOp kernel,
                                     OpBuilder &builder) {
  lower::LoopBuilder e(builder, kernel.getLoc());
  PartialSums partial(problem, schedule, kernel);
  Epilogue epilogue(problem, kernel.getArguments());
  int64_t width = std::min(partial.maxWidth(), epilogue.maxWidth());
  int64_t groups = problem.batchCount() * problem.m * problem.n / width;
  constexpr int64_t threads = 128;
  kernel.setGrid(
      ArrayRef<int64_t>{int64_t(llvm::divideCeil(groups, threads)), 1, 1});
  kernel.setBlock(threads);
  kernel.setSharedBytes(0);
  Value block = e.make<gpu::BlockIdOp>(gpu::Dimension::x);
  Value thread = e.make<gpu::ThreadIdOp>(gpu::Dimension::x);
  Value group = e.add(e.mul(block, threads), thread);
  auto finish = [&] {
    int64_t across = problem.n / width;
    Value n = e.mul(e.rem(group, across), width);
    Value row = e.div(group, across);
    Value m = e.rem(row, problem.m), batch = e.div(row, problem.m);
    epilogue.store(e.b, e.loc, batchIndices(e, problem, batch), m, n,
                   partial.load(e, batch, m, n, width));
  };
  if (groups % threads == 0)
    finish();
  else
    e.when(e.compare(arith::CmpIPredicate::ult, group, e.index(groups)),
           finish);
  return success();
}
