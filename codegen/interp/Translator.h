//===- Translator.h - From loops-level IR to bytecode -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_INTERP_TRANSLATOR_H
#define ADZE_CODEGEN_INTERP_TRANSLATOR_H

#include "adze/Compiler.h"
#include "codegen/interp/Bytecode.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"

#include <memory>

namespace adze::interp {

/// One function as it was translated.
struct FunctionEntry {
  mlir::func::FuncOp op;
  uint32_t pc = 0;
  bool translated = false;
  std::vector<uint32_t> arguments; // first slots
  std::vector<uint32_t> results;
};

/// Bytecode, and what its run and its messages need of the module.
struct Program {
  Code code;
  FunctionEntry entry;
  std::vector<mlir::Operation *> sources; // one for each instruction
  // Bytes of globals that no weight store owns.
  std::vector<std::unique_ptr<char[]>> globals;
};

/// Bits of an element in memory (i1 counts as a byte); 0 if there is no such
/// storage.
unsigned storageBits(mlir::Type element);
/// The format of a float type that is computed in f32.
std::optional<SmallFloat> smallFloat(mlir::Type element);
/// Bytes from the first to the last element of a memref; nothing where its
/// shape or strides are dynamic, its element has no storage or the size
/// overflows.
std::optional<uint64_t> byteSize(mlir::MemRefType type);

/// Translates what `function` reaches. Failures are kept as one message.
class Translator {
public:
  Translator(mlir::ModuleOp module, Program &program)
      : module(module), program(program) {}
  Status translate(llvm::StringRef function);

private:
  using Failure = mlir::LogicalResult;

  // Functions and control flow (Translate.cpp).
  FunctionEntry *declare(mlir::func::FuncOp function);
  Failure checkCalls(mlir::func::FuncOp function,
                     llvm::DenseMap<mlir::Operation *, int> &state);
  Failure translateFunction(FunctionEntry &entry);
  Failure translateBlock(mlir::Block &block);
  Failure translateOp(mlir::Operation *op);
  Failure translateFor(mlir::scf::ForOp op);
  Failure translateIf(mlir::scf::IfOp op);
  Failure translateWhile(mlir::scf::WhileOp op);
  Failure translateSwitch(mlir::scf::IndexSwitchOp op);
  Failure translateCall(mlir::func::CallOp op);
  bool translateRuntimeCall(mlir::func::CallOp op,
                            mlir::func::FuncOp callee); // TranslateMath.cpp
  void shareSlots(mlir::scf::ForOp op);

  // Families of operations: true if the operation was theirs.
  bool translateInteger(mlir::Operation *op);    // TranslateArith.cpp
  bool translateFloat(mlir::Operation *op);      // TranslateArith.cpp
  bool translateConversion(mlir::Operation *op); // TranslateArith.cpp
  bool translateConstant(mlir::Operation *op);   // TranslateArith.cpp
  bool translateMath(mlir::Operation *op);       // TranslateMath.cpp
  bool translateMemory(mlir::Operation *op);     // TranslateMemory.cpp
  bool translateVector(mlir::Operation *op);     // TranslateVector.cpp

  // Memory (TranslateMemory.cpp).
  struct Address {
    int64_t constant = 0;
    uint32_t firstTerm = 0;
    unsigned rank = 0;
  };
  std::optional<uint64_t> sizeOrFail(mlir::Operation *op, mlir::Value memref);
  Address address(mlir::Operation *op, mlir::MemRefType type,
                  mlir::ValueRange indices, int64_t lanes);
  void load(mlir::Operation *op, uint32_t slot, mlir::Value memref,
            mlir::ValueRange indices);
  void store(mlir::Operation *op, uint32_t slot, mlir::Value memref,
             mlir::ValueRange indices);
  void loadLanes(mlir::Operation *op, uint32_t slot, mlir::Value memref,
                 mlir::ValueRange indices, int64_t lanes);
  void storeLanes(mlir::Operation *op, uint32_t slot, mlir::Value memref,
                  mlir::ValueRange indices, int64_t lanes);
  void accessLanes(mlir::Operation *op, uint32_t slot, mlir::Value memref,
                   mlir::ValueRange indices, int64_t lanes, bool isLoad);
  void getGlobal(mlir::memref::GetGlobalOp op);
  void subview(mlir::memref::SubViewOp op);
  bool isWritten(mlir::Value memref);

  // Building blocks.
  Instruction &emit(mlir::Operation *op, Opcode opcode, uint32_t a = 0,
                    uint32_t b = 0, uint32_t c = 0, int64_t imm = 0);
  /// The same operation on every lane of the first result. Operands that are
  /// scalars beside vectors are not expected.
  void emitLanes(mlir::Operation *op, Opcode opcode, int64_t imm = 0,
                 uint8_t kind = 0);
  /// Rounds the lanes of the first result if its type is a small float.
  void roundResult(mlir::Operation *op);
  void parallelMove(mlir::Operation *op, llvm::ArrayRef<uint32_t> from,
                    llvm::ArrayRef<uint32_t> to,
                    llvm::ArrayRef<uint32_t> lanes);
  /// Moves values to the slots of other values of the same types.
  void moveValues(mlir::Operation *op, mlir::ValueRange from,
                  mlir::ValueRange to);
  uint32_t newSlots(uint32_t count);
  uint32_t slotOf(mlir::Value value);
  uint32_t constantSlot(Slot value);
  uint32_t constantSlot(int64_t value) { return constantSlot(Slot{value}); }
  uint32_t pc() const { return program.code.instructions.size(); }
  void patch(uint32_t at, uint32_t target) {
    program.code.instructions[at].imm = target;
  }
  /// Keeps the first failure.
  mlir::LogicalResult fail(mlir::Operation *op, const llvm::Twine &reason);

  mlir::ModuleOp module;
  Program &program;
  llvm::DenseMap<mlir::Value, uint32_t> slots;
  llvm::DenseMap<uint64_t, uint32_t> constants;
  llvm::DenseMap<mlir::StringAttr, mlir::Operation *> symbols;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<FunctionEntry>> functions;
  llvm::DenseMap<mlir::Operation *, uint32_t> globalSlots;
  std::vector<std::pair<uint32_t, FunctionEntry *>> calls; // to be patched
  std::vector<FunctionEntry *> worklist;
  FunctionEntry *current = nullptr;
  std::string message;
};

/// Lanes of a value: elements of a vector, 1 of anything else.
uint32_t laneCount(mlir::Type type);
/// 64 minus the width of an integer or index type (or element type).
int64_t wrapShift(mlir::Type type);
/// "'arith.addi' at model.mlir:3:5", for messages.
std::string describe(mlir::Operation *op);

} // namespace adze::interp

#endif
