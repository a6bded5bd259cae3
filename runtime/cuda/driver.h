/*===- driver.h - The part of the CUDA driver API that artifacts use -------===*
 *
 * Part of adze, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Own declarations after NVIDIA's driver API reference (CUDA 12 and later):
 * the library is opened while the program runs, so that it builds and starts on
 * machines without CUDA. Types and enumerators keep their values and layouts,
 * and get names of ours, so that <cuda.h> may be included beside.
 *===----------------------------------------------------------------------===*/
#ifndef ADZE_CUDA_DRIVER_H
#define ADZE_CUDA_DRIVER_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int adze_cu_result;               /* CUresult; 0 is success */
typedef unsigned long long adze_cu_pointer; /* CUdeviceptr */
typedef void *adze_cu_handle; /* context, module, function, stream, event, graph */

enum {
  ADZE_CU_CAPABILITY_MAJOR = 75, /* CUdevice_attribute */
  ADZE_CU_CAPABILITY_MINOR = 76,
  ADZE_CU_MAX_DYNAMIC_SHARED = 8, /* CUfunction_attribute */
  ADZE_CU_NON_PORTABLE_CLUSTER = 14,
  ADZE_CU_JIT_ERROR_LOG = 5, /* CUjit_option */
  ADZE_CU_JIT_ERROR_LOG_SIZE = 6,
  ADZE_CU_STREAM_NON_BLOCKING = 1,
  ADZE_CU_EVENT_NO_TIMING = 2,
  ADZE_CU_CAPTURE_THREAD_LOCAL = 1,
  ADZE_CU_LAUNCH_CLUSTER = 4, /* CUlaunchAttributeID */
  ADZE_CU_LAUNCH_OVERLAP = 6  /* programmatic stream serialization */
};

typedef struct {
  int id;
  char pad[8 - sizeof(int)];
  union {
    char bytes[64];
    unsigned cluster[3];
    int overlap;
  } value;
} adze_cu_attribute; /* CUlaunchAttribute */

typedef struct {
  unsigned grid[3], block[3], shared_bytes;
  adze_cu_handle stream;
  adze_cu_attribute *attributes;
  unsigned attribute_count;
} adze_cu_launch; /* CUlaunchConfig */

/* NAME(symbol, field, parameters): every function of the library in use. */
#define ADZE_CUDA_FUNCTIONS(NAME)                                             \
  NAME("cuInit", init, (unsigned flags))                                      \
  NAME("cuDeviceGetCount", device_count, (int *count))                        \
  NAME("cuDeviceGet", device_get, (int *device, int ordinal))                 \
  NAME("cuDeviceGetName", device_name, (char *name, int size, int device))    \
  NAME("cuDeviceGetAttribute", device_attribute,                              \
       (int *value, int attribute, int device))                               \
  NAME("cuDevicePrimaryCtxRetain", context_retain,                            \
       (adze_cu_handle *context, int device))                                 \
  NAME("cuDevicePrimaryCtxRelease_v2", context_release, (int device))         \
  NAME("cuCtxSetCurrent", context_set, (adze_cu_handle context))              \
  NAME("cuCtxGetCurrent", context_get, (adze_cu_handle *context))             \
  NAME("cuModuleLoadDataEx", module_load,                                     \
       (adze_cu_handle *module, const void *image, unsigned count,            \
        int *options, void **values))                                         \
  NAME("cuModuleUnload", module_unload, (adze_cu_handle module))              \
  NAME("cuModuleGetFunction", module_function,                                \
       (adze_cu_handle *function, adze_cu_handle module, const char *name))   \
  NAME("cuFuncSetAttribute", function_attribute,                              \
       (adze_cu_handle function, int attribute, int value))                   \
  NAME("cuMemAlloc_v2", allocate, (adze_cu_pointer *pointer, size_t size))    \
  NAME("cuMemFree_v2", release, (adze_cu_pointer pointer))                    \
  NAME("cuMemcpyHtoD_v2", upload,                                             \
       (adze_cu_pointer to, const void *from, size_t size))                   \
  NAME("cuMemcpyHtoDAsync_v2", upload_async,                                  \
       (adze_cu_pointer to, const void *from, size_t size,                    \
        adze_cu_handle stream))                                               \
  NAME("cuMemcpyDtoHAsync_v2", download_async,                                \
       (void *to, adze_cu_pointer from, size_t size, adze_cu_handle stream))  \
  NAME("cuMemcpyDtoDAsync_v2", copy_async,                                    \
       (adze_cu_pointer to, adze_cu_pointer from, size_t size,                \
        adze_cu_handle stream))                                               \
  NAME("cuStreamCreate", stream_create,                                       \
       (adze_cu_handle *stream, unsigned flags))                              \
  NAME("cuStreamDestroy_v2", stream_destroy, (adze_cu_handle stream))         \
  NAME("cuStreamSynchronize", stream_synchronize, (adze_cu_handle stream))    \
  NAME("cuStreamWaitEvent", stream_wait,                                      \
       (adze_cu_handle stream, adze_cu_handle event, unsigned flags))         \
  NAME("cuStreamBeginCapture_v2", capture_begin,                              \
       (adze_cu_handle stream, int mode))                                     \
  NAME("cuStreamEndCapture", capture_end,                                     \
       (adze_cu_handle stream, adze_cu_handle *graph))                        \
  NAME("cuGraphInstantiateWithFlags", graph_instantiate,                      \
       (adze_cu_handle *executable, adze_cu_handle graph,                     \
        unsigned long long flags))                                            \
  NAME("cuGraphLaunch", graph_launch,                                         \
       (adze_cu_handle executable, adze_cu_handle stream))                    \
  NAME("cuGraphExecDestroy", executable_destroy, (adze_cu_handle executable)) \
  NAME("cuGraphDestroy", graph_destroy, (adze_cu_handle graph))               \
  NAME("cuEventCreate", event_create,                                         \
       (adze_cu_handle *event, unsigned flags))                               \
  NAME("cuEventRecord", event_record,                                         \
       (adze_cu_handle event, adze_cu_handle stream))                         \
  NAME("cuEventDestroy_v2", event_destroy, (adze_cu_handle event))            \
  NAME("cuLaunchKernelEx", launch,                                            \
       (const adze_cu_launch *config, adze_cu_handle function,                \
        void **parameters, void **extra))                                     \
  NAME("cuTensorMapEncodeTiled", encode_tiled,                                \
       (void *map, int type, uint32_t rank, void *address,                    \
        const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,  \
        const uint32_t *steps, int interleave, int swizzle, int promotion,    \
        int fill))                                                            \
  NAME("cuGetErrorName", error_name,                                          \
       (adze_cu_result result, const char **text))                            \
  NAME("cuGetErrorString", error_text,                                        \
       (adze_cu_result result, const char **text))

#define ADZE_CUDA_FIELD(symbol, field, parameters) \
  adze_cu_result(*field) parameters;

typedef struct {
  void *library;
  ADZE_CUDA_FUNCTIONS(ADZE_CUDA_FIELD)
  const char *(*hazard)(void); /* of adze's simulator alone */
} adze_cu_driver;

#undef ADZE_CUDA_FIELD

/* Opens the driver: the library that the environment names in
 * ADZE_CUDA_DRIVER, or the system's. Returns 0 and says why if that fails. */
static inline int adze_cu_open(adze_cu_driver *driver, char *message,
                               size_t size) {
  const char *path = getenv("ADZE_CUDA_DRIVER");
  const char *missing = NULL;
  void *symbol;
  if (path == NULL || path[0] == '\0') {
    path = "libcuda.so.1";
  }
  memset(driver, 0, sizeof *driver);
  driver->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (driver->library == NULL) {
    const char *reason = dlerror();
    (void)snprintf(message, size,
                   "there is no CUDA driver: %s. Install NVIDIA's driver, or "
                   "name adze's simulator in ADZE_CUDA_DRIVER",
                   reason != NULL ? reason : path);
    return 0;
  }
  /* A pointer to an object becomes one to a function by its bytes: POSIX has
   * it so, ISO C has no conversion. */
#define ADZE_CUDA_FIND(name, field, parameters)           \
  symbol = dlsym(driver->library, name);                  \
  if (symbol == NULL && missing == NULL) {                \
    missing = name;                                       \
  }                                                       \
  memcpy(&driver->field, &symbol, sizeof driver->field);
  ADZE_CUDA_FUNCTIONS(ADZE_CUDA_FIND)
#undef ADZE_CUDA_FIND
  symbol = dlsym(driver->library, "adzePtxsimLastReport");
  memcpy(&driver->hazard, &symbol, sizeof driver->hazard);
  if (missing != NULL) {
    (void)snprintf(message, size,
                   "the CUDA driver %s has no %s; a driver of CUDA 12 or "
                   "later is needed",
                   path, missing);
    (void)dlclose(driver->library);
    driver->library = NULL;
    return 0;
  }
  return 1;
}

#endif
