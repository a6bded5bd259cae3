//===- Machine.cpp - The table of machines --------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Reads the embedded chip descriptions once, on first use. They are part of
/// adze, so a mistake in one is adze's own: the reader throws on unknown and
/// on missing fields, and the tests read them all.
///
//===----------------------------------------------------------------------===//

#include "adze/Machine.h"

#include "nlohmann/json.hpp"

#include <cstddef>
#include <set>
#include <stdexcept>

namespace adze {
namespace {

struct EmbeddedFile {
  const char *name;
  const unsigned char *data;
  size_t size;
};
#include "Chips.inc"

using nlohmann::json;

void checkFields(const json &object, const std::set<std::string> &known,
                 const std::string &where) {
  for (const auto &[field, value] : object.items())
    if (!known.count(field))
      throw std::runtime_error(where + ": unknown field '" + field + "'");
}

ToolCommand readCommand(const json &object) {
  return {object.at("tools").get<std::vector<std::string>>(),
          object.value("arguments", std::vector<std::string>())};
}

/// "0x20000000", "512K" or "4M".
uint64_t readSize(const std::string &text) {
  size_t end = 0;
  uint64_t value = std::stoull(text, &end, 0);
  std::string unit = text.substr(end);
  if (unit == "K")
    return value << 10;
  if (unit == "M")
    return value << 20;
  if (!unit.empty())
    throw std::runtime_error("unknown unit in size '" + text + "'");
  return value;
}

MemoryRegion readRegion(const json &memory, const char *name) {
  if (!memory.contains(name))
    return {};
  const json &region = memory.at(name);
  checkFields(region, {"origin", "length"}, name);
  return {readSize(region.at("origin")), readSize(region.at("length"))};
}

void readFeatures(const json &features, Machine &machine) {
  const std::map<std::string, bool Machine::*> known = {
      {"float", &Machine::hasFloat},
      {"double", &Machine::hasDouble},
      {"dsp", &Machine::hasDsp},
      {"helium", &Machine::hasHelium},
      {"helium-float", &Machine::hasHeliumFloat},
      {"rvv", &Machine::hasRvv}};
  for (const std::string feature : features) {
    auto it = known.find(feature);
    if (it == known.end())
      throw std::runtime_error(machine.name + ": unknown feature " + feature);
    machine.*it->second = true;
  }
}

CycleTable readCycles(const json &object) {
  checkFields(object,
              {"source", "instruction", "load", "pipelined_load", "store",
               "multiple", "multiple_register", "taken_branch", "mnemonics"},
              "cycles");
  CycleTable table;
  table.source = object.at("source");
  table.instruction = object.at("instruction");
  table.load = object.at("load");
  table.pipelinedLoad = object.at("pipelined_load");
  table.store = object.at("store");
  table.multiple = object.at("multiple");
  table.multipleRegister = object.at("multiple_register");
  table.takenBranch = object.at("taken_branch");
  table.mnemonics =
      object.at("mnemonics").get<std::map<std::string, unsigned>>();
  return table;
}

GpuFacts readGpu(const json &object) {
  checkFields(object,
              {"compute_capability", "sms", "clock_ghz", "shared_per_block",
               "shared_per_sm", "registers_per_sm", "threads_per_sm",
               "blocks_per_sm", "dram_gbs", "l2_gbs", "l2_bytes",
               "shared_bytes_per_clock", "ffma_per_clock", "mma_per_clock",
               "async_mma_per_clock"},
              "gpu");
  GpuFacts gpu;
  gpu.computeCapability = object.at("compute_capability");
  gpu.sms = object.at("sms");
  gpu.clockGHz = object.at("clock_ghz");
  gpu.sharedPerBlock = object.at("shared_per_block");
  gpu.sharedPerSm = object.at("shared_per_sm");
  gpu.registersPerSm = object.at("registers_per_sm");
  gpu.threadsPerSm = object.at("threads_per_sm");
  gpu.blocksPerSm = object.at("blocks_per_sm");
  gpu.dramGBs = object.at("dram_gbs");
  gpu.l2GBs = object.at("l2_gbs");
  gpu.l2Bytes = object.at("l2_bytes");
  gpu.sharedBytesPerClock =
      object.value("shared_bytes_per_clock", gpu.sharedBytesPerClock);
  gpu.ffmaPerClock = object.at("ffma_per_clock");
  gpu.mmaPerClock = object.at("mma_per_clock");
  gpu.asyncMmaPerClock = object.value("async_mma_per_clock", 0.0);
  return gpu;
}

Machine readMachine(const json &object) {
  Machine machine;
  machine.name = object.at("name");
  checkFields(object,
              {"name", "summary", "word_bits", "features", "float_registers",
               "vector_registers", "float_lanes", "constants_ratio", "llvm",
               "compilers", "linker", "emulator", "memory", "cycles", "gpu"},
              machine.name);
  machine.summary = object.at("summary");
  machine.wordBits = object.at("word_bits");
  readFeatures(object.at("features"), machine);
  machine.floatRegisters = object.at("float_registers");
  machine.vectorRegisters = object.at("vector_registers");
  machine.floatLanes = object.at("float_lanes");
  machine.constantsRatio =
      object.value("constants_ratio", machine.constantsRatio);
  if (object.contains("llvm")) {
    const json &llvm = object.at("llvm");
    checkFields(llvm, {"triple", "cpu", "attributes"}, machine.name);
    machine.triple = llvm.at("triple");
    machine.cpu = llvm.value("cpu", "");
    machine.attributes = llvm.value("attributes", "");
  }
  for (const json &compiler : object.at("compilers")) {
    checkFields(compiler, {"name", "tools", "arguments"}, machine.name);
    machine.compilers.push_back({compiler.at("name"), readCommand(compiler)});
  }
  if (object.contains("linker"))
    machine.linker = readCommand(object.at("linker"));
  if (object.contains("emulator")) {
    const json &emulator = object.at("emulator");
    checkFields(emulator, {"tools", "arguments", "startup"}, machine.name);
    machine.emulator = {readCommand(emulator), emulator.at("startup")};
    const json &memory = object.at("memory");
    checkFields(memory, {"code", "constants", "stack_guard", "data"},
                machine.name);
    machine.memory = {
        readRegion(memory, "code"), readRegion(memory, "constants"),
        readRegion(memory, "stack_guard"), readRegion(memory, "data")};
  }
  if (object.contains("cycles"))
    machine.cycles = readCycles(object.at("cycles"));
  if (object.contains("gpu"))
    machine.gpu = readGpu(object.at("gpu"));
  return machine;
}

std::vector<Machine> readMachines() {
  std::vector<Machine> machines;
  for (const EmbeddedFile &file : embeddedFiles)
    machines.push_back(
        readMachine(json::parse(file.data, file.data + file.size)));
  return machines;
}

} // namespace

const MachineCompiler *
Machine::findCompiler(const std::string &compiler) const {
  for (const MachineCompiler &candidate : compilers)
    if (compiler.empty() || candidate.name == compiler)
      return &candidate;
  return nullptr;
}

const std::vector<Machine> &allMachines() {
  static const std::vector<Machine> machines = readMachines();
  return machines;
}

const Machine *findMachine(const std::string &name) {
  for (const Machine &machine : allMachines())
    if (machine.name == name)
      return &machine;
  return nullptr;
}

} // namespace adze
