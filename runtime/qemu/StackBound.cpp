//===- StackBound.cpp - The most stack that a function can take -----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What compilers say of frames (-fstack-usage) knows nothing of functions in
/// assembly, so the linked code is read instead: every instruction that a
/// function can reach is decoded with LLVM's disassembler, and what it takes
/// from the stack pointer is added up, each instruction once. A function that
/// takes memory on several ways is counted with all of them, never too low; a
/// loop that takes more in each round is not what compilers or our families
/// make.
///
//===----------------------------------------------------------------------===//

#include "runtime/qemu/StackBound.h"

#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrAnalysis.h"
#include "llvm/MC/MCInstrDesc.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/MCTargetOptions.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>

namespace adze {
namespace {

using namespace llvm;

/// The condition code of Arm that always holds (AL).
constexpr int64_t kAlways = 14;

/// What the bound wants to know of an instruction.
struct Step {
  uint64_t size = 0;
  uint64_t taken = 0;                 // bytes from the stack pointer
  bool isUnknown = false;             // takes a number that is computed
  bool isCall = false, isEnd = false; // control does not go on behind it
  bool isIndirect = false;            // goes where a register says
  std::optional<uint64_t> target;
};

/// The number behind the last '#' or ','; nothing if there is a register.
std::optional<int64_t> lastNumber(StringRef text) {
  size_t at = text.find_last_of("#,");
  int64_t number;
  if (at == StringRef::npos ||
      text.drop_front(at + 1).trim(" \t]!").getAsInteger(0, number))
    return std::nullopt;
  return number;
}

/// Bytes of a register list "{r4, r5, lr}".
uint64_t bytesOfRegisters(StringRef text) {
  SmallVector<StringRef> names;
  text.split('{').second.split('}').first.split(names, ',');
  uint64_t bytes = 0;
  for (StringRef name : names)
    bytes += name.trim().starts_with("d") ? 8 : 4;
  return bytes;
}

/// What an instruction in LLVM's own spelling takes from the stack pointer.
void readStackUse(StringRef text, Step &step) {
  text = text.trim();
  auto [mnemonic, operands] = text.split('\t');
  operands = operands.trim();
  if (mnemonic.starts_with("push") || mnemonic.starts_with("vpush") ||
      (operands.starts_with("sp!") && mnemonic.contains("stmdb"))) {
    step.taken = bytesOfRegisters(operands);
    return;
  }
  if (operands.contains("[sp, #-") && operands.ends_with("]!")) {
    step.taken = uint64_t(-lastNumber(operands).value_or(0));
    return;
  }
  if (!operands.starts_with("sp,"))
    return;
  std::optional<int64_t> number = lastNumber(operands);
  if (mnemonic.starts_with("sub")) {
    step.isUnknown |= !number;
    step.taken = uint64_t(number.value_or(0));
  } else if (mnemonic.contains("add")) {
    step.isUnknown |= !number;
    step.taken = uint64_t(std::max<int64_t>(-number.value_or(0), 0));
  }
}

/// Returns that the tables of instructions know as other things: those of Arm
/// load or move into pc.
bool returns(StringRef text) {
  text = text.trim();
  return text == "bx\tlr" || text == "ret" || text.contains("{pc}") ||
         text.contains(", pc}") || text.starts_with("ldr\tpc, [sp]");
}

class Decoder {
public:
  bool create(const Machine &machine) {
    static std::once_flag once;
    std::call_once(once, [] {
      InitializeAllTargetInfos();
      InitializeAllTargetMCs();
      InitializeAllDisassemblers();
    });
    triple = Triple(machine.triple);
    std::string error;
    const Target *target = TargetRegistry::lookupTarget(triple, error);
    if (!target)
      return false;
    registers.reset(target->createMCRegInfo(triple));
    assembly.reset(target->createMCAsmInfo(*registers, triple, options));
    subtarget.reset(
        target->createMCSubtargetInfo(triple, machine.cpu, machine.attributes));
    instructions.reset(target->createMCInstrInfo());
    context = std::make_unique<MCContext>(triple, assembly.get(),
                                          registers.get(), subtarget.get());
    disassembler.reset(target->createMCDisassembler(*subtarget, *context));
    printer.reset(target->createMCInstPrinter(triple, 0, *assembly,
                                              *instructions, *registers));
    analysis.reset(target->createMCInstrAnalysis(instructions.get()));
    return disassembler && printer && analysis;
  }

  std::optional<Step> decode(uint64_t address, std::string_view bytes) {
    MCInst instruction;
    Step step;
    auto data = reinterpret_cast<const uint8_t *>(bytes.data());
    if (disassembler->getInstruction(
            instruction, step.size, ArrayRef<uint8_t>(data, bytes.size()),
            address, nulls()) != MCDisassembler::Success)
      return std::nullopt;
    std::string text;
    raw_string_ostream stream(text);
    printer->printInst(&instruction, address, "", *subtarget, stream);
    readStackUse(text, step);
    const MCInstrDesc &desc = instructions->get(instruction.getOpcode());
    step.isCall = analysis->isCall(instruction);
    bool isReturn = analysis->isReturn(instruction) || returns(text);
    bool jumps =
        desc.isBarrier() || analysis->isUnconditionalBranch(instruction);
    // Predicated instructions of Arm may not happen.
    int predicate = triple.isARM() || triple.isThumb()
                        ? desc.findFirstPredOperandIdx()
                        : -1;
    bool always =
        predicate < 0 || instruction.getOperand(predicate).getImm() == kAlways;
    step.isEnd = always && !step.isCall && (isReturn || jumps);
    if (isReturn)
      return step;
    step.isIndirect = analysis->isIndirectBranch(instruction);
    uint64_t target = 0;
    if (analysis->isBranch(instruction) || step.isCall || jumps) {
      if (analysis->evaluateBranch(instruction, address, step.size, target))
        step.target = target;
      else if (step.isCall || jumps)
        step.isIndirect = true;
    }
    return step;
  }

private:
  Triple triple;
  MCTargetOptions options;
  std::unique_ptr<MCRegisterInfo> registers;
  std::unique_ptr<MCAsmInfo> assembly;
  std::unique_ptr<MCSubtargetInfo> subtarget;
  std::unique_ptr<MCInstrInfo> instructions;
  std::unique_ptr<MCContext> context;
  std::unique_ptr<MCDisassembler> disassembler;
  std::unique_ptr<MCInstPrinter> printer;
  std::unique_ptr<MCInstrAnalysis> analysis;
};

/// Depths of functions, each computed once.
class Bound {
public:
  Bound(const ElfFile &elf, Decoder &decoder) : elf(elf), decoder(decoder) {}

  /// Nothing if it cannot be told.
  std::optional<uint64_t> depth(uint64_t address);

private:
  const ElfFile &elf;
  Decoder &decoder;
  std::map<uint64_t, std::optional<uint64_t>> known; // by first instruction
};

std::optional<uint64_t> Bound::depth(uint64_t address) {
  const ElfFunction *function = elf.functionAt(address);
  if (!function)
    return std::nullopt;
  // While it is being computed nothing is known: recursion has no bound.
  auto [it, isNew] = known.try_emplace(address, std::nullopt);
  if (!isNew)
    return it->second;
  uint64_t frame = 0, below = 0;
  std::set<uint64_t> seen, callees;
  std::vector<uint64_t> pending{address};
  while (!pending.empty()) {
    uint64_t at = pending.back();
    pending.pop_back();
    while (seen.insert(at).second) {
      std::optional<Step> step = decoder.decode(at, elf.codeAt(at));
      if (!step || step->isUnknown || step->isIndirect)
        return std::nullopt;
      frame += step->taken;
      if (step->target) {
        uint64_t to = *step->target & ~uint64_t(1);
        bool isInside =
            to >= function->address && to < function->address + function->size;
        if (isInside && !step->isCall)
          pending.push_back(to);
        else
          callees.insert(to);
      }
      if (step->isEnd)
        break;
      at += step->size;
    }
  }
  for (uint64_t callee : callees) {
    std::optional<uint64_t> bytes = depth(callee);
    if (!bytes)
      return std::nullopt;
    below = std::max(below, *bytes);
  }
  return known[address] = frame + below;
}

} // namespace

uint64_t stackBound(const ElfFile &elf, const Machine &machine,
                    const std::string &function) {
  Decoder decoder;
  uint64_t address = elf.symbol(function);
  if (!address || !decoder.create(machine))
    return 0;
  const ElfFunction *entry = elf.functionAt(address & ~uint64_t(1));
  if (!entry)
    return 0;
  return Bound(elf, decoder).depth(entry->address).value_or(0);
}

} // namespace adze
