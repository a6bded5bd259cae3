//===- Program.h - PTX decoded for execution ---------------------*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The form that warps execute. Every register of a kernel (and of the device
// functions it calls, which may not recurse) has a fixed place in the warp's
// register file; every constant operand has a place in the kernel's pool of
// constants, already repeated for 32 lanes. Both are named by a slot, so a
// handler reads registers and constants alike.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_PROGRAM_H
#define ADZE_RUNTIME_PTXSIM_PROGRAM_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adze::ptxsim {

struct Warp;
struct Instruction;

inline constexpr unsigned lanesPerWarp = 32;

/// The fundamental, packed and alternate types of PTX (ISA 5.2).
enum class Type : uint8_t {
  None,
  Pred,
  B8,
  B16,
  B32,
  B64,
  B128,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  F16x2,
  BF16,
  BF16x2,
  F32,
  F32x2,
  F64,
  TF32,
  E4M3,
  E5M2,
  E4M3x2,
  E5M2x2,
  U16x2,
  S16x2,
};

/// Bytes of one value; 0 for None and Pred.
unsigned byteSize(Type type);
/// "f32" -> F32; None for anything else.
Type typeNamed(std::string_view name);
std::string_view typeName(Type type);
bool isSigned(Type type);
bool isFloat(Type type);

/// State spaces (ISA 5.1). Param is a kernel's parameters; the parameters of
/// device functions live in local memory.
enum class Space : uint8_t { Generic, Global, Shared, Local, Param, Const };

/// Where a warp finds 32 values: byte offset in the warp's registers, or, with
/// the top bit set, in the program's constants. The lanes of a value of N
/// bytes are N apart (8-bit registers are kept as 16-bit ones). A predicate is
/// one 32-bit mask, lane i in bit i.
using Slot = uint32_t;
inline constexpr Slot constantSlot = Slot(1) << 31;
inline constexpr Slot noSlot = ~Slot(0);

/// What an instruction did with the lanes it was given.
enum class Step : uint8_t {
  /// Done: the lanes go to the next instruction.
  Next,
  /// Nothing happened: the lanes stay and try again after others have run.
  /// Set Warp::waiting to say what for.
  Blocked,
  /// Done, and another warp should run now (nanosleep, a failed poll).
  Yield,
  /// The handler has set the lanes' program counters itself (branches).
  Branch,
};

/// Executes one instruction for the lanes in `mask` (never 0; predicated-off
/// and exited lanes are not in it). Raises a hazard with fail() (State.h).
using Handler = Step (*)(Warp &warp, const Instruction &instruction,
                         uint32_t mask);

/// One operand as written. A handler uses `slot` and, for addresses,
/// `displacement`.
struct Operand {
  enum Kind : uint8_t {
    None,
    Register,  ///< slot, bytes
    Predicate, ///< slot; negated
    Constant,  ///< value (bits; a float as written in `bits` bytes)
    Sink,      ///< "_"
    Vector,    ///< elements
    Address,   ///< [base + displacement]; slot and bytes are the base's
    Label,     ///< value: index of the instruction
    Name       ///< a function or other name, `name`
  };
  Kind kind = None;
  /// Register bytes, 2 to 16; of the base for addresses.
  uint8_t bytes = 0;
  bool negated = false;
  /// A floating point literal (0f, 0d or decimal): `value` holds the bits of
  /// the double, or, if `single`, of the float.
  bool floating = false, single = false;
  /// Written inside the brackets of the address before it: the coordinates in
  /// [map, {c0, c1}].
  bool bracketed = false;
  /// The space of the variable that an address or constant names.
  Space space = Space::Generic;
  Slot slot = noSlot;
  int64_t value = 0;
  int64_t displacement = 0;
  std::string name;
  std::vector<Operand> elements;
};

/// Which lanes of a program counter an instruction needs (".aligned", ".sync").
struct Instruction {
  Handler handler = nullptr;
  /// The commonest operands in order d, a, b, c, e as decoded.
  Slot d = noSlot, a = noSlot, b = noSlot, c = noSlot, e = noSlot;
  /// Guard predicate or noSlot.
  Slot guard = noSlot;
  bool guardNegated = false;
  /// Free for the decoder that made it (element sizes, flags, ...).
  uint8_t flags[3] = {0, 0, 0};
  uint32_t target = 0; ///< branches: instruction index
  uint32_t index = 0;  ///< its own index in the program
  uint32_t line = 0;   ///< of the PTX text
  int64_t displacement = 0;
  /// The decoder's own data, if any; kept alive by the program.
  const void *detail = nullptr;
  const std::vector<Operand> *operands = nullptr;
};

/// What reports say about an instruction.
struct InstructionText {
  std::string text;     ///< as written, blanks folded
  std::string mnemonic; ///< up to the first dot: "wgmma", "ld"
  std::string opcode;   ///< with modifiers: "ld.shared.b32"
  std::string tile;     ///< nearest `// tile.` comment before it in its block
};

struct Parameter {
  std::string name;
  uint32_t offset = 0, bytes = 0, align = 1;
};

/// A kernel, ready to run.
struct Program {
  std::string name;
  std::vector<Instruction> code;
  std::vector<InstructionText> texts; ///< by instruction
  std::vector<std::unique_ptr<std::vector<Operand>>> operandLists;
  std::vector<std::shared_ptr<const void>> details;
  std::vector<char> constants; ///< 64-byte aligned when used
  std::vector<Parameter> parameters;
  uint32_t parameterBytes = 0;
  uint32_t registerBytes = 0; ///< a warp's register file
  uint32_t localBytes = 0;    ///< a lane's local memory
  uint32_t staticShared = 0;  ///< bytes; dynamic shared memory follows
  uint32_t dynamicShared = 0; ///< offset where .extern .shared begins
  uint32_t sharedAlign = 16;
  uint32_t reqntid[3] = {0, 0, 0}, maxntid[3] = {0, 0, 0};
  uint32_t reqnctapercluster[3] = {0, 0, 0};
  unsigned registers32 = 0; ///< 32-bit registers declared (an upper bound)
  bool usesGlobalAtomics = false;
  /// Registers that hold a special register's value from the start.
  struct Special {
    std::string name;
    Slot slot;
    uint8_t bytes;
  };
  std::vector<Special> specials;
};

} // namespace adze::ptxsim

#endif // ADZE_RUNTIME_PTXSIM_PROGRAM_H
