//===- Streams.cpp - Driver API: streams, events, graphs -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A capture keeps one list of work in the order of submission, which is an
// order that all its streams and events allow. Clocks tell whether a stream's
// work has been joined to the capture's first stream when it ends.
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Driver.h"

#include <algorithm>

using namespace adze::ptxsim;
using namespace adze::ptxsim::driver;

namespace adze::ptxsim::driver {

Stream *streamOf(void *handle) {
  State &s = state();
  // 1 and 2 name the legacy and the per-thread default stream.
  if (reinterpret_cast<uintptr_t>(handle) <= 2)
    return &s.defaultStream;
  return lookUp(s.streams, handle);
}

Result submit(void *handle, std::function<Result()> work) {
  Stream *stream = streamOf(handle);
  if (!stream)
    return refuse(InvalidHandle, "work for something that is no stream");
  if (stream->capture) {
    ++stream->clock[stream];
    stream->capture->work.push_back(std::move(work));
    return Success;
  }
  return work();
}

} // namespace adze::ptxsim::driver

namespace {

void join(Clock &clock, const Clock &other) {
  for (auto [stream, position] : other) {
    uint64_t &own = clock[stream];
    own = std::max(own, position);
  }
}

void leaveCapture(Capture &capture) {
  for (Stream *stream : capture.streams) {
    stream->clock.clear();
    stream->capture.reset();
  }
}

} // namespace

ADZE_DRIVER_API int cuStreamCreate(void **stream, unsigned flags) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  if (!stream || flags > 1)
    return InvalidValue;
  auto made = std::make_unique<Stream>();
  *stream = made.get();
  s.streams[made.get()] = std::move(made);
  return Success;
}

ADZE_DRIVER_API int cuStreamDestroy_v2(void *handle) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  Stream *stream = lookUp(s.streams, handle);
  if (!stream)
    return InvalidHandle;
  if (auto capture = stream->capture) // ends with one of its streams
    leaveCapture(*capture);
  s.streams.erase(handle);
  return Success;
}

ADZE_DRIVER_API int cuStreamSynchronize(void *handle) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  Stream *stream = streamOf(handle);
  if (!stream)
    return InvalidHandle;
  return stream->capture ? CaptureUnsupported : Success;
}

ADZE_DRIVER_API int cuStreamWaitEvent(void *streamHandle, void *eventHandle,
                                      unsigned flags) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Stream *stream = streamOf(streamHandle);
  Event *event = lookUp(s.events, eventHandle);
  if (!stream || !event)
    return InvalidHandle;
  if (flags > 1)
    return InvalidValue;
  if (!event->capture) {
    // Work done before: nothing is left to wait for.
    return stream->capture && event->recorded
               ? refuse(CaptureIsolation, "a stream that is being captured "
                                          "waits for an event of work that "
                                          "is not")
               : Success;
  }
  if (!stream->capture) {
    if (event->capture->streams.empty())
      return Success; // of a capture that has ended
    stream->capture = event->capture;
    stream->capture->streams.push_back(stream);
  } else if (stream->capture != event->capture) {
    return refuse(CaptureIsolation, "an event of another capture");
  }
  join(stream->clock, event->clock);
  return Success;
}

ADZE_DRIVER_API int cuStreamBeginCapture_v2(void *handle, int mode) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  Stream *stream = streamOf(handle);
  if (!stream)
    return InvalidHandle;
  if (mode < 0 || mode > 2)
    return InvalidValue;
  if (stream == &state().defaultStream)
    return refuse(CaptureUnsupported, "the default stream cannot be captured");
  if (stream->capture)
    return refuse(InvalidValue, "the stream is already being captured");
  stream->capture = std::make_shared<Capture>();
  stream->capture->origin = stream;
  stream->capture->streams.push_back(stream);
  return Success;
}

ADZE_DRIVER_API int cuStreamEndCapture(void *handle, void **graph) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Stream *stream = streamOf(handle);
  if (!stream || !graph)
    return stream ? InvalidValue : InvalidHandle;
  std::shared_ptr<Capture> capture = stream->capture;
  if (!capture)
    return refuse(InvalidValue, "the stream is not being captured");
  if (capture->origin != stream)
    return refuse(CaptureUnmatched,
                  "a capture ends on the stream on which it began");
  bool joined = true;
  for (Stream *other : capture->streams)
    joined &= other == stream || stream->clock[other] >= other->clock[other];
  leaveCapture(*capture);
  capture->streams.clear();
  *graph = nullptr;
  if (!joined)
    return refuse(CaptureUnjoined, "a captured stream has work that its "
                                   "capture's first stream does not wait "
                                   "for");
  auto made = std::make_unique<Graph>();
  made->work = std::move(capture->work);
  *graph = made.get();
  s.graphs[made.get()] = std::move(made);
  return Success;
}

ADZE_DRIVER_API int cuGraphInstantiateWithFlags(void **executable, void *handle,
                                                unsigned long long flags) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Graph *graph = lookUp(s.graphs, handle);
  if (!graph)
    return InvalidHandle;
  (void)flags;
  if (!executable)
    return InvalidValue;
  auto made = std::make_unique<Graph>(*graph);
  *executable = made.get();
  s.executables[made.get()] = std::move(made);
  return Success;
}

ADZE_DRIVER_API int cuGraphLaunch(void *executable, void *stream) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Graph *graph = lookUp(s.executables, executable);
  if (!graph)
    return InvalidHandle;
  return submit(stream, [work = graph->work]() -> Result {
    for (const auto &one : work)
      if (Result result = one())
        return result;
    return Success;
  });
}

ADZE_DRIVER_API int cuGraphExecDestroy(void *executable) {
  std::lock_guard lock(state().mutex);
  return state().executables.erase(executable) ? Success : InvalidHandle;
}

ADZE_DRIVER_API int cuGraphDestroy(void *graph) {
  std::lock_guard lock(state().mutex);
  return state().graphs.erase(graph) ? Success : InvalidHandle;
}

ADZE_DRIVER_API int cuEventCreate(void **event, unsigned flags) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  if (!event || flags > 7)
    return InvalidValue;
  auto made = std::make_unique<Event>();
  *event = made.get();
  s.events[made.get()] = std::move(made);
  return Success;
}

ADZE_DRIVER_API int cuEventRecord(void *eventHandle, void *streamHandle) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Event *event = lookUp(s.events, eventHandle);
  Stream *stream = streamOf(streamHandle);
  if (!event || !stream)
    return InvalidHandle;
  event->recorded = true;
  event->time = std::chrono::steady_clock::now();
  event->capture = stream->capture;
  event->clock = stream->clock;
  return Success;
}

ADZE_DRIVER_API int cuEventSynchronize(void *handle) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Event *event = lookUp(s.events, handle);
  if (!event)
    return InvalidHandle;
  return event->capture ? CaptureUnsupported : Success;
}

/// Milliseconds of this machine between two records.
ADZE_DRIVER_API int cuEventElapsedTime(float *milliseconds, void *first,
                                       void *last) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Event *a = lookUp(s.events, first), *b = lookUp(s.events, last);
  if (!a || !b || !a->recorded || !b->recorded)
    return InvalidHandle;
  if (!milliseconds)
    return InvalidValue;
  *milliseconds =
      std::chrono::duration<float, std::milli>(b->time - a->time).count();
  return Success;
}

ADZE_DRIVER_API int cuEventDestroy_v2(void *event) {
  std::lock_guard lock(state().mutex);
  return state().events.erase(event) ? Success : InvalidHandle;
}
