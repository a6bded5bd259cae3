//===- Criterion.cpp - What makes a candidate interesting -----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The parent has one thread and no state of the compiler that a child could
/// spoil, so a child is a plain fork that calls the compiler and reports
/// through a pipe.
///
//===----------------------------------------------------------------------===//

#include "tools/adze-reduce/Criterion.h"

#include "adze/Compare.h"
#include "adze/Driver.h"
#include "tools/adze/ModelRun.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace adze;
using namespace adze::reduce;

//===----------------------------------------------------------------------===//
// In the child
//===----------------------------------------------------------------------===//

/// What `adze compile` would say. The artifact goes beside the candidate, where
/// it is cleared away even if the compiler dies.
static Status compileAll(const std::string &path,
                         const CompileOptions &options) {
  CompiledModel compiled;
  if (Status status = compileModel(path, options, compiled); !status)
    return status;
  std::vector<WrittenFile> files;
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return writeArtifact(compiled, (folder / "artifact").string(), files);
}

/// Compiles, loads and runs with made-up inputs.
static Status execute(const std::string &path, const CompileOptions &options,
                      unsigned seed, std::vector<Tensor> &results) {
  CompiledModel compiled;
  if (Status status = compileModel(path, options, compiled); !status)
    return status;
  std::unique_ptr<Executable> executable;
  if (Status status = loadExecutable(compiled, executable); !status)
    return status;
  std::vector<Tensor> inputs = cli::randomInputs(executable->inputs(), seed);
  return executable->run(cli::pointersTo(inputs), results);
}

namespace {
/// What a child reports: one character and a message.
enum class Verdict : char { Pass = 'p', Message = 'm', Mismatch = 'x' };
} // namespace

static Verdict compareLevels(const std::string &path, CompileOptions options,
                             unsigned seed, std::string &text) {
  CompileOptions plain = options;
  plain.target = "host";
  plain.optLevel = 0;
  std::vector<Tensor> want, got;
  Status status = execute(path, plain, seed, want);
  if (status)
    status = execute(path, options, seed, got);
  if (!status || got.size() != want.size()) {
    text = status.message;
    return Verdict::Message;
  }
  for (size_t i = 0; i < got.size(); ++i) {
    Comparison comparison =
        compareTensors(got[i], want[i], defaultTolerance(want[i].spec.type));
    if (!comparison.passed) {
      text =
          fmt::format("output '{}': {}", want[i].spec.name, comparison.reason);
      return Verdict::Mismatch;
    }
  }
  return Verdict::Pass;
}

static Verdict judge(const std::string &path, const CriterionOptions &options,
                     std::string &text) {
  CompileOptions compile;
  compile.target = options.target;
  compile.optLevel = options.optLevel;
  try {
    if (options.fault == Fault::Mismatch)
      return compareLevels(path, compile, options.seed, text);
    text = compileAll(path, compile).message;
  } catch (const std::exception &error) {
    text = error.what();
  }
  return text.empty() ? Verdict::Pass : Verdict::Message;
}

static void silence() {
  int null = open("/dev/null", O_RDWR);
  for (int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    dup2(null, descriptor);
}

[[noreturn]] static void runChild(const std::string &path,
                                  const CriterionOptions &options, int pipe) {
  setpgid(0, 0); // what it starts is killed with it
  silence();
  if (options.fault == Fault::Script) {
    execl(options.script.c_str(), options.script.c_str(), path.c_str(),
          static_cast<char *>(nullptr));
    _exit(127);
  }
  // Signals that somebody has arranged to handle are crashes here.
  for (int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP})
    std::signal(signal, SIG_DFL);
  std::string text;
  char verdict = char(judge(path, options, text));
  // Less than a pipe holds, so that this never waits for the parent.
  std::string report = verdict + text.substr(0, 32 << 10);
  ssize_t written = write(pipe, report.data(), report.size());
  _exit(written == ssize_t(report.size()) ? 0 : 1);
}

//===----------------------------------------------------------------------===//
// In the parent
//===----------------------------------------------------------------------===//

namespace {
struct Ending {
  bool timedOut = false;
  int status = 0; // of waitpid
  std::string report;
};
} // namespace

static Ending await(pid_t child, int pipe, double seconds) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(seconds));
  Ending ending;
  char buffer[4096];
  pollfd wait = {pipe, POLLIN, 0};
  bool open = true;
  for (useconds_t pause = 1000;;
       pause = std::min<useconds_t>(2 * pause, 20000)) {
    if (open && poll(&wait, 1, 0) > 0) {
      ssize_t size = read(pipe, buffer, sizeof buffer);
      if (size > 0)
        ending.report.append(buffer, size_t(size));
      else
        open = false;
      pause = 1000;
      if (open)
        continue;
    }
    if (waitpid(child, &ending.status, WNOHANG) == child)
      break;
    if (Clock::now() > deadline) {
      ending.timedOut = true;
      kill(-child, SIGKILL);
      kill(child, SIGKILL);
      waitpid(child, &ending.status, 0);
      break;
    }
    usleep(pause);
  }
  // What was written between the last look and the end.
  while (open && poll(&wait, 1, 0) > 0) {
    ssize_t size = read(pipe, buffer, sizeof buffer);
    if (size <= 0)
      break;
    ending.report.append(buffer, size_t(size));
  }
  return ending;
}

bool Criterion::holds(const std::string &path) {
  ++count;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    lastOutcome = fmt::format("it could not be tried: {}", strerror(errno));
    return false;
  }
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    runChild(path, options, ends[1]);
  }
  close(ends[1]);
  Ending ending;
  if (child > 0)
    ending = await(child, ends[0], options.timeLimit);
  close(ends[0]);
  if (child < 0) {
    lastOutcome = fmt::format("it could not be tried: {}", strerror(errno));
    return false;
  }
  if (ending.timedOut) {
    lastOutcome =
        fmt::format("it took longer than {} seconds", options.timeLimit);
    return false;
  }
  if (WIFSIGNALED(ending.status)) {
    int signal = WTERMSIG(ending.status);
    lastOutcome =
        fmt::format("it was killed by a signal ({})", strsignal(signal));
    if (options.fault != Fault::Crash || signal == SIGKILL ||
        (crashSignal != 0 && signal != crashSignal))
      return false;
    crashSignal = signal;
    return true;
  }
  int code = WEXITSTATUS(ending.status);
  if (options.fault == Fault::Script) {
    lastOutcome = fmt::format("the script exits with {}", code);
    return code == 0;
  }
  if (code != 0 || ending.report.empty()) {
    lastOutcome = fmt::format("the compiler exits with {}", code);
    return false;
  }
  std::string text = ending.report.substr(1);
  switch (Verdict(ending.report[0])) {
  case Verdict::Pass:
    lastOutcome = options.fault == Fault::Mismatch
                      ? "it compiles, and the results agree"
                      : "it compiles";
    return false;
  case Verdict::Mismatch:
    lastOutcome = "the results differ: " + text;
    return options.fault == Fault::Mismatch;
  case Verdict::Message:
    lastOutcome = "compiling fails with: " + text;
    return options.fault == Fault::Message &&
           text.find(options.message) != std::string::npos;
  }
  return false;
}
