//===- Schedules.h - How a matrix product may be computed -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The legal schedules of a GEMM on a chip and a roofline estimate of their
/// time. A schedule is legal only if its shared memory and registers fit; what
/// is listed, the builders (Builders.h) can build. README.md has the table of
/// families and parameters.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_GEMM_SCHEDULES_H
#define ADZE_CODEGEN_PTX_GEMM_SCHEDULES_H

#include "adze/Machine.h"
#include "codegen/ptx/gemm/Problem.h"

#include <array>

namespace adze::gemm {

struct Schedule {
  /// "gemm.tcgen05", "gemm.wgmma", "gemm.mma_sync", "gemm.simt" or
  /// "gemm.flat".
  std::string family;
  /// M, N and K of what a block computes at a time.
  std::array<int64_t, 3> tile{};
  /// Along M and N: warps of a block (mma_sync), consumer warp groups (wgmma),
  /// elements of a thread (simt); flat: threads along N, columns of a thread.
  std::array<int64_t, 2> split{};
  /// Tiles of K in shared memory at once.
  int64_t stages = 1;
  /// Blocks that share the sum over K of one tile.
  int64_t splitK = 1;
  /// Blocks of a cluster along M and N.
  std::array<int64_t, 2> cluster{1, 1};
  /// What the warps do: "uniform" (all the same), "cooperative", "pingpong".
  std::string roles = "uniform";
  /// Rows of tiles that are walked down before the next column of tiles
  /// begins, so that their A stays in L2.
  int64_t order = 8;

  int64_t threads = 0;
  int64_t sharedBytes = 0;
  /// 32-bit registers a thread, at most.
  int64_t registers = 0;
  /// Bytes of the working buffer in global memory (partial sums).
  int64_t scratchBytes = 0;
  /// Estimated time.
  double microseconds = 0;

  int64_t tilesM(const GemmProblem &problem) const {
    return llvm::divideCeil(problem.m, tile[0]);
  }
  int64_t tilesN(const GemmProblem &problem) const {
    return llvm::divideCeil(problem.n, tile[1]);
  }
  /// Blocks of the grid, clusters not counted as one.
  int64_t blocks(const GemmProblem &problem) const {
    return tilesM(problem) * tilesN(problem) * problem.batchCount() * splitK;
  }

  /// "gemm.simt,tile=128x128x8,split=8x8,stages=2,...": all decisions.
  std::string text() const;
  kernel::ScheduleAttr attribute(mlir::MLIRContext *context) const;
  /// The schedule that an attribute made by attribute() says.
  static Schedule of(kernel::ScheduleAttr attribute);
};

/// All legal schedules, the fastest by estimate first; deterministic. Empty: no
/// family takes the problem on this chip.
std::vector<Schedule> legalSchedules(const GemmProblem &problem,
                                     const GpuFacts &gpu);

/// The first of `schedules` that has the family and every parameter that
/// `wanted` names ("gemm.mma_sync,tile=64x64x32,stages=3"); null if there is
/// none. An unknown parameter is an error with a sentence in `message`.
const Schedule *findSchedule(llvm::ArrayRef<Schedule> schedules,
                             llvm::StringRef wanted, std::string &message);

/// How many blocks of a schedule an SM holds at once, at least 1.
int64_t residentBlocks(const Schedule &schedule, const GpuFacts &gpu);

/// Fills in `microseconds`.
void estimate(const GemmProblem &problem, const GpuFacts &gpu,
              Schedule &schedule);

} // namespace adze::gemm

#endif
