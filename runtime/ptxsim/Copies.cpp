//===- Copies.cpp - Driver API: device memory -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Driver.h"

#include <cstring>
#include <fmt/format.h>

using namespace adze::ptxsim;
using namespace adze::ptxsim::driver;

namespace {

/// Are these bytes inside one live allocation?
Result checkRange(uint64_t address, size_t bytes, const char *what) {
  State &s = state();
  const Allocation *allocation = s.memory.find(address);
  if (allocation && allocation->live &&
      bytes <= allocation->base + allocation->bytes - address)
    return Success;
  return refuse(InvalidValue,
                fmt::format("{} of {} bytes at {:#x}: {}", what, bytes, address,
                            s.memory.describe(address, bytes)));
}

Result upload(uint64_t to, const void *from, size_t bytes) {
  State &s = state();
  std::memcpy(s.memory.host(to), from, bytes);
  s.memory.markWritten(to, bytes);
  return Success;
}

Result copy(uint64_t to, uint64_t from, size_t bytes) {
  State &s = state();
  std::memmove(s.memory.host(to), s.memory.host(from), bytes);
  // What was never written stays so behind the copy.
  const Allocation *source = s.memory.find(from);
  if (source && source->written)
    s.memory.markWritten(to, bytes);
  else if (const Allocation *target = s.memory.find(to);
           target && !target->written)
    std::memmove(s.memory.marks(to), s.memory.marks(from), bytes);
  return Success;
}

Result copyLater(uint64_t to, uint64_t from, size_t bytes, void *stream) {
  if (!bytes)
    return Success;
  if (Result result = checkRange(to, bytes, "a copy to"))
    return result;
  if (Result result = checkRange(from, bytes, "a copy from"))
    return result;
  return submit(stream, [=] { return copy(to, from, bytes); });
}

Result fill(uint64_t to, unsigned char value, size_t bytes, void *stream) {
  if (!bytes)
    return Success;
  if (Result result = checkRange(to, bytes, "a fill"))
    return result;
  return submit(stream, [=]() -> Result {
    State &s = state();
    std::memset(s.memory.host(to), value, bytes);
    s.memory.markWritten(to, bytes);
    return Success;
  });
}

} // namespace

ADZE_DRIVER_API int cuMemAlloc_v2(uint64_t *pointer, size_t bytes) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  if (!pointer || !bytes)
    return InvalidValue;
  *pointer = s.memory.allocate(bytes, 256);
  if (*pointer)
    return Success;
  return refuse(OutOfMemory, fmt::format("no room for {} bytes", bytes));
}

ADZE_DRIVER_API int cuMemFree_v2(uint64_t pointer) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (!pointer)
    return Success;
  if (s.memory.release(pointer))
    return s.fault;
  return refuse(InvalidValue, fmt::format("cuMemFree of {:#x}: {}", pointer,
                                          s.memory.describe(pointer, 1)));
}

ADZE_DRIVER_API int cuMemcpyHtoD_v2(uint64_t to, const void *from,
                                    size_t bytes) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  if (!bytes)
    return Success;
  if (!from)
    return InvalidValue;
  if (Result result = checkRange(to, bytes, "an upload"))
    return result;
  return upload(to, from, bytes);
}

ADZE_DRIVER_API int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  if (!bytes)
    return Success;
  if (!to)
    return InvalidValue;
  if (Result result = checkRange(from, bytes, "a download"))
    return result;
  std::memcpy(to, s.memory.host(from), bytes);
  return Success;
}

ADZE_DRIVER_API int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  return copyLater(to, from, bytes, nullptr);
}

ADZE_DRIVER_API int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from,
                                         size_t bytes, void *stream) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  if (!bytes)
    return Success;
  if (!from)
    return InvalidValue;
  if (Result result = checkRange(to, bytes, "an upload"))
    return result;
  return submit(stream, [=] { return upload(to, from, bytes); });
}

ADZE_DRIVER_API int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes,
                                         void *stream) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  if (!bytes)
    return Success;
  if (!to)
    return InvalidValue;
  if (Result result = checkRange(from, bytes, "a download"))
    return result;
  return submit(stream, [=]() -> Result {
    std::memcpy(to, state().memory.host(from), bytes);
    return Success;
  });
}

ADZE_DRIVER_API int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from,
                                         size_t bytes, void *stream) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  return copyLater(to, from, bytes, stream);
}

ADZE_DRIVER_API int cuMemsetD8_v2(uint64_t to, unsigned char value,
                                  size_t bytes) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  return fill(to, value, bytes, nullptr);
}

ADZE_DRIVER_API int cuMemsetD8Async(uint64_t to, unsigned char value,
                                    size_t bytes, void *stream) {
  std::lock_guard lock(state().mutex);
  if (Result result = ready())
    return result;
  return fill(to, value, bytes, stream);
}
