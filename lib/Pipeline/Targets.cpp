//===- Targets.cpp - What differs from target to target -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Pipeline/Targets.h"

#include "adze/Machine.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace adze;

static const Target table[] = {
    {"host", "this machine, through LLVM in process or as an object file",
     "in process", "", Backend::host, 64},
    {"c", "portable C99 for any machine", "system C compiler", "c", Backend::c,
     16},
    {"cortex-m0", "C99 for Arm Cortex-M0", "QEMU", "cortex-m0", Backend::c, 8},
    {"cortex-m3", "C99 for Arm Cortex-M3", "QEMU", "cortex-m3", Backend::c, 8},
    {"cortex-m4", "C99 for Arm Cortex-M4F (DSP extension)", "QEMU",
     "cortex-m4", Backend::c, 8},
    {"cortex-m7", "C99 for Arm Cortex-M7 (DSP extension)", "QEMU", "cortex-m7",
     Backend::c, 8},
    {"cortex-m33", "C99 for Arm Cortex-M33 (DSP extension)", "QEMU",
     "cortex-m33", Backend::c, 8},
    {"cortex-m55", "C99 for Arm Cortex-M55 (Helium vectors)", "QEMU",
     "cortex-m55", Backend::c, 16},
    {"rv32imc", "C99 for RISC-V RV32IMC", "QEMU", "rv32imc", Backend::c, 8},
    {"rv32imac", "C99 for RISC-V RV32IMAC", "QEMU", "rv32imac", Backend::c, 8},
    {"rv64gc", "C99 for RISC-V RV64GC", "QEMU", "rv64gc", Backend::c, 8},
    {"rv64gcv", "C99 for RISC-V RV64GCV (vectors of any length)", "QEMU",
     "rv64gcv", Backend::c, 16},
    {"cuda:sm_80", "PTX and C for NVIDIA A100 and later (mma.sync)",
     "GPU or ptxsim", "sm_80", Backend::cuda, 256},
    {"cuda:sm_86", "PTX and C for NVIDIA's Ampere of desktops, and later",
     "GPU or ptxsim", "sm_86", Backend::cuda, 256},
    {"cuda:sm_89", "PTX and C for NVIDIA's Ada Lovelace, and later",
     "GPU or ptxsim", "sm_89", Backend::cuda, 256},
    {"cuda:sm_90a", "PTX and C for NVIDIA H100 and H200 (wgmma, TMA)",
     "GPU or ptxsim", "sm_90a", Backend::cuda, 256},
    {"cuda:sm_100a", "PTX and C for NVIDIA B100 and B200; not run in tests",
     "GPU", "sm_100a", Backend::cuda, 256},
};

llvm::ArrayRef<Target> adze::allTargets() { return table; }

const Target *adze::findTarget(llvm::StringRef name) {
  if (name == "cuda")
    name = "cuda:sm_90a";
  for (const Target &target : table)
    if (target.name == name)
      return &target;
  return nullptr;
}

std::vector<const Target *> adze::findTargets(llvm::StringRef name) {
  std::vector<const Target *> rows;
  llvm::StringRef rest = name, prefix;
  if (rest.consume_front("cuda:") && rest.contains(','))
    prefix = "cuda:";
  else
    rest = name;
  while (!rest.empty()) {
    auto [first, next] = prefix.empty() ? std::pair(rest, llvm::StringRef())
                                        : rest.split(',');
    rest = next;
    const Target *row = findTarget((prefix + first).str());
    if (!row || llvm::is_contained(rows, row))
      return {};
    rows.push_back(row);
  }
  return rows;
}

namespace {
/// What the choice of schedules knows of the machine.
struct Vectors {
  int64_t lanes, registers;
  bool caches;
};
} // namespace

static Vectors vectorsOf(const Target &target) {
  if (target.backend == Backend::host) {
    llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
    if (features.lookup("avx512f"))
      return {16, 32, true};
    if (features.lookup("avx2") && features.lookup("fma"))
      return {8, 16, true};
    return {4, features.lookup("neon") ? 32 : 16, true};
  }
  // C of one element at a time: a C compiler keeps named scalars in registers
  // everywhere.
  // No lanes: one element a thread.
  if (target.backend == Backend::cuda)
    return {0, 32, false};
  const Machine *machine = findMachine(target.machine.str());
  int64_t registers = machine ? machine->floatRegisters : 0;
  return {1, std::max<int64_t>(registers, 16), false};
}

std::string adze::passesOf(Stage stage, const Target &target, int optLevel,
                           bool textKernels) {
  switch (stage) {
  case Stage::nn:
    if (optLevel == 0)
      return "convert-onnx-to-nn,expand-quantization,fold-constants,"
             "canonicalize,cse";
    return "convert-onnx-to-nn,canonicalize,cse,form-integer-ops,"
           "expand-quantization,canonicalize,cse,fold-constants,"
           "fold-scale-into-convolution,fold-constants,assign-layout,canonicalize,cse,fold-constants,canonicalize";
  case Stage::kernel: {
    Vectors v = vectorsOf(target);
    std::string schedule =
        "choose-schedules{lanes=" + std::to_string(v.lanes) +
        " registers=" + std::to_string(v.registers) +
        " caches=" + (v.caches ? "true" : "false") + "}";
    // A GPU's matrix products read their weights as they are; the loops of
    // other kernels become threads of scalars. These run in any order, so no
    // output may lie where an input is still read (derive-overlap goes by the
    // order of loops).
    if (target.backend == Backend::cuda)
      return (optLevel == 0
                  ? std::string("form-kernels{fuse=false},")
                  : "form-kernels,select-gemm{chip=" + target.machine.str() +
                        "}," + schedule + ",lower-gemm{chip=" +
                        target.machine.str() + "},") +
             "lower-kernels,order-program,"
             "plan-memory{alignment=" +
             std::to_string(target.alignment) + "}";
    std::string families;
    if (target.backend == Backend::c && textKernels)
      families = "select-kernels{machine=" + target.machine.str() + "},";
    return (optLevel == 0 ? "form-kernels{fuse=false}" : "form-kernels") +
           std::string(",") +
           (optLevel == 0 ? "" : families + schedule + ",pack-weights,") +
           "lower-kernels,derive-overlap," +
           (target.backend == Backend::c
                ? "form-views{alignment=" + std::to_string(target.alignment) +
                      "},"
                : "") +
           "order-program,plan-memory{alignment=" +
           std::to_string(target.alignment) + "}";
  }
  case Stage::loops:
    return "lower-program,legalize-small-floats,legalize-integers,"
           "simplify-loops";
  case Stage::tile:
    return "map-to-threads{chip=" + target.machine.str() + "}";
  }
  return "";
}
