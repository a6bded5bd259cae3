//===- Module.h - A PTX module as written, names resolved -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_MODULE_H
#define ADZE_RUNTIME_PTXSIM_MODULE_H

#include "runtime/ptxsim/Program.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace adze::ptxsim {

class Memory;

/// An operand with its names looked up.
struct SourceOperand {
  enum Kind : uint8_t {
    Register, ///< index into SourceFunction::registers
    Special,  ///< name: "%tid.x"
    Number,
    Variable, ///< index into SourceModule::variables; displacement
    Label,    ///< name, looked up from `scope` when the function ends; index
    Name,     ///< anything else
    Vector,   ///< {a, b}, a|b or (a, b)
    Address,  ///< [elements[0] + displacement]
    Sink
  };
  Kind kind = Sink;
  bool negated = false, bracketed = false;
  bool floating = false, single = false;
  int index = -1;
  int64_t value = 0, displacement = 0;
  std::string name;
  std::vector<SourceOperand> elements;
};

struct SourceInstruction {
  unsigned line = 0;
  int scope = 0;
  int guard = -1; ///< register
  bool guardNegated = false;
  std::string opcode, text, tile;
  std::vector<SourceOperand> operands;
};

struct SourceVariable {
  std::string name;
  Space space = Space::Global;
  uint64_t bytes = 0;
  uint32_t align = 1;
  unsigned line = 0;
  bool external = false; ///< .extern .shared: dynamic shared memory
  std::vector<uint8_t> initializer;
  /// Addresses in the initializer.
  struct Relocation {
    uint64_t offset;
    uint32_t bytes;
    std::string symbol;
    int64_t addend;
  };
  std::vector<Relocation> relocations;
  uint64_t address = 0; ///< global and const: given when loaded
};

struct SourceRegister {
  std::string name;
  Type type = Type::None;
};

struct SourceFunction {
  std::string name;
  bool kernel = false, defined = false;
  unsigned line = 0;
  std::vector<SourceRegister> registers;
  std::vector<SourceInstruction> code;
  std::vector<int> parameters,
      results; ///< variables; registers if `byRegister`
  std::vector<bool> parameterInRegister, resultInRegister;
  uint32_t reqntid[3] = {0, 0, 0}, maxntid[3] = {0, 0, 0};
  uint32_t reqnctapercluster[3] = {0, 0, 0};
  /// Targets of brx.idx by label name and scope, as instruction indices.
  std::vector<std::vector<uint32_t>> branchTables;
};

/// A parsed module: what cuModuleLoadData makes of a text.
struct SourceModule {
  std::string target;      ///< "sm_90a"
  unsigned ptxVersion = 0; ///< 80 for 8.0
  std::vector<SourceVariable> variables;
  std::map<std::string, int, std::less<>> globalNames; ///< module scope
  std::vector<SourceFunction> functions;
  std::map<std::string, int, std::less<>> functionNames;
};

/// Reads PTX text; throws LoadError.
SourceModule parseModule(std::string_view text);
/// Places the module's variables in `memory` and fills them.
void placeVariables(SourceModule &module, Memory &memory);
/// A kernel of `module` made ready to run; throws LoadError.
std::unique_ptr<Program> linkKernel(const SourceModule &module,
                                    const SourceFunction &kernel);

} // namespace adze::ptxsim

#endif // ADZE_RUNTIME_PTXSIM_MODULE_H
