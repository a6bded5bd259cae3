//===- WgmmaSchedules.cpp - How wgmma may compute a product ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/WgmmaBuilder.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;

bool adze::gemm::isForTma(const GemmProblem &problem, const Operand &operand) {
  if (!operand.element.isBF16() && !operand.element.isF16())
    return false;
  kernel::FuncOp kernel = problem.kernel;
  BlockArgument argument = kernel.getBody().getArgument(operand.argument);
  return operand.shape.size() <= 5 && operand.alignment >= 16 &&
         problem.argumentAlignment[operand.argument] >= 16 &&
         argument.hasOneUse();
}

/// The tiles of a cluster's blocks are neighbours (tilePosition numbers them
/// one after the other), and what they share has two parts.
static bool canShare(const GemmProblem &problem, const Schedule &s) {
  if (s.cluster[0] == 1 && s.cluster[1] == 1)
    return true;
  bool sharesB = s.cluster[0] > 1;
  int64_t tile = sharesB ? s.tile[1] : s.tile[0];
  int64_t tiles = sharesB ? s.tilesM(problem) : s.tilesN(problem);
  return tile >= 128 && tiles % 2 == 0;
}

void adze::gemm::addWgmmaSchedules(const GemmProblem &problem,
                                   const GpuFacts &gpu,
                                   std::vector<Schedule> &schedules) {
  if (gpu.computeCapability != 90 || !isForTma(problem, problem.a) ||
      !isForTma(problem, problem.b) || problem.a.element != problem.b.element)
    return;
  // Warp groups that share a tile; ping-pong: two take turns.
  struct Shape {
    int64_t m, n, groups;
    bool isPingPong = false;
  };
  static const Shape shapes[] = {
      {64, 64, 1},        {64, 128, 1},       {64, 256, 1},       {128, 64, 2},
      {128, 128, 2},      {128, 256, 2},      {256, 64, 2},       {256, 128, 2},
      {64, 128, 1, true}, {64, 256, 1, true}, {128, 128, 1, true}};
  for (const Shape &shape : shapes) {
    auto isTooLarge = [](int64_t tile, int64_t size) {
      return tile > 64 && tile >= 2 * size;
    };
    if (isTooLarge(shape.m, problem.m) || isTooLarge(shape.n, problem.n))
      continue;
    Schedule s;
    s.family = "gemm.wgmma";
    s.tile = {shape.m, shape.n, 64};
    s.split = {shape.groups, 1};
    s.roles = shape.isPingPong ? "pingpong" : "cooperative";
    int64_t consumers = shape.isPingPong ? 2 : shape.groups;
    s.threads = 128 * (1 + consumers);
    // Three warp groups share the registers evenly until they trade them;
    // with two, what accumulators and addresses need.
    int64_t accumulators = shape.m / shape.groups * shape.n / 128;
    s.registers =
        consumers == 2 ? 168 : std::min<int64_t>(255, accumulators + 56);
    int64_t stageBytes =
        WgmmaOperand::stageBytes(problem.a, shape.m, s.tile[2]) +
        WgmmaOperand::stageBytes(problem.b, shape.n, s.tile[2]);
    int64_t steps = llvm::divideCeil(problem.k, s.tile[2]);
    for (int64_t stages : {2, 3, 4, 6, 8}) {
      s.stages = stages;
      if (stages > 2 && stages > 2 * steps)
        continue;
      for (int64_t parts : {1, 2, 4, 8}) {
        s.sharedBytes =
            stages * (stageBytes + 16) + (shape.isPingPong ? 16 : 0);
        if (parts == 1 && WgmmaStore::takes(problem))
          s.sharedBytes += WgmmaStore::bytes(s);
        if (s.sharedBytes > int64_t(gpu.sharedPerBlock))
          continue;
        if (parts > 1 && (steps < 4 * parts || steps % parts != 0))
          continue;
        s.splitK = parts;
        s.scratchBytes = parts == 1 ? 0
                                    : parts * problem.batchCount() * problem.m *
                                          problem.n * 4;
        for (auto cluster : {std::array<int64_t, 2>{1, 1}, {2, 1}, {1, 2}}) {
          s.cluster = cluster;
          // Neighbours in N follow each other where the order is by rows.
          s.order = cluster[1] > 1 ? 1 : 8;
          // With one tile a block there is no turn to take.
          if (canShare(problem, s) &&
              (!shape.isPingPong || s.blocks(problem) > int64_t(gpu.sms)))
            schedules.push_back(s);
        }
      }
    }
  }
}
