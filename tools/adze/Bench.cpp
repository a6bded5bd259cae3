//===- Bench.cpp - adze bench ---------------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/adze/Bench.h"
#include "adze/CudaDriver.h"
#include "adze/Driver.h"

using namespace adze;
using namespace adze::cli;

Command cli::addBench(CommandLine &line) {
  CLI::App *app = line.app.add_subcommand(
      "bench", "Measure one inference: time here, counts on a microcontroller");
  auto options = std::make_shared<BenchOptions>();
  addModelOptions(line, *app, options->model,
                  "The ONNX file, or a folder written by 'adze compile'");
  app->add_option("-i,--inputs", options->inputs,
                  "An .npz file with arrays in/NAME (default: made up)")
      ->type_name("IO.npz");
  app->add_option("-r,--runs", options->runs,
                  "Timed runs (default: about two seconds of them)")
      ->type_name("N")
      ->check(CLI::Range(1u, 1000000u));
  app->add_flag("--no-peer", options->noPeer,
                "Do not time onnxruntime beside it");
  app->add_option("-c,--compiler", options->compiler,
                  "C compiler for a microcontroller: gcc or clang (default: "
                  "both, the better one shown by layer)")
      ->type_name("NAME");
  app->add_option("--peers", options->peers,
                  "A JSON file with another library's counts to show beside "
                  "(test/bench/peers)")
      ->type_name("FILE");
  app->add_flag("!--total", options->byLayer,
                "Only totals, no rows for the layers");
  app->add_flag("--sim", options->simulate,
                "A GPU's kernels in the simulator: instructions, memory "
                "traffic, bank conflicts, tensor cores");
  app->footer(
      "On this machine: median, least and spread (10th to 90th percentile, of "
      "the median) of\nthe wall-clock time on one thread, taken in turns with "
      "onnxruntime's, and the ratio.\nOn a microcontroller: what QEMU counts "
      "in "
      "one inference. Counts repeat exactly; they\nare not times, and the "
      "cycles "
      "are a static estimate.\nOn a GPU, if there is one: wall-clock times, "
      "with copies of inputs and outputs; without\none, or with --sim, what "
      "the simulator counts.\n\n"
      "Examples:\n"
      "  adze bench resnet50.onnx --shape 1x3x224x224\n"
      "  adze bench kws.onnx -t cortex-m4 -i io.npz\n"
      "  adze bench kws.onnx -t cortex-m4 --compiler clang --json\n"
      "  adze bench mlp.onnx -t cuda:sm_90a --sim");
  return {app, [options] {
            std::vector<std::string> chips = chipsOf(options->model.target);
            if (options->simulate && chips.empty())
              throw UsageError("--sim is for GPUs: add -t cuda");
            // A time of the simulator would say nothing.
            CudaDevice device;
            if (options->simulate ||
                (!chips.empty() && selectCudaDriver(chips, device) &&
                 device.isSimulated))
              return benchGpu(*options);
            const Machine *machine = findMachine(options->model.target);
            return machine && machine->isEmulated()
                       ? benchCounts(*options, *machine)
                       : benchTimes(*options);
          }};
}
