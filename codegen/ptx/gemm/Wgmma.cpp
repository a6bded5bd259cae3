//===- Wgmma.cpp - Matrix products of warp groups on tensor cores ---------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// For sm_90a, bf16 and f16. One warp group starts the copies of tiles by TMA,
/// `stages` tiles of K ahead; one or two others multiply them with wgmma. A
/// tile's mbarrier `full` completes when its bytes are there, its mbarrier
/// `empty` when all computing warp groups have read it. Blocks stay on their SM
/// and take tile after tile, so that the copies for the next tile run while the
/// results of this one are stored. Two blocks of a cluster whose tiles are
/// neighbours share B (A): each copies one half to both. What lies outside of A
/// and B reads as zero.
///
/// A kernel has four slots, see README.md: setup, load, compute, finish.
///
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/WgmmaBuilder.h"

#include "codegen/ptx/gemm/Epilogue.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;
using CmpI = arith::CmpIPredicate;

namespace {

/// Which stage of the pipeline is next, and the parity of its phase.
struct Slot {
  Value stage;  // index
  Value parity; // i32
};

class WgmmaBuilder {
public:
  WgmmaBuilder(const GemmProblem &problem, const Schedule &schedule,
               const Machine &machine, tile::KernelOp kernel,
               OpBuilder &builder)
      : problem(problem), schedule(schedule), kernel(kernel),
        e(builder, kernel.getLoc()),
        a(e, problem.a, schedule.tile[0], schedule.tile[2], schedule.stages, 0,
          schedule.cluster[1]),
        b(e, problem.b, schedule.tile[1], schedule.tile[2], schedule.stages,
          schedule.stages * stageBytes(problem.a, schedule.tile[0]),
          schedule.cluster[0]),
        groups(schedule.split[0]), consumers(schedule.threads / 128 - 1),
        isPingPong(schedule.roles == "pingpong"),
        sharers(schedule.cluster[0] * schedule.cluster[1]),
        blocks(std::min<int64_t>(schedule.blocks(problem),
                                 machine.gpu.sms / sharers * sharers)),
        steps(llvm::divideCeil(problem.k, schedule.tile[2]) / schedule.splitK) {
    barriersAt = schedule.stages * (stageBytes(problem.a, schedule.tile[0]) +
                                    stageBytes(problem.b, schedule.tile[1]));
    if (schedule.splitK > 1 || !WgmmaStore::takes(problem))
      return;
    store.emplace(e, problem, schedule, kernel, barriersAt);
    barriersAt += WgmmaStore::bytes(schedule);
  }

  void run();

private:
  int64_t stageBytes(const Operand &operand, int64_t tile) const {
    return WgmmaOperand::stageBytes(operand, tile, schedule.tile[2]);
  }
  Value i32(int64_t value) {
    return e.make<arith::ConstantOp>(e.b.getI32IntegerAttr(value));
  }
  Slot next(Slot slot);
  /// The slot `count` after this one.
  Slot skip(Slot slot, int64_t count);
  /// body(number of the tile, state) for each tile of this block, or for every
  /// second one, from number `turn` on.
  void eachTile(Slot first, Value turn,
                llvm::function_ref<Slot(Value, Slot)> body);

  void setup();
  void release(Value stage);
  void load();
  void compute();
  SmallVector<Value> multiply(Slot &slot);
  void finish(const TilePosition &position, ArrayRef<Value> sums);

  const GemmProblem &problem;
  const Schedule &schedule;
  tile::KernelOp kernel;
  lower::LoopBuilder e;
  WgmmaOperand a, b;
  int64_t groups;    // warp groups that share a tile
  int64_t consumers; // computing warp groups
  bool isPingPong;
  int64_t sharers, blocks, steps;
  int64_t barriersAt;              // offset in shared memory
  std::optional<WgmmaStore> store; // else threads write the results
  Value thread, full, empty, turns;
  Value group, inGroup; // of the computing warp groups
  Value turn;           // ping-pong: which of the two this warp group is
};

} // namespace

Slot WgmmaBuilder::next(Slot slot) {
  Value isLast = e.compare(CmpI::eq, slot.stage, e.index(schedule.stages - 1));
  Value stage =
      e.make<arith::SelectOp>(isLast, e.index(0), e.add(slot.stage, 1));
  Value flipped = e.make<arith::XOrIOp>(slot.parity, i32(1));
  return {stage, e.make<arith::SelectOp>(isLast, flipped, slot.parity)};
}

Slot WgmmaBuilder::skip(Slot slot, int64_t count) {
  int64_t stages = schedule.stages;
  Value ahead = e.add(slot.stage, count % stages);
  Value wraps = e.compare(CmpI::uge, ahead, e.index(stages));
  Value stage =
      e.make<arith::SelectOp>(wraps, e.sub(ahead, e.index(stages)), ahead);
  int64_t rounds = count / stages % 2;
  Value flips = e.make<arith::SelectOp>(wraps, i32(1 - rounds), i32(rounds));
  return {stage, e.make<arith::XOrIOp>(slot.parity, flips)};
}

void WgmmaBuilder::eachTile(Slot first, Value turn,
                            llvm::function_ref<Slot(Value, Slot)> body) {
  Value block = e.make<gpu::BlockIdOp>(gpu::Dimension::x);
  int64_t tiles = schedule.blocks(problem);
  if (tiles == blocks) {
    body(block, first);
    return;
  }
  Value from = turn ? e.add(block, e.mul(turn, blocks)) : block;
  scf::ForOp::create(
      e.b, e.loc, from, e.index(tiles), e.index(turn ? 2 * blocks : blocks),
      ValueRange{first.stage, first.parity},
      [&](OpBuilder &, Location, Value tile, ValueRange carried) {
        Slot last = body(tile, {carried[0], carried[1]});
        e.make<scf::YieldOp>(ValueRange{last.stage, last.parity});
      });
}

/// The barriers, once.
void WgmmaBuilder::setup() {
  thread = e.make<gpu::ThreadIdOp>(gpu::Dimension::x);
  auto type =
      MemRefType::get({schedule.stages}, e.b.getI64Type(),
                      MemRefLayoutAttrInterface(), e.b.getI64IntegerAttr(3));
  full = e.make<tile::SharedMemoryOp>(type, uint64_t(barriersAt));
  empty = e.make<tile::SharedMemoryOp>(
      type, uint64_t(barriersAt + 8 * schedule.stages));
  if (isPingPong)
    turns = e.make<tile::SharedMemoryOp>(
        MemRefType::get({2}, e.b.getI64Type(), MemRefLayoutAttrInterface(),
                        e.b.getI64IntegerAttr(3)),
        uint64_t(barriersAt + 16 * schedule.stages));
  e.when(e.compare(CmpI::eq, thread, e.index(0)), [&] {
    for (int64_t stage = 0; stage < schedule.stages; ++stage) {
      e.make<tile::BarrierInitOp>(full, e.index(stage), uint64_t(1));
      e.make<tile::BarrierInitOp>(empty, e.index(stage),
                                  uint64_t(groups * sharers));
    }
    for (int64_t i = 0; isPingPong && i < 2; ++i)
      e.make<tile::BarrierInitOp>(turns, e.index(i), uint64_t(1));
    e.make<tile::FenceOp>(tile::FenceKind::MbarrierInit);
  });
  if (sharers > 1)
    e.make<tile::ClusterSyncOp>();
  else
    e.make<gpu::BarrierOp>();
}

/// A stage is free when all blocks that get its copies have read it.
void WgmmaBuilder::release(Value stage) {
  Value rank;
  if (sharers > 1)
    rank = e.make<arith::IndexCastOp>(e.b.getI32Type(), inGroup);
  e.make<tile::BarrierArriveOp>(empty, stage, rank);
}

/// One thread copies tile after tile, as soon as its place is free.
void WgmmaBuilder::load() {
  Value mapA = kernel.getArgument(problem.a.argument);
  Value mapB = kernel.getArgument(problem.b.argument);
  e.when(e.compare(CmpI::eq, thread, e.index(0)), [&] {
    e.make<tile::PrefetchMapOp>(mapA);
    e.make<tile::PrefetchMapOp>(mapB);
    if (store)
      e.make<tile::PrefetchMapOp>(kernel.getArgument(store->argument()));
    Value rank;
    if (sharers > 1)
      rank = e.make<arith::IndexCastOp>(
          e.b.getIndexType(), e.make<tile::ClusterRankOp>(e.b.getI32Type()));
    int64_t bytes = stageBytes(problem.a, schedule.tile[0]) +
                    stageBytes(problem.b, schedule.tile[1]);
    eachTile({e.index(0), i32(1)}, Value(), [&](Value number, Slot slot) {
      TilePosition position = tilePosition(e, problem, schedule, number);
      Value first = e.mul(position.part, steps * schedule.tile[2]);
      SmallVector<Value> state = e.carry(
          0, steps, 1, {slot.stage, slot.parity},
          [&](Value step, ValueRange carried) {
            Slot at{carried[0], carried[1]};
            Value k0 = e.add(first, e.mul(step, schedule.tile[2]));
            e.make<tile::BarrierWaitOp>(empty, at.stage, at.parity);
            e.make<tile::BarrierExpectTxOp>(full, at.stage, uint64_t(bytes));
            a.load(mapA, position, position.m, k0, at.stage, full, rank);
            b.load(mapB, position, position.n, k0, at.stage, full, rank);
            at = next(at);
            return SmallVector<Value>{at.stage, at.parity};
          });
      return Slot{state[0], state[1]};
    });
  });
}

/// The products of all of K of a tile, waited for. While those of one step run,
/// the ones before are complete and their place is given back.
SmallVector<Value> WgmmaBuilder::multiply(Slot &slot) {
  int64_t rows = schedule.tile[0] / groups;
  auto type = tile::AccumulatorType::get(e.b.getContext(), schedule.tile[1],
                                         problem.accumulator);
  SmallVector<Value> state{slot.stage, slot.parity, slot.stage};
  for (int64_t m = 0; m < rows; m += 64)
    state.push_back(e.make<tile::ZeroAccumulatorOp>(type));
  Value isSignaller = e.compare(CmpI::ult, inGroup, e.index(sharers));
  state = e.carry(0, steps, 1, state, [&](Value step, ValueRange carried) {
    Slot at{carried[0], carried[1]};
    Value before = carried[2];
    SmallVector<Value> sums = llvm::to_vector(carried.drop_front(3));
    e.make<tile::BarrierWaitOp>(full, at.stage, at.parity);
    auto fence = e.make<tile::WgmmaFenceOp>(TypeRange(sums), sums);
    llvm::copy(fence.getResults(), sums.begin());
    for (int64_t k = 0; k < schedule.tile[2]; k += 16)
      for (auto [i, sum] : llvm::enumerate(sums)) {
        Value row = e.add(e.mul(group, rows), int64_t(i) * 64);
        sum = e.make<tile::WgmmaOp>(
            type, sum, a.memory(), a.at(at.stage, row, k), a.matrix(),
            b.memory(), b.at(at.stage, e.index(0), k), b.matrix());
      }
    e.make<tile::WgmmaCommitOp>();
    if (steps > 1) {
      e.make<tile::WgmmaWaitOp>(TypeRange(), uint64_t(1), ValueRange());
      Value isLater = e.compare(CmpI::ne, step, e.index(0));
      e.when(e.make<arith::AndIOp>(isLater, isSignaller),
             [&] { release(before); });
    }
    before = at.stage;
    at = next(at);
    SmallVector<Value> results{at.stage, at.parity, before};
    llvm::append_range(results, sums);
    return results;
  });
  slot = {state[0], state[1]};
  SmallVector<Value> sums(ArrayRef<Value>(state).drop_front(3));
  SmallVector<Type> types(sums.size(), type);
  if (isPingPong)
    e.when(e.compare(CmpI::eq, inGroup, e.index(0)), [&] {
      e.make<tile::BarrierArriveOp>(turns, e.sub(e.index(1), turn), Value());
    });
  auto wait = e.make<tile::WgmmaWaitOp>(types, uint64_t(0), sums);
  e.when(isSignaller, [&] { release(state[2]); });
  return llvm::to_vector_of<Value>(wait.getResults());
}

/// Cooperative: all computing warp groups have rows of each tile. Ping-pong:
/// they take turns, so that one stores while the other multiplies; each skips
/// the stages of the other's tiles. A warp group multiplies only when the other
/// one has seen all of its stages: the parity of a phase that is two ahead
/// would be taken for the one before.
void WgmmaBuilder::compute() {
  group = e.sub(e.div(thread, 128), e.index(1));
  inGroup = e.rem(thread, 128);
  Slot first{e.index(0), i32(0)};
  Value isSecond;
  if (isPingPong) {
    turn = group;
    Slot second = skip(first, steps);
    isSecond = e.compare(CmpI::ne, turn, e.index(0));
    first = {e.make<arith::SelectOp>(isSecond, second.stage, first.stage),
             e.make<arith::SelectOp>(isSecond, second.parity, first.parity)};
    group = e.index(0);
  }
  eachTile(first, turn, [&](Value number, Slot slot) {
    if (isPingPong) {
      Value round = e.rem(e.div(number, 2 * blocks), 2);
      Value isOdd = e.compare(CmpI::ne, round, e.index(0));
      // The first warp group's first turn begins at once: the phase before the
      // first one counts as complete.
      Value isSet = e.make<arith::CmpIOp>(CmpI::eq, isOdd, isSecond);
      Value parity = e.make<arith::SelectOp>(isSet, i32(1), i32(0));
      e.make<tile::BarrierWaitOp>(turns, turn, parity);
    }
    SmallVector<Value> sums = multiply(slot);
    finish(tilePosition(e, problem, schedule, number), sums);
    return isPingPong ? skip(slot, steps) : slot;
  });
  if (store)
    store->wait(inGroup);
}

/// By the copy engine, or each thread stores the elements that it holds, two
/// neighbours at a time.
void WgmmaBuilder::finish(const TilePosition &position, ArrayRef<Value> sums) {
  Value first = e.add(position.m, e.mul(group, schedule.tile[0] / groups));
  if (store)
    return store->finish(position, first, position.n, inGroup, sums);
  Epilogue epilogue(problem, kernel.getArguments());
  PartialSums partial(problem, schedule, kernel);
  bool isPartial = schedule.splitK > 1;
  int64_t width = std::min<int64_t>(2, isPartial ? partial.maxWidth()
                                                 : epilogue.maxWidth());
  bool tailM = problem.m % schedule.tile[0] != 0;
  bool tailN = problem.n % schedule.tile[1] != 0;
  Value warp = e.div(inGroup, 32), lane = e.rem(inGroup, 32);
  Value m0 = e.add(first, e.add(e.mul(warp, 16), e.div(lane, 4)));
  Value n0 = e.add(position.n, e.mul(e.rem(lane, 4), 2));
  for (auto [block, sum] : llvm::enumerate(sums))
    for (int64_t half = 0; half < 2; ++half) {
      Value m = e.add(m0, int64_t(block) * 64 + half * 8);
      auto row = [&] {
        for (int64_t j = 0; j < schedule.tile[1]; j += 8)
          for (int64_t c = 0; c < 2; c += width) {
            Value n = e.add(n0, j + c);
            auto put = [&] {
              SmallVector<Value> elements;
              for (int64_t i = 0; i < width; ++i)
                elements.push_back(e.make<tile::ExtractOp>(
                    problem.accumulator, sum,
                    uint64_t(j / 2 + half * 2 + c + i)));
              if (isPartial)
                partial.store(e, position, m, n, elements);
              else
                epilogue.store(e.b, e.loc, position.batchIndices, m, n,
                               elements);
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

void WgmmaBuilder::run() {
  kernel.setGrid(ArrayRef<int64_t>{blocks, 1, 1});
  if (sharers > 1)
    kernel.setCluster(ArrayRef<int64_t>{sharers, 1, 1});
  kernel.setMinPtx(80);
  kernel.setArgAttr(problem.a.argument, tile::KernelOp::getTensorMapAttrName(),
                    a.tensorMap());
  kernel.setArgAttr(problem.b.argument, tile::KernelOp::getTensorMapAttrName(),
                    b.tensorMap());
  if (store)
    kernel.setArgAttr(store->argument(), tile::KernelOp::getTensorMapAttrName(),
                      store->tensorMap());
  setup();
  Value warp = e.make<tile::WarpIndexOp>(e.b.getI32Type());
  Value isProducer = e.make<arith::CmpIOp>(CmpI::ult, warp, i32(4));
  auto role = [&](int64_t registers, bool decrease, auto body) {
    return [=, this](OpBuilder &, Location) {
      if (consumers == 2)
        e.make<tile::SetRegistersOp>(uint64_t(registers), decrease);
      (this->*body)();
      e.make<scf::YieldOp>();
    };
  };
  scf::IfOp::create(e.b, e.loc, isProducer,
                    role(producerRegisters, true, &WgmmaBuilder::load),
                    role(consumerRegisters, false, &WgmmaBuilder::compute));
  // Others may still copy to this block, or arrive at its barriers.
  if (sharers > 1)
    e.make<tile::ClusterSyncOp>();
}

LogicalResult adze::gemm::buildWgmmaGemm(const GemmProblem &problem,
                                         const Schedule &schedule,
                                         const Machine &machine,
                                         tile::KernelOp kernel,
                                         OpBuilder &builder) {
  WgmmaBuilder(problem, schedule, machine, kernel, builder).run();
  return success();
}
