//===- machine_test.cpp - The table of machines ---------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Machine.h"

#include <gtest/gtest.h>

#include <set>

using namespace adze;

TEST(MachineTable, ListsEveryChipOnce) {
  std::set<std::string> names;
  for (const Machine &machine : allMachines())
    EXPECT_TRUE(names.insert(machine.name).second) << machine.name;
  for (const char *name :
       {"host", "c", "cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7",
        "cortex-m33", "cortex-m55", "rv32imc", "rv32imac", "rv64gc", "rv64gcv"})
    EXPECT_TRUE(names.count(name)) << name;
}

TEST(MachineTable, FindsByNameAndNothingElse) {
  ASSERT_NE(findMachine("cortex-m4"), nullptr);
  EXPECT_EQ(findMachine("cortex-m4")->name, "cortex-m4");
  EXPECT_EQ(findMachine("cortex-m"), nullptr);
  EXPECT_EQ(findMachine(""), nullptr);
}

TEST(MachineTable, EveryEmulatedMachineCanBeBuiltFor) {
  for (const Machine &machine : allMachines()) {
    if (!machine.isEmulated())
      continue;
    EXPECT_FALSE(machine.triple.empty()) << machine.name;
    EXPECT_FALSE(machine.compilers.empty()) << machine.name;
    EXPECT_FALSE(machine.linker.tools.empty()) << machine.name;
    EXPECT_GT(machine.memory.code.length, 0u) << machine.name;
    EXPECT_GT(machine.memory.data.length, 0u) << machine.name;
    EXPECT_TRUE(machine.emulator.startup == "cortex-m" ||
                machine.emulator.startup == "riscv")
        << machine.name;
  }
}

TEST(MachineTable, AnEmptyCompilerNameIsTheDefault) {
  const Machine &machine = *findMachine("cortex-m55");
  EXPECT_EQ(machine.findCompiler("")->name, "clang");
  EXPECT_EQ(machine.findCompiler("gcc")->name, "gcc");
  EXPECT_EQ(machine.findCompiler("icc"), nullptr);
}

TEST(MachineTable, CortexM4HasTheFeaturesOfItsFpu) {
  const Machine &machine = *findMachine("cortex-m4");
  EXPECT_TRUE(machine.hasFloat);
  EXPECT_TRUE(machine.hasDsp);
  EXPECT_FALSE(machine.hasDouble);
  EXPECT_FALSE(machine.hasHelium);
  EXPECT_EQ(machine.floatRegisters, 32u);
  EXPECT_EQ(machine.memory.data.origin, 0x20000000u);
  EXPECT_EQ(machine.cycles.mnemonics.at("vdiv"), 14u);
}

TEST(MachineTable, GpusSayWhatABlockMayUse) {
  for (const char *name : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a"}) {
    const Machine *machine = findMachine(name);
    ASSERT_NE(machine, nullptr) << name;
    const GpuFacts &gpu = machine->gpu;
    EXPECT_TRUE(machine->isGpu()) << name;
    EXPECT_EQ(machine->cpu, name);
    // The rest is the system's share of a block.
    EXPECT_EQ(gpu.sharedPerBlock + 1024, gpu.sharedPerSm) << name;
    EXPECT_GT(gpu.mmaPerClock, gpu.ffmaPerClock) << name;
    EXPECT_EQ(gpu.asyncMmaPerClock > 0, gpu.computeCapability >= 90) << name;
  }
  EXPECT_FALSE(findMachine("cortex-m4")->isGpu());
}
