/*===- session.h - A model on a device -------------------------------------===*
 *
 * Part of adze, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Everything is a `static inline` function, so that artifacts do not share
 * names. The first failure since `adze_cuda_begin` is kept with its text, and
 * what follows it does nothing: a program of launches is plain statements.
 *===----------------------------------------------------------------------===*/
#ifndef ADZE_CUDA_SESSION_H
#define ADZE_CUDA_SESSION_H

enum {
  ADZE_CUDA_OK = 0,
  ADZE_CUDA_NULL_ARGUMENT = 1,
  ADZE_CUDA_NO_HOST_MEMORY = 2,
  ADZE_CUDA_NO_DRIVER = 3,
  ADZE_CUDA_NO_DEVICE = 4,
  ADZE_CUDA_NO_CODE_FOR_DEVICE = 5,
  ADZE_CUDA_DRIVER_ERROR = 6
};

enum { ADZE_CUDA_MAP_BYTES = 128, ADZE_CUDA_MAX_PARAMETERS = 64 };

/* What a CUtensorMap says beside the address; the innermost dimension comes
 * first, and has no stride. */
typedef struct {
  int type, rank;
  uint64_t sizes[5], strides[4]; /* elements; bytes */
  uint32_t box[5], steps[5];
  int swizzle, promotion;
} adze_cuda_tensor;

typedef struct {
  const char *name;
  unsigned grid[3], block, cluster[3], shared_bytes;
  unsigned parameters;
  /* For each parameter NULL (it is a pointer) or the tensor that a map of it
   * describes; NULL if there are only pointers. */
  const adze_cuda_tensor *const *tensors;
} adze_cuda_kernel;

/* The code for one kind of device. */
typedef struct {
  const char *chip;    /* "sm_90a" */
  unsigned capability; /* 90 */
  int exact;           /* runs on that capability alone */
  const char *const *text; /* PTX in pieces, the last one NULL */
  const adze_cuda_kernel *kernels;
  unsigned kernel_count;
  unsigned streams, events, maps; /* that the program uses */
} adze_cuda_program;

/* Where a constant lies in the session's memory. */
typedef struct {
  const void *data;
  size_t bytes, offset;
} adze_cuda_constant;

typedef struct {
  adze_cu_handle executable;
  adze_cu_pointer *addresses; /* for which it was captured */
} adze_cuda_graph;

typedef struct {
  adze_cu_driver driver;
  int device, has_context;
  unsigned capability;
  char device_name[96];
  adze_cu_handle context, caller_context, module;
  const adze_cuda_program *program;
  unsigned program_index;
  adze_cu_handle *functions, *streams, *events;
  adze_cu_handle stream; /* of the call in progress: takes the place of 0 */
  unsigned char *maps;   /* encoded, at multiples of 64 bytes */
  void *map_memory;
  adze_cu_pointer *map_addresses;
  adze_cu_pointer memory; /* constants, arena, inputs and outputs */
  adze_cuda_graph graphs[2]; /* of session memory; of the caller's */
  size_t tensor_count;
  int uses_graphs;
  int status;
  char message[1024];
} adze_cuda;

static inline void adze_cuda_fail(adze_cuda *c, int status, const char *what,
                                  adze_cu_result result) {
  const char *name = NULL, *text = NULL, *hazard = NULL;
  if (c->status != ADZE_CUDA_OK) {
    return;
  }
  c->status = status;
  if (result != 0) {
    (void)c->driver.error_name(result, &name);
    (void)c->driver.error_text(result, &text);
    hazard = c->driver.hazard != NULL ? c->driver.hazard() : NULL;
    (void)snprintf(c->message, sizeof c->message, "%s: %s (%s)%s%s", what,
                   text != NULL ? text : "unknown error",
                   name != NULL ? name : "?",
                   hazard != NULL && hazard[0] != '\0' ? ": " : "",
                   hazard != NULL ? hazard : "");
  } else {
    (void)snprintf(c->message, sizeof c->message, "%s", what);
  }
}

/* Notes a failed call of the driver. Returns whether all is well. */
static inline int adze_cuda_check(adze_cuda *c, adze_cu_result result,
                                  const char *what) {
  if (result != 0) {
    adze_cuda_fail(c, ADZE_CUDA_DRIVER_ERROR, what, result);
  }
  return c->status == ADZE_CUDA_OK;
}

static inline void *adze_cuda_table(adze_cuda *c, size_t count, size_t size) {
  void *table = calloc(count > 0 ? count : 1, size);
  if (table == NULL) {
    adze_cuda_fail(c, ADZE_CUDA_NO_HOST_MEMORY,
                   "there is no host memory for the session", 0);
  }
  return table;
}

/*===-- Devices and code ---------------------------------------------------===*/

/* The program for a device: the one made for its capability, or else the
 * highest that is below and not bound to one. Its index, or count. */
static inline unsigned adze_cuda_choose(const adze_cuda_program *programs,
                                        unsigned count, unsigned capability) {
  unsigned best = count, i;
  for (i = 0; i < count; ++i) {
    const adze_cuda_program *p = &programs[i];
    if (p->exact ? p->capability != capability : p->capability > capability) {
      continue;
    }
    if (best == count || p->capability > programs[best].capability ||
        (p->capability == programs[best].capability && p->exact)) {
      best = i;
    }
  }
  return best;
}

/* Looks for a device that some program runs on: the ordinal asked for, or the
 * first that fits if it is negative. */
static inline void adze_cuda_find_device(adze_cuda *c, int ordinal,
                                         const adze_cuda_program *programs,
                                         unsigned count) {
  int devices = 0, i, at = 0;
  unsigned j;
  char text[512];
  if (!adze_cuda_check(c, c->driver.device_count(&devices),
                       "counting CUDA devices")) {
    return;
  }
  if (devices <= 0 || ordinal >= devices) {
    (void)snprintf(text, sizeof text,
                   "there is no CUDA device of number %d: the driver has %d",
                   ordinal < 0 ? 0 : ordinal, devices);
    adze_cuda_fail(c, ADZE_CUDA_NO_DEVICE, text, 0);
    return;
  }
  for (i = ordinal < 0 ? 0 : ordinal; i < (ordinal < 0 ? devices : ordinal + 1);
       ++i) {
    int device = 0, major = 0, minor = 0;
    unsigned index;
    if (!adze_cuda_check(c, c->driver.device_get(&device, i),
                         "finding the device") ||
        !adze_cuda_check(c, c->driver.device_attribute(
                                &major, ADZE_CU_CAPABILITY_MAJOR, device),
                         "asking for the compute capability") ||
        !adze_cuda_check(c, c->driver.device_attribute(
                                &minor, ADZE_CU_CAPABILITY_MINOR, device),
                         "asking for the compute capability")) {
      return;
    }
    c->capability = (unsigned)(major * 10 + minor);
    (void)c->driver.device_name(c->device_name, (int)sizeof c->device_name - 1,
                                device);
    index = adze_cuda_choose(programs, count, c->capability);
    if (index < count) {
      c->device = device;
      c->program = &programs[index];
      c->program_index = index;
      return;
    }
  }
  at = snprintf(text, sizeof text,
                "%s has compute capability %u.%u, and this model was compiled "
                "for",
                c->device_name, c->capability / 10, c->capability % 10);
  for (j = 0; j < count && at > 0 && (size_t)at < sizeof text; ++j) {
    at += snprintf(text + at, sizeof text - (size_t)at, "%s%s",
                   j > 0 ? ", " : " ", programs[j].chip);
  }
  adze_cuda_fail(c, ADZE_CUDA_NO_CODE_FOR_DEVICE, text, 0);
}

/* Loads the PTX, which the driver compiles, and looks its kernels up. */
static inline void adze_cuda_load(adze_cuda *c) {
  const adze_cuda_program *p = c->program;
  size_t size = 1, at = 0;
  unsigned i;
  char log[640], what[768];
  int options[2] = {ADZE_CU_JIT_ERROR_LOG, ADZE_CU_JIT_ERROR_LOG_SIZE};
  void *values[2] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  adze_cu_result result;
  char *text;
  memset(log, 0, sizeof log);
  for (i = 0; p->text[i] != NULL; ++i) {
    size += strlen(p->text[i]);
  }
  text = (char *)adze_cuda_table(c, size, 1);
  if (text == NULL) {
    return;
  }
  for (i = 0; p->text[i] != NULL; ++i) {
    size_t length = strlen(p->text[i]);
    memcpy(text + at, p->text[i], length);
    at += length;
  }
  result = c->driver.module_load(&c->module, text, 2, options, values);
  free(text);
  (void)snprintf(what, sizeof what, "loading the code for %s on %s%s%s", p->chip,
                 c->device_name, log[0] != '\0' ? ": " : "", log);
  if (!adze_cuda_check(c, result, what)) {
    return;
  }
  for (i = 0; i < p->kernel_count; ++i) {
    const adze_cuda_kernel *kernel = &p->kernels[i];
    unsigned blocks =
        kernel->cluster[0] * kernel->cluster[1] * kernel->cluster[2];
    (void)snprintf(what, sizeof what, "preparing the kernel %s", kernel->name);
    if (!adze_cuda_check(c,
                         c->driver.module_function(&c->functions[i], c->module,
                                                   kernel->name),
                         what)) {
      return;
    }
    /* 48 KiB are allowed without asking, static variables among them (CUDA
     * C++ guide, shared memory). */
    if (kernel->shared_bytes > 32768u &&
        !adze_cuda_check(c,
                         c->driver.function_attribute(
                             c->functions[i], ADZE_CU_MAX_DYNAMIC_SHARED,
                             (int)kernel->shared_bytes),
                         what)) {
      return;
    }
    if (blocks > 8 &&
        !adze_cuda_check(c,
                         c->driver.function_attribute(
                             c->functions[i], ADZE_CU_NON_PORTABLE_CLUSTER, 1),
                         what)) {
      return;
    }
  }
}

/*===-- Sessions -----------------------------------------------------------===*/

/* Makes the session's context current and forgets an earlier failure. */
static inline int adze_cuda_begin(adze_cuda *c) {
  c->status = ADZE_CUDA_OK;
  c->message[0] = '\0';
  c->caller_context = NULL;
  (void)c->driver.context_get(&c->caller_context);
  return adze_cuda_check(c, c->driver.context_set(c->context),
                         "entering the device's context");
}

/* Gives the caller's context back. Returns the status. */
static inline int adze_cuda_end(adze_cuda *c) {
  (void)c->driver.context_set(c->caller_context);
  return c->status;
}

static inline void adze_cuda_drop_graph(adze_cuda *c, adze_cuda_graph *graph) {
  if (graph->executable != NULL) {
    (void)c->driver.executable_destroy(graph->executable);
    graph->executable = NULL;
  }
}

static inline void adze_cuda_destroy(adze_cuda *c) {
  unsigned i;
  if (c->has_context) {
    (void)adze_cuda_begin(c);
    for (i = 0; i < 2; ++i) {
      adze_cuda_drop_graph(c, &c->graphs[i]);
    }
    for (i = 0; c->events != NULL && i < c->program->events; ++i) {
      if (c->events[i] != NULL) {
        (void)c->driver.event_destroy(c->events[i]);
      }
    }
    for (i = 0; c->streams != NULL && i < c->program->streams; ++i) {
      if (c->streams[i] != NULL) {
        (void)c->driver.stream_destroy(c->streams[i]);
      }
    }
    if (c->memory != 0) {
      (void)c->driver.release(c->memory);
    }
    if (c->module != NULL) {
      (void)c->driver.module_unload(c->module);
    }
    (void)adze_cuda_end(c);
    (void)c->driver.context_release(c->device);
  }
  free(c->functions);
  free(c->streams);
  free(c->events);
  free(c->map_memory);
  free(c->map_addresses);
  free(c->graphs[0].addresses);
  free(c->graphs[1].addresses);
  if (c->driver.library != NULL) {
    (void)dlclose(c->driver.library);
  }
}

/* Opens the driver, chooses a device and its program, loads the code, takes
 * `memory_bytes` of device memory and puts the constants there. `tensor_count`
 * is the number of the model's inputs and outputs. On failure the status and
 * the text stay in `c`, which is to be destroyed all the same. */
static inline int adze_cuda_create(adze_cuda *c, int ordinal,
                                   const adze_cuda_program *programs,
                                   unsigned count, size_t memory_bytes,
                                   const adze_cuda_constant *constants,
                                   size_t constant_count, size_t tensor_count) {
  const adze_cuda_program *p;
  const char *graphs = getenv("ADZE_CUDA_GRAPH");
  unsigned i;
  size_t j;
  memset(c, 0, sizeof *c);
  c->tensor_count = tensor_count;
  c->uses_graphs = graphs == NULL || strcmp(graphs, "0") != 0;
  if (!adze_cu_open(&c->driver, c->message, sizeof c->message)) {
    return c->status = ADZE_CUDA_NO_DRIVER;
  }
  if (!adze_cuda_check(c, c->driver.init(0), "starting the CUDA driver")) {
    c->status = ADZE_CUDA_NO_DEVICE; /* the library is there, no device is */
    return c->status;
  }
  adze_cuda_find_device(c, ordinal, programs, count);
  if (c->status != ADZE_CUDA_OK) {
    return c->status;
  }
  if (!adze_cuda_check(c, c->driver.context_retain(&c->context, c->device),
                       "opening the device")) {
    return c->status;
  }
  c->has_context = 1;
  p = c->program;
  if (!adze_cuda_begin(c)) {
    return adze_cuda_end(c);
  }
  c->functions = (adze_cu_handle *)adze_cuda_table(c, p->kernel_count,
                                                   sizeof(adze_cu_handle));
  c->streams =
      (adze_cu_handle *)adze_cuda_table(c, p->streams, sizeof(adze_cu_handle));
  c->events =
      (adze_cu_handle *)adze_cuda_table(c, p->events, sizeof(adze_cu_handle));
  c->map_addresses =
      (adze_cu_pointer *)adze_cuda_table(c, p->maps, sizeof(adze_cu_pointer));
  c->map_memory = adze_cuda_table(c, p->maps * ADZE_CUDA_MAP_BYTES + 64u, 1);
  for (i = 0; i < 2; ++i) {
    c->graphs[i].addresses = (adze_cu_pointer *)adze_cuda_table(
        c, tensor_count, sizeof(adze_cu_pointer));
  }
  if (c->status != ADZE_CUDA_OK) {
    return adze_cuda_end(c);
  }
  c->maps = (unsigned char *)c->map_memory +
            (64u - (uintptr_t)c->map_memory % 64u) % 64u;
  adze_cuda_load(c);
  for (i = 0; i < p->streams && c->status == ADZE_CUDA_OK; ++i) {
    (void)adze_cuda_check(c,
                          c->driver.stream_create(&c->streams[i],
                                                  ADZE_CU_STREAM_NON_BLOCKING),
                          "making a stream");
  }
  for (i = 0; i < p->events && c->status == ADZE_CUDA_OK; ++i) {
    (void)adze_cuda_check(
        c, c->driver.event_create(&c->events[i], ADZE_CU_EVENT_NO_TIMING),
        "making an event");
  }
  if (c->status == ADZE_CUDA_OK) {
    char what[96];
    (void)snprintf(what, sizeof what, "taking %lu bytes of device memory",
                   (unsigned long)memory_bytes);
    (void)adze_cuda_check(
        c, c->driver.allocate(&c->memory, memory_bytes > 0 ? memory_bytes : 1),
        what);
  }
  for (j = 0; j < constant_count && c->status == ADZE_CUDA_OK; ++j) {
    const adze_cuda_constant *constant = &constants[j];
    if (constant->bytes > 0) {
      (void)adze_cuda_check(c,
                            c->driver.upload(c->memory + constant->offset,
                                             constant->data, constant->bytes),
                            "copying the weights to the device");
    }
  }
  return adze_cuda_end(c);
}

/*===-- Work in order ------------------------------------------------------===*/

/* Stream 0 of a program is the one that the caller waits for. */
static inline adze_cu_handle adze_cuda_stream(const adze_cuda *c,
                                              unsigned stream) {
  return stream == 0 ? c->stream : c->streams[stream];
}

/* The map of a tensor at an address, encoded again only if that moved. */
static inline void *adze_cuda_map(adze_cuda *c, unsigned slot,
                                  const adze_cuda_tensor *tensor,
                                  adze_cu_pointer address, const char *kernel) {
  unsigned char *map = c->maps + (size_t)slot * ADZE_CUDA_MAP_BYTES;
  char what[160];
  if (c->map_addresses[slot] == address) {
    return map;
  }
  (void)snprintf(what, sizeof what, "encoding a tensor map of the kernel %s",
                 kernel);
  if (adze_cuda_check(
          c,
          c->driver.encode_tiled(map, tensor->type, (uint32_t)tensor->rank,
                                 (void *)(uintptr_t)address, tensor->sizes,
                                 tensor->strides, tensor->box, tensor->steps, 0,
                                 tensor->swizzle, tensor->promotion, 0),
          what)) {
    c->map_addresses[slot] = address;
  }
  return map;
}

/* Launches a kernel of the program. Its tensor maps are those from `slot` on.
 * With `overlap` it may start before the kernel in front of it in the stream
 * has ended: it waits by itself (griddepcontrol.wait). */
static inline void adze_cuda_launch(adze_cuda *c, unsigned kernel,
                                    unsigned stream, int overlap, unsigned slot,
                                    adze_cu_pointer *addresses) {
  const adze_cuda_kernel *k = &c->program->kernels[kernel];
  adze_cu_attribute attributes[2];
  adze_cu_launch config;
  void *parameters[ADZE_CUDA_MAX_PARAMETERS];
  unsigned i;
  adze_cu_result result;
  if (c->status != ADZE_CUDA_OK) {
    return;
  }
  for (i = 0; i < k->parameters; ++i) {
    parameters[i] = &addresses[i];
    if (k->tensors != NULL && k->tensors[i] != NULL) {
      parameters[i] =
          adze_cuda_map(c, slot++, k->tensors[i], addresses[i], k->name);
    }
  }
  memset(attributes, 0, sizeof attributes);
  memset(&config, 0, sizeof config);
  memcpy(config.grid, k->grid, sizeof config.grid);
  config.block[0] = k->block;
  config.block[1] = config.block[2] = 1;
  config.shared_bytes = k->shared_bytes;
  config.stream = adze_cuda_stream(c, stream);
  config.attributes = attributes;
  if (k->cluster[0] * k->cluster[1] * k->cluster[2] > 1) {
    attributes[config.attribute_count].id = ADZE_CU_LAUNCH_CLUSTER;
    memcpy(attributes[config.attribute_count].value.cluster, k->cluster,
           sizeof k->cluster);
    ++config.attribute_count;
  }
  if (overlap) {
    attributes[config.attribute_count].id = ADZE_CU_LAUNCH_OVERLAP;
    attributes[config.attribute_count].value.overlap = 1;
    ++config.attribute_count;
  }
  if (c->status != ADZE_CUDA_OK) {
    return;
  }
  result = c->driver.launch(&config, c->functions[kernel], parameters, NULL);
  if (result != 0) {
    char what[160];
    (void)snprintf(what, sizeof what, "launching the kernel %s", k->name);
    (void)adze_cuda_check(c, result, what);
  }
}

static inline void adze_cuda_copy(adze_cuda *c, unsigned stream,
                                  adze_cu_pointer to, adze_cu_pointer from,
                                  size_t bytes) {
  if (c->status == ADZE_CUDA_OK && to != from) {
    (void)adze_cuda_check(
        c,
        c->driver.copy_async(to, from, bytes, adze_cuda_stream(c, stream)),
        "copying on the device");
  }
}

static inline void adze_cuda_upload(adze_cuda *c, adze_cu_pointer to,
                                    const void *from, size_t bytes) {
  if (c->status == ADZE_CUDA_OK && bytes > 0) {
    (void)adze_cuda_check(c, c->driver.upload_async(to, from, bytes, c->stream),
                          "copying an input to the device");
  }
}

static inline void adze_cuda_download(adze_cuda *c, void *to,
                                      adze_cu_pointer from, size_t bytes) {
  if (c->status == ADZE_CUDA_OK && bytes > 0) {
    (void)adze_cuda_check(c,
                          c->driver.download_async(to, from, bytes, c->stream),
                          "copying an output from the device");
  }
}

static inline void adze_cuda_synchronize(adze_cuda *c) {
  if (c->status == ADZE_CUDA_OK) {
    (void)adze_cuda_check(c, c->driver.stream_synchronize(c->stream),
                          "running the model");
  }
}

/* Reads a number that the program decides by; it waits for the device. */
static inline void adze_cuda_read(adze_cuda *c, void *to, adze_cu_pointer from,
                                  size_t bytes) {
  memset(to, 0, bytes);
  adze_cuda_download(c, to, from, bytes);
  adze_cuda_synchronize(c);
}

/* Notes that `stream` has come this far, for adze_cuda_wait. */
static inline void adze_cuda_record(adze_cuda *c, unsigned event,
                                    unsigned stream) {
  if (c->status == ADZE_CUDA_OK) {
    (void)adze_cuda_check(c,
                          c->driver.event_record(c->events[event],
                                                 adze_cuda_stream(c, stream)),
                          "recording an event");
  }
}

static inline void adze_cuda_wait(adze_cuda *c, unsigned stream,
                                  unsigned event) {
  if (c->status == ADZE_CUDA_OK) {
    (void)adze_cuda_check(c,
                          c->driver.stream_wait(adze_cuda_stream(c, stream),
                                                c->events[event], 0),
                          "waiting for an event");
  }
}

/* Runs a program without conditions: captured once for the addresses of its
 * inputs and outputs, then replayed as a graph in one call. */
static inline void adze_cuda_replay(
    adze_cuda *c, unsigned which, const adze_cu_pointer *addresses,
    void (*enqueue)(adze_cuda *c, const adze_cu_pointer *tensors)) {
  adze_cuda_graph *graph = &c->graphs[which];
  adze_cu_handle captured = NULL, caller = c->stream;
  size_t bytes = c->tensor_count * sizeof(adze_cu_pointer);
  if (c->status != ADZE_CUDA_OK) {
    return;
  }
  if (!c->uses_graphs) {
    enqueue(c, addresses);
    return;
  }
  if (graph->executable == NULL ||
      memcmp(graph->addresses, addresses, bytes) != 0) {
    adze_cu_result ended;
    adze_cuda_drop_graph(c, graph);
    c->stream = c->streams[0];
    if (adze_cuda_check(c,
                        c->driver.capture_begin(c->stream,
                                                ADZE_CU_CAPTURE_THREAD_LOCAL),
                        "capturing the model's graph")) {
      enqueue(c, addresses);
      ended = c->driver.capture_end(c->stream, &captured);
      (void)adze_cuda_check(c, ended, "capturing the model's graph");
      if (c->status == ADZE_CUDA_OK &&
          adze_cuda_check(
              c, c->driver.graph_instantiate(&graph->executable, captured, 0),
              "preparing the model's graph")) {
        memcpy(graph->addresses, addresses, bytes);
      }
      if (captured != NULL) {
        (void)c->driver.graph_destroy(captured);
      }
    }
    c->stream = caller;
  }
  if (c->status == ADZE_CUDA_OK) {
    (void)adze_cuda_check(c,
                          c->driver.graph_launch(graph->executable, c->stream),
                          "launching the model's graph");
  }
}

static inline const char *adze_cuda_status_text(int status) {
  switch (status) {
  case ADZE_CUDA_OK:
    return "success";
  case ADZE_CUDA_NULL_ARGUMENT:
    return "a session, input, output or the weights is a null pointer";
  case ADZE_CUDA_NO_HOST_MEMORY:
    return "there is no host memory for the session";
  case ADZE_CUDA_NO_DRIVER:
    return "the CUDA driver cannot be loaded";
  case ADZE_CUDA_NO_DEVICE:
    return "there is no CUDA device";
  case ADZE_CUDA_NO_CODE_FOR_DEVICE:
    return "the model was not compiled for this device's compute capability";
  case ADZE_CUDA_DRIVER_ERROR:
    return "the CUDA driver reports an error; the session's message says which";
  default:
    return "unknown status";
  }
}

#endif
