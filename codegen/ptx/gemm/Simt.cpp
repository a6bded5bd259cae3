//===- Simt.cpp - Matrix products of f32 by ordinary multiply-adds --------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A block computes tile M x N, each thread a rectangle of it in registers,
/// which is two by two pieces of 4 x 4 so that the lanes of a warp read
/// neighbouring 16 bytes. Tiles of A and B pass through registers into one of
/// two buffers of shared memory, where K is the outer dimension whatever the
/// layout in global memory, while the other buffer is computed with: one
/// barrier for each tile of K.
///
/// Rows and columns outside of the operands read the last ones inside (their
/// sums are not stored); K outside reads as zero.
///
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/Builders.h"
#include "codegen/ptx/gemm/Epilogue.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;
using CmpI = arith::CmpIPredicate;

namespace {

/// Brings tiles of one operand from global to shared memory.
class TileLoader {
public:
  TileLoader(lower::LoopBuilder &e, const Operand &operand, Value memory,
             const TilePosition &position, Value first, int64_t extent,
             int64_t k, int64_t tile, int64_t tileK, int64_t threads,
             Value thread)
      : e(e), operand(operand), memory(memory), position(position),
        first(first), extent(extent), k(k), tile(tile), tileK(tileK),
        threads(threads), thread(thread) {
    width = widthOf(operand,
                    operand.isKContiguous ? std::min<int64_t>(4, tileK) : 4);
    groups = tile * tileK / width;
  }

  /// The groups of this thread, of the tile of K that begins at `k0`.
  SmallVector<Value> load(Value k0);
  void store(ArrayRef<Value> loaded, Value shared, Value stage);

private:
  /// Row or column and K of a group, relative to the tile.
  std::pair<Value, Value> place(int64_t pass);

  lower::LoopBuilder &e;
  const Operand &operand;
  Value memory;
  const TilePosition &position;
  Value first;
  int64_t extent, k, tile, tileK, threads;
  Value thread;
  int64_t width = 1, groups = 0;
};

} // namespace

std::pair<Value, Value> TileLoader::place(int64_t pass) {
  Value group = e.add(thread, pass * threads);
  int64_t inner = (operand.isKContiguous ? tileK : tile) / width;
  Value outer = e.div(group, inner);
  Value along = e.mul(e.rem(group, inner), width);
  return operand.isKContiguous ? std::pair(outer, along)
                               : std::pair(along, outer);
}

SmallVector<Value> TileLoader::load(Value k0) {
  SmallVector<Value> loaded;
  int64_t widthX = operand.isKContiguous ? 1 : width;
  int64_t widthK = operand.isKContiguous ? width : 1;
  for (int64_t pass = 0; pass * threads < groups; ++pass) {
    auto [x, kk] = place(pass);
    x = e.add(first, x);
    // The last pass may have fewer groups than threads; those read anything.
    bool isPartial = (pass + 1) * threads > groups;
    if (extent % tile != 0 || isPartial)
      x = e.min(x, e.index(extent - widthX));
    kk = e.add(k0, kk);
    Value inside;
    if (k % tileK != 0) {
      inside = e.compare(CmpI::ult, kk, e.index(k));
      kk = e.min(kk, e.index(k - widthK));
    } else if (isPartial) {
      kk = e.min(kk, e.index(k - widthK));
    }
    Value row = operand.isKContiguous ? x : kk;
    Value column = operand.isKContiguous ? kk : x;
    Value group = loadGroup(
        e, memory,
        operandIndices(e, operand, position.batchIndices, row, column), width);
    loaded.push_back(inside ? zeroUnless(e, inside, group) : group);
  }
  return loaded;
}

void TileLoader::store(ArrayRef<Value> loaded, Value shared, Value stage) {
  for (auto [pass, group] : llvm::enumerate(loaded)) {
    auto [x, kk] = place(pass);
    auto write = [&, x = x, kk = kk, group = group] {
      SmallVector<Value> elements = wideElements(e, group);
      if (!operand.isKContiguous && width > 1) {
        Value vector = e.make<vector::FromElementsOp>(
            VectorType::get({width}, e.b.getF32Type()), elements);
        e.make<vector::StoreOp>(vector, shared, ValueRange{stage, kk, x});
        return;
      }
      for (auto [i, element] : llvm::enumerate(elements))
        e.make<memref::StoreOp>(element, shared,
                                ValueRange{stage, e.add(kk, i), x});
    };
    if ((int64_t(pass) + 1) * threads <= groups) {
      write();
      continue;
    }
    Value group0 = e.add(thread, int64_t(pass) * threads);
    e.when(e.compare(CmpI::ult, group0, e.index(groups)), write);
  }
}

LogicalResult adze::gemm::buildSimtGemm(const GemmProblem &problem,
                                        const Schedule &schedule,
                                        const Machine &, tile::KernelOp kernel,
                                        OpBuilder &builder) {
  lower::LoopBuilder e(builder, kernel.getLoc());
  auto [tileM, tileN, tileK] = schedule.tile;
  auto [threadM, threadN] = schedule.split;
  int64_t threads = schedule.threads;
  Type f32 = e.b.getF32Type();
  kernel.setSharedBytes(0); // static arrays
  Value sharedA = sharedArray(e, kernel, "a", {2, tileK, tileM + 4}, f32);
  Value sharedB = sharedArray(e, kernel, "b", {2, tileK, tileN + 4}, f32);
  Value thread = e.make<gpu::ThreadIdOp>(gpu::Dimension::x);
  Value block = e.make<gpu::BlockIdOp>(gpu::Dimension::x);
  TilePosition position = tilePosition(e, problem, schedule, block);
  TileLoader loadA(e, problem.a, kernel.getArgument(problem.a.argument),
                   position, position.m, problem.m, problem.k, tileM, tileK,
                   threads, thread);
  TileLoader loadB(e, problem.b, kernel.getArgument(problem.b.argument),
                   position, position.n, problem.n, problem.k, tileN, tileK,
                   threads, thread);

  // Pieces of four rows and columns, `tile / pieces` apart.
  int64_t piecesM = threadM / 4, piecesN = threadN / 4;
  int64_t across = tileN / threadN;
  Value threadRow = e.mul(e.div(thread, across), 4);
  Value threadColumn = e.mul(e.rem(thread, across), 4);
  VectorType four = VectorType::get({4}, f32);
  auto compute = [&](Value stage, SmallVector<Value> sums) {
    for (int64_t kk = 0; kk < tileK; ++kk) {
      auto read = [&](Value shared, Value at, int64_t pieces, int64_t tile) {
        SmallVector<Value> values;
        for (int64_t piece = 0; piece < pieces; ++piece) {
          Value vector = e.make<vector::LoadOp>(
              four, shared,
              ValueRange{stage, e.index(kk), e.add(at, piece * tile / pieces)});
          for (int64_t i = 0; i < 4; ++i)
            values.push_back(e.make<vector::ExtractOp>(vector, i));
        }
        return values;
      };
      SmallVector<Value> a = read(sharedA, threadRow, piecesM, tileM);
      SmallVector<Value> b = read(sharedB, threadColumn, piecesN, tileN);
      for (int64_t i = 0; i < threadM; ++i)
        for (int64_t j = 0; j < threadN; ++j) {
          Value &sum = sums[i * threadN + j];
          sum = e.make<math::FmaOp>(a[i], b[j], sum);
        }
    }
    return sums;
  };

  int64_t steps = llvm::divideCeil(problem.k, tileK);
  SmallVector<Value> sums(threadM * threadN, e.constant(f32, 0));
  loadA.store(loadA.load(e.index(0)), sharedA, e.index(0));
  loadB.store(loadB.load(e.index(0)), sharedB, e.index(0));
  e.make<gpu::BarrierOp>();
  sums = e.carry(0, steps - 1, 1, sums, [&](Value step, ValueRange carried) {
    Value stage = e.rem(step, 2), next = e.add(step, 1);
    Value k0 = e.mul(next, tileK);
    SmallVector<Value> a = loadA.load(k0), b = loadB.load(k0);
    SmallVector<Value> result = compute(stage, llvm::to_vector(carried));
    Value other = e.rem(next, 2);
    loadA.store(a, sharedA, other);
    loadB.store(b, sharedB, other);
    e.make<gpu::BarrierOp>();
    return result;
  });
  sums = compute(e.index((steps - 1) % 2), sums);

  Epilogue epilogue(problem, kernel.getArguments());
  int64_t width = std::min<int64_t>(4, epilogue.maxWidth());
  for (int64_t i = 0; i < threadM; ++i) {
    Value m =
        e.add(position.m, e.add(threadRow, i / 4 * (tileM / piecesM) + i % 4));
    auto row = [&] {
      for (int64_t j = 0; j < threadN; j += width) {
        Value n = e.add(position.n,
                        e.add(threadColumn, j / 4 * (tileN / piecesN) + j % 4));
        auto put = [&] {
          epilogue.store(e.b, e.loc, position.batchIndices, m, n,
                         ArrayRef<Value>(sums).slice(i * threadN + j, width));
        };
        if (problem.n % tileN == 0)
          put();
        else
          e.when(e.compare(CmpI::ult, n, e.index(problem.n)), put);
      }
    };
    if (problem.m % tileM == 0)
      row();
    else
      e.when(e.compare(CmpI::ult, m, e.index(problem.m)), row);
  }
  return success();
}
