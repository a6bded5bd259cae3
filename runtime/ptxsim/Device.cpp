//===- Device.cpp - Driver API: the device, its context, errors -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Driver.h"

#include <cstdlib>
#include <cstring>

using namespace adze::ptxsim;
using namespace adze::ptxsim::driver;

namespace adze::ptxsim::driver {
namespace {

/// CUDA C++ Programming Guide, "Compute capabilities"; H100 SXM5, A100, ...
constexpr Chip chips[] = {
    {"sm_90a", 90, 132, 232448, 233472, 2048, 32, 65536},
    {"sm_80", 80, 108, 166912, 167936, 2048, 32, 65536},
    {"sm_86", 86, 84, 101376, 102400, 1536, 16, 65536},
    {"sm_89", 89, 128, 101376, 102400, 1536, 24, 65536},
    {"sm_100a", 100, 148, 232448, 233472, 2048, 32, 65536},
};

const Chip *chooseChip() {
  const char *name = std::getenv("ADZE_PTXSIM_CHIP");
  for (const Chip &chip : chips)
    if (name && std::strcmp(name, chip.name) == 0)
      return &chip;
  return &chips[0];
}

struct ErrorRow {
  Result result;
  const char *name, *text;
};
constexpr ErrorRow errors[] = {
    {Success, "CUDA_SUCCESS", "no error"},
    {InvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {InvalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {InvalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {NoBinaryForGpu, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {InvalidPtx, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {InvalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {IllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS",
     "an illegal memory access was encountered"},
    {LaunchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
     "too many resources requested for launch"},
    {LaunchTimeout, "CUDA_ERROR_LAUNCH_TIMEOUT",
     "the launch timed out and was terminated"},
    {IllegalInstruction, "CUDA_ERROR_ILLEGAL_INSTRUCTION",
     "an illegal instruction was encountered"},
    {MisalignedAddress, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {LaunchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CaptureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CaptureInvalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {CaptureUnmatched, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
     "the operation applies to another stream than the capture began on"},
    {CaptureUnjoined, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED",
     "capturing stream has unjoined work"},
    {CaptureIsolation, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
     "dependency created on uncaptured work in another stream"},
};

} // namespace

State &state() {
  // Never destroyed: the process may end while threads still call.
  static State *instance = new State;
  return *instance;
}

void *contextHandle() { return &state(); }
void *&currentContext() {
  thread_local void *current = nullptr;
  return current;
}

Result ready() {
  State &s = state();
  if (!s.initialized)
    return NotInitialized;
  if (!currentContext())
    return InvalidContext;
  return s.fault;
}

Result refuse(Result result, const std::string &text) {
  state().report = "ptxsim: " + text;
  return result;
}

} // namespace adze::ptxsim::driver

ADZE_DRIVER_API const char *adzePtxsimLastReport(void) {
  return state().report.c_str();
}

ADZE_DRIVER_API int cuInit(unsigned flags) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (flags)
    return InvalidValue;
  s.chip = chooseChip();
  s.initialized = true;
  return Success;
}

ADZE_DRIVER_API int cuDriverGetVersion(int *version) {
  if (!version)
    return InvalidValue;
  *version = 13000;
  return Success;
}

ADZE_DRIVER_API int cuDeviceGetCount(int *count) {
  if (!count)
    return InvalidValue;
  *count = 1;
  return state().initialized ? Success : NotInitialized;
}

ADZE_DRIVER_API int cuDeviceGet(int *device, int ordinal) {
  if (!state().initialized)
    return NotInitialized;
  if (!device)
    return InvalidValue;
  if (ordinal != 0)
    return InvalidDevice;
  *device = 0;
  return Success;
}

ADZE_DRIVER_API int cuDeviceGetName(char *name, int size, int device) {
  State &s = state();
  if (!s.initialized)
    return NotInitialized;
  if (!name || size <= 0)
    return InvalidValue;
  if (device != 0)
    return InvalidDevice;
  std::string text = std::string("adze ptxsim ") + s.chip->name;
  std::strncpy(name, text.c_str(), size_t(size));
  name[size - 1] = 0;
  return Success;
}

/// Attributes by CUdevice_attribute's values.
ADZE_DRIVER_API int cuDeviceGetAttribute(int *value, int attribute,
                                         int device) {
  State &s = state();
  if (!s.initialized)
    return NotInitialized;
  if (!value)
    return InvalidValue;
  if (device != 0)
    return InvalidDevice;
  const Chip &chip = *s.chip;
  const std::pair<int, int> table[] = {
      {1, 1024},                       // threads per block
      {2, 1024},                       // block x
      {3, 1024},                       // block y
      {4, 64},                         // block z
      {5, 0x7fffffff},                 // grid x
      {6, 65535},                      // grid y
      {7, 65535},                      // grid z
      {8, 49152},                      // shared memory per block
      {9, 65536},                      // constant memory
      {10, 32},                        // warp size
      {12, int(chip.registersPerSm)},  // registers per block
      {13, 1000000},                   // clock, kHz
      {16, int(chip.sms)},             // multiprocessors
      {38, 50 << 20},                  // L2 cache
      {39, int(chip.threadsPerSm)},    // threads per multiprocessor
      {41, 1},                         // unified addressing
      {75, int(chip.capability / 10)}, // compute capability, major
      {76, int(chip.capability % 10)}, // and minor
      {81, int(chip.sharedPerSm)},     // shared memory per multiprocessor
      {82, int(chip.registersPerSm)},  // registers per multiprocessor
      {97, int(chip.sharedPerBlock)},  // shared memory per block, opt-in
      {106, int(chip.blocksPerSm)},    // blocks per multiprocessor
      {111, 1024},                     // reserved shared memory per block
      {120, chip.capability >= 90},    // cluster launch
      {127, chip.capability >= 90},    // tensor maps
  };
  *value = 0;
  for (auto [id, known] : table)
    if (id == attribute)
      *value = known;
  return Success;
}

ADZE_DRIVER_API int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  if (!state().initialized)
    return NotInitialized;
  if (!bytes)
    return InvalidValue;
  if (device != 0)
    return InvalidDevice;
  *bytes = state().memory.capacity();
  return Success;
}

ADZE_DRIVER_API int cuDevicePrimaryCtxRetain(void **context, int device) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (!s.initialized)
    return NotInitialized;
  if (!context)
    return InvalidValue;
  if (device != 0)
    return InvalidDevice;
  ++s.retained;
  *context = contextHandle();
  return Success;
}

ADZE_DRIVER_API int cuDevicePrimaryCtxRelease_v2(int device) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (device != 0)
    return InvalidDevice;
  if (!s.retained)
    return InvalidContext;
  --s.retained;
  return Success;
}

ADZE_DRIVER_API int cuCtxSetCurrent(void *context) {
  if (context && context != contextHandle())
    return InvalidContext;
  currentContext() = context;
  return Success;
}

ADZE_DRIVER_API int cuCtxGetCurrent(void **context) {
  if (!context)
    return InvalidValue;
  *context = currentContext();
  return Success;
}

ADZE_DRIVER_API int cuCtxSynchronize(void) { return ready(); }

ADZE_DRIVER_API int cuGetErrorString(int result, const char **text) {
  if (!text)
    return InvalidValue;
  *text = nullptr;
  for (const ErrorRow &row : errors)
    if (row.result == result)
      *text = row.text;
  return *text ? Success : InvalidValue;
}

ADZE_DRIVER_API int cuGetErrorName(int result, const char **name) {
  if (!name)
    return InvalidValue;
  *name = nullptr;
  for (const ErrorRow &row : errors)
    if (row.result == result)
      *name = row.name;
  return *name ? Success : InvalidValue;
}
