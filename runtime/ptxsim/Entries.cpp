//===- Entries.cpp - Driver API: functions by name ------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Driver.h"

#include <cstring>

using namespace adze::ptxsim::driver;

/// Every function of the library that cuGetProcAddress finds.
#define ENTRIES(ENTRY)                                                         \
  ENTRY(cuCtxGetCurrent)                                                   \
  ENTRY(cuCtxSetCurrent)                                                   \
  ENTRY(cuCtxSynchronize)                                                  \
  ENTRY(cuDeviceGet)                                                       \
  ENTRY(cuDeviceGetAttribute)                                              \
  ENTRY(cuDeviceGetCount)                                                  \
  ENTRY(cuDeviceGetName)                                                   \
  ENTRY(cuDevicePrimaryCtxRelease_v2)                                      \
  ENTRY(cuDevicePrimaryCtxRetain)                                          \
  ENTRY(cuDeviceTotalMem_v2)                                               \
  ENTRY(cuDriverGetVersion)                                                \
  ENTRY(cuEventCreate)                                                     \
  ENTRY(cuEventDestroy_v2)                                                 \
  ENTRY(cuEventElapsedTime)                                                \
  ENTRY(cuEventRecord)                                                     \
  ENTRY(cuEventSynchronize)                                                \
  ENTRY(cuFuncGetAttribute)                                                \
  ENTRY(cuFuncSetAttribute)                                                \
  ENTRY(cuGetErrorName)                                                    \
  ENTRY(cuGetErrorString)                                                  \
  ENTRY(cuGraphDestroy)                                                    \
  ENTRY(cuGraphExecDestroy)                                                \
  ENTRY(cuGraphInstantiateWithFlags)                                       \
  ENTRY(cuGraphLaunch)                                                     \
  ENTRY(cuInit)                                                            \
  ENTRY(cuLaunchKernel)                                                    \
  ENTRY(cuLaunchKernelEx)                                                  \
  ENTRY(cuMemAlloc_v2)                                                     \
  ENTRY(cuMemFree_v2)                                                      \
  ENTRY(cuMemcpyDtoDAsync_v2)                                              \
  ENTRY(cuMemcpyDtoD_v2)                                                   \
  ENTRY(cuMemcpyDtoHAsync_v2)                                              \
  ENTRY(cuMemcpyDtoH_v2)                                                   \
  ENTRY(cuMemcpyHtoDAsync_v2)                                              \
  ENTRY(cuMemcpyHtoD_v2)                                                   \
  ENTRY(cuMemsetD8Async)                                                   \
  ENTRY(cuMemsetD8_v2)                                                     \
  ENTRY(cuModuleGetFunction)                                               \
  ENTRY(cuModuleGetGlobal_v2)                                              \
  ENTRY(cuModuleLoadDataEx)                                                \
  ENTRY(cuModuleUnload)                                                    \
  ENTRY(cuOccupancyMaxActiveBlocksPerMultiprocessor)                       \
  ENTRY(cuStreamBeginCapture_v2)                                           \
  ENTRY(cuStreamCreate)                                                    \
  ENTRY(cuStreamDestroy_v2)                                                \
  ENTRY(cuStreamEndCapture)                                                \
  ENTRY(cuStreamSynchronize)                                               \
  ENTRY(cuStreamWaitEvent)                                                 \
  ENTRY(cuTensorMapEncodeTiled)

// Only their addresses are wanted here.
#define DECLARE(name) extern "C" int name();
ENTRIES(DECLARE)
#undef DECLARE

namespace {

struct Entry {
  const char *name;
  int (*function)();
};
#define ROW(name) {#name, name},
constexpr Entry entries[] = {ENTRIES(ROW)};
#undef ROW

/// "cuMemAlloc" finds cuMemAlloc_v2, as in CUDA.
bool names(const char *entry, const char *symbol) {
  size_t length = std::strlen(symbol);
  return std::strncmp(entry, symbol, length) == 0 &&
         (entry[length] == 0 || std::strcmp(entry + length, "_v2") == 0);
}

} // namespace

/// `status`: 0 found, 1 not found (CUdriverProcAddressQueryResult).
ADZE_DRIVER_API int cuGetProcAddress_v2(const char *symbol, void **function,
                                        int cudaVersion, uint64_t flags,
                                        int *status) {
  (void)cudaVersion;
  (void)flags;
  if (!symbol || !function)
    return InvalidValue;
  *function = nullptr;
  if (names("cuGetProcAddress_v2", symbol))
    *function = reinterpret_cast<void *>(&cuGetProcAddress_v2);
  for (const Entry &entry : entries)
    if (names(entry.name, symbol))
      *function = reinterpret_cast<void *>(entry.function);
  if (status)
    *status = *function ? 0 : 1;
  return *function ? Success : NotFound;
}
