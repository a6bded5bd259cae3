//===- Python.cpp - Talking to onnxruntime in a Python process ------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/adze/Python.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

using namespace adze;
using namespace adze::cli;

PythonProcess::~PythonProcess() {
  if (toChild >= 0)
    ::close(toChild); // the script ends when its input does
  if (fromChild >= 0)
    ::close(fromChild);
  if (child > 0) {
    ::kill(child, SIGTERM);
    ::waitpid(child, nullptr, 0);
  }
}

Status PythonProcess::launch(const std::string &python,
                             const std::string &script,
                             const std::vector<std::string> &arguments) {
  int input[2], output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0)
    return Status::failure(
        fmt::format("cannot make a pipe: {}.", std::strerror(errno)));
  std::vector<std::string> words = {python, "-c", script};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char *> argv;
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                   O_WRONLY, 0);
  pid_t pid = -1;
  int error = ::posix_spawnp(&pid, python.c_str(), &actions, nullptr,
                             argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  ::close(output[1]);
  toChild = input[1];
  fromChild = output[0];
  if (error != 0)
    return Status::failure(
        fmt::format("cannot start {}: {}.", python, std::strerror(error)));
  child = pid;
  return Status::success();
}

/// Where a Python may be, most wanted first.
static std::vector<std::string> pythons() {
  std::vector<std::string> result;
  if (const char *chosen = std::getenv("ADZE_PYTHON"))
    return {chosen};
  if (const char *home = std::getenv("HOME")) // made by tools/setup
    result.push_back(std::string(home) + "/.cache/adze/venv/bin/python3");
  result.push_back("python3");
  return result;
}

Status PythonProcess::start(const std::string &script,
                            const std::string &modules,
                            const std::vector<std::string> &arguments) {
  for (const std::string &python : pythons()) {
    PythonProcess probe;
    std::string answer;
    if (probe.launch(python, fmt::format("import {}\nprint('yes')", modules),
                     {}) &&
        probe.exchange("", answer) && answer == "yes")
      return launch(python, script, arguments);
  }
  return Status::failure(fmt::format(
      "no Python with {} was found. Install them ('pip install onnxruntime "
      "onnx numpy'), or name a Python that has them in ADZE_PYTHON.",
      modules));
}

Status PythonProcess::exchange(const std::string &request,
                               std::string &answer) {
  auto gone = [] {
    return Status::failure("onnxruntime's process ended unexpectedly.");
  };
  std::string line = request + "\n";
  if (!request.empty() &&
      ::write(toChild, line.data(), line.size()) != ssize_t(line.size()))
    return gone();
  size_t end;
  while ((end = pending.find('\n')) == std::string::npos) {
    char buffer[4096];
    ssize_t count = ::read(fromChild, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return gone();
    pending.append(buffer, size_t(count));
  }
  answer = pending.substr(0, end);
  pending.erase(0, end + 1);
  // The scripts answer "error ..." with what Python's exception says.
  if (answer.rfind("error ", 0) == 0)
    return Status::failure(
        fmt::format("onnxruntime: {}", answer.substr(std::strlen("error "))));
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Timing
//===----------------------------------------------------------------------===//

/// One thread, all optimisations: onnxruntime at its best on one core.
static const char *const timingScript = R"python(
import sys, time
try:
    import numpy as np, onnxruntime as ort
    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    arrays = np.load(sys.argv[2])
    feed = {i.name: arrays["in/" + i.name] for i in session.get_inputs()}
    session.run(None, feed)
    print("ready", ort.__version__, flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter_ns()
            session.run(None, feed)
            times.append(time.perf_counter_ns() - start)
        print(*times, flush=True)
except Exception as error:
    print("error", " ".join(str(error).split()), flush=True)
)python";

Status OnnxRuntimePeer::start(const std::string &model,
                              const std::string &inputs) {
  Status status =
      process.start(timingScript, "numpy, onnxruntime", {model, inputs});
  if (!status)
    return status;
  std::string answer;
  if (Status status = process.exchange("", answer); !status)
    return status;
  versionText = answer.substr(answer.find(' ') + 1);
  return Status::success();
}

Status OnnxRuntimePeer::time(unsigned count, std::vector<double> &seconds) {
  std::string answer;
  if (Status status = process.exchange(std::to_string(count), answer); !status)
    return status;
  std::istringstream words(answer);
  double nanoseconds;
  while (words >> nanoseconds)
    seconds.push_back(nanoseconds * 1e-9);
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// Without optimisation, so that every value of the file exists. What is no
/// tensor (sequences, optionals) is left out.
static const char *const layerScript = R"python(
import os, sys
try:
    import numpy as np, onnx, onnxruntime as ort
    ort.set_default_logger_severity(4)
    path = sys.argv[1]
    model = onnx.load(path, load_external_data=False)
    have = {o.name for o in model.graph.output}
    for node in model.graph.node:
        for name in node.output:
            if name and name not in have:
                model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
                have.add(name)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    # External data is found from the folder of the model.
    os.chdir(os.path.dirname(os.path.abspath(path)))
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    arrays = np.load(sys.argv[2])
    feed = {i.name: arrays["in/" + i.name] for i in session.get_inputs()}
    names = [o.name for o in session.get_outputs()]
    values = session.run(names, feed)
    np.savez(sys.argv[3], **{"out/" + n: v for n, v in zip(names, values) if isinstance(v, np.ndarray)})
    print("done", flush=True)
except Exception as error:
    print("error", " ".join(str(error).split()), flush=True)
)python";

Status cli::runEveryLayer(const std::string &model, const std::string &inputs,
                          const std::string &outputs) {
  PythonProcess process;
  Status status = process.start(layerScript, "numpy, onnx, onnxruntime",
                                {model, inputs, outputs});
  if (!status)
    return status;
  std::string answer;
  return process.exchange("", answer);
}
