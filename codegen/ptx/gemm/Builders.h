//===- Builders.h - The device code of the GEMM families --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_GEMM_BUILDERS_H
#define ADZE_CODEGEN_PTX_GEMM_BUILDERS_H

#include "codegen/ptx/gemm/Schedules.h"
#include "dialects/tile/tile.h"

namespace adze::gemm {

/// Fills the body of `kernel`, whose arguments are the buffers of the kernel's
/// arguments, its results and, if the schedule has `scratchBytes`, a working
/// buffer of i32. Grid, block, shared memory and schedule are set already
/// (LowerGemm.cpp; the grid is blocks() x 1 x 1); a builder may
/// change them. `builder` stands at the start of the body, which ends in
/// tile.return. Fails with an error at the kernel.
using GemmBuilder = mlir::LogicalResult (*)(const GemmProblem &problem,
                                            const Schedule &schedule,
                                            const Machine &machine,
                                            tile::KernelOp kernel,
                                            mlir::OpBuilder &builder);

mlir::LogicalResult buildSimtGemm(const GemmProblem &problem,
                                  const Schedule &schedule,
                                  const Machine &machine, tile::KernelOp kernel,
                                  mlir::OpBuilder &builder); // Simt.cpp
mlir::LogicalResult buildFlatGemm(const GemmProblem &problem,
                                  const Schedule &schedule,
                                  const Machine &machine, tile::KernelOp kernel,
                                  mlir::OpBuilder &builder); // Flat.cpp
mlir::LogicalResult buildMmaSyncGemm(const GemmProblem &problem,
                                     const Schedule &schedule,
                                     const Machine &machine,
                                     tile::KernelOp kernel,
                                     mlir::OpBuilder &builder); // MmaSync.cpp
mlir::LogicalResult buildWgmmaGemm(const GemmProblem &problem,
                                   const Schedule &schedule,
                                   const Machine &machine,
                                   tile::KernelOp kernel,
                                   mlir::OpBuilder &builder); // Wgmma.cpp
mlir::LogicalResult buildTcgen05Gemm(const GemmProblem &problem,
                                     const Schedule &schedule,
                                     const Machine &machine,
                                     tile::KernelOp kernel,
                                     mlir::OpBuilder &builder); // Tcgen05.cpp

/// The copy engine can read the operand: bf16 or f16, rows of whole 16 bytes,
/// few enough dimensions, and nothing else in the kernel reads the argument
/// (which is a tensor map on the device).
bool isForTma(const GemmProblem &problem, const Operand &operand);

/// Adds the schedules that buildWgmmaGemm can build, without an estimate.
void addWgmmaSchedules(const GemmProblem &problem, const GpuFacts &gpu,
                       std::vector<Schedule> &schedules); // WgmmaSchedules.cpp
/// The same for buildTcgen05Gemm.
void addTcgen05Schedules(const GemmProblem &problem, const GpuFacts &gpu,
                         std::vector<Schedule> &schedules); // Tcgen05.cpp

/// The tile (m, n, batch, part of K) of a block: numbers 0 to blocks() - 1 walk
/// `schedule.order` rows of tiles down, then the next column.
struct TilePosition {
  mlir::Value m, n;  // first row and column
  mlir::Value batch; // linear
  mlir::Value part;  // of K, 0 to splitK - 1
  llvm::SmallVector<mlir::Value> batchIndices;
};
TilePosition tilePosition(lower::LoopBuilder &e, const GemmProblem &problem,
                          const Schedule &schedule, mlir::Value number);

/// Where blocks that share a sum over K leave their parts: f32 in the working
/// buffer, [part][batch][m][n], as i32.
class PartialSums {
public:
  PartialSums(const GemmProblem &problem, const Schedule &schedule,
              tile::KernelOp kernel);

  /// As Epilogue::maxWidth, at most 4.
  int64_t maxWidth() const;
  /// Stores sums of this block's part at (m, n), (m, n + 1), ...
  void store(lower::LoopBuilder &e, const TilePosition &position, mlir::Value m,
             mlir::Value n, llvm::ArrayRef<mlir::Value> sums);
  /// The sums of all parts, added in their order, of `width` neighbours.
  llvm::SmallVector<mlir::Value> load(lower::LoopBuilder &e, mlir::Value batch,
                                      mlir::Value m, mlir::Value n,
                                      int64_t width);

private:
  mlir::Value offset(lower::LoopBuilder &e, mlir::Value part, mlir::Value batch,
                     mlir::Value m, mlir::Value n);

  const GemmProblem &problem;
  const Schedule &schedule;
  mlir::Value memory; // null without parts
};

/// The kernel that runs behind one with splitK > 1: adds up the parts and
/// stores the results. Sets the grid and the block.
mlir::LogicalResult buildFixUp(const GemmProblem &problem,
                               const Schedule &schedule, tile::KernelOp kernel,
                               mlir::OpBuilder &builder); // Tiles.cpp

/// A static array of the block in shared memory, beside the kernel.
mlir::Value sharedArray(lower::LoopBuilder &e, tile::KernelOp kernel,
                        llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                        mlir::Type element);
/// How many neighbouring elements of a stored row one load may take, where the
/// first one's column is a multiple of it; at most `limit`, a power of two, and
/// it divides the length of a row.
int64_t widthOf(const Operand &operand, int64_t limit);
/// That many elements: a scalar or a vector.
mlir::Value loadGroup(lower::LoopBuilder &e, mlir::Value memory,
                      llvm::ArrayRef<mlir::Value> indices, int64_t width);
/// The elements of such a group, in f32.
llvm::SmallVector<mlir::Value> wideElements(lower::LoopBuilder &e,
                                            mlir::Value group);
mlir::Value zeroUnless(lower::LoopBuilder &e, mlir::Value condition,
                       mlir::Value group);

} // namespace adze::gemm

#endif
