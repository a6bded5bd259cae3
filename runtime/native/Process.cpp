//===- Process.cpp - Starting another program -----------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// posix_spawn with a deadline. llvm::sys::ExecuteAndWait is not used, because
/// its time limit is an alarm signal of the whole process, it leaves children
/// of a killed program running (a compiler driver has some), and has no working
/// directory.
///
//===----------------------------------------------------------------------===//

#include "runtime/native/Process.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace adze {
namespace {

constexpr size_t outputLimit = 64 << 10;

/// Which package brings a tool (Debian's names; the first is what setup uses).
constexpr struct {
  const char *tool;
  const char *package;
} packages[] = {
    {"cc", "gcc"},
    {"gcc", "gcc"},
    {"clang", "clang"},
    {"clang-22", "clang-22"},
    {"arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"},
    {"riscv64-unknown-elf-gcc",
     "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"},
    {"qemu-system-arm", "qemu-system-arm"},
    {"qemu-system-riscv32", "qemu-system-misc"},
    {"qemu-system-riscv64", "qemu-system-misc"},
};

/// A file descriptor that is closed at the end of its scope.
class Descriptor {
public:
  explicit Descriptor(int value) : value(value) {}
  Descriptor(const Descriptor &) = delete;
  ~Descriptor() { close(); }
  void close() {
    if (value >= 0)
      ::close(value);
    value = -1;
  }
  int value;
};

using Clock = std::chrono::steady_clock;

int millisecondsUntil(Clock::time_point deadline) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - Clock::now());
  return left.count() < 0 ? 0 : static_cast<int>(left.count()) + 1;
}

/// Reads until the other end is closed (true) or the deadline passes (false).
bool readUntil(int descriptor, Clock::time_point deadline,
               std::string &output) {
  char buffer[4096];
  while (true) {
    pollfd poll = {descriptor, POLLIN, 0};
    int ready = ::poll(&poll, 1, millisecondsUntil(deadline));
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0)
      return false;
    ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return true;
    size_t room = outputLimit - output.size();
    output.append(buffer, std::min(room, static_cast<size_t>(count)));
  }
}

/// Waits for the end of the process; false if the deadline passes first.
bool waitUntil(pid_t child, Clock::time_point deadline, int &status) {
  while (true) {
    pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child)
      return true;
    if (ended < 0 && errno != EINTR)
      return true;
    if (Clock::now() >= deadline)
      return false;
    ::usleep(1000);
  }
}

} // namespace

Status runProcess(const std::vector<std::string> &arguments,
                  const std::string &workingDirectory, double timeoutSeconds,
                  ProcessResult &result) {
  result = {};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Status::failure(
        fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  Descriptor reading(ends[0]), writing(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writing.value, 1);
  posix_spawn_file_actions_adddup2(&actions, writing.value, 2);
  posix_spawn_file_actions_addchdir_np(&actions, workingDirectory.c_str());
  // A group of its own, so that all of it can be killed.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);

  std::vector<char *> argv;
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  int error =
      posix_spawn(&child, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return Status::failure(
        fmt::format("cannot start {}: {}", arguments[0], std::strerror(error)));
  writing.close();

  auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(timeoutSeconds));
  int status = 0;
  bool ended = readUntil(reading.value, deadline, result.output) &&
               waitUntil(child, deadline, status);
  if (!ended) {
    result.timedOut = true;
    ::kill(-child, SIGKILL);
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
      ;
  }
  if (WIFEXITED(status))
    result.exitCode = WEXITSTATUS(status);
  else if (WIFSIGNALED(status))
    result.signal = WTERMSIG(status);
  return Status::success();
}

Status findTool(const std::vector<std::string> &candidates,
                const std::string &purpose, std::string &path) {
  const char *value = std::getenv("PATH");
  std::string searchPath = value ? value : "";
  for (const std::string &tool : candidates) {
    std::istringstream folders(searchPath);
    for (std::string folder; std::getline(folders, folder, ':');) {
      path = (folder.empty() ? "." : folder) + "/" + tool;
      if (::access(path.c_str(), X_OK) == 0)
        return Status::success();
    }
  }
  const std::string &tool = candidates.front();
  std::string package = tool;
  for (const auto &entry : packages)
    if (tool == entry.tool)
      package = entry.package;
  return Status::failure(fmt::format(
      "the program {0} is needed to {1}, and is not on PATH; install it with "
      "'apt-get install {2}' or run tools/setup",
      tool, purpose, package));
}

std::string firstErrorLines(const std::string &output, unsigned limit) {
  std::vector<std::string> lines;
  std::istringstream stream(output);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  size_t start = 0;
  for (size_t i = 0; i < lines.size(); ++i)
    if (lines[i].find("error") != std::string::npos ||
        lines[i].find("undefined") != std::string::npos ||
        lines[i].find("overflowed") != std::string::npos) {
      start = i;
      break;
    }
  std::string text;
  for (size_t i = start; i < lines.size() && i < start + limit; ++i)
    text += "\n  " + lines[i];
  return text;
}

Status runTool(const std::vector<std::string> &arguments,
               const std::string &workingDirectory, double timeoutSeconds,
               const std::string &doing) {
  ProcessResult result;
  if (Status status =
          runProcess(arguments, workingDirectory, timeoutSeconds, result);
      !status)
    return status;
  if (result.exitCode == 0)
    return Status::success();
  std::string tool = arguments[0].substr(arguments[0].rfind('/') + 1);
  if (result.timedOut)
    return Status::failure(
        fmt::format("{} took more than {} s while {}, and was stopped", tool,
                    timeoutSeconds, doing));
  if (result.exitCode < 0)
    return Status::failure(fmt::format("{} was killed by signal {} ({}) while "
                                       "{}{}",
                                       tool, result.signal,
                                       strsignal(result.signal), doing,
                                       firstErrorLines(result.output, 8)));
  return Status::failure(fmt::format("{} failed while {}; it says:{}", tool,
                                     doing, firstErrorLines(result.output, 8)));
}

} // namespace adze
