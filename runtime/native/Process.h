//===- Process.h - Starting another program ---------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_NATIVE_PROCESS_H
#define ADZE_RUNTIME_NATIVE_PROCESS_H

#include "adze/Compiler.h"

#include <string>
#include <vector>

namespace adze {

struct ProcessResult {
  int exitCode = -1; // -1: ended by `signal`
  int signal = 0;
  bool timedOut = false;
  std::string output; // stdout and stderr together, the first 64 KiB
};

/// Runs `arguments[0]` (a path) in the folder `workingDirectory` with an empty
/// standard input, and waits. After the time limit, the program and everything
/// it started is killed. Fails only if the program can't be started: how it
/// ended is in the result. Safe to call from several threads.
Status runProcess(const std::vector<std::string> &arguments,
                  const std::string &workingDirectory, double timeoutSeconds,
                  ProcessResult &result);

/// The first of the programs that is on PATH. If there is none, the message
/// says which package of Debian brings the first one; `purpose` completes the
/// sentence "... is needed to <purpose>".
Status findTool(const std::vector<std::string> &candidates,
                const std::string &purpose, std::string &path);

/// Runs a compiler or linker: success if it exits with 0, else a message that
/// names the tool, what it was doing, and its first error lines.
Status runTool(const std::vector<std::string> &arguments,
               const std::string &workingDirectory, double timeoutSeconds,
               const std::string &doing);

/// The lines of a tool's output that say what is wrong (at most `limit`): from
/// the first line with "error" or "undefined" on, or the first ones.
std::string firstErrorLines(const std::string &output, unsigned limit);

} // namespace adze

#endif
