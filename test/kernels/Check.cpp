//===- Check.cpp - One generated kernel against the reference ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "test/kernels/Check.h"

#include "adze/Qemu.h"
#include "lib/Kernels/KernelText.h"
#include "lib/Kernels/Sample.h"
#include "runtime/native/Process.h"
#include "runtime/native/TemporaryFolder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <filesystem>

namespace adze {

namespace {

constexpr int64_t guard = 32; // bytes around each tensor

int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Where tensors and scratch lie in the arena of the test.
struct Layout {
  std::vector<int64_t> inputs, scratch;
  int64_t output = 0, size = 0;

  Layout(const Problem &problem, const KernelCode &code) {
    int64_t at = guard;
    // Tensors at the least alignment that the kernel is promised.
    auto place = [&](int64_t bytes) {
      int64_t start =
          roundUp(at, 16) + (code.ioAlignment < 16 ? code.ioAlignment : 0);
      at = start + bytes + guard;
      return start;
    };
    std::vector<int64_t> sizes = inputBytes(problem);
    int64_t out = outputBytes(problem);
    inputs.resize(sizes.size());
    if (code.overlap.empty()) {
      for (size_t i = 0; i < sizes.size(); ++i)
        inputs[i] = place(sizes[i]);
      output = place(out);
    } else {
      auto [shared, below] = code.overlap[0];
      int64_t distance = roundUp(below, 16);
      output = place(std::max(out, distance + sizes[size_t(shared)]));
      inputs[size_t(shared)] = output + distance;
      for (size_t i = 0; i < sizes.size(); ++i)
        if (int(i) != shared)
          inputs[i] = place(sizes[i]);
    }
    for (int64_t bytes : code.scratchBytes) {
      scratch.push_back(roundUp(at, 16));
      at = scratch.back() + bytes;
    }
    size = roundUp(at, 16) + guard;
  }
};

std::string constantArrays(const KernelCode &code) {
  std::string text;
  for (size_t i = 0; i < code.constants.size(); ++i) {
    const KernelConstant &constant = code.constants[i];
    int64_t unit = bytesOf(constant.type);
    text += fmt::format(
        "static const {} k{}[{}] __attribute__((aligned(16))) "
        "= {{",
        cTypeOf(constant.type), i,
        std::max<int64_t>(1, int64_t(constant.bytes.size()) / unit));
    for (size_t at = 0; at + size_t(unit) <= constant.bytes.size();
         at += size_t(unit)) {
      uint32_t bits = 0;
      std::memcpy(&bits, constant.bytes.data() + at, size_t(unit));
      int64_t value = unit == 1   ? int64_t(int8_t(bits))
                      : unit == 2 ? int64_t(int16_t(bits))
                                  : int64_t(int32_t(bits));
      text += value == INT32_MIN ? std::string("-2147483647 - 1,")
                                 : fmt::format("{},", value);
      if (at / size_t(unit) % 20 == 19)
        text += '\n';
    }
    text += constant.bytes.empty() ? "0};\n" : "};\n";
  }
  return text;
}

/// The kernel and check_run, which calls it between copies.
std::string source(const Problem &problem, const KernelCode &code) {
  Layout layout(problem, code);
  QuantizedType type = tensorType(problem);
  std::vector<int64_t> sizes = inputBytes(problem);
  std::string text = "#include \"check.h\"\n#include <string.h>\n";
  for (const std::string &header : code.headers) {
    const char *macro = header == "arm_mve.h"        ? "__ARM_FEATURE_MVE"
                        : header == "riscv_vector.h" ? "__riscv_vector"
                                                     : "__ARM_ARCH";
    text += fmt::format("#ifdef {}\n#include <{}>\n#endif\n", macro, header);
  }
  text += constantArrays(code);
  for (const auto &[name, definition] : code.functions)
    text += definition + "\n";
  text += kernelFunction("static __attribute__((noinline)) ", "kernel", type,
                         sizes.size(), code);
  text += R"(
static __attribute__((noinline)) void check_copy(void *to, const void *from, size_t n) {
  volatile unsigned char *d = to;
  const volatile unsigned char *s = from;
  while (n--) *d++ = *s++;
}
static __attribute__((noinline)) void check_fill(void *to, size_t n) {
  volatile unsigned char *d = to;
  while (n--) *d++ = 0xA5;
}
static __attribute__((noinline)) int check_guard(const void *at) {
  const volatile unsigned char *d = at;
  int i, bad = 0;
  for (i = 0; i < 32; ++i) bad |= d[i] != 0xA5;
  return bad;
}
const char *check_status_text(int status) {
  return status == 0 ? "ok" : status == 1 ? "wrote before its output" : "wrote behind its output";
}
size_t check_arena_size(void) { return CHECK_ARENA_SIZE; }
)";
  text += "int check_run(";
  for (size_t i = 0; i < sizes.size(); ++i)
    text += fmt::format("const int8_t *a{}, ", i);
  text += "int8_t *b, void *arena, size_t size) {\n"
          "  char *base = arena;\n  (void)size;\n"
          "  check_fill(base, CHECK_ARENA_SIZE);\n";
  for (size_t i = 0; i < sizes.size(); ++i)
    text += fmt::format("  check_copy(base + {}, a{}, {});\n", layout.inputs[i],
                        i, sizes[i]);
  std::vector<std::string> arguments;
  for (size_t i = 0; i < sizes.size(); ++i)
    arguments.push_back(fmt::format("(const {} *)(const void *)(base + {})",
                                    cTypeOf(type), layout.inputs[i]));
  for (size_t i = 0; i < code.constants.size(); ++i)
    arguments.push_back(fmt::format("k{}", i));
  arguments.push_back(
      fmt::format("({} *)(void *)(base + {})", cTypeOf(type), layout.output));
  for (int64_t offset : layout.scratch)
    arguments.push_back(fmt::format("(int32_t *)(void *)(base + {})", offset));
  int64_t out = outputBytes(problem);
  int64_t end = layout.output + out;
  if (!code.overlap.empty()) { // the input's rest may be left as it was
    size_t shared = size_t(code.overlap[0].first);
    end = std::max(end, layout.inputs[shared] + sizes[shared]);
  }
  text += fmt::format("  kernel({});\n"
                      "  check_copy(b, base + {}, {});\n"
                      "  if (check_guard(base + {})) return 1;\n"
                      "  if (check_guard(base + {})) return 2;\n"
                      "  return 0;\n}}\n",
                      fmt::join(arguments, ", "), layout.output, out,
                      layout.output - guard, end);
  return text;
}

std::string header(const Problem &problem, const KernelCode &code) {
  std::string parameters;
  for (size_t i = 0; i < inputBytes(problem).size(); ++i)
    parameters += fmt::format("const int8_t *a{}, ", i);
  return fmt::format(
      "#ifndef CHECK_H\n#define CHECK_H\n#include <stddef.h>\n"
      "#include <stdint.h>\n#define CHECK_ARENA_SIZE {}\n"
      "size_t check_arena_size(void);\n"
      "const char *check_status_text(int status);\n"
      "int check_run({}int8_t *b, void *arena, size_t size);\n#endif\n",
      Layout(problem, code).size, parameters);
}

std::string metadata(const Problem &problem, const KernelCode &code) {
  std::string inputs;
  std::vector<int64_t> sizes = inputBytes(problem);
  for (size_t i = 0; i < sizes.size(); ++i)
    inputs +=
        fmt::format(R"({}{{"name": "a{}", "type": "int8", "shape": [{}]}})",
                    i ? ", " : "", i, sizes[i]);
  return fmt::format(
      R"({{"name": "check", "arena_bytes": {}, "inputs": [{}], "outputs": [{{"name": "b", "type": "int8", "shape": [{}]}}]}})",
      Layout(problem, code).size, inputs, outputBytes(problem));
}

void compare(const std::vector<char> &expected, const char *found,
             QuantizedType type, CheckResult &result) {
  auto unit = size_t(bytesOf(type));
  size_t wrong = 0;
  for (size_t i = 0; i < expected.size() / unit; ++i) {
    if (std::memcmp(expected.data() + i * unit, found + i * unit, unit) == 0)
      continue;
    if (wrong++ == 0) {
      int32_t want = 0, have = 0;
      std::memcpy(&want, expected.data() + i * unit, unit);
      std::memcpy(&have, found + i * unit, unit);
      if (unit == 1)
        want = int8_t(want), have = int8_t(have);
      else
        want = int16_t(want), have = int16_t(have);
      result.difference =
          fmt::format("element {} is {}, expected {}", i, have, want);
    }
  }
  result.equal = wrong == 0;
  if (wrong)
    result.difference +=
        fmt::format(" ({} of {} wrong)", wrong, expected.size() / unit);
}

/// A program for this machine that calls the kernel with each tensor, and each
/// scratch buffer, in memory of its own and of its exact size.
std::string hostProgram(const Problem &problem, const KernelCode &code) {
  QuantizedType type = tensorType(problem);
  std::vector<int64_t> sizes = inputBytes(problem);
  int64_t out = outputBytes(problem);
  std::string text = "#include \"check.c\"\n#include <stdio.h>\n"
                     "#include <stdlib.h>\nint main(void) {\n  FILE *f;\n";
  std::vector<std::string> arguments, blocks;
  auto block = [&](const std::string &name, int64_t bytes) {
    text += fmt::format("  char *{} = malloc({});\n", name, bytes);
    blocks.push_back(name);
  };
  size_t shared = sizes.size(); // the input that the output overlaps
  int64_t distance = 0;
  if (!code.overlap.empty()) {
    shared = size_t(code.overlap[0].first);
    distance = (code.overlap[0].second + 15) / 16 * 16;
  }
  block("out",
        shared == sizes.size() ? out : std::max(out, distance + sizes[shared]));
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i == shared)
      text += fmt::format("  char *a{} = out + {};\n", i, distance);
    else
      block(fmt::format("a{}", i), sizes[i]);
    text += fmt::format("  f = fopen(\"in{0}\", \"rb\");\n"
                        "  if (!f || fread(a{0}, 1, {1}, f) != {1}) return 9;\n"
                        "  fclose(f);\n",
                        i, sizes[i]);
    arguments.push_back(
        fmt::format("(const {} *)(const void *)a{}", cTypeOf(type), i));
  }
  for (size_t i = 0; i < code.constants.size(); ++i)
    arguments.push_back(fmt::format("k{}", i));
  arguments.push_back(fmt::format("({} *)(void *)out", cTypeOf(type)));
  for (size_t i = 0; i < code.scratchBytes.size(); ++i) {
    block(fmt::format("s{}", i), code.scratchBytes[i]);
    arguments.push_back(fmt::format("(int32_t *)(void *)s{}", i));
  }
  text += fmt::format("  kernel({});\n  f = fopen(\"out\", \"wb\");\n"
                      "  fwrite(out, 1, {}, f);\n",
                      fmt::join(arguments, ", "), out);
  for (const std::string &name : blocks)
    text += fmt::format("  free({});\n", name);
  return text + "  return fclose(f);\n}\n";
}

Status runOnHost(const Problem &problem, const KernelCode &code,
                 const std::string &folder,
                 const std::vector<std::vector<char>> &inputs,
                 const CheckOptions &options, std::vector<char> &output) {
  if (Status status = writeFile(folder + "/main.c", hostProgram(problem, code));
      !status)
    return status;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (Status status = writeFile(fmt::format("{}/in{}", folder, i),
                                  inputs[i].data(), inputs[i].size());
        !status)
      return status;
  std::string compiler = options.compiler;
  if (compiler.find('/') == std::string::npos)
    if (Status status = findTool({compiler.empty() ? "gcc" : compiler},
                                 "check kernels on this machine", compiler);
        !status)
      return status;
  if (Status status =
          runTool({compiler, "-std=c11", "-O1", "-g", "-Wall", "-Wextra",
                   "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror",
                   "-Wno-unused-function", "-Wno-unused-result",
                   "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                   folder + "/main.c", "-o", folder + "/program"},
                  folder, 120, "compiling the kernel for this machine");
      !status)
    return status;
  if (Status status = runTool({folder + "/program"}, folder, 120,
                              "running the kernel on this machine");
      !status)
    return status;
  std::string bytes;
  if (Status status = readFile(folder + "/out", bytes); !status)
    return status;
  output.assign(bytes.begin(), bytes.end());
  return Status::success();
}

Tensor tensorOf(const TensorSpec &spec, const std::vector<char> &bytes) {
  Tensor tensor(spec);
  std::memcpy(tensor.data(), bytes.data(), bytes.size());
  return tensor;
}

} // namespace

Status checkKernel(const Problem &problem, const KernelCode &code,
                   const Machine &machine, const CheckOptions &options,
                   CheckResult &result) {
  result = {};
  for (const KernelConstant &constant : code.constants)
    result.constantBytes += int64_t(constant.bytes.size());
  for (int64_t bytes : code.scratchBytes)
    result.scratchBytes += bytes;
  TemporaryFolder temporary;
  if (Status status = temporary.create(); !status)
    return status;
  std::string folder = options.keep.empty() ? temporary.path() : options.keep;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const auto &[name, text] :
       {std::pair(std::string("check.h"), header(problem, code)),
        std::pair(std::string("check.c"), source(problem, code)),
        std::pair(std::string("check.json"), metadata(problem, code))})
    if (Status status = writeFile(folder + "/" + name, text); !status)
      return status;

  std::vector<std::vector<char>> inputs = sampleInputs(problem, 1);
  std::vector<char> expected = computeReference(problem, inputs);
  if (options.host) {
    std::vector<char> output;
    if (Status status =
            runOnHost(problem, code, folder, inputs, options, output);
        !status)
      return status;
    compare(expected, output.data(), tensorType(problem), result);
    return Status::success();
  }
  Image image;
  ImageOptions imageOptions;
  imageOptions.compiler = options.compiler;
  imageOptions.optimization = options.optimization;
  if (Status status = buildImage(folder, machine, imageOptions, image); !status)
    return status;
  std::vector<Tensor> tensors, outputs;
  for (size_t i = 0; i < inputs.size(); ++i)
    tensors.push_back(tensorOf(image.inputs[i], inputs[i]));
  std::vector<const Tensor *> pointers;
  for (const Tensor &tensor : tensors)
    pointers.push_back(&tensor);
  RunStats stats;
  if (Status status = runImage(image, pointers, outputs, stats); !status)
    return status;
  for (const FunctionStats &function : stats.functions) {
    if (function.name.rfind("check_", 0) == 0)
      continue;
    result.instructions += function.instructions;
    result.loads += function.loadInstructions;
    result.stores += function.storeInstructions;
    result.cycles += function.cycles;
    result.codeBytes += function.codeBytes;
  }
  result.stackBytes = stats.stackBytes;
  compare(expected, outputs[0].data(), tensorType(problem), result);
  return Status::success();
}

} // namespace adze
