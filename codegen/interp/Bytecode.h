//===- Bytecode.h - Register bytecode of the loops level -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A module of the loops level as one flat array of instructions over one flat
/// array of 64-bit slots. Functions never recurse at this level, so that every
/// SSA value of the program owns its slot for the whole run: a call moves its
/// arguments and jumps, nothing is pushed but the return address.
///
/// How a value sits in its slot:
///   iN, index   sign extended to 64 bits (also i1: 0 or -1)
///   f64         as it is
///   f32         in the low half; the high half means nothing
///   f16 ...     as the f32 of the same value, rounded after each operation
///   memref      the address of its first byte (its shape is in its type)
///   vector      its lanes in consecutive slots
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_INTERP_BYTECODE_H
#define ADZE_CODEGEN_INTERP_BYTECODE_H

#include <cstdint>
#include <vector>

namespace adze::interp {

union Slot {
  int64_t i;
  uint64_t u;
  double d;
  float f;
  char *p;
};

/// Operands are slots a (result), b, c and imm; other meanings stand beside.
/// `sh` is 64 minus the integer's width and sits in imm: a result is wrapped
/// by shifting up and arithmetically down again.
// clang-format off
#define ADZE_INTERP_OPCODES(X)                                                 \
  /* control */                                                                \
  X(Halt) X(Jump) X(JumpIfZero) X(JumpIfNotEqual) X(Call) X(Return)            \
  X(ForEnter) X(ForNext) X(ForEnterUnsigned) X(ForNextUnsigned)                \
  X(Move) X(MoveLanes) X(Splat)                                                \
  /* integers: a = b op c, wrapped by imm = sh */                              \
  X(Add) X(Sub) X(Mul) X(And) X(Or) X(Xor) X(Shl) X(ShrU) X(ShrS)              \
  X(DivS) X(DivU) X(RemS) X(RemU) X(CeilDivS) X(CeilDivU) X(FloorDivS)         \
  X(MaxS) X(MaxU) X(MinS) X(MinU) X(AddCarry) X(MulHighS) X(MulHighU)          \
  X(SignExtend) X(ZeroExtend) X(AbsI) X(CountLeadingZeros)                     \
  X(CountTrailingZeros) X(CountOnes) X(PowI)                                   \
  X(CmpEq) X(CmpNe) X(CmpSlt) X(CmpSle) X(CmpUlt) X(CmpUle)                    \
  /* a = b ? c : slot imm */                                                   \
  X(Select)                                                                    \
  /* floats, each for f32 and f64 side by side */                              \
  X(AddF32) X(AddF64) X(SubF32) X(SubF64) X(MulF32) X(MulF64)                  \
  X(DivF32) X(DivF64) X(RemF32) X(RemF64) X(NegF32) X(NegF64)                  \
  X(MaximumF32) X(MaximumF64) X(MinimumF32) X(MinimumF64)                      \
  X(MaxNumF32) X(MaxNumF64) X(MinNumF32) X(MinNumF64)                          \
  /* kind: which of equal, greater, less, unordered (bits 0..3) are true */    \
  X(CmpF32) X(CmpF64)                                                          \
  /* a = b * c + slot imm */                                                   \
  X(FmaF32) X(FmaF64)                                                          \
  X(AbsF32) X(AbsF64) X(CeilF32) X(CeilF64) X(FloorF32) X(FloorF64)            \
  X(TruncF32) X(TruncF64) X(RoundF32) X(RoundF64) X(RoundEvenF32)              \
  X(RoundEvenF64) X(SqrtF32) X(SqrtF64) X(CopySignF32) X(CopySignF64)          \
  /* kind: a FloatClass */                                                     \
  X(IsClassF32) X(IsClassF64)                                                  \
  /* a = b to the power of integer c */                                        \
  X(PowIF32) X(PowIF64)                                                        \
  /* imm: address of a function of one, two operands */                        \
  X(Call1F32) X(Call1F64) X(Call2F32) X(Call2F64)                              \
  X(CallF32ToU8) X(CallF32ToU16) X(CallU8ToF32) X(CallU16ToF32)                \
  /* conversions; imm = sh of the integer */                                   \
  X(SToF32) X(SToF64) X(UToF32) X(UToF64)                                      \
  X(F32ToS) X(F64ToS) X(F32ToU) X(F64ToU) X(F32ToF64) X(F64ToF32)              \
  /* rounded to odd, before rounding to a small float */                       \
  X(F64ToF32Odd)                                                               \
  /* kind: a SmallFloat */                                                     \
  X(RoundSmall) X(DecodeSmall) X(EncodeSmall)                                  \
  /* memory: b (load) or a (store) holds the base, imm is a constant offset,   \
     c the first of `rank` index terms; bytes, or elements where packed */     \
  X(Load8_0) X(Load8_1) X(Load8_2) X(Load8_3) X(Load8_4) X(Load8_N)            \
  X(Load16_0) X(Load16_1) X(Load16_2) X(Load16_3) X(Load16_4) X(Load16_N)      \
  X(Load32_0) X(Load32_1) X(Load32_2) X(Load32_3) X(Load32_4) X(Load32_N)      \
  X(Load64_0) X(Load64_1) X(Load64_2) X(Load64_3) X(Load64_4) X(Load64_N)      \
  X(Store8_0) X(Store8_1) X(Store8_2) X(Store8_3) X(Store8_4) X(Store8_N)      \
  X(Store16_0) X(Store16_1) X(Store16_2) X(Store16_3) X(Store16_4) X(Store16_N)\
  X(Store32_0) X(Store32_1) X(Store32_2) X(Store32_3) X(Store32_4) X(Store32_N)\
  X(Store64_0) X(Store64_1) X(Store64_2) X(Store64_3) X(Store64_4) X(Store64_N)\
  X(LoadBool) X(StoreBool)                                                     \
  /* kind: bits of the integer (2, 4) */                                       \
  X(LoadPacked) X(StorePacked)                                                 \
  X(LoadSmall8) X(LoadSmall16) X(StoreSmall8) X(StoreSmall16)                  \
  /* kind: bytes of an element, lanes: how many */                             \
  X(LoadLanes) X(StoreLanes)                                                   \
  /* copies imm bytes from b to a */                                           \
  X(Copy)                                                                      \
  /* a = b + imm + index terms */                                              \
  X(Address)                                                                   \
  /* a = b + c bytes, where 0 <= c <= imm */                                   \
  X(View)                                                                      \
  /* a = lane c of the `lanes` lanes from b; lane c of those from a = b */     \
  X(ExtractLane) X(InsertLane)
// clang-format on

enum class Opcode : uint16_t {
#define ADZE_INTERP_ENUM(name) name,
  ADZE_INTERP_OPCODES(ADZE_INTERP_ENUM)
#undef ADZE_INTERP_ENUM
};

enum class FloatClass : uint8_t { Finite, Infinite, NaN, Normal };

/// Formats whose values are computed in f32. The numbers index tables.
enum class SmallFloat : uint8_t {
  F16,
  BF16,
  F8E4M3FN,
  F8E4M3FNUZ,
  F8E5M2,
  F8E5M2FNUZ,
  F8E8M0FNU,
  F4E2M1FN
};

/// The f32 of the same value.
float decodeSmallFloat(SmallFloat format, uint16_t bits);
/// Rounds to nearest, ties to even (F8E8M0FNU: ties up).
uint16_t encodeSmallFloat(SmallFloat format, float value);

struct Instruction {
  Opcode opcode;
  uint8_t rank = 0;
  uint8_t kind = 0;
  uint32_t a = 0, b = 0, c = 0;
  union {
    int64_t imm = 0;
    float (*call1F32)(float);
    double (*call1F64)(double);
    float (*call2F32)(float, float);
    double (*call2F64)(double, double);
    uint8_t (*callF32ToU8)(float);
    uint16_t (*callF32ToU16)(float);
    float (*callU8ToF32)(uint8_t);
    float (*callU16ToF32)(uint16_t);
  };
  uint32_t lanes() const { return rank | uint32_t(kind) << 8; }
};

/// One index of a memory access: slot * stride, checked against bound.
struct IndexTerm {
  uint32_t slot;
  int64_t bound;
  int64_t stride;
};

/// Memory that the program asks for: `slot` receives the address.
struct Allocation {
  uint32_t slot;
  uint64_t offset;
};

struct Code {
  std::vector<Instruction> instructions;
  std::vector<IndexTerm> terms;
  std::vector<Slot> slots; // as they are when a run starts
  std::vector<Allocation> allocations;
  uint64_t memorySize = 0;
};

enum class FaultKind : uint8_t {
  None,
  OutOfBounds,
  ViewOutOfBounds,
  DivisionByZero,
  LoopStep,
  StepLimit,
  LaneOutOfBounds
};

struct Fault {
  FaultKind kind = FaultKind::None;
  uint32_t pc = 0;
  int64_t value = 0, bound = 0;
};

/// Runs from instruction `pc` to Halt. `steps` bounds the number of executed
/// instructions, counted where a loop jumps back.
Fault execute(const Code &code, Slot *slots, uint32_t pc, int64_t steps);

} // namespace adze::interp

#endif
