//===- Control.h - Branches, calls and returns -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_CONTROL_H
#define ADZE_RUNTIME_PTXSIM_CONTROL_H

#include "runtime/ptxsim/Program.h"

namespace adze::ptxsim {

/// Shared memory that the system keeps at its beginning (sm_80 and later).
inline constexpr uint32_t reservedShared = 1024;

/// A device function's own registers for its return address. Functions do not
/// recurse, so that each has one place for it, a lane each.
struct FunctionFrame {
  Slot returnSlot = noSlot;
};

/// One argument or result of a call: registers, or bytes of local memory.
struct CallCopy {
  Slot callerSlot = noSlot, calleeSlot = noSlot;
  uint32_t callerOffset = 0, calleeOffset = 0, bytes = 0;
};

struct CallDetail {
  uint32_t entry = 0;
  const FunctionFrame *frame = nullptr;
  std::vector<CallCopy> arguments, results;
};

struct ReturnDetail {
  const FunctionFrame *frame = nullptr; ///< null: the kernel's own
};

struct BranchTable {
  std::vector<uint32_t> targets;
};

/// bra: the scheduler takes the target from the instruction.
Step executeBranch(Warp &warp, const Instruction &instruction, uint32_t mask);
Step executeCall(Warp &warp, const Instruction &instruction, uint32_t mask);
Step executeReturn(Warp &warp, const Instruction &instruction, uint32_t mask);
Step executeBranchTable(Warp &warp, const Instruction &instruction,
                        uint32_t mask);

} // namespace adze::ptxsim

#endif // ADZE_RUNTIME_PTXSIM_CONTROL_H
