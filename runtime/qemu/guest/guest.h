/*===- guest.h - The pieces of a guest image ----------------------*- C -*-===*\
|*                                                                            *|
|* Part of adze, under the Apache License v2.0 with LLVM Exceptions.          *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/**
 * A guest image is: start-up code of the architecture (start_*.c), the runner
 * (runner.c), a generated binding that knows the model's header (binding.c),
 * and the artifact. Their names start with adze_guest_, by which counting
 * leaves them out.
 */
#ifndef ADZE_GUEST_H
#define ADZE_GUEST_H

#include <stddef.h>
#include <stdint.h>

/* --- semihosting.c: the Arm semihosting calls, which QEMU serves on Arm and
 * RISC-V alike. Files are relative to the folder in which QEMU was started. */

/** Reads exactly `size` bytes; 0 if there are fewer or the file is missing. */
int adze_guest_read_file(const char *name, void *data, size_t size);
/** Writes a new file; 0 if that failed. */
int adze_guest_write_file(const char *name, const void *data, size_t size);
/** Ends the emulation. */
void adze_guest_exit(int code) __attribute__((noreturn));

/* --- runner.c */

/** Runs the model once between files; called by the start-up code. */
void adze_guest_main(void) __attribute__((noreturn));
/** Called by the start-up code on any exception, on a stack of its own. */
void adze_guest_fault(uintptr_t pc, uintptr_t return_address, uintptr_t cause,
                      uintptr_t address, uintptr_t stack_pointer)
    __attribute__((noreturn));

/* --- binding.c, generated for one model */

struct adze_guest_file {
  const char *name;
  void *data;
  size_t size;
};
extern const struct adze_guest_file adze_guest_inputs[];
extern const unsigned adze_guest_num_inputs;
extern const struct adze_guest_file adze_guest_outputs[];
extern const unsigned adze_guest_num_outputs;
extern const struct adze_guest_file adze_guest_arena;
int adze_guest_call(void);
const char *adze_guest_status_text(int status);

/* --- the linker script */

extern char __stack_guard[], __stack_guard_size[]; /* 0: there is none */
extern char __stack_limit[], __stack_top[];
extern char __data_start[], __data_end[], __data_source[];
extern char __bss_start[], __bss_end[];

/** Copies initial values and clears what must be zero. Word by word, so that
 * the compiler makes no call of memcpy out of it. */
static inline void adze_guest_initialize_memory(void) {
  volatile uint32_t *to = (volatile uint32_t *)__data_start;
  const uint32_t *from = (const uint32_t *)__data_source;
  while (to < (volatile uint32_t *)__data_end)
    *to++ = *from++;
  for (to = (volatile uint32_t *)__bss_start;
       to < (volatile uint32_t *)__bss_end; ++to)
    *to = 0;
}

#endif
