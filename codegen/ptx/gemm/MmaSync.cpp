//===- MmaSync.cpp - Matrix products of warps on tensor cores -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// For sm_80 and later, bf16 and f16. Tiles of A and B come to shared memory by
/// cp.async, `stages - 1` tiles of K ahead of the tensor cores; a warp loads
/// fragments with ldmatrix and multiplies with mma.sync.m16n8k16.
///
/// A tile lies in shared memory as in global memory: rows of K for an operand
/// whose K is contiguous, else rows of M (N), which ldmatrix transposes. Chunks
/// of 16 bytes of a row are exchanged by an exclusive or with the number of the
/// row, so that the eight rows of a matrix that ldmatrix reads lie in different
/// banks.
///
/// Rows and columns outside of the operands read the last ones inside (their
/// sums are not stored); K outside reads as zero. Operands whose rows are not
/// aligned to 16 bytes are copied by 8 or 4, those of odd length element by
/// element without cp.async.
///
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/Builders.h"
#include "codegen/ptx/gemm/Epilogue.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;
using CmpI = arith::CmpIPredicate;

namespace {

/// Tiles of one operand in shared memory: [stage][row][column].
class OperandTiles {
public:
  OperandTiles(lower::LoopBuilder &e, const Operand &operand, Value memory,
               const TilePosition &position, Value first, int64_t extent,
               int64_t k, int64_t tile, int64_t tileK, int64_t stages,
               int64_t offset, int64_t threads, Value thread)
      : e(e), operand(operand), memory(memory), position(position),
        first(first), extent(extent), k(k), tile(tile), tileK(tileK),
        threads(threads), thread(thread) {
    rows = operand.isKContiguous ? tile : tileK;
    length = operand.isKContiguous ? tileK : tile;
    auto type =
        MemRefType::get({stages, rows, length}, operand.element,
                        MemRefLayoutAttrInterface(), e.b.getI64IntegerAttr(3));
    shared = e.make<tile::SharedMemoryOp>(type, offset);
    width = widthOf(operand, 8);
  }

  /// Starts the copy of the tile of K that begins at `k0` to a stage.
  void copy(Value k0, Value stage);

  /// The fragments of 16 rows (columns) from `x` on, of K `kk` to kk + 15: four
  /// matrices of 8 x 8. In the first two (`isA`: x and x + 8; else: kk and
  /// kk + 8), the other coordinate is the lower one.
  SmallVector<Value> fragments(Value stage, Value x, int64_t kk, Value lane,
                               bool isA);

private:
  /// Where a chunk of 8 elements of a row lies, as a chunk.
  Value swizzled(Value row, Value chunk);

  lower::LoopBuilder &e;
  const Operand &operand;
  Value memory;
  const TilePosition &position;
  Value first;
  int64_t extent, k, tile, tileK, threads;
  Value thread, shared;
  int64_t rows = 0, length = 0, width = 1;
};

} // namespace

Value OperandTiles::swizzled(Value row, Value chunk) {
  int64_t chunks = length / 8;
  // Eight rows in a row have to differ; short rows share a line of 128 bytes.
  Value key = e.rem(e.div(row, std::max<int64_t>(1, 8 / chunks)),
                    std::min<int64_t>(8, chunks));
  return e.make<arith::XOrIOp>(chunk, key);
}

void OperandTiles::copy(Value k0, Value stage) {
  int64_t inner = length / width, groups = rows * inner;
  for (int64_t pass = 0; pass * threads < groups; ++pass) {
    Value group = e.add(thread, pass * threads);
    Value row = e.div(group, inner), column = e.mul(e.rem(group, inner), width);
    Value x = e.add(first, operand.isKContiguous ? row : column);
    Value kk = e.add(k0, operand.isKContiguous ? column : row);
    int64_t widthX = operand.isKContiguous ? 1 : width;
    int64_t widthK = operand.isKContiguous ? width : 1;
    if (extent % tile != 0)
      x = e.min(x, e.index(extent - widthX));
    Value inside;
    if (k % tileK != 0) {
      inside = e.compare(CmpI::ult, kk, e.index(k));
      kk = e.min(kk, e.index(k - widthK));
    }
    lower::Indices from = operandIndices(e, operand, position.batchIndices,
                                         operand.isKContiguous ? x : kk,
                                         operand.isKContiguous ? kk : x);
    lower::Indices to{
        stage, row,
        e.add(e.mul(swizzled(row, e.div(column, 8)), 8), e.rem(column, 8))};
    auto move = [&] {
      if (width == 1) {
        Value element = e.make<memref::LoadOp>(memory, from);
        if (inside)
          element = zeroUnless(e, inside, element);
        e.make<memref::StoreOp>(element, shared, to);
        return;
      }
      Value valid;
      if (inside) {
        auto bytes = [&](int64_t count) {
          return e.make<arith::ConstantOp>(e.b.getI32IntegerAttr(count));
        };
        valid = e.make<arith::SelectOp>(inside, bytes(width * 2), bytes(0));
      }
      e.make<tile::CpAsyncOp>(memory, from, shared, to, uint64_t(width * 2),
                              valid);
    };
    if ((pass + 1) * threads <= groups)
      move();
    else
      e.when(e.compare(CmpI::ult, group, e.index(groups)), move);
  }
}

SmallVector<Value> OperandTiles::fragments(Value stage, Value x, int64_t kk,
                                           Value lane, bool isA) {
  // The bits of the lane that choose among the four matrices.
  Value low = e.mul(e.rem(e.div(lane, 8), 2), 8);
  Value high = e.mul(e.div(lane, 16), 8);
  Value inRow = e.rem(lane, 8);
  Value atX = e.add(x, isA ? low : high);
  Value atK = e.add(isA ? high : low, kk);
  Value row = operand.isKContiguous ? e.add(atX, inRow) : e.add(atK, inRow);
  Value column = operand.isKContiguous ? atK : atX;
  SmallVector<Type> types(4, e.b.getI32Type());
  // `row` is inRow and a multiple of 8, which the key does not see.
  Value chunk = swizzled(inRow, e.div(column, 8));
  auto load = e.make<tile::LdmatrixOp>(types, shared,
                                       ValueRange{stage, row, e.mul(chunk, 8)},
                                       /*transposed=*/!operand.isKContiguous);
  return llvm::to_vector_of<Value>(load.getMatrices());
}

namespace {

class MmaSyncBuilder {
public:
  MmaSyncBuilder(const GemmProblem &problem, const Schedule &schedule,
                 tile::KernelOp kernel, OpBuilder &builder)
      : problem(problem), schedule(schedule), kernel(kernel),
        e(builder, kernel.getLoc()),
        warpM(schedule.tile[0] / schedule.split[0]),
        warpN(schedule.tile[1] / schedule.split[1]) {}

  void run();

private:
  SmallVector<Value> multiply(OperandTiles &a, OperandTiles &b, Value stage,
                              SmallVector<Value> sums);
  void finish(ArrayRef<Value> sums);

  const GemmProblem &problem;
  const Schedule &schedule;
  tile::KernelOp kernel;
  lower::LoopBuilder e;
  int64_t warpM, warpN;
  TilePosition position;
  Value lane, rowOfWarp, columnOfWarp;
};

} // namespace

SmallVector<Value> MmaSyncBuilder::multiply(OperandTiles &a, OperandTiles &b,
                                            Value stage,
                                            SmallVector<Value> sums) {
  Type element = problem.a.element;
  SmallVector<Type> sumTypes(4, problem.accumulator);
  for (int64_t kk = 0; kk < schedule.tile[2]; kk += 16) {
    SmallVector<SmallVector<Value>> fragmentsA, fragmentsB;
    for (int64_t i = 0; i < warpM; i += 16)
      fragmentsA.push_back(
          a.fragments(stage, e.add(rowOfWarp, i), kk, lane, /*isA=*/true));
    for (int64_t j = 0; j < warpN; j += 16)
      fragmentsB.push_back(
          b.fragments(stage, e.add(columnOfWarp, j), kk, lane, /*isA=*/false));
    for (int64_t i = 0; i < warpM / 16; ++i)
      for (int64_t j = 0; j < warpN / 8; ++j) {
        auto at = sums.begin() + (i * (warpN / 8) + j) * 4;
        auto mma = e.make<tile::MmaOp>(
            sumTypes, uint64_t(16), element, ValueRange(fragmentsA[i]),
            ValueRange(ArrayRef<Value>(fragmentsB[j / 2]).slice(j % 2 * 2, 2)),
            ValueRange(ArrayRef<Value>(at, at + 4)));
        llvm::copy(mma->getResults(), at);
      }
  }
  return sums;
}

void MmaSyncBuilder::finish(ArrayRef<Value> sums) {
  Epilogue epilogue(problem, kernel.getArguments());
  PartialSums partial(problem, schedule, kernel);
  bool isPartial = schedule.splitK > 1;
  int64_t width = isPartial ? partial.maxWidth() : epilogue.maxWidth();
  width = std::min<int64_t>(2, width);
  bool tailM = problem.m % schedule.tile[0] != 0;
  bool tailN = problem.n % schedule.tile[1] != 0;
  Value m0 = e.add(e.add(position.m, rowOfWarp), e.div(lane, 4));
  Value n0 = e.add(e.add(position.n, columnOfWarp), e.mul(e.rem(lane, 4), 2));
  for (int64_t i = 0; i < warpM; i += 8) {
    Value m = e.add(m0, i);
    auto row = [&] {
      for (int64_t j = 0; j < warpN; j += 8)
        for (int64_t c = 0; c < 2; c += width) {
          Value n = e.add(n0, j + c);
          int64_t at = ((i / 16) * (warpN / 8) + j / 8) * 4 + i / 8 % 2 * 2 + c;
          auto put = [&] {
            ArrayRef<Value> stored = sums.slice(at, width);
            if (isPartial)
              partial.store(e, position, m, n, stored);
            else
              epilogue.store(e.b, e.loc, position.batchIndices, m, n, stored);
          };
          if (tailN)
            e.when(e.compare(CmpI::ult, n, e.index(problem.n)), put);
          else
            put();
        }
    };
    if (tailM)
      e.when(e.compare(CmpI::ult, m, e.index(problem.m)), row);
    else
      row();
  }
}

void MmaSyncBuilder::run() {
  auto [tileM, tileN, tileK] = schedule.tile;
  int64_t stages = schedule.stages;
  Value thread = e.make<gpu::ThreadIdOp>(gpu::Dimension::x);
  Value block = e.make<gpu::BlockIdOp>(gpu::Dimension::x);
  position = tilePosition(e, problem, schedule, block);
  lane = e.rem(thread, 32);
  Value warp = e.div(thread, 32);
  rowOfWarp = e.mul(e.div(warp, schedule.split[1]), warpM);
  columnOfWarp = e.mul(e.rem(warp, schedule.split[1]), warpN);
  OperandTiles a(e, problem.a, kernel.getArgument(problem.a.argument), position,
                 position.m, problem.m, problem.k, tileM, tileK, stages, 0,
                 schedule.threads, thread);
  OperandTiles b(e, problem.b, kernel.getArgument(problem.b.argument), position,
                 position.n, problem.n, problem.k, tileN, tileK, stages,
                 stages * tileM * tileK * problem.a.elementBytes(),
                 schedule.threads, thread);

  // Tiles of K of this block, which divide into equal parts.
  int64_t steps = llvm::divideCeil(problem.k, tileK) / schedule.splitK;
  Value firstStep = e.mul(position.part, steps);
  auto copy = [&](Value step, Value stage) {
    Value k0 = e.mul(e.add(firstStep, step), tileK);
    a.copy(k0, stage);
    b.copy(k0, stage);
  };
  for (int64_t stage = 0; stage < stages - 1; ++stage) {
    if (stage < steps)
      copy(e.index(stage), e.index(stage));
    e.make<tile::CpAsyncCommitOp>();
  }
  Type f32 = e.b.getF32Type();
  SmallVector<Value> state(warpM * warpN / 32, e.constant(f32, 0));
  state.push_back(e.index(0)); // the stage to read
  state = e.carry(0, steps, 1, state, [&](Value step, ValueRange carried) {
    SmallVector<Value> sums = llvm::to_vector(carried.drop_back());
    Value stage = carried.back();
    e.make<tile::CpAsyncWaitOp>(uint64_t(stages - 2));
    e.make<gpu::BarrierOp>();
    Value ahead = e.add(step, stages - 1);
    // All warps are done with the stage before this one.
    Value isFirst = e.compare(CmpI::eq, stage, e.index(0));
    Value free = e.make<arith::SelectOp>(isFirst, e.index(stages - 1),
                                         e.sub(stage, e.index(1)));
    if (steps > stages - 1)
      e.when(e.compare(CmpI::ult, ahead, e.index(steps)),
             [&] { copy(ahead, free); });
    e.make<tile::CpAsyncCommitOp>();
    sums = multiply(a, b, stage, sums);
    Value isLast = e.compare(CmpI::eq, stage, e.index(stages - 1));
    sums.push_back(
        e.make<arith::SelectOp>(isLast, e.index(0), e.add(stage, 1)));
    return sums;
  });
  state.pop_back();
  finish(state);
}

LogicalResult adze::gemm::buildMmaSyncGemm(const GemmProblem &problem,
                                           const Schedule &schedule,
                                           const Machine &,
                                           tile::KernelOp kernel,
                                           OpBuilder &builder) {
  MmaSyncBuilder(problem, schedule, kernel, builder).run();
  return success();
}
