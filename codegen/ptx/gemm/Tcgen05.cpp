//===- Tcgen05.cpp - Matrix products into tensor memory -------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// For sm_100a, bf16 and f16; one tile of 128 rows a block. Warp 0 copies tiles
/// of K by TMA, `stages` ahead. One thread of warp 1 multiplies them with
/// tcgen05.mma into tensor memory, which warp 1 allocates and gives back. Warps
/// 2 to 5 wait for the sums and store them: each reads the 32 lanes (rows) of
/// tensor memory that its number allows. A stage's mbarrier `full` completes
/// with its bytes, `empty` when the products that read it are complete; `done`
/// when all are.
///
/// The code is assembled in tests and has not been run: there is no GPU for it
/// there, and ptxsim does not know tcgen05.
///
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/Epilogue.h"
#include "codegen/ptx/gemm/WgmmaBuilder.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;
using CmpI = arith::CmpIPredicate;

/// Columns that a thread loads at a time.
static constexpr int64_t loadedColumns = 32;
/// The copying and the multiplying warp; the others store.
static constexpr int64_t copyingWarp = 0, multiplyingWarp = 1, storingWarps = 4;

namespace {

class Tcgen05Builder {
public:
  Tcgen05Builder(const GemmProblem &problem, const Schedule &schedule,
                 tile::KernelOp kernel, OpBuilder &builder)
      : problem(problem), schedule(schedule), kernel(kernel),
        e(builder, kernel.getLoc()), a(e, problem.a, schedule.tile[0],
                                       schedule.tile[2], schedule.stages, 0, 1),
        b(e, problem.b, schedule.tile[1], schedule.tile[2], schedule.stages,
          schedule.stages * stageBytes(problem.a, schedule.tile[0]), 1),
        steps(llvm::divideCeil(problem.k, schedule.tile[2])) {}

  void run();

private:
  int64_t stageBytes(const Operand &operand, int64_t tile) const {
    return WgmmaOperand::stageBytes(operand, tile, schedule.tile[2]);
  }
  Value i32(int64_t value) {
    return e.make<arith::ConstantOp>(e.b.getI32IntegerAttr(value));
  }
  void forWarp(int64_t number, llvm::function_ref<void()> body) {
    e.when(e.make<arith::CmpIOp>(CmpI::eq, warp, i32(number)), body);
  }
  /// body(step, stage, parity of the round that the step is in) in one lane.
  void eachStep(llvm::function_ref<void(Value, Value, Value)> body);
  Value barriers(int64_t count, int64_t offset);
  void synchronize();

  void setup();
  void load();
  void multiply();
  void finish();

  const GemmProblem &problem;
  const Schedule &schedule;
  tile::KernelOp kernel;
  lower::LoopBuilder e;
  WgmmaOperand a, b;
  int64_t steps;
  Value warp; // i32
  Value full, empty, done;
  Value sums; // address in tensor memory, i32
  TilePosition position;
};

} // namespace

void Tcgen05Builder::eachStep(
    llvm::function_ref<void(Value, Value, Value)> body) {
  e.when(e.make<tile::ElectOp>(e.b.getI1Type()), [&] {
    e.carry(
        0, steps, 1, {e.index(0), i32(0)}, [&](Value step, ValueRange carried) {
          body(step, carried[0], carried[1]);
          Value isLast =
              e.compare(CmpI::eq, carried[0], e.index(schedule.stages - 1));
          Value stage =
              e.make<arith::SelectOp>(isLast, e.index(0), e.add(carried[0], 1));
          Value flipped = e.make<arith::XOrIOp>(carried[1], i32(1));
          Value parity = e.make<arith::SelectOp>(isLast, flipped, carried[1]);
          return SmallVector<Value>{stage, parity};
        });
  });
}

Value Tcgen05Builder::barriers(int64_t count, int64_t offset) {
  auto type =
      MemRefType::get({count}, e.b.getI64Type(), MemRefLayoutAttrInterface(),
                      e.b.getI64IntegerAttr(3));
  return e.make<tile::SharedMemoryOp>(type, uint64_t(offset));
}

/// All threads of the block, their work on tensor memory included.
void Tcgen05Builder::synchronize() {
  e.make<tile::Tcgen05FenceOp>(tile::Tcgen05Order::Before);
  e.make<gpu::BarrierOp>();
  e.make<tile::Tcgen05FenceOp>(tile::Tcgen05Order::After);
}

/// The barriers, and the columns of the sums.
void Tcgen05Builder::setup() {
  int64_t stages = schedule.stages;
  int64_t offset = stages * (stageBytes(problem.a, schedule.tile[0]) +
                             stageBytes(problem.b, schedule.tile[1]));
  full = barriers(stages, offset);
  empty = barriers(stages, offset + 8 * stages);
  done = barriers(1, offset + 16 * stages);
  Value place = e.make<tile::SharedMemoryOp>(
      MemRefType::get({1}, e.b.getI32Type(), MemRefLayoutAttrInterface(),
                      e.b.getI64IntegerAttr(3)),
      uint64_t(offset + 16 * stages + 8));
  forWarp(copyingWarp, [&] {
    e.when(e.make<tile::ElectOp>(e.b.getI1Type()), [&] {
      for (int64_t stage = 0; stage < stages; ++stage) {
        e.make<tile::BarrierInitOp>(full, e.index(stage), uint64_t(1));
        e.make<tile::BarrierInitOp>(empty, e.index(stage), uint64_t(1));
      }
      e.make<tile::BarrierInitOp>(done, e.index(0), uint64_t(1));
      e.make<tile::FenceOp>(tile::FenceKind::MbarrierInit);
    });
  });
  forWarp(multiplyingWarp, [&] {
    e.make<tile::Tcgen05AllocOp>(place, e.index(0), uint64_t(schedule.tile[1]));
    e.make<tile::Tcgen05RelinquishOp>();
  });
  synchronize();
  sums = e.make<memref::LoadOp>(place, ValueRange{e.index(0)});
}

void Tcgen05Builder::load() {
  Value mapA = kernel.getArgument(problem.a.argument);
  Value mapB = kernel.getArgument(problem.b.argument);
  int64_t bytes = stageBytes(problem.a, schedule.tile[0]) +
                  stageBytes(problem.b, schedule.tile[1]);
  eachStep([&](Value step, Value stage, Value parity) {
    Value k0 = e.mul(step, schedule.tile[2]);
    // All stages are empty at first: the phase before the first one counts as
    // complete.
    e.make<tile::BarrierWaitOp>(empty, stage,
                                e.make<arith::XOrIOp>(parity, i32(1)));
    e.make<tile::BarrierExpectTxOp>(full, stage, uint64_t(bytes));
    a.load(mapA, position, position.m, k0, stage, full, Value());
    b.load(mapB, position, position.n, k0, stage, full, Value());
  });
}

/// The thread that starts the products also lets the barriers track them. The
/// last commit tells of all of them; nobody waits for that stage to be empty.
void Tcgen05Builder::multiply() {
  eachStep([&](Value step, Value stage, Value parity) {
    e.make<tile::BarrierWaitOp>(full, stage, parity);
    e.make<tile::Tcgen05FenceOp>(tile::Tcgen05Order::After);
    for (int64_t k = 0; k < schedule.tile[2]; k += 16) {
      Value add = k ? Value(e.make<arith::ConstantOp>(e.b.getBoolAttr(true)))
                    : e.compare(CmpI::ne, step, e.index(0));
      e.make<tile::Tcgen05MmaOp>(
          sums, uint64_t(schedule.tile[0]), uint64_t(schedule.tile[1]), add,
          a.memory(), a.at(stage, e.index(0), k), a.matrix(), b.memory(),
          b.at(stage, e.index(0), k), b.matrix());
    }
    auto commit = [&](Value barriers, Value index) {
      return [&, barriers, index](OpBuilder &, Location) {
        e.make<tile::Tcgen05CommitOp>(barriers, index);
        e.make<scf::YieldOp>();
      };
    };
    Value zero = e.index(0);
    scf::IfOp::create(e.b, e.loc, e.compare(CmpI::eq, step, e.index(steps - 1)),
                      commit(done, zero), commit(empty, stage));
  });
}

/// Lane l of a storing warp has row l of the warp's 32. All lanes load, those
/// inside of the result store.
void Tcgen05Builder::finish() {
  Epilogue epilogue(problem, kernel.getArguments());
  int64_t width = std::min<int64_t>(8, epilogue.maxWidth());
  e.make<tile::BarrierWaitOp>(done, e.index(0), i32(0));
  e.make<tile::Tcgen05FenceOp>(tile::Tcgen05Order::After);
  Value lanes = e.make<arith::ShLIOp>(
      e.make<arith::AndIOp>(warp, i32(storingWarps - 1)), i32(5));
  Value address =
      e.make<arith::AddIOp>(sums, e.make<arith::ShLIOp>(lanes, i32(16)));
  Value thread = e.make<gpu::ThreadIdOp>(gpu::Dimension::x);
  Value m = e.add(
      e.add(position.m, e.make<arith::IndexCastOp>(e.b.getIndexType(), lanes)),
      e.rem(thread, 32));
  auto type = VectorType::get({loadedColumns}, e.b.getF32Type());
  auto guarded = [&](Value at, int64_t size, int64_t tile, auto body) {
    if (size % tile == 0)
      body();
    else
      e.when(e.compare(CmpI::ult, at, e.index(size)), body);
  };
  e.loop(0, schedule.tile[1], loadedColumns, [&](Value column) {
    Value from = e.make<arith::AddIOp>(
        address, e.make<arith::IndexCastOp>(e.b.getI32Type(), column));
    Value started = e.make<tile::Tcgen05LoadOp>(type, from);
    Value values = e.make<tile::Tcgen05WaitLoadOp>(type, started);
    guarded(m, problem.m, schedule.tile[0], [&] {
      for (int64_t j = 0; j < loadedColumns; j += width) {
        Value n = e.add(e.add(position.n, column), j);
        guarded(n, problem.n, schedule.tile[1], [&] {
          SmallVector<Value> elements;
          for (int64_t i = 0; i < width; ++i)
            elements.push_back(e.make<vector::ExtractOp>(values, j + i));
          epilogue.store(e.b, e.loc, position.batchIndices, m, n, elements);
        });
      }
    });
  });
}

void Tcgen05Builder::run() {
  kernel.setMinPtx(86);
  kernel.setArgAttr(problem.a.argument, tile::KernelOp::getTensorMapAttrName(),
                    a.tensorMap());
  kernel.setArgAttr(problem.b.argument, tile::KernelOp::getTensorMapAttrName(),
                    b.tensorMap());
  warp = e.make<tile::WarpIndexOp>(e.b.getI32Type());
  position = tilePosition(e, problem, schedule,
                          e.make<gpu::BlockIdOp>(gpu::Dimension::x));
  setup();
  forWarp(copyingWarp, [&] { load(); });
  forWarp(multiplyingWarp, [&] { multiply(); });
  e.when(e.make<arith::CmpIOp>(CmpI::ugt, warp, i32(multiplyingWarp)),
         [&] { finish(); });
  synchronize();
  forWarp(multiplyingWarp, [&] {
    e.make<tile::Tcgen05DeallocOp>(sums, uint64_t(schedule.tile[1]));
  });
}

LogicalResult adze::gemm::buildTcgen05Gemm(const GemmProblem &problem,
                                           const Schedule &schedule,
                                           const Machine &machine,
                                           tile::KernelOp kernel,
                                           OpBuilder &builder) {
  Tcgen05Builder(problem, schedule, kernel, builder).run();
  return success();
}

void adze::gemm::addTcgen05Schedules(const GemmProblem &problem,
                                     const GpuFacts &gpu,
                                     std::vector<Schedule> &schedules) {
  if (gpu.computeCapability != 100 || !isForTma(problem, problem.a) ||
      !isForTma(problem, problem.b) || problem.a.element != problem.b.element)
    return;
  for (int64_t n : {128, 256}) {
    if (problem.m <= 64 || n >= 2 * problem.n)
      continue;
    Schedule s;
    s.family = "gemm.tcgen05";
    s.tile = {128, n, 64};
    s.split = {1, 1};
    s.roles = "cooperative";
    s.threads = 32 * (2 + storingWarps);
    // The storing warps hold some columns and what an epilogue needs.
    s.registers = 168;
    int64_t stageBytes =
        WgmmaOperand::stageBytes(problem.a, s.tile[0], s.tile[2]) +
        WgmmaOperand::stageBytes(problem.b, n, s.tile[2]);
    int64_t steps = llvm::divideCeil(problem.k, s.tile[2]);
    for (int64_t stages : {2, 3, 4, 6}) {
      s.stages = stages;
      s.sharedBytes = stages * (stageBytes + 16) + 16;
      if (s.sharedBytes <= int64_t(gpu.sharedPerBlock) &&
          (stages == 2 || stages <= 2 * steps))
        schedules.push_back(s);
    }
  }
}
