//===- Cycles.cpp - A static estimate of cycles ---------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Every executed instruction is decoded with LLVM's disassembler and priced
/// from the machine's cycle table. How often a conditional branch is taken
/// follows from the executions of the instruction behind it: if that is not
/// also a target of other branches, exactly; else half of them are assumed.
///
/// Only single-issue cores without caches have such a table, and even there it
/// knows nothing of flash wait states: the figure compares two programs, it
/// does not predict a time.
///
//===----------------------------------------------------------------------===//

#include "runtime/qemu/Counts.h"

#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrDesc.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/MCTargetOptions.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace adze {
namespace {

using namespace llvm;

/// What the cycle table wants to know of an instruction.
struct Decoded {
  std::string mnemonic; // up to the first dot: "vfma", "ldrd"
  uint64_t size = 0;
  unsigned registers = 0; // of a load or store multiple; else 0
  bool loads = false, stores = false;
  bool branches = false, isConditional = false;
};

class Disassembler {
public:
  Status create(const Machine &machine) {
    static std::once_flag once;
    std::call_once(once, [] {
      InitializeAllTargetInfos();
      InitializeAllTargetMCs();
      InitializeAllDisassemblers();
    });
    triple = Triple(machine.triple);
    std::string error;
    const Target *target =
        TargetRegistry::lookupTarget(triple.getTriple(), error);
    if (!target)
      return Status::failure(fmt::format("LLVM cannot disassemble for machine "
                                         "'{}': {}",
                                         machine.name, error));
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
    if (!disassembler || !printer)
      return Status::failure(fmt::format("LLVM has no disassembler for machine "
                                         "'{}'",
                                         machine.name));
    return Status::success();
  }

  /// False if the bytes are no instruction of this machine.
  bool decode(uint64_t address, std::string_view bytes, Decoded &decoded) {
    MCInst instruction;
    auto data = reinterpret_cast<const uint8_t *>(bytes.data());
    if (disassembler->getInstruction(
            instruction, decoded.size, ArrayRef<uint8_t>(data, bytes.size()),
            address, nulls()) != MCDisassembler::Success)
      return false;
    const MCInstrDesc &desc = instructions->get(instruction.getOpcode());
    if (const char *name = printer->getMnemonic(instruction).first)
      decoded.mnemonic = StringRef(name).trim().split('.').first.str();
    decoded.loads = desc.mayLoad();
    decoded.stores = desc.mayStore();
    decoded.branches = desc.isBranch() || desc.isCall() || desc.isReturn();
    decoded.isConditional = desc.isConditionalBranch();
    if (desc.isVariadic() && (decoded.loads || decoded.stores))
      decoded.registers =
          instruction.getNumOperands() - desc.getNumOperands() + 1;
    return true;
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
};

/// Cycles of one execution, a taken branch's surcharge not included.
uint64_t baseCycles(const CycleTable &table, const Decoded &decoded,
                    bool memoryAccessFollows) {
  auto exception = table.mnemonics.find(decoded.mnemonic);
  if (exception != table.mnemonics.end())
    return exception->second;
  if (decoded.registers > 0)
    return table.multiple + decoded.registers * table.multipleRegister;
  if (decoded.branches)
    return table.instruction;
  if (decoded.loads)
    return memoryAccessFollows ? table.pipelinedLoad : table.load;
  return decoded.stores ? table.store : table.instruction;
}

uint64_t takenBranches(const Decoded &decoded, uint64_t executions,
                       uint64_t executionsBehind) {
  if (!decoded.isConditional)
    return executions;
  if (executionsBehind > executions)
    return executions / 2;
  return executions - executionsBehind;
}

} // namespace

Status estimateCycles(const Machine &machine, const ElfFile &elf,
                      const Counts &counts, std::vector<uint64_t> &cycles) {
  cycles.assign(counts.addresses.size(), 0);
  const CycleTable &table = machine.cycles;
  if (table.source.empty())
    return Status::success();
  Disassembler disassembler;
  if (Status status = disassembler.create(machine); !status)
    return status;

  // In ascending order: the decoder of Thumb carries the state of an IT block
  // from one instruction to the next.
  std::vector<size_t> byAddress(counts.addresses.size());
  for (size_t i = 0; i < byAddress.size(); ++i)
    byAddress[i] = i;
  std::sort(byAddress.begin(), byAddress.end(), [&](size_t a, size_t b) {
    return counts.addresses[a].address < counts.addresses[b].address;
  });
  std::vector<Decoded> decoded(byAddress.size());
  std::unordered_map<uint64_t, uint64_t> executionsAt;
  for (size_t i = 0; i < byAddress.size(); ++i) {
    const AddressCount &count = counts.addresses[byAddress[i]];
    executionsAt[count.address] = count.executions;
    if (!disassembler.decode(count.address, elf.codeAt(count.address),
                             decoded[i]))
      return Status::failure(fmt::format(
          "LLVM cannot decode the instruction at {:#x} of the image for "
          "machine '{}' ({})",
          count.address, machine.name, machine.cpu));
  }

  for (size_t i = 0; i < byAddress.size(); ++i) {
    const AddressCount &count = counts.addresses[byAddress[i]];
    uint64_t behind = count.address + decoded[i].size;
    bool followed = i + 1 < byAddress.size() &&
                    counts.addresses[byAddress[i + 1]].address == behind &&
                    (decoded[i + 1].loads || decoded[i + 1].stores);
    uint64_t sum = count.executions * baseCycles(table, decoded[i], followed);
    if (decoded[i].branches) {
      auto it = executionsAt.find(behind);
      uint64_t executionsBehind = it == executionsAt.end() ? 0 : it->second;
      sum += table.takenBranch *
             takenBranches(decoded[i], count.executions, executionsBehind);
    }
    cycles[byAddress[i]] = sum;
  }
  return Status::success();
}

} // namespace adze
