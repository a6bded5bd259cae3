//===- SelectGemm.cpp - Matrix products get their schedules ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/Passes.h"

#include "codegen/ptx/gemm/Schedules.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_SELECTGEMM
#include "codegen/ptx/Passes.h.inc"
} // namespace adze

namespace {
struct SelectGemmPass final : adze::impl::SelectGemmBase<SelectGemmPass> {
  using SelectGemmBase::SelectGemmBase;

  void runOnOperation() override {
    const Machine *machine = findMachine(chip);
    if (!machine || !machine->isGpu()) {
      getOperation().emitError("there is no GPU '") << chip << "'";
      return signalPassFailure();
    }
    for (auto kernel : getOperation().getOps<kernel::FuncOp>()) {
      FailureOr<gemm::GemmProblem> problem = gemm::readGemmProblem(kernel);
      if (failed(problem))
        continue;
      std::vector<gemm::Schedule> schedules =
          gemm::legalSchedules(*problem, machine->gpu);
      if (list)
        print(kernel, *problem, schedules);
      if (schedules.empty())
        continue;
      const gemm::Schedule *chosen = &schedules.front();
      if (!schedule.empty()) {
        std::string message;
        chosen = gemm::findSchedule(schedules, schedule, message);
        if (!message.empty()) {
          kernel.emitError(message);
          return signalPassFailure();
        }
        // A schedule asked for in a test is for the kernels that it suits.
        if (!chosen)
          chosen = &schedules.front();
      }
      kernel.setScheduleAttr(chosen->attribute(&getContext()));
    }
  }

  void print(kernel::FuncOp kernel, const gemm::GemmProblem &problem,
             ArrayRef<gemm::Schedule> schedules) {
    llvm::outs() << "// @" << kernel.getSymName() << " " << problem.describe()
                 << ": " << schedules.size() << " schedules\n";
    for (const gemm::Schedule &s : schedules)
      llvm::outs() << "//   " << s.text() << " threads=" << s.threads
                   << " shared=" << s.sharedBytes
                   << " registers=" << s.registers
                   << " predicted=" << llvm::format("%.1f", s.microseconds)
                   << "us\n";
  }
};
} // namespace
