//===- Machine.h - What is known of a chip ----------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The table of machines: one data file a chip (lib/Machine/chips/NAME.json,
/// schema in lib/Machine/README.md), embedded into the library. Code that wants
/// to know something about a chip asks this table; nothing else names chips.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_MACHINE_H
#define ADZE_MACHINE_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace adze {

/// A program to start: the first of `tools` found on PATH, with these
/// arguments before all others.
struct ToolCommand {
  std::vector<std::string> tools;
  std::vector<std::string> arguments;
};

/// One way to compile C for the machine ("gcc", "clang", ...).
struct MachineCompiler {
  std::string name;
  ToolCommand command;
};

struct MemoryRegion {
  uint64_t origin = 0;
  uint64_t length = 0; // bytes; 0: there is no such region
};

/// The memory of the emulated board that a linker script is made from.
struct MemoryMap {
  MemoryRegion code;      // start-up code and functions; initial values of data
  MemoryRegion constants; // weights; `code` serves if it has no length
  /// Just below `data`, a power of two: closed by memory protection where the
  /// board has memory or devices there, so that a stack overflow faults.
  MemoryRegion stackGuard;
  MemoryRegion data; // stack, variables, arena
};

/// How QEMU emulates the machine; no command: it does not.
struct Emulator {
  ToolCommand command;
  std::string startup; // guest start-up code: "cortex-m" or "riscv"
};

/// A static estimate of cycles from executions of instructions. It knows
/// nothing of wait states, and is never called a measurement.
struct CycleTable {
  std::string source;            // where the figures come from; empty: no table
  unsigned instruction = 1;      // what no other entry names
  unsigned load = 1;             // a load of one register
  unsigned pipelinedLoad = 1;    // the same, followed by a load or store
  unsigned store = 1;            // a store of one register
  unsigned multiple = 1;         // load/store multiple, push, pop: this ...
  unsigned multipleRegister = 1; // ... and this for every register
  unsigned takenBranch = 0;      // added to a branch that is taken
  std::map<std::string, unsigned> mnemonics; // exceptions, by mnemonic
};

/// What the choice of schedules for an NVIDIA GPU looks at (CUDA C++
/// Programming Guide, "Technical Specifications per Compute Capability", and
/// the vendor's data sheet of the board named in the summary).
struct GpuFacts {
  unsigned computeCapability = 0; // 80, 90, ...; 0: not a GPU
  unsigned sms = 0;               // streaming multiprocessors of the board
  double clockGHz = 0;            // boost
  unsigned sharedPerBlock = 0;    // bytes a block may ask for at most
  unsigned sharedPerSm = 0;       // bytes; 1 KiB of it goes with every block
  unsigned registersPerSm = 0;    // of 32 bits
  unsigned threadsPerSm = 0;
  unsigned blocksPerSm = 0;
  double dramGBs = 0; // 1e9 bytes a second
  double l2GBs = 0;   // 1e9 bytes a second, all SMs together
  uint64_t l2Bytes = 0;
  double sharedBytesPerClock = 128; // of one SM
  /// Multiply-adds of one SM and clock: f32 in the ordinary pipelines, bf16 and
  /// f16 by mma.sync, and by the asynchronous instructions of newer chips
  /// (wgmma, tcgen05; 0: there are none).
  double ffmaPerClock = 0;
  double mmaPerClock = 0;
  double asyncMmaPerClock = 0;
};

struct Machine {
  std::string name;
  std::string summary;
  unsigned wordBits = 0;

  bool hasFloat = false;       // float32 in hardware
  bool hasDouble = false;      // float64 in hardware
  bool hasDsp = false;         // Arm DSP extension (SMLAD, ...)
  bool hasHelium = false;      // Arm MVE, integer
  bool hasHeliumFloat = false; // Arm MVE, float
  bool hasRvv = false;         // RISC-V vectors 1.0

  /// Bytes of packed constants for each byte of weights that the choice of
  /// kernels may spend where no budget of flash is given.
  double constantsRatio = 1.1;

  unsigned floatRegisters = 0;  // scalar float32 registers
  unsigned vectorRegisters = 0; // registers of vectors of float32
  unsigned floatLanes = 1;      // float32 elements in a vector (at least, RVV)

  /// LLVM's names, for its disassembler and code generator.
  std::string triple, cpu, attributes;

  std::vector<MachineCompiler> compilers; // the first one is the default
  ToolCommand linker;
  Emulator emulator;
  MemoryMap memory;
  CycleTable cycles;
  GpuFacts gpu;

  bool isGpu() const { return gpu.computeCapability != 0; }
  bool isEmulated() const { return !emulator.command.tools.empty(); }
  /// The compiler of that name; the default one for an empty name; null if
  /// there is none.
  const MachineCompiler *findCompiler(const std::string &compiler) const;
};

/// All machines, in the order of the table.
const std::vector<Machine> &allMachines();
/// The machine of that name, or null.
const Machine *findMachine(const std::string &name);

} // namespace adze

#endif
