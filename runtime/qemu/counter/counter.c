/*===- counter.c - QEMU plugin: what every instruction did --------*- C -*-===*\
|*                                                                            *|
|* Part of adze, under the Apache License v2.0 with LLVM Exceptions.          *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/**
 * For every instruction address executed between the addresses `begin` and
 * `end`: executions, loads, stores and bytes of both, and the lowest address
 * stored to in [stack_low, stack_high). Written as text to `out`:
 *
 *   adze-counter 2 complete <0|1> lowest <hex>
 *   <address hex> <executions> <loads> <stores> <load bytes> <store bytes>
 *   ...
 *   call <address hex>
 *   <address hex> <executions>
 *   ...
 *
 * in the order in which the instructions were first translated, which is the
 * order of first execution up to the reach of a translation block. A `call` is
 * what was executed between leaving the addresses [run_begin, run_end) and
 * coming back there, callees included: one kernel of the program.
 *
 * Executions are counted inline; loads and stores by callback, because the
 * inline memory counters of QEMU 7.2 are wrong (reads count only stores, writes
 * count everything). QEMU reports vector accesses element by element, so the
 * number of accesses says little there: use executions and bytes.
 *
 * Prototypes of plugin API version 1 (QEMU 4.2 to 8.2) are declared here:
 * Debian packages no qemu-plugin.h. Later versions of QEMU refuse the plugin by
 * its version number, with a message.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_RW = 3 };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 = 0 };

typedef struct {
  const char *target_name;
  struct {
    int min;
    int cur;
  } version;
} qemu_info_t; /* the leading fields of the real one */

extern void qemu_plugin_register_vcpu_tb_trans_cb(
    qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t,
                                           void (*)(qemu_plugin_id_t, void *),
                                           void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern void qemu_plugin_register_vcpu_insn_exec_inline(
    struct qemu_plugin_insn *, enum qemu_plugin_op, void *, uint64_t);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *,
                                                   void (*)(unsigned, void *),
                                                   enum qemu_plugin_cb_flags,
                                                   void *);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *,
                                                 void (*)(unsigned, void *),
                                                 enum qemu_plugin_cb_flags,
                                                 void *);
extern void qemu_plugin_register_vcpu_mem_cb(
    struct qemu_plugin_insn *,
    void (*)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *),
    enum qemu_plugin_cb_flags, enum qemu_plugin_mem_rw, void *);
extern unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
extern bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);

EXPORT int qemu_plugin_version = 1;

/* One instruction address. Records live as long as QEMU: translated code holds
 * their addresses. */
struct record {
  uint64_t address;
  uint64_t executions, loads, stores, load_bytes, store_bytes;
  uint64_t in_call; /* executions since the call at hand began */
  struct record *next_in_bucket, *next_in_order;
};

/* A translated block: it is executed from its first instruction to its last. */
struct block {
  size_t count;
  bool in_run;
  uint64_t executions; /* since the call at hand began */
  struct block *next_active;
  struct record *records[];
};

enum { BUCKETS = 1 << 14 };
static struct record *buckets[BUCKETS];
static struct record *first, **last = &first;
static uint64_t begin_address, end_address, stack_low, stack_high;
static uint64_t run_begin, run_end;
static uint64_t lowest = UINT64_MAX;
static bool counting, complete, in_call;
static struct block *active; /* blocks that the call at hand executed */
static char *out_name;
static FILE *calls; /* text of the calls that ended */

static void out_of_memory(void) {
  fprintf(stderr, "adze-counter: out of memory\n");
  exit(1);
}

static struct record *record_of(uint64_t address) {
  struct record **bucket = &buckets[(address >> 1) % BUCKETS];
  struct record *r;
  for (r = *bucket; r; r = r->next_in_bucket)
    if (r->address == address)
      return r;
  r = calloc(1, sizeof *r);
  if (!r)
    out_of_memory();
  r->address = address;
  r->next_in_bucket = *bucket;
  *bucket = r;
  *last = r;
  last = &r->next_in_order;
  return r;
}

static void begin_call(uint64_t address) {
  in_call = true;
  fprintf(calls, "call %" PRIx64 "\n", address);
}

/* Sums of blocks become sums of instructions: blocks may overlap. */
static void end_call(void) {
  struct block *b;
  size_t i;
  for (b = active; b; b = b->next_active)
    for (i = 0; i < b->count; ++i)
      b->records[i]->in_call += b->executions;
  for (; active; active = b) {
    b = active->next_active;
    for (i = 0; i < active->count; ++i) {
      struct record *r = active->records[i];
      if (r->in_call)
        fprintf(calls, "%" PRIx64 " %" PRIu64 "\n", r->address, r->in_call);
      r->in_call = 0;
    }
    active->executions = 0;
    active->next_active = NULL;
  }
  in_call = false;
}

static void on_block(unsigned cpu, void *data) {
  struct block *b = data;
  (void)cpu;
  if (!counting)
    return;
  if (b->in_run) {
    if (in_call)
      end_call();
    return;
  }
  if (!in_call)
    begin_call(b->records[0]->address);
  if (b->executions++ == 0) {
    b->next_active = active;
    active = b;
  }
}

static void copy_calls(FILE *out) {
  char buffer[4096];
  size_t count;
  rewind(calls);
  while ((count = fread(buffer, 1, sizeof buffer, calls)) > 0)
    fwrite(buffer, 1, count, out);
}

static void write_counts(void) {
  FILE *out = fopen(out_name, "w");
  struct record *r;
  if (!out) {
    perror(out_name);
    return;
  }
  fprintf(out, "adze-counter 2 complete %d lowest %" PRIx64 "\n", complete,
          lowest);
  for (r = first; r; r = r->next_in_order)
    if (r->executions)
      fprintf(out,
              "%" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
              " %" PRIu64 "\n",
              r->address, r->executions, r->loads, r->stores, r->load_bytes,
              r->store_bytes);
  if (in_call)
    end_call();
  copy_calls(out);
  fclose(out);
}

static void on_begin(unsigned cpu, void *unused) {
  struct record *r;
  (void)cpu;
  (void)unused;
  for (r = first; r; r = r->next_in_order)
    r->executions = r->loads = r->stores = r->load_bytes = r->store_bytes = 0;
  lowest = UINT64_MAX;
  counting = true;
}

static void on_end(unsigned cpu, void *unused) {
  (void)cpu;
  (void)unused;
  counting = false;
  complete = true;
  write_counts();
}

static void on_memory(unsigned cpu, qemu_plugin_meminfo_t info,
                      uint64_t address, void *data) {
  struct record *r = data;
  uint64_t size = UINT64_C(1) << qemu_plugin_mem_size_shift(info);
  (void)cpu;
  if (!counting)
    return;
  if (qemu_plugin_mem_is_store(info)) {
    ++r->stores;
    r->store_bytes += size;
    if (address >= stack_low && address < stack_high && address < lowest)
      lowest = address;
  } else {
    ++r->loads;
    r->load_bytes += size;
  }
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  size_t i, count = qemu_plugin_tb_n_insns(tb);
  struct block *b = calloc(1, sizeof *b + count * sizeof *b->records);
  (void)id;
  if (!b)
    out_of_memory();
  b->count = count;
  for (i = 0; i < count; ++i) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    uint64_t address = qemu_plugin_insn_vaddr(insn);
    struct record *r = record_of(address);
    b->records[i] = r;
    if (i == 0)
      b->in_run = address >= run_begin && address < run_end;
    if (address == begin_address)
      qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin,
                                             QEMU_PLUGIN_CB_NO_REGS, NULL);
    else if (address == end_address)
      qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end,
                                             QEMU_PLUGIN_CB_NO_REGS, NULL);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
                                               &r->executions, 1);
    qemu_plugin_register_vcpu_mem_cb(insn, on_memory, QEMU_PLUGIN_CB_NO_REGS,
                                     QEMU_PLUGIN_MEM_RW, r);
  }
  if (count && run_end)
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS,
                                         b);
}

/* An image that never reached `end` (a fault, a time-out) is reported so. */
static void on_exit_of_emulator(qemu_plugin_id_t id, void *unused) {
  (void)id;
  (void)unused;
  if (!complete)
    write_counts();
}

static bool read_argument(const char *argument) {
  static const struct {
    const char *name;
    uint64_t *value;
  } numbers[] = {{"begin=", &begin_address},
                 {"end=", &end_address},
                 {"run_begin=", &run_begin},
                 {"run_end=", &run_end},
                 {"stack_low=", &stack_low},
                 {"stack_high=", &stack_high}};
  size_t i;
  for (i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
    size_t length = strlen(numbers[i].name);
    if (strncmp(argument, numbers[i].name, length) == 0) {
      *numbers[i].value = strtoull(argument + length, NULL, 0);
      return true;
    }
  }
  if (strncmp(argument, "out=", 4) == 0) {
    out_name = strdup(argument + 4);
    return out_name != NULL;
  }
  return false;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
                               int argc, char **argv) {
  int i;
  if (info->version.cur < 1) {
    fprintf(stderr,
            "adze-counter: QEMU's plugin API is version %d, this needs "
            "version 1\n",
            info->version.cur);
    return -1;
  }
  for (i = 0; i < argc; ++i)
    if (!read_argument(argv[i])) {
      fprintf(stderr, "adze-counter: unknown argument '%s'\n", argv[i]);
      return -1;
    }
  if (!out_name) {
    fprintf(stderr, "adze-counter: argument 'out' is missing\n");
    return -1;
  }
  calls = tmpfile();
  if (!calls) {
    perror("adze-counter: a temporary file");
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, on_exit_of_emulator, NULL);
  return 0;
}
