//===- Flat.cpp - Matrix products with few rows ---------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// With at most 16 rows a product is as fast as B can be read, once, by as many
/// threads as there are. All rows are kept in registers; K is divided among the
/// threads of a block:
///
///   B [K, N]: `lanes` neighbouring threads take neighbouring groups of
///             columns, the next ones the next K;
///   B [N, K]: every thread takes groups along K of the same few columns.
///
/// The partial sums of a warp meet in shuffles, those of the warps in shared
/// memory, both in a fixed order.
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

class FlatBuilder {
public:
  FlatBuilder(const GemmProblem &problem, const Schedule &schedule,
              tile::KernelOp kernel, OpBuilder &builder)
      : problem(problem), schedule(schedule), kernel(kernel),
        e(builder, kernel.getLoc()), rows(problem.m), lanes(schedule.split[0]),
        columns(schedule.split[1]),
        groupK(problem.b.isKContiguous ? widthOf(problem.b, 8) : 1),
        threadsK(schedule.threads / lanes) {}

  void run();

private:
  /// Loads of one group of K; what is outside is zero if `isChecked`.
  struct Loaded {
    SmallVector<Value> a; // [row][groupK], f32
    SmallVector<Value> b; // [groupK][column], f32
  };
  Loaded load(Value group, bool isChecked);
  SmallVector<Value> multiply(const Loaded &loaded, SmallVector<Value> sums);
  SmallVector<Value> sumOverK();
  void combine(SmallVector<Value> sums);

  const GemmProblem &problem;
  const Schedule &schedule;
  tile::KernelOp kernel;
  lower::LoopBuilder e;
  int64_t rows, lanes, columns, groupK, threadsK;
  TilePosition position;
  Value thread, lane, part; // `part`: of K, 0 to threadsK - 1
};

} // namespace

FlatBuilder::Loaded FlatBuilder::load(Value group, bool isChecked) {
  Loaded loaded;
  Value k = e.mul(group, groupK), inside;
  if (isChecked) {
    inside = e.compare(CmpI::ult, k, e.index(problem.k));
    k = e.min(k, e.index(problem.k - groupK));
  }
  auto read = [&](const Operand &operand, Value row, Value column,
                  int64_t width) {
    Value value = loadGroup(
        e, kernel.getArgument(operand.argument),
        operandIndices(e, operand, position.batchIndices, row, column), width);
    return inside ? zeroUnless(e, inside, value) : value;
  };
  const Operand &a = problem.a, &b = problem.b;
  int64_t widthA = a.isKContiguous ? widthOf(a, groupK) : 1;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < groupK; i += widthA) {
      Value m = e.index(row), at = e.add(k, i);
      llvm::append_range(
          loaded.a, wideElements(e, a.transposed ? read(a, at, m, widthA)
                                                 : read(a, m, at, widthA)));
    }
  Value n = e.add(position.n, e.mul(lane, columns));
  if (!b.isKContiguous) {
    if (problem.n % schedule.tile[1] != 0)
      n = e.min(n, e.index(problem.n - columns));
    loaded.b = wideElements(e, read(b, k, n, columns));
    return loaded;
  }
  loaded.b.resize(groupK * columns);
  for (int64_t column = 0; column < columns; ++column) {
    Value at = e.add(n, column);
    if (problem.n % schedule.tile[1] != 0)
      at = e.min(at, e.index(problem.n - 1));
    SmallVector<Value> along = wideElements(e, read(b, at, k, groupK));
    for (int64_t i = 0; i < groupK; ++i)
      loaded.b[i * columns + column] = along[i];
  }
  return loaded;
}

SmallVector<Value> FlatBuilder::multiply(const Loaded &loaded,
                                         SmallVector<Value> sums) {
  for (int64_t i = 0; i < groupK; ++i)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        Value &sum = sums[row * columns + column];
        sum = e.make<math::FmaOp>(loaded.a[row * groupK + i],
                                  loaded.b[i * columns + column], sum);
      }
  return sums;
}

SmallVector<Value> FlatBuilder::sumOverK() {
  SmallVector<Value> sums(rows * columns, e.constant(e.b.getF32Type(), 0));
  int64_t groups = problem.k / groupK; // groupK divides K
  // Several loads of B in flight for each thread.
  int64_t unroll = std::max<int64_t>(1, 4 / groupK);
  while (unroll > 1 && groups < 2 * threadsK * unroll)
    unroll /= 2;
  int64_t stride = threadsK * unroll, full = groups / stride;
  sums = e.carry(0, full, 1, sums, [&](Value step, ValueRange carried) {
    SmallVector<Loaded> loaded;
    Value first = e.add(e.mul(step, stride), part);
    for (int64_t u = 0; u < unroll; ++u)
      loaded.push_back(load(e.add(first, u * threadsK), /*isChecked=*/false));
    SmallVector<Value> result = llvm::to_vector(carried);
    for (const Loaded &one : loaded)
      result = multiply(one, result);
    return result;
  });
  int64_t done = full * stride;
  for (; done < groups; done += threadsK) {
    bool isChecked = done + threadsK > groups;
    sums = multiply(load(e.add(part, done), isChecked), sums);
  }
  return sums;
}

void FlatBuilder::combine(SmallVector<Value> sums) {
  Type f32 = e.b.getF32Type();
  int64_t warps = schedule.threads / 32, tileN = schedule.tile[1];
  for (Value &sum : sums)
    for (int64_t distance = lanes; distance < 32; distance *= 2) {
      auto moved = e.make<gpu::ShuffleOp>(sum, int32_t(distance), int32_t(32),
                                          gpu::ShuffleMode::XOR);
      sum = e.make<arith::AddFOp>(sum, moved.getShuffleResult());
    }
  Value shared = sharedArray(e, kernel, "sums", {warps, rows, tileN}, f32);
  Value warp = e.div(thread, 32), inWarp = e.rem(thread, 32);
  e.when(e.compare(CmpI::ult, inWarp, e.index(lanes)), [&] {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column)
        e.make<memref::StoreOp>(
            sums[row * columns + column], shared,
            ValueRange{warp, e.index(row),
                       e.add(e.mul(lane, columns), column)});
  });
  e.make<gpu::BarrierOp>();
  Epilogue epilogue(problem, kernel.getArguments());
  int64_t elements = rows * tileN;
  for (int64_t first = 0; first < elements; first += schedule.threads) {
    Value element = e.add(thread, first);
    Value row = e.div(element, tileN), column = e.rem(element, tileN);
    Value n = e.add(position.n, column);
    auto finish = [&] {
      Value sum;
      for (int64_t w = 0; w < warps; ++w) {
        Value one =
            e.make<memref::LoadOp>(shared, ValueRange{e.index(w), row, column});
        sum = sum ? e.make<arith::AddFOp>(sum, one).getResult() : one;
      }
      epilogue.store(e.b, e.loc, position.batchIndices, row, n, sum);
    };
    auto inColumns = [&] {
      if (problem.n % tileN == 0)
        finish();
      else
        e.when(e.compare(CmpI::ult, n, e.index(problem.n)), finish);
    };
    if (first + schedule.threads <= elements)
      inColumns();
    else
      e.when(e.compare(CmpI::ult, element, e.index(elements)), inColumns);
  }
}

void FlatBuilder::run() {
  kernel.setSharedBytes(0); // a static array
  thread = e.make<gpu::ThreadIdOp>(gpu::Dimension::x);
  Value block = e.make<gpu::BlockIdOp>(gpu::Dimension::x);
  position = tilePosition(e, problem, schedule, block);
  lane = e.rem(thread, lanes);
  part = e.div(thread, lanes);
  combine(sumOverK());
}

LogicalResult adze::gemm::buildFlatGemm(const GemmProblem &problem,
                                        const Schedule &schedule,
                                        const Machine &, tile::KernelOp kernel,
                                        OpBuilder &builder) {
  FlatBuilder(problem, schedule, kernel, builder).run();
  return success();
}
