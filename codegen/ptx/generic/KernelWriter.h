//===- KernelWriter.h - Thread code from loops ------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_GENERIC_KERNELWRITER_H
#define ADZE_CODEGEN_PTX_GENERIC_KERNELWRITER_H

#include "codegen/ptx/Passes.h"
#include "codegen/ptx/generic/Accesses.h"
#include "mlir/IR/IRMapping.h"

namespace adze::ptx {

/// Bytes of a buffer.
int64_t bytesOf(mlir::Type memref);

/// The iterations of a loop with constant bounds; nothing otherwise.
std::optional<int64_t> tripsOf(mlir::scf::ForOp loop);

/// A loop whose iterations the threads of a block may share: independent but
/// for carried values that can be combined in any order.
bool isShareable(mlir::scf::ForOp loop, const Buffers &buffers);

/// Writes the body of one tile.kernel from operations of a function. What lies
/// outside of them (constants, index arithmetic, loads of what nobody writes)
/// is repeated at the begin of the kernel when it is used.
class KernelWriter {
public:
  /// The kernel takes the arguments of the function, in their order; `finish`
  /// removes those without a use.
  KernelWriter(mlir::func::FuncOp function, llvm::StringRef name,
               int64_t blocks, int64_t threads, mlir::OpBuilder &module);

  mlir::OpBuilder b;
  mlir::IRMapping map;

  mlir::Location loc() { return kernel.getLoc(); }
  mlir::Value index(int64_t value);
  mlir::Value threadId();
  mlir::Value blockId();
  /// The indices of iteration `number` of loops with these trip counts, the
  /// last one fastest, as values of their induction variables.
  void mapIterations(mlir::Value number,
                     llvm::ArrayRef<mlir::scf::ForOp> loops);

  /// What a value of the function is in the kernel.
  mlir::Value mapped(mlir::Value value);
  /// A copy of an operation for this thread. Arrays in it belong to the thread.
  mlir::Operation *clone(mlir::Operation *op);
  /// Copies of everything in a block but its terminator.
  void cloneBody(mlir::Block *block);
  /// Gives the thread an array of its own in the place of a buffer.
  void makeLocal(mlir::Value buffer);
  /// The same for the block.
  void makeShared(mlir::Value buffer);
  /// An array in shared memory, of the block.
  mlir::Value sharedArray(mlir::MemRefType type);

  /// Ends the kernel. Returns what a launch passes: for each argument the
  /// argument of the function, or a global.
  struct Finished {
    tile::KernelOp kernel;
    llvm::SmallVector<mlir::Value> arguments; ///< null where `globals` says
    llvm::SmallVector<std::string> globals;
  };
  Finished finish();

private:
  mlir::func::FuncOp function;
  tile::KernelOp kernel;
  mlir::OpBuilder &module;
  mlir::Operation *entryEnd; ///< repeated values stand before it
  llvm::StringMap<mlir::Value> weights;
  llvm::SmallVector<std::string> weightOrder;
  int64_t blocks, threads;
  unsigned arrays = 0;
};

/// Writes the code of a block whose threads share the loops in it. All values
/// outside of shared loops are the same in all threads.
class BlockWriter {
public:
  BlockWriter(KernelWriter &writer, const Buffers &buffers, int64_t threads)
      : w(writer), buffers(buffers), threads(threads) {}

  /// All operations of a block but its terminator.
  void write(mlir::Block *block);
  void write(mlir::Operation *op);

  /// Loops that one thread ran alone although they write.
  bool hasSerialLoops = false;

private:
  struct Effects {
    llvm::SetVector<mlir::Value> reads, writes;
  };
  Effects effectsOf(mlir::Operation *op);
  /// A barrier, if what comes touches what other threads may be at.
  void order(const Effects &next);
  bool conflict(const llvm::SetVector<mlir::Value> &a,
                const llvm::SetVector<mlir::Value> &b);
  void barrier();
  bool holdsShareable(mlir::Operation *op);
  void writeShared(mlir::scf::ForOp loop);
  void writeUniform(mlir::scf::ForOp loop);
  void writeUniform(mlir::scf::IfOp branch);
  void writeAlone(mlir::Operation *op);
  mlir::Value combineAll(mlir::Value partial, Combine how);

  KernelWriter &w;
  const Buffers &buffers;
  int64_t threads;
  Effects pending;
};

} // namespace adze::ptx

#endif
