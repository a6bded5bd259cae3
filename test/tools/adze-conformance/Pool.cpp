//===- Pool.cpp - Work in children, some at a time --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Pool.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace adze;
using namespace adze::conformance;
using Clock = std::chrono::steady_clock;

const char *conformance::resultName(Result result) {
  static const char *const names[] = {"pass",  "wrong", "unsupported",
                                      "error", "crash", "timeout"};
  return names[int(result)];
}

namespace {
struct Child {
  size_t index = 0;
  pid_t process = -1;
  int results = -1; // read end of the pipe
  int output = -1;  // what it printed, a file in memory
  std::string received;
  Clock::time_point started;
};
} // namespace

static void writeAll(int descriptor, const std::string &text) {
  for (size_t at = 0; at < text.size();) {
    ssize_t written = ::write(descriptor, text.data() + at, text.size() - at);
    if (written <= 0)
      return;
    at += size_t(written);
  }
}

static Outcome guardedWork(const std::function<Outcome(size_t)> &work,
                           size_t index) {
  try {
    return work(index);
  } catch (const std::exception &error) {
    Outcome outcome;
    outcome.message = std::string("exception: ") + error.what();
    return outcome;
  }
}

[[noreturn]] static void runChild(const std::function<Outcome(size_t)> &work,
                                  const Child &child, int results) {
  // Its own group, so that what it starts can be ended with it.
  ::setpgid(0, 0);
  struct rlimit none = {0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::dup2(child.output, 1);
  ::dup2(child.output, 2);
  Outcome outcome = guardedWork(work, child.index);
  std::string text(1, char('0' + int(outcome.result)));
  text += outcome.message;
  text += '\0';
  text += outcome.payload;
  writeAll(results, text);
  std::fflush(nullptr);
  ::_exit(0);
}

static Child start(size_t index, const std::function<Outcome(size_t)> &work) {
  Child child;
  child.index = index;
  child.output = ::memfd_create("output", MFD_CLOEXEC);
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return child;
  child.started = Clock::now();
  child.process = ::fork();
  if (child.process == 0)
    runChild(work, child, ends[1]);
  ::close(ends[1]);
  child.results = ends[0];
  return child;
}

/// The end of what the child printed: an assertion's text.
static std::string lastOutput(int descriptor) {
  constexpr off_t limit = 1500;
  off_t size = ::lseek(descriptor, 0, SEEK_END);
  off_t from = size > limit ? size - limit : 0;
  std::string text(size_t(size - from), '\0');
  if (::pread(descriptor, text.data(), text.size(), from) < 0)
    text.clear();
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text;
}

static Outcome finish(Child &child, bool timedOut) {
  if (timedOut) {
    ::kill(-child.process, SIGKILL);
    ::kill(child.process, SIGKILL);
  }
  int status = 0;
  ::waitpid(child.process, &status, 0);
  Outcome outcome;
  outcome.seconds =
      std::chrono::duration<double>(Clock::now() - child.started).count();
  if (timedOut) {
    outcome.result = Result::Timeout;
    outcome.message = "it was ended after the time limit";
  } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
             child.received.empty()) {
    outcome.result = Result::Crash;
    outcome.message = WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status))
                                          : "it ended without a result";
    std::string output = lastOutput(child.output);
    if (!output.empty())
      outcome.message += ": " + output;
  } else {
    outcome.result = Result(child.received[0] - '0');
    size_t end = child.received.find('\0');
    outcome.message = child.received.substr(1, end - 1);
    outcome.payload = child.received.substr(end + 1);
  }
  ::close(child.results);
  ::close(child.output);
  return outcome;
}

/// Reads what is there; false at the end.
static bool receive(Child &child) {
  char buffer[1 << 16];
  ssize_t count = ::read(child.results, buffer, sizeof buffer);
  if (count <= 0)
    return false;
  child.received.append(buffer, size_t(count));
  return true;
}

void conformance::runPool(size_t count, const PoolOptions &options,
                          const std::function<Outcome(size_t)> &work,
                          const std::function<void(size_t, Outcome)> &done) {
  if (options.inProcess) {
    for (size_t index = 0; index < count; ++index)
      done(index, guardedWork(work, index));
    return;
  }
  std::vector<Child> children;
  size_t next = 0;
  while (next < count || !children.empty()) {
    while (next < count && children.size() < options.jobs)
      children.push_back(start(next++, work));
    std::vector<pollfd> waits;
    for (const Child &child : children)
      waits.push_back({child.results, POLLIN, 0});
    ::poll(waits.data(), waits.size(), 200);
    for (size_t i = children.size(); i-- > 0;) {
      Child &child = children[i];
      bool ended = waits[i].revents != 0 && !receive(child);
      double seconds =
          std::chrono::duration<double>(Clock::now() - child.started).count();
      bool timedOut = !ended && seconds > options.timeoutSeconds;
      if (!ended && !timedOut)
        continue;
      Outcome outcome = finish(child, timedOut);
      size_t index = child.index;
      children.erase(children.begin() + long(i));
      done(index, std::move(outcome));
    }
  }
}
