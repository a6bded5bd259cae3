//===- Link.cpp - A kernel and what it calls, laid out and decoded -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Control.h"
#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/Memory.h"
#include "runtime/ptxsim/Module.h"
#include "runtime/ptxsim/State.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace adze::ptxsim {
namespace {

uint64_t alignTo(uint64_t value, uint64_t align) {
  return (value + align - 1) / align * align;
}

/// Special registers that keep one value while a thread runs, and their size.
const std::pair<const char *, uint8_t> steadySpecials[] = {
    {"%tid.x", 4},
    {"%tid.y", 4},
    {"%tid.z", 4},
    {"%ntid.x", 4},
    {"%ntid.y", 4},
    {"%ntid.z", 4},
    {"%ctaid.x", 4},
    {"%ctaid.y", 4},
    {"%ctaid.z", 4},
    {"%nctaid.x", 4},
    {"%nctaid.y", 4},
    {"%nctaid.z", 4},
    {"%laneid", 4},
    {"%warpid", 4},
    {"%nwarpid", 4},
    {"%smid", 4},
    {"%nsmid", 4},
    {"%gridid", 8},
    {"%clusterid.x", 4},
    {"%clusterid.y", 4},
    {"%clusterid.z", 4},
    {"%nclusterid.x", 4},
    {"%nclusterid.y", 4},
    {"%nclusterid.z", 4},
    {"%cluster_ctaid.x", 4},
    {"%cluster_ctaid.y", 4},
    {"%cluster_ctaid.z", 4},
    {"%cluster_nctaid.x", 4},
    {"%cluster_nctaid.y", 4},
    {"%cluster_nctaid.z", 4},
    {"%cluster_ctarank", 4},
    {"%cluster_nctarank", 4},
    {"%lanemask_eq", 4},
    {"%lanemask_le", 4},
    {"%lanemask_lt", 4},
    {"%lanemask_ge", 4},
    {"%lanemask_gt", 4},
    {"%dynamic_smem_size", 4},
    {"%total_smem_size", 4},
    {"%aggr_smem_size", 4},
    {"%is_explicit_cluster", 0},
};
/// Special registers that are read when an instruction executes.
const std::pair<const char *, uint8_t> livelySpecials[] = {
    {"%clock", 4},       {"%clock_hi", 4},       {"%clock64", 8},
    {"%globaltimer", 8}, {"%globaltimer_lo", 4}, {"%globaltimer_hi", 4},
};

/// Registers are limited to keep a damaged text from taking all memory.
constexpr uint64_t mostRegisterBytes = uint64_t(1) << 26;

struct PlacedFunction {
  const SourceFunction *source;
  uint32_t begin = 0;      ///< of its code
  std::vector<Slot> slots; ///< by register
  FunctionFrame frame;
};

class Linker final : public Decoder {
public:
  Linker(const SourceModule &module, const SourceFunction &kernel)
      : module(module), kernel(kernel), result(new Program) {}

  std::unique_ptr<Program> run();

  Slot source(const Operand &operand, Type type) override;
  Slot looseSource(const Operand &operand, unsigned &bytes) override;
  Slot destination(const Operand &operand, Type type) override;
  PredicateSource predicate(const Operand &operand) override;
  Slot constant(uint64_t value, unsigned bytes) override;
  Slot newRegister(unsigned bytes) override {
    registerBytes = alignTo(registerBytes, 64);
    Slot slot = Slot(registerBytes);
    registerBytes += lanesPerWarp * std::max(bytes, 2u);
    return slot;
  }
  using Decoder::destination;
  using Decoder::source;

protected:
  void keep(std::shared_ptr<const void> data) override {
    result->details.push_back(std::move(data));
  }
  Program &program() override { return *result; }

private:
  void collect(const SourceFunction &function, int depth);
  void placeVariables();
  void place(const SourceOperand &operand);
  void placeRegisters(PlacedFunction &function);
  void decode(PlacedFunction &function);
  void decodeCall(PlacedFunction &caller, const SourceInstruction &source);
  void append(PlacedFunction &function, const SourceInstruction &source);
  Operand convert(PlacedFunction &function, const SourceOperand &source);
  uint64_t variableAddress(int variable, Space &space);

  const SourceModule &module;
  const SourceFunction &kernel;
  std::unique_ptr<Program> result;
  std::vector<std::unique_ptr<PlacedFunction>> functions;
  std::map<const SourceFunction *, PlacedFunction *> placed;
  std::vector<const SourceFunction *> path;
  /// Addresses of shared, local and parameter variables.
  std::map<int, uint64_t> addresses;
  std::vector<int> dynamicVariables;
  std::map<std::pair<uint64_t, unsigned>, Slot> constants;
  std::map<std::string, Operand, std::less<>> specials;
  uint64_t registerBytes = 0, predicateBytes = 0;
  uint64_t sharedBytes = reservedShared, localBytes = 16;
};

/// Functions that `function` reaches, itself first; no recursion.
void Linker::collect(const SourceFunction &function, int depth) {
  if (std::find(path.begin(), path.end(), &function) != path.end())
    throw LoadError(function.line, "'" + function.name +
                                       "' calls itself; recursion is not "
                                       "supported");
  if (depth > 64)
    throw LoadError(function.line, "calls nest too deep");
  if (placed.count(&function))
    return;
  functions.push_back(std::make_unique<PlacedFunction>());
  functions.back()->source = &function;
  placed[&function] = functions.back().get();
  path.push_back(&function);
  for (const SourceInstruction &instruction : function.code) {
    if (!instruction.opcode.starts_with("call"))
      continue;
    bool found = false;
    for (const SourceOperand &operand : instruction.operands) {
      if (operand.kind != SourceOperand::Name)
        continue;
      auto it = module.functionNames.find(operand.name);
      if (it == module.functionNames.end() ||
          !module.functions[it->second].defined)
        throw LoadError(instruction.line, "call of '" + operand.name +
                                              "', which has no body in this "
                                              "module");
      collect(module.functions[it->second], depth + 1);
      found = true;
      break;
    }
    if (!found)
      throw LoadError(instruction.line,
                      "calls through a pointer are not supported: " +
                          instruction.text);
  }
  path.pop_back();
}

void Linker::place(const SourceOperand &operand) {
  for (const SourceOperand &element : operand.elements)
    place(element);
  if (operand.kind != SourceOperand::Variable || addresses.count(operand.index))
    return;
  const SourceVariable &variable = module.variables[operand.index];
  if (variable.space == Space::Shared) {
    result->sharedAlign = std::max(result->sharedAlign, variable.align);
    if (variable.external) {
      dynamicVariables.push_back(operand.index);
      return;
    }
    sharedBytes = alignTo(sharedBytes, variable.align);
    addresses[operand.index] = sharedBytes;
    sharedBytes += variable.bytes;
  } else if (variable.space == Space::Local || variable.space == Space::Param) {
    localBytes = alignTo(localBytes, variable.align);
    addresses[operand.index] = localBytes;
    localBytes += variable.bytes;
  }
}

void Linker::placeVariables() {
  // A kernel's parameters: one after the other, as in the launch's buffer.
  uint64_t offset = 0;
  for (int index : kernel.parameters) {
    const SourceVariable &variable = module.variables[index];
    offset = alignTo(offset, variable.align);
    addresses[index] = offset;
    result->parameters.push_back({variable.name, uint32_t(offset),
                                  uint32_t(variable.bytes), variable.align});
    offset += variable.bytes;
    if (offset > 32764)
      throw LoadError(kernel.line, "kernel '" + kernel.name +
                                       "' has more than 32764 bytes of "
                                       "parameters");
  }
  result->parameterBytes = uint32_t(offset);
  for (auto &function : functions) {
    auto &source = *function->source;
    auto parameters = [&](const std::vector<int> &list,
                          const std::vector<bool> &inRegister) {
      for (size_t i = 0; i < list.size(); ++i)
        if (!inRegister[i]) {
          SourceOperand operand;
          operand.kind = SourceOperand::Variable;
          operand.index = list[i];
          place(operand);
        }
    };
    if (!source.kernel) {
      parameters(source.parameters, source.parameterInRegister);
      parameters(source.results, source.resultInRegister);
    }
    for (const SourceInstruction &instruction : source.code)
      for (const SourceOperand &operand : instruction.operands)
        place(operand);
  }
  if (sharedBytes > (1u << sharedRankShift) || localBytes > (1u << 20))
    throw LoadError(kernel.line,
                    "kernel '" + kernel.name +
                        "' needs more shared or local memory than there is");
  result->staticShared = uint32_t(sharedBytes);
  result->dynamicShared = uint32_t(alignTo(sharedBytes, result->sharedAlign));
  for (int index : dynamicVariables)
    addresses[index] = result->dynamicShared;
  result->localBytes = uint32_t(alignTo(localBytes, 16));
}

void Linker::placeRegisters(PlacedFunction &function) {
  // Unused registers of a range get no place.
  std::vector<char> used(function.source->registers.size());
  auto visit = [&](const SourceOperand &operand, auto &self) -> void {
    if (operand.kind == SourceOperand::Register)
      used[operand.index] = true;
    for (const SourceOperand &element : operand.elements)
      self(element, self);
  };
  for (const SourceInstruction &instruction : function.source->code) {
    if (instruction.guard >= 0)
      used[instruction.guard] = true;
    for (const SourceOperand &operand : instruction.operands)
      visit(operand, visit);
  }
  auto markList = [&](const std::vector<int> &list,
                      const std::vector<bool> &inRegister) {
    for (size_t i = 0; i < list.size(); ++i)
      if (inRegister[i])
        used[list[i]] = true;
  };
  markList(function.source->parameters, function.source->parameterInRegister);
  markList(function.source->results, function.source->resultInRegister);
  function.slots.assign(used.size(), noSlot);
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i])
      continue;
    Type type = function.source->registers[i].type;
    if (type == Type::Pred) {
      function.slots[i] = Slot(predicateBytes);
      predicateBytes += 4;
    } else {
      function.slots[i] = newRegister(byteSize(type));
      result->registers32 += (byteSize(type) + 3) / 4;
    }
    if (registerBytes > mostRegisterBytes)
      throw LoadError(kernel.line, "too many registers");
  }
}

uint64_t Linker::variableAddress(int index, Space &space) {
  const SourceVariable &variable = module.variables[index];
  space = variable.space;
  if (space == Space::Global || space == Space::Const)
    return variable.address;
  // Parameters of a kernel are in the launch's buffer, others on the stack.
  if (space == Space::Param &&
      std::find(kernel.parameters.begin(), kernel.parameters.end(), index) ==
          kernel.parameters.end())
    space = Space::Local;
  auto it = addresses.find(index);
  return it == addresses.end() ? 0 : it->second;
}

Operand Linker::convert(PlacedFunction &function, const SourceOperand &source) {
  Operand result;
  result.negated = source.negated;
  result.bracketed = source.bracketed;
  result.name = source.name;
  switch (source.kind) {
  case SourceOperand::Sink:
    result.kind = Operand::Sink;
    return result;
  case SourceOperand::Register: {
    Type type = function.source->registers[source.index].type;
    result.kind = type == Type::Pred ? Operand::Predicate : Operand::Register;
    result.bytes = uint8_t(std::max(byteSize(type), 2u));
    if (type == Type::Pred)
      result.bytes = 0;
    result.slot = function.slots[source.index];
    return result;
  }
  case SourceOperand::Special: {
    if (auto it = specials.find(source.name); it != specials.end())
      return it->second;
    for (auto [name, bytes] : livelySpecials)
      if (source.name == name) {
        result.kind = Operand::Name;
        result.bytes = bytes;
        return result;
      }
    for (auto [name, bytes] : steadySpecials) {
      if (source.name != name)
        continue;
      result.kind = bytes ? Operand::Register : Operand::Predicate;
      result.bytes = bytes;
      if (bytes) {
        result.slot = newRegister(bytes);
      } else {
        result.slot = Slot(predicateBytes);
        predicateBytes += 4;
      }
      specials[source.name] = result;
      this->result->specials.push_back({source.name, result.slot, bytes});
      return result;
    }
    error("'" + source.name +
          "' is neither a declared register nor a special register");
  }
  case SourceOperand::Number:
    result.kind = Operand::Constant;
    result.floating = source.floating;
    result.single = source.single;
    result.value = source.value;
    return result;
  case SourceOperand::Variable:
    result.kind = Operand::Constant;
    result.value = int64_t(variableAddress(source.index, result.space)) +
                   source.displacement;
    return result;
  case SourceOperand::Label:
    result.kind = Operand::Label;
    result.value = int64_t(function.begin) + source.index;
    return result;
  case SourceOperand::Name:
    result.kind = Operand::Name;
    result.value = source.index;
    return result;
  case SourceOperand::Vector:
    result.kind = Operand::Vector;
    for (const SourceOperand &element : source.elements) {
      if (element.kind == SourceOperand::Label) {
        Operand name;
        name.kind = Operand::Name;
        name.name = element.name;
        result.elements.push_back(std::move(name));
      } else {
        result.elements.push_back(convert(function, element));
      }
    }
    return result;
  case SourceOperand::Address: {
    result.kind = Operand::Address;
    const SourceOperand &base = source.elements[0];
    if (base.kind == SourceOperand::Label)
      error("'" + base.name + "' is not declared");
    Operand inner = convert(function, base);
    result.displacement = source.displacement;
    result.space = inner.space;
    if (inner.kind == Operand::Constant) {
      result.bytes = 8;
      result.slot = constant(uint64_t(inner.value), 8);
    } else if (inner.kind == Operand::Register) {
      result.bytes = inner.bytes;
      result.slot = inner.slot;
    } else {
      error("'" + base.name + "' cannot be an address");
    }
    return result;
  }
  }
  return result;
}

Slot Linker::constant(uint64_t value, unsigned bytes) {
  if (bytes < 2)
    bytes = 2;
  if (bytes < 8)
    value &= (uint64_t(1) << (8 * bytes)) - 1;
  auto [it, added] = constants.try_emplace({value, bytes}, 0);
  if (added) {
    result->constants.resize(alignTo(result->constants.size(), 64));
    it->second = constantSlot | Slot(result->constants.size());
    for (unsigned lane = 0; lane < lanesPerWarp; ++lane)
      for (unsigned i = 0; i < bytes; ++i)
        result->constants.push_back(char(i < 8 ? value >> (8 * i) : 0));
  }
  return it->second;
}

/// Bits of a constant operand as a value of `type`.
uint64_t constantBits(Decoder &decoder, const Operand &operand, Type type) {
  uint64_t bits = uint64_t(operand.value);
  if (!operand.floating) {
    if (isFloat(type) && byteSize(type) >= 4 && type != Type::F16x2 &&
        type != Type::BF16x2 && type != Type::F32x2 && type != Type::TF32)
      decoder.error("an integer constant where a floating point value is "
                    "needed");
    return bits;
  }
  if (byteSize(type) == 8 && operand.single)
    return std::bit_cast<uint64_t>(
        double(std::bit_cast<float>(uint32_t(bits))));
  if (byteSize(type) == 4 && !operand.single)
    return std::bit_cast<uint32_t>(float(std::bit_cast<double>(bits)));
  if (byteSize(type) < 4)
    decoder.error("a floating point constant in an operand of " +
                  std::to_string(8 * byteSize(type)) + " bits");
  return bits;
}

Slot Linker::source(const Operand &operand, Type type) {
  unsigned bytes = std::max(byteSize(type), 2u);
  if (operand.kind == Operand::Constant)
    return constant(constantBits(*this, operand, type), bytes);
  if (operand.kind == Operand::Sink)
    error("'_' cannot be read");
  if (operand.kind != Operand::Register)
    error("operand '" + operand.name + "' is not a register or constant");
  if (operand.bytes != bytes)
    error("register '" + operand.name + "' has " +
          std::to_string(8 * operand.bytes) + " bits where " +
          std::string(typeName(type)) + " is needed");
  return operand.slot;
}

Slot Linker::looseSource(const Operand &operand, unsigned &bytes) {
  if (operand.kind == Operand::Constant) {
    bytes = std::max(bytes, 2u);
    Type type = bytes == 8 ? Type::B64 : bytes == 4 ? Type::B32 : Type::B16;
    return constant(constantBits(*this, operand, type), bytes);
  }
  if (operand.kind != Operand::Register)
    error("operand '" + operand.name + "' is not a register or constant");
  bytes = operand.bytes;
  return operand.slot;
}

Slot Linker::destination(const Operand &operand, Type type) {
  if (operand.kind == Operand::Sink)
    return noSlot;
  if (operand.kind != Operand::Register || (operand.slot & constantSlot))
    error("'" + operand.name + "' cannot be written");
  if (operand.name.starts_with('%') && specials.count(operand.name))
    error("special register '" + operand.name + "' cannot be written");
  if (operand.bytes != std::max(byteSize(type), 2u))
    error("register '" + operand.name + "' has " +
          std::to_string(8 * operand.bytes) + " bits where " +
          std::string(typeName(type)) + " is written");
  return operand.slot;
}

Decoder::PredicateSource Linker::predicate(const Operand &operand) {
  if (operand.kind == Operand::Constant)
    return {constant(operand.value ? ~uint64_t(0) : 0, 4), operand.negated};
  if (operand.kind != Operand::Predicate)
    error("operand '" + operand.name + "' is not a predicate");
  return {operand.slot, operand.negated};
}

/// `call (results), function, (arguments)`.
void Linker::decodeCall(PlacedFunction &caller,
                        const SourceInstruction &source) {
  take("uni");
  const PlacedFunction *callee = nullptr;
  std::vector<const SourceOperand *> results, arguments;
  for (const SourceOperand &operand : source.operands) {
    if (operand.kind == SourceOperand::Name && !callee)
      callee = placed.at(
          &module.functions[module.functionNames.find(operand.name)->second]);
    else
      for (const SourceOperand &element : operand.elements)
        (callee ? arguments : results).push_back(&element);
  }
  CallDetail &call = detail<CallDetail>();
  call.entry = callee->begin;
  call.frame = &callee->frame;
  auto copies = [&](const std::vector<const SourceOperand *> &list,
                    const std::vector<int> &formals,
                    const std::vector<bool> &inRegister, bool out,
                    std::vector<CallCopy> &copies) {
    if (list.size() != formals.size())
      error("'" + callee->source->name + "' has " +
            std::to_string(formals.size()) +
            (out ? " results" : " parameters"));
    for (size_t i = 0; i < list.size(); ++i) {
      CallCopy copy;
      Operand actual = convert(caller, *list[i]);
      if (inRegister[i]) {
        Type type = callee->source->registers[formals[i]].type;
        copy.bytes = byteSize(type);
        copy.calleeSlot = callee->slots[formals[i]];
        if (type == Type::Pred)
          error("predicate parameters are not supported");
        copy.callerSlot =
            out ? destination(actual, type) : this->source(actual, type);
      } else {
        const SourceVariable &formal = module.variables[formals[i]];
        copy.bytes = uint32_t(formal.bytes);
        copy.calleeOffset = uint32_t(addresses[formals[i]]);
        if (list[i]->kind == SourceOperand::Variable) {
          const SourceVariable &variable = module.variables[list[i]->index];
          if (variable.bytes != formal.bytes || actual.space != Space::Local)
            error("'" + variable.name + "' does not match parameter '" +
                  formal.name + "'");
          copy.callerOffset = uint32_t(actual.value);
        } else {
          Type type = formal.bytes == 8   ? Type::B64
                      : formal.bytes == 4 ? Type::B32
                                          : Type::B16;
          copy.callerSlot =
              out ? destination(actual, type) : this->source(actual, type);
        }
      }
      copies.push_back(copy);
    }
  };
  copies(arguments, callee->source->parameters,
         callee->source->parameterInRegister, false, call.arguments);
  copies(results, callee->source->results, callee->source->resultInRegister,
         true, call.results);
  out().handler = executeCall;
}

void Linker::append(PlacedFunction &function, const SourceInstruction &source) {
  line = source.line;
  parts.clear();
  std::string_view rest = source.opcode;
  while (!rest.empty()) {
    size_t dot = rest.find('.');
    parts.emplace_back(rest.substr(0, dot));
    rest = dot == rest.npos ? std::string_view() : rest.substr(dot + 1);
  }
  taken.assign(parts.size(), 0);
  result->code.emplace_back();
  instruction = &result->code.back();
  instruction->index = uint32_t(result->code.size() - 1);
  instruction->line = source.line;
  InstructionText text;
  text.text = source.text;
  text.mnemonic = parts[0];
  text.opcode = source.opcode;
  text.tile = source.tile;
  result->texts.push_back(std::move(text));
  auto operands = std::make_unique<std::vector<Operand>>();
  try {
    if (source.guard >= 0) {
      instruction->guard = function.slots[source.guard];
      instruction->guardNegated = source.guardNegated;
    }
    // Sums in global memory depend on the order of blocks.
    result->usesGlobalAtomics |= source.opcode.starts_with("cp.reduce.");
    bool call = parts[0] == "call";
    if (!call)
      for (const SourceOperand &operand : source.operands)
        operands->push_back(convert(function, operand));
    instruction->operands = operands.get();
    result->operandLists.push_back(std::move(operands));
    instruction->target = function.begin; // branch tables: see brx.idx
    if (call) {
      decodeCall(function, source);
    } else if (parts[0] == "ret") {
      take("uni");
      ReturnDetail &detail = this->detail<ReturnDetail>();
      detail.frame = function.source->kernel ? nullptr : &function.frame;
      instruction->handler = executeReturn;
    } else if (parts[0] == "brx") {
      take("idx");
      take("uni");
      expectOperands(2, 2);
      const Operand &name = operand(1);
      if (name.kind != Operand::Name || name.value < 0)
        error("'" + name.name + "' is no .branchtargets list");
      BranchTable &table = detail<BranchTable>();
      for (uint32_t target : function.source->branchTables[name.value])
        table.targets.push_back(function.begin + target);
      instruction->a = this->source(0, Type::U32);
      instruction->handler = executeBranchTable;
    } else {
      static constexpr bool (*decoders[])(Decoder &) = {
          decodeMove,    decodeInteger,  decodeFloat,     decodeCompare,
          decodeConvert, decodeMemory,   decodeAtomics,   decodeWarp,
          decodeControl, decodeBarriers, decodeAsyncCopy, decodeTensorCore};
      bool known = false;
      for (auto decode : decoders)
        if ((known = decode(*this)))
          break;
      if (!known)
        error("unknown instruction");
    }
    for (size_t i = 1; i < parts.size(); ++i)
      if (!taken[i])
        error("unknown modifier ." + parts[i]);
    if (!instruction->handler)
      error("unknown instruction");
  } catch (const LoadError &error) {
    std::string what = error.what();
    size_t colon = what.find(": ");
    throw LoadError(source.line,
                    "`" + source.text + "`: " + what.substr(colon + 2));
  }
}

void Linker::decode(PlacedFunction &function) {
  for (const SourceInstruction &source : function.source->code)
    append(function, source);
  SourceInstruction end;
  end.line = function.source->code.empty() ? function.source->line
                                           : function.source->code.back().line;
  end.opcode = end.text = "ret";
  append(function, end);
}

std::unique_ptr<Program> Linker::run() {
  result->name = kernel.name;
  collect(kernel, 0);
  placeVariables();
  // Predicates, a word each, lie before the registers.
  uint64_t predicates = 16; // special ones among them
  for (auto &function : functions)
    for (const SourceRegister &reg : function->source->registers)
      predicates += reg.type == Type::Pred;
  registerBytes = 4 * predicates;
  uint32_t begin = 0;
  for (auto &function : functions) {
    function->begin = begin;
    begin += uint32_t(function->source->code.size()) + 1;
    placeRegisters(*function);
    function->frame.returnSlot = newRegister(4);
  }
  result->code.reserve(begin);
  for (auto &function : functions)
    decode(*function);
  std::copy_n(kernel.reqntid, 3, result->reqntid);
  std::copy_n(kernel.maxntid, 3, result->maxntid);
  std::copy_n(kernel.reqnctapercluster, 3, result->reqnctapercluster);
  result->registerBytes = uint32_t(alignTo(registerBytes, 64));
  // Frames are pointed to by details: they live as long as the program.
  for (auto &function : functions)
    result->details.push_back(std::shared_ptr<const void>(std::move(function)));
  return std::move(result);
}

} // namespace

std::unique_ptr<Program> linkKernel(const SourceModule &module,
                                    const SourceFunction &kernel) {
  return Linker(module, kernel).run();
}

void placeVariables(SourceModule &module, Memory &memory) {
  for (SourceVariable &variable : module.variables) {
    if (variable.space != Space::Global && variable.space != Space::Const)
      continue;
    uint64_t bytes = std::max<uint64_t>(variable.bytes, 1);
    variable.address =
        memory.allocate(bytes, std::max(variable.align, 16u), variable.name);
    if (!variable.address)
      throw LoadError(variable.line,
                      "no memory for variable '" + variable.name + "'");
    std::memcpy(memory.host(variable.address), variable.initializer.data(),
                variable.initializer.size());
    memory.markWritten(variable.address, bytes);
  }
  for (SourceVariable &variable : module.variables)
    for (const SourceVariable::Relocation &relocation : variable.relocations) {
      auto it = module.globalNames.find(relocation.symbol);
      if (it == module.globalNames.end())
        throw LoadError(variable.line, "initializer of '" + variable.name +
                                           "' names '" + relocation.symbol +
                                           "', which is not declared");
      uint64_t address =
          module.variables[it->second].address + uint64_t(relocation.addend);
      std::memcpy(memory.host(variable.address + relocation.offset), &address,
                  relocation.bytes);
    }
}

} // namespace adze::ptxsim
