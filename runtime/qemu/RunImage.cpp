//===- RunImage.cpp - Running an image in QEMU ----------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/native/ArtifactFolder.h"
#include "runtime/native/Process.h"
#include "runtime/qemu/Counts.h"
#include "runtime/qemu/Fault.h"
#include "runtime/qemu/GuestFiles.h"
#include "runtime/qemu/ImageImpl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace adze {
namespace {

constexpr const char *countsFile = "counts.txt";

Status writeInputs(const std::vector<const Tensor *> &inputs,
                   const TemporaryFolder &folder) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (Status status = writeFile(folder.file(inputFile(i)), inputs[i]->data(),
                                  inputs[i]->storage.size());
        !status)
      return status;
  return Status::success();
}

Status readOutputs(const Image &image, const TemporaryFolder &folder,
                   std::vector<Tensor> &outputs) {
  outputs.clear();
  for (size_t i = 0; i < image.outputs.size(); ++i) {
    std::string bytes;
    if (Status status = readFile(folder.file(outputFile(i)), bytes); !status)
      return status;
    Tensor &tensor = outputs.emplace_back(image.outputs[i]);
    if (bytes.size() != tensor.storage.size())
      return Status::failure(
          fmt::format("the emulated model '{}' wrote {} bytes of output '{}', "
                      "expected {}",
                      image.model, bytes.size(), image.outputs[i].name,
                      tensor.storage.size()));
    std::memcpy(tensor.data(), bytes.data(), bytes.size());
  }
  return Status::success();
}

/// `folder` gets the plugin if the run is counted.
Status makeCommand(const Image::Impl &image, const std::string &model,
                   const TemporaryFolder &folder, bool count,
                   std::vector<std::string> &command) {
  const ToolCommand &emulator = image.machine.emulator.command;
  std::string tool;
  if (Status status = findTool(
          emulator.tools,
          fmt::format("emulate machine '{}'", image.machine.name), tool);
      !status)
    return status;
  command = {tool};
  command.insert(command.end(), emulator.arguments.begin(),
                 emulator.arguments.end());
  command.insert(command.end(),
                 {"-nographic", "-monitor", "none", "-serial", "none",
                  "-semihosting-config", "enable=on,target=native", "-kernel",
                  image.elfPath});
  if (!count)
    return Status::success();
  uint64_t runBegin = 0, runEnd = 0;
  if (const ElfFunction *run =
          image.elf.functionAt(image.elf.symbol(model + "_run"))) {
    runBegin = run->address;
    runEnd = run->address + run->size;
  }
  // By a relative name: a comma in a path would end the plugin's option.
  command.push_back("-plugin");
  command.push_back(fmt::format(
      "./{},run_begin={:#x},run_end={:#x},begin={:#x},end={:#x},"
      "stack_low={:#x},stack_high={:#x},out={}",
      counterFile, runBegin, runEnd, image.elf.symbol("adze_guest_count_begin"),
      image.elf.symbol("adze_guest_count_end"),
      image.elf.symbol("__stack_limit"), image.elf.symbol("__stack_top"),
      countsFile));
  return writeEmbeddedFile(counterFile, folder.path());
}

Status readReport(const Image &image, const TemporaryFolder &folder,
                  const ProcessResult &result, adze_report &report) {
  std::string bytes;
  std::memset(&report, 0, sizeof report);
  if (Status status = readFile(folder.file(ADZE_REPORT_FILE), bytes); status)
    std::memcpy(&report, bytes.data(), std::min(bytes.size(), sizeof report));
  report.text[sizeof report.text - 1] = 0;
  if (report.magic == ADZE_REPORT_MAGIC)
    return Status::success();
  return Status::failure(fmt::format(
      "the emulation of model '{}' on machine '{}' ended without a result "
      "(exit code {}, signal {}); QEMU says:{}",
      image.model, image.impl->machine.name, result.exitCode, result.signal,
      firstErrorLines(result.output, 4)));
}

Status checkOutcome(const Image &image, const adze_report &report) {
  std::string subject = fmt::format("model '{}' on machine '{}'", image.model,
                                    image.impl->machine.name);
  switch (report.outcome) {
  case ADZE_OUTCOME_RETURNED:
    if (report.status == 0)
      return Status::success();
    return Status::failure(
        fmt::format("{}: {}_run returned status {}: {}", subject, image.model,
                    static_cast<int64_t>(report.status), report.text));
  case ADZE_OUTCOME_OVERFLOW:
    return Status::failure(fmt::format(
        "{}: the stack of {} bytes overflowed{}; give it more, or look for "
        "large local arrays in the artifact",
        subject, image.impl->stackBytes,
        report.pc ? " at " + describePlace(image.impl->elf, report.pc) : ""));
  case ADZE_OUTCOME_FAULT:
    return Status::failure(fmt::format("{} faulted: {}", subject,
                                       describeFault(*image.impl, report)));
  default:
    return Status::failure(fmt::format(
        "{}: file {} of inputs and outputs could not be moved between QEMU and "
        "this machine",
        subject, report.status));
  }
}

/// Paint and plugin see the same stack; what one misses (a written value that
/// equals the paint; a store before counting) the other may see.
void measureStack(const Machine &machine, const adze_report &report,
                  const Counts *counts, RunStats &stats) {
  stats.stackBytes = report.stack_bytes;
  if (counts && counts->lowestStored < report.stack_base)
    stats.stackBytes =
        std::max(stats.stackBytes, report.stack_base - counts->lowestStored);
  // Frames keep the alignment of the procedure call standard; the last bytes of
  // the lowest one may be padding.
  uint64_t alignment = machine.emulator.startup == "riscv" ? 16 : 8;
  stats.stackBytes = (stats.stackBytes + alignment - 1) / alignment * alignment;
}

} // namespace

Status runImage(const Image &image, const std::vector<const Tensor *> &inputs,
                std::vector<Tensor> &outputs, RunStats &stats,
                const RunOptions &options) {
  stats = {};
  stats.memory = image.memory;
  if (Status status = checkInputs(image.model, image.inputs, inputs); !status)
    return status;
  TemporaryFolder folder;
  if (Status status = folder.create(); !status)
    return status;
  if (Status status = writeInputs(inputs, folder); !status)
    return status;
  std::vector<std::string> command;
  if (Status status =
          makeCommand(*image.impl, image.model, folder, options.count, command);
      !status)
    return status;

  ProcessResult result;
  if (Status status =
          runProcess(command, folder.path(), options.timeoutSeconds, result);
      !status)
    return status;
  if (result.timedOut)
    return Status::failure(fmt::format(
        "the emulation of model '{}' on machine '{}' was stopped after {} s",
        image.model, image.impl->machine.name, options.timeoutSeconds));
  adze_report report;
  if (Status status = readReport(image, folder, result, report); !status)
    return status;
  stats.status = static_cast<int>(report.status);
  if (Status status = checkOutcome(image, report); !status)
    return status;
  if (Status status = readOutputs(image, folder, outputs); !status)
    return status;

  if (!options.count) {
    measureStack(image.impl->machine, report, nullptr, stats);
    return Status::success();
  }
  Counts counts;
  if (Status status = readCounts(folder.file(countsFile), counts); !status)
    return status;
  if (!counts.complete)
    return Status::failure(fmt::format("the counting plugin saw no end of "
                                       "model '{}'",
                                       image.model));
  measureStack(image.impl->machine, report, &counts, stats);
  return summarize(image.impl->machine, image.impl->elf, counts, stats);
}

} // namespace adze
