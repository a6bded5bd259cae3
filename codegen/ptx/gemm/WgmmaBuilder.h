//===- WgmmaBuilder.h - Matrix products of warp groups ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_GEMM_WGMMABUILDER_H
#define ADZE_CODEGEN_PTX_GEMM_WGMMABUILDER_H

#include "codegen/ptx/gemm/Builders.h"

namespace adze::gemm {

/// Bytes of the swizzle, and of a row of shared memory: one tile of K.
inline constexpr int64_t wgmmaSwizzle = 128;
/// Registers of a copying and of a computing warp group where there are three.
inline constexpr int64_t producerRegisters = 40, consumerRegisters = 232;

/// A or B in shared memory: per stage, rows of 128 bytes. K contiguous:
/// [stage][row][K]; else [stage][group of 64][K][64].
class WgmmaOperand {
public:
  /// `sharers` blocks of a cluster need the same tile: each copies its part to
  /// all of them.
  WgmmaOperand(lower::LoopBuilder &e, const Operand &operand, int64_t tile,
               int64_t tileK, int64_t stages, int64_t offset, int64_t sharers);

  static int64_t stageBytes(const Operand &operand, int64_t tile,
                            int64_t tileK) {
    return tile * tileK * operand.elementBytes();
  }
  /// How the copy engine sees the operand: boxes of a sharer's rows of the
  /// tile (K contiguous), else of 64 columns.
  tile::TensorMapAttr tensorMap() const;
  /// Starts the copies of the tile at (`x`, `k0`) into `stage`; x is the row of
  /// A or the column of B, `rank` (index) the number of the block among the
  /// sharers.
  void load(mlir::Value map, const TilePosition &position, mlir::Value x,
            mlir::Value k0, mlir::Value stage, mlir::Value barriers,
            mlir::Value rank) const;
  /// Where the matrix of rows (columns) from `x` on, a multiple of 64, and of K
  /// from `k` on lies.
  lower::Indices at(mlir::Value stage, mlir::Value x, int64_t k) const;
  tile::MatrixAttr matrix() const;
  mlir::Value memory() const { return shared; }

private:
  lower::LoopBuilder &e;
  const Operand &operand;
  int64_t tile, tileK, sharers;
  mlir::Value shared;
};

/// Results on their way through shared memory: each computing warp group has
/// two boxes of 64 rows of 128 bytes, so that the copy engine reads one while
/// the other is filled.
class WgmmaStore {
public:
  /// `offset` in shared memory: a multiple of 1024 bytes.
  WgmmaStore(lower::LoopBuilder &e, const GemmProblem &problem,
             const Schedule &schedule, tile::KernelOp kernel, int64_t offset);

  /// Whether the copy engine can write the results: one matrix (or a batch of
  /// them) of 16-bit numbers as the product has it, rows of whole 16 bytes.
  static bool takes(const GemmProblem &problem);
  /// Shared memory of all computing warp groups.
  static int64_t bytes(const Schedule &schedule);
  unsigned argument() const;
  tile::TensorMapAttr tensorMap() const;

  /// The results of a warp group's rows of a tile, from (`m0`, `n0`) on: one
  /// accumulator for each 64 of them. Its 128 threads do it together; `thread`
  /// is the number among them.
  void finish(const TilePosition &position, mlir::Value m0, mlir::Value n0,
              mlir::Value thread, llvm::ArrayRef<mlir::Value> sums) const;
  /// Before the threads of a warp group end.
  void wait(mlir::Value thread) const;

private:
  struct Box {
    int64_t number;   // of the warp group's boxes of a tile
    int64_t column;   // of the accumulator
    mlir::Value m, n; // of the result
  };
  void fill(const Box &box, const TilePosition &position, mlir::Value thread,
            mlir::Value sum) const;
  void copy(const Box &box, const TilePosition &position) const;
  lower::Indices at(const Box &box, mlir::Value row, mlir::Value column) const;

  lower::LoopBuilder &e;
  const GemmProblem &problem;
  const Schedule &schedule;
  tile::KernelOp kernel;
  mlir::Value shared;    // [warp group][2][row][column]
  mlir::Value warpGroup; // its number, the same in all threads of a warp
};

} // namespace adze::gemm

#endif
