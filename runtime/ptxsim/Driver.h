//===- Driver.h - What the driver API keeps between calls -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One device, one context. Work is done when it is submitted, which respects
// every order that streams and events ask for; a stream that is being captured
// keeps its work for the graph instead.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_DRIVER_H
#define ADZE_RUNTIME_PTXSIM_DRIVER_H

#include "runtime/ptxsim/Memory.h"
#include "runtime/ptxsim/Module.h"
#include "runtime/ptxsim/State.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#define ADZE_DRIVER_API extern "C" [[gnu::visibility("default")]]

namespace adze::ptxsim::driver {

/// CUresult, with CUDA's values.
enum Result : int {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  InvalidDevice = 101,
  InvalidContext = 201,
  NoBinaryForGpu = 209,
  InvalidPtx = 218,
  InvalidHandle = 400,
  NotFound = 500,
  IllegalAddress = 700,
  LaunchOutOfResources = 701,
  LaunchTimeout = 702,
  IllegalInstruction = 715,
  MisalignedAddress = 716,
  LaunchFailed = 719,
  CaptureUnsupported = 900,
  CaptureInvalidated = 901,
  CaptureUnmatched = 903,
  CaptureUnjoined = 904,
  CaptureIsolation = 905,
};

/// A row of the table of chips; sizes in bytes.
struct Chip {
  const char *name;
  unsigned capability; ///< 90
  unsigned sms;
  unsigned sharedPerBlock, sharedPerSm;
  unsigned threadsPerSm, blocksPerSm;
  unsigned registersPerSm;
};

struct Module;

struct Function {
  Module *module = nullptr;
  std::unique_ptr<Program> program;
  unsigned maxDynamicShared = 0;
  bool nonPortableCluster = false;
};

struct Module {
  SourceModule source;
  std::vector<std::unique_ptr<Function>> functions;
};

/// Positions in the streams of a capture.
using Clock = std::map<const void *, uint64_t>;

struct Stream;

/// What streams record while they are captured.
struct Capture {
  Stream *origin = nullptr;
  std::vector<std::function<Result()>> work;
  std::vector<Stream *> streams;
};

struct Stream {
  std::shared_ptr<Capture> capture;
  Clock clock;
};

struct Event {
  bool recorded = false;
  std::chrono::steady_clock::time_point time;
  std::shared_ptr<Capture> capture; ///< recorded in it
  Clock clock;
};

struct Graph {
  std::vector<std::function<Result()>> work;
};

struct State {
  std::recursive_mutex mutex;
  bool initialized = false;
  Memory memory;
  const Chip *chip = nullptr;
  Stream defaultStream;
  std::map<void *, std::unique_ptr<Module>> modules;
  std::map<void *, Function *> functions;
  std::map<void *, std::unique_ptr<Stream>> streams;
  std::map<void *, std::unique_ptr<Event>> events;
  std::map<void *, std::unique_ptr<Graph>> graphs, executables;
  /// A fault: every call returns it until its module is unloaded.
  Result fault = Success;
  Module *faultModule = nullptr;
  std::string report;
  uint64_t launches = 0;
  unsigned retained = 0;
};

State &state();

/// The context that every thread may have as its current one.
void *contextHandle();
void *&currentContext();

/// Start of an entry point: the fault, or what is missing, or Success.
Result ready();
/// Remembers `text` as the last report; returns `result`.
Result refuse(Result result, const std::string &text);
/// The stream of a handle (null and 1, 2: the default one), or null.
Stream *streamOf(void *handle);
/// Does `work` now, or keeps it if the stream is being captured.
Result submit(void *stream, std::function<Result()> work);

template <typename Map> auto *lookUp(Map &map, void *handle) {
  auto it = map.find(handle);
  using Pointer = decltype(it->second.get());
  return it == map.end() ? Pointer(nullptr) : it->second.get();
}

} // namespace adze::ptxsim::driver

#endif // ADZE_RUNTIME_PTXSIM_DRIVER_H
