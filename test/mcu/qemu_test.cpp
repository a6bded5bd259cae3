//===- qemu_test.cpp - Images on every emulated machine -------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Machine.h"
#include "adze/Native.h"
#include "adze/Qemu.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

using namespace adze;

namespace {

std::string fixture(const std::string &name) {
  return std::string(ADZE_MCU_FIXTURES) + "/" + name;
}

/// The artifact `dense`: y = relu(W x + b) of x = (1, 2, 3, 4).
Tensor denseInput() {
  Tensor x({"x", ElementType::Float32, {1, 4}});
  const float values[] = {1, 2, 3, 4};
  std::memcpy(x.data(), values, sizeof values);
  return x;
}

void expectDenseOutputs(std::vector<Tensor> &outputs) {
  ASSERT_EQ(outputs.size(), 2u);
  const float expected[] = {30.25f, 0.0f, 7.0f};
  float found[3];
  ASSERT_EQ(outputs[0].storage.size(), sizeof found);
  std::memcpy(found, outputs[0].data(), sizeof found);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(found[i], expected[i]) << i;
  int32_t index = -1;
  std::memcpy(&index, outputs[1].data(), sizeof index);
  EXPECT_EQ(index, 0);
}

/// The artifact `scale`: y = (2, -1, 0.5, 10) * x, weights in a file.
void expectScale(Executable &executable) {
  Tensor x({"x", ElementType::Float32, {4}});
  for (int i = 0; i < 4; ++i)
    x.set(i, i + 1);
  std::vector<Tensor> outputs;
  Status status = executable.run({&x}, outputs);
  ASSERT_TRUE(status) << status.message;
  const double expected[] = {2, -2, 1.5, 40};
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(outputs[0].get(i), expected[i]) << i;
}

Tensor crashWay(int32_t way) {
  Tensor tensor({"way", ElementType::Int32, {1}});
  std::memcpy(tensor.data(), &way, sizeof way);
  return tensor;
}

/// The message with which the artifact `crash` fails.
std::string crashMessage(const Image &image, int32_t way,
                         double timeoutSeconds = 60) {
  Tensor input = crashWay(way);
  std::vector<Tensor> outputs;
  RunStats stats;
  RunOptions options;
  options.timeoutSeconds = timeoutSeconds;
  return runImage(image, {&input}, outputs, stats, options).message;
}

#define EXPECT_CONTAINS(text, part)                                            \
  EXPECT_NE((text).find(part), std::string::npos) << (text)

/// A machine and one of its compilers.
struct Case {
  std::string machine, compiler;
};

void PrintTo(const Case &value, std::ostream *out) {
  *out << value.compiler << " for " << value.machine;
}

std::vector<Case> allCases() {
  std::vector<Case> cases;
  for (const Machine &machine : allMachines())
    if (machine.isEmulated())
      for (const MachineCompiler &compiler : machine.compilers)
        cases.push_back({machine.name, compiler.name});
  return cases;
}

std::string caseName(const testing::TestParamInfo<Case> &info) {
  std::string name = info.param.machine + "_" + info.param.compiler;
  for (char &c : name)
    if (c == '-')
      c = '_';
  return name;
}

class EveryMachine : public testing::TestWithParam<Case> {
protected:
  Status build(const std::string &name, Image &image,
               ImageOptions options = {}) {
    options.compiler = GetParam().compiler;
    return buildImage(fixture(name), *findMachine(GetParam().machine), options,
                      image);
  }
};

} // namespace

TEST_P(EveryMachine, RunsADenseLayerAndCountsItAlikeTwice) {
  Image image;
  Status status = build("dense", image);
  ASSERT_TRUE(status) << status.message;
  Tensor x = denseInput();
  std::vector<Tensor> outputs;
  RunStats first, second;
  status = runImage(image, {&x}, outputs, first);
  ASSERT_TRUE(status) << status.message;
  expectDenseOutputs(outputs);
  status = runImage(image, {&x}, outputs, second);
  ASSERT_TRUE(status) << status.message;

  EXPECT_GT(first.total.instructions, 50u);
  EXPECT_EQ(first.total.instructions, second.total.instructions);
  EXPECT_EQ(first.total.loadInstructions, second.total.loadInstructions);
  EXPECT_EQ(first.total.loadBytes, second.total.loadBytes);
  EXPECT_EQ(first.total.storeBytes, second.total.storeBytes);
  EXPECT_EQ(first.total.cycles, second.total.cycles);
  EXPECT_EQ(first.stackBytes, second.stackBytes);
  // The entry and its three kernels, called once each, in order.
  std::vector<std::string> kernels;
  for (const FunctionStats &function : first.functions)
    if (function.name.rfind("k_", 0) == 0) {
      kernels.push_back(function.name);
      EXPECT_EQ(function.calls, 1u) << function.name;
    }
  EXPECT_EQ(kernels,
            (std::vector<std::string>{"k_dense", "k_relu", "k_argmax"}));
  EXPECT_EQ(first.functions.front().name, "dense_run");
  // 12 weights, 4 inputs, 3 biases at least.
  EXPECT_GE(first.total.loadBytes, 4u * (12 + 4 + 3));
  EXPECT_GE(first.memory.constants, 4u * (12 + 3));
  EXPECT_EQ(first.memory.arena, 32u);
  EXPECT_EQ(first.total.cycles > 0,
            !findMachine(GetParam().machine)->cycles.source.empty());
}

TEST_P(EveryMachine, ReportsAFaultWithItsFunction) {
  Image image;
  ImageOptions options;
  options.stackBytes = 2048;
  Status status = build("crash", image, options);
  ASSERT_TRUE(status) << status.message;
  std::string trap = crashMessage(image, 5);
  EXPECT_CONTAINS(trap, "faulted");
  EXPECT_CONTAINS(trap, "in function k_trap");
  EXPECT_CONTAINS(trap, "return address");
  EXPECT_CONTAINS(crashMessage(image, 2), "the stack of 2048 bytes overflowed");
  EXPECT_EQ(crashMessage(image, 0), "");
}

TEST_P(EveryMachine, TakesWeightsFromAFile) {
  Image image;
  Status status = build("scale", image);
  ASSERT_TRUE(status) << status.message;
  EXPECT_GE(image.memory.constants, 16u);
  std::unique_ptr<Executable> executable;
  ImageOptions options;
  options.compiler = GetParam().compiler;
  status = makeQemuExecutable(
      fixture("scale"), *findMachine(GetParam().machine), executable, options);
  ASSERT_TRUE(status) << status.message;
  expectScale(*executable);
}

INSTANTIATE_TEST_SUITE_P(Qemu, EveryMachine, testing::ValuesIn(allCases()),
                         caseName);

TEST(Qemu, ReportsFaultStatusAndTimeOutAndLeavesNoFiles) {
  std::filesystem::path parent =
      std::filesystem::temp_directory_path() / "adze-mcu-test";
  std::filesystem::create_directory(parent);
  const char *variable = std::getenv("TMPDIR");
  std::string saved = variable ? variable : "";
  setenv("TMPDIR", parent.c_str(), 1);
  {
    Image image;
    Status status =
        buildImage(fixture("crash"), *findMachine("cortex-m4"), {}, image);
    ASSERT_TRUE(status) << status.message;
    std::string wild = crashMessage(image, 1);
    EXPECT_CONTAINS(wild, "access to an address without memory");
    EXPECT_CONTAINS(wild, "in function k_wild_load");
    EXPECT_CONTAINS(wild, "the address accessed is 0xa0000000");
    EXPECT_CONTAINS(crashMessage(image, 4),
                    "crash_run returned status 7: asked to fail");
    EXPECT_CONTAINS(crashMessage(image, 3, 2), "stopped after 2 s");
  }
  EXPECT_TRUE(std::filesystem::is_empty(parent));
  if (variable)
    setenv("TMPDIR", saved.c_str(), 1);
  else
    unsetenv("TMPDIR");
  std::filesystem::remove_all(parent);
}

TEST(Qemu, PaintAndPluginAgreeOnTheStack) {
  Image image;
  ASSERT_TRUE(
      buildImage(fixture("dense"), *findMachine("cortex-m4"), {}, image));
  Tensor x = denseInput();
  std::vector<Tensor> outputs;
  RunStats counted, painted;
  RunOptions uncounted;
  uncounted.count = false;
  ASSERT_TRUE(runImage(image, {&x}, outputs, counted));
  ASSERT_TRUE(runImage(image, {&x}, outputs, painted, uncounted));
  EXPECT_EQ(counted.stackBytes, painted.stackBytes);
  EXPECT_GT(counted.stackBytes, 0u);
  EXPECT_LT(counted.stackBytes, 256u);
  EXPECT_TRUE(painted.functions.empty());
}

TEST(Qemu, RefusesWrongInputsAndUnknownCompilers) {
  Image image;
  const Machine &machine = *findMachine("cortex-m4");
  ImageOptions options;
  options.compiler = "icc";
  EXPECT_CONTAINS(buildImage(fixture("dense"), machine, options, image).message,
                  "its compilers are: gcc, clang");
  EXPECT_CONTAINS(
      buildImage(fixture("dense"), *findMachine("host"), {}, image).message,
      "machine 'host' is not emulated");
  EXPECT_CONTAINS(buildImage(fixture(""), machine, {}, image).message,
                  "no artifact of adze");
  ASSERT_TRUE(buildImage(fixture("dense"), machine, {}, image));
  Tensor wrong({"x", ElementType::Float32, {4}});
  std::vector<Tensor> outputs;
  RunStats stats;
  EXPECT_CONTAINS(runImage(image, {&wrong}, outputs, stats).message,
                  "input 'x' of model 'dense' is float32[1,4], and was given "
                  "float32[4]");
}

TEST(Qemu, SaysWhichPackageBringsAMissingTool) {
  std::string saved = std::getenv("PATH");
  setenv("PATH", "/nonexistent", 1);
  Image image;
  std::string message =
      buildImage(fixture("dense"), *findMachine("cortex-m4"), {}, image)
          .message;
  setenv("PATH", saved.c_str(), 1);
  EXPECT_CONTAINS(message, "apt-get install gcc-arm-none-eabi "
                           "libnewlib-arm-none-eabi");
}

TEST(Qemu, NamesTheToolThatFailsWithItsFirstErrors) {
  Image image;
  ImageOptions options;
  options.flags = {"-include", "missing_header.h"};
  std::string message =
      buildImage(fixture("dense"), *findMachine("cortex-m4"), options, image)
          .message;
  EXPECT_CONTAINS(message, "arm-none-eabi-gcc failed while compiling");
  EXPECT_CONTAINS(message, "missing_header.h");
}

TEST(Qemu, RunsAsAnExecutable) {
  std::unique_ptr<Executable> executable;
  Status status = makeQemuExecutable(fixture("dense"),
                                     *findMachine("cortex-m4"), executable);
  ASSERT_TRUE(status) << status.message;
  Tensor x = denseInput();
  std::vector<Tensor> outputs;
  status = executable->run({&x}, outputs);
  ASSERT_TRUE(status) << status.message;
  expectDenseOutputs(outputs);
}

TEST(Native, RunsAsAnExecutableWithEveryCompiler) {
  for (const MachineCompiler &compiler : findMachine("c")->compilers) {
    NativeOptions options;
    options.compiler = compiler.name;
    std::unique_ptr<Executable> executable;
    Status status = makeNativeExecutable(fixture("dense"), executable, options);
    ASSERT_TRUE(status) << status.message;
    ASSERT_EQ(executable->inputs().size(), 1u);
    EXPECT_EQ(executable->outputs()[1].name, "argmax");
    Tensor x = denseInput();
    std::vector<Tensor> outputs;
    status = executable->run({&x}, outputs);
    ASSERT_TRUE(status) << status.message;
    expectDenseOutputs(outputs);
  }
}

TEST(Native, TakesWeightsFromAFile) {
  std::unique_ptr<Executable> executable;
  Status status = makeNativeExecutable(fixture("scale"), executable);
  ASSERT_TRUE(status) << status.message;
  expectScale(*executable);
}

TEST(Native, ReportsStatusAndWrongInputs) {
  std::unique_ptr<Executable> executable;
  Status status = makeNativeExecutable(fixture("crash"), executable);
  ASSERT_TRUE(status) << status.message;
  Tensor way = crashWay(4);
  std::vector<Tensor> outputs;
  EXPECT_CONTAINS(executable->run({&way}, outputs).message,
                  "crash_run returned status 7: asked to fail");
  EXPECT_CONTAINS(executable->run({}, outputs).message,
                  "model 'crash' takes 1 inputs, not 0");
}
