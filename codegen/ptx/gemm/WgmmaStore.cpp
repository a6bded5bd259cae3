//===- WgmmaStore.cpp - Results of wgmma through shared memory ------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A thread's results are pairs of columns, of rows that lie far from each
/// other. stmatrix puts them into rows of 128 bytes, in the swizzle of the
/// tensor map (no two of eight rows in the same banks), and TMA writes whole
/// lines to memory and clips them at the edges. Filling a box goes like this:
/// one thread waits until the copy engine has read what was in it; barrier of
/// the warp group; stmatrix; proxy fence; barrier; the same thread starts the
/// copy.
///
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/WgmmaBuilder.h"

#include "codegen/ptx/gemm/Epilogue.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;
using CmpI = arith::CmpIPredicate;

namespace {
constexpr int64_t boxes = 2, boxRows = 64;
constexpr int64_t boxColumns = wgmmaSwizzle / 2;
} // namespace

WgmmaStore::WgmmaStore(lower::LoopBuilder &e, const GemmProblem &problem,
                       const Schedule &schedule, tile::KernelOp kernel,
                       int64_t offset)
    : e(e), problem(problem), schedule(schedule), kernel(kernel) {
  auto type =
      MemRefType::get({schedule.threads / 128 - 1, boxes, boxRows, boxColumns},
                      problem.outputs.front().element,
                      MemRefLayoutAttrInterface(), e.b.getI64IntegerAttr(3));
  shared = e.make<tile::SharedMemoryOp>(type, uint64_t(offset));
  // 1 and 2: those that compute.
  Value warp = e.make<tile::WarpIndexOp>(e.b.getI32Type());
  Value four = e.make<arith::ConstantOp>(e.b.getI32IntegerAttr(4));
  warpGroup = e.make<arith::DivUIOp>(warp, four);
}

lower::Indices WgmmaStore::at(const Box &box, Value row, Value column) const {
  Value group = e.make<arith::IndexCastOp>(e.b.getIndexType(), warpGroup);
  return {e.sub(group, e.index(1)), e.index(box.number % boxes), row, column};
}

bool WgmmaStore::takes(const GemmProblem &problem) {
  if (problem.outputs.size() != 1)
    return false;
  const Output &output = problem.outputs.front();
  return (output.element.isBF16() || output.element.isF16()) &&
         output.perm.empty() && output.alignment >= 16 &&
         problem.batch.size() + 2 <= 5;
}

int64_t WgmmaStore::bytes(const Schedule &schedule) {
  return (schedule.threads / 128 - 1) * boxes * boxRows * wgmmaSwizzle;
}

unsigned WgmmaStore::argument() const {
  kernel::FuncOp function = problem.kernel;
  return function.getBody().getNumArguments() + problem.outputs.front().result;
}

tile::TensorMapAttr WgmmaStore::tensorMap() const {
  SmallVector<int64_t> shape{problem.n, problem.m};
  llvm::append_range(shape, llvm::reverse(problem.batch));
  SmallVector<int64_t> strides, box(shape.size(), 1);
  int64_t stride = 2;
  for (int64_t extent : ArrayRef<int64_t>(shape).drop_back())
    strides.push_back(stride *= extent);
  box[0] = boxColumns;
  box[1] = boxRows;
  return tile::TensorMapAttr::get(e.b.getContext(),
                                  problem.outputs.front().element, shape,
                                  strides, box, wgmmaSwizzle, 256);
}

/// Warp w has rows 16 w to 16 w + 15 of the box. Of 16 columns, it has four
/// matrices of 8 x 8: rows 0 and 8 of the first eight columns, then of the
/// others; lane l says where row l % 8 of matrix l / 8 goes.
void WgmmaStore::fill(const Box &box, const TilePosition &position,
                      Value thread, Value sum) const {
  tile::KernelOp device = kernel;
  Epilogue epilogue(problem, device.getArguments());
  Value lane = e.rem(thread, 32), warpRow = e.mul(e.div(thread, 32), 16);
  Value row = e.add(warpRow, e.rem(lane, 16));
  Value chunk =
      e.make<arith::XOrIOp>(e.div(lane, 16), e.rem(lane, 8)).getResult();
  Value m = e.add(box.m, e.add(warpRow, e.div(lane, 4)));
  Value n = e.add(box.n, e.mul(e.rem(lane, 4), 2));
  // What lies outside is computed and not stored: from operands of the last
  // row and the last columns.
  bool tailM = problem.m % schedule.tile[0] != 0;
  bool tailN = problem.n % schedule.tile[1] != 0;
  for (int64_t j = 0; j < boxColumns; j += 16) {
    SmallVector<Value> matrices;
    for (int64_t matrix = 0; matrix < 4; ++matrix) {
      int64_t half = matrix % 2, column = j + matrix / 2 * 8;
      Value mm = e.add(m, half * 8), nn = e.add(n, column);
      if (tailM)
        mm = e.min(mm, e.index(problem.m - 1));
      if (tailN)
        nn = e.min(nn, e.index(problem.n - 2));
      SmallVector<Value> elements;
      for (int64_t i = 0; i < 2; ++i)
        elements.push_back(e.make<tile::ExtractOp>(
            problem.accumulator, sum,
            uint64_t((box.column + column) / 2 + half * 2 + i)));
      matrices.push_back(
          epilogue.pair(e.b, e.loc, position.batchIndices, mm, nn, elements));
    }
    Value swizzled = e.make<arith::XOrIOp>(chunk, e.index(j / 8));
    e.make<tile::StmatrixOp>(matrices, shared, at(box, row, e.mul(swizzled, 8)),
                             false);
  }
  e.make<tile::FenceOp>(tile::FenceKind::AsyncShared);
}

void WgmmaStore::copy(const Box &box, const TilePosition &position) const {
  tile::KernelOp device = kernel;
  SmallVector<Value> coordinates;
  auto add = [&](Value index) {
    coordinates.push_back(e.make<arith::IndexCastOp>(e.b.getI32Type(), index));
  };
  add(box.n);
  add(box.m);
  for (Value index : llvm::reverse(position.batchIndices))
    add(index);
  e.make<tile::TmaStoreOp>(shared, at(box, e.index(0), e.index(0)),
                           device.getArgument(argument()), coordinates);
}

void WgmmaStore::finish(const TilePosition &position, Value m0, Value n0,
                        Value thread, ArrayRef<Value> sums) const {
  Value isFirst = e.compare(CmpI::eq, thread, e.index(0));
  auto barrier = [&] {
    e.make<tile::NamedBarrierOp>(warpGroup, uint64_t(128), false);
  };
  // What is left of the tile before.
  e.when(isFirst, [&] { e.make<tile::BulkWaitOp>(uint64_t(0), true); });
  int64_t across = schedule.tile[1] / boxColumns;
  int64_t count = int64_t(sums.size()) * across;
  for (int64_t i = 0; i < count; ++i) {
    Value sum = sums[i / across];
    int64_t column = i % across * boxColumns;
    Box box{i, column, e.add(m0, i / across * boxRows), e.add(n0, column)};
    // Boxes may lie wholly outside of the result.
    Value isInside;
    auto require = [&](Value at, int64_t extent) {
      Value is = e.compare(CmpI::ult, at, e.index(extent));
      isInside = isInside ? Value(e.make<arith::AndIOp>(isInside, is)) : is;
    };
    if (problem.m % schedule.tile[0] != 0)
      require(box.m, problem.m);
    if (problem.n % schedule.tile[1] != 0)
      require(box.n, problem.n);
    auto whereInside = [&](llvm::function_ref<void()> body) {
      if (isInside)
        e.when(isInside, body);
      else
        body();
    };
    if (i != 1) // the second box is known to be free with the first
      barrier();
    whereInside([&] { fill(box, position, thread, sum); });
    barrier();
    e.when(isFirst, [&] {
      whereInside([&] { copy(box, position); });
      e.make<tile::BulkCommitOp>();
      if (i > 0 && i + 1 < count) // the box that is next
        e.make<tile::BulkWaitOp>(uint64_t(1), true);
    });
  }
}

void WgmmaStore::wait(Value thread) const {
  e.when(e.compare(CmpI::eq, thread, e.index(0)),
         [&] { e.make<tile::BulkWaitOp>(uint64_t(0), false); });
}
