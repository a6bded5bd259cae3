/*===- runner.c - Runs a model once between files -----------------*- C -*-===*\
|*                                                                            *|
|* Part of adze, under the Apache License v2.0 with LLVM Exceptions.          *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
#include "guest.h"
#include "report.h"

#define PAINT 0xA5A5A5A5u

/* In memory and not on the stack: an overflow must not reach it. */
static struct adze_report adze_guest_report;

__attribute__((noreturn)) static void
adze_guest_finish(enum adze_outcome outcome) {
  adze_guest_report.magic = ADZE_REPORT_MAGIC;
  adze_guest_report.outcome = (uint64_t)outcome;
  (void)adze_guest_write_file(ADZE_REPORT_FILE, &adze_guest_report,
                              sizeof adze_guest_report);
  adze_guest_exit(0);
}

void adze_guest_fault(uintptr_t pc, uintptr_t return_address, uintptr_t cause,
                      uintptr_t address, uintptr_t stack_pointer) {
  uintptr_t guard = (uintptr_t)__stack_guard;
  adze_guest_report.pc = pc;
  adze_guest_report.return_address = return_address;
  adze_guest_report.cause = cause;
  adze_guest_report.address = address;
  adze_guest_finish(stack_pointer < (uintptr_t)__stack_limit ||
                            address - guard < (uintptr_t)__stack_guard_size
                        ? ADZE_OUTCOME_OVERFLOW
                        : ADZE_OUTCOME_FAULT);
}

/* Ones everywhere: a float read before it was written is a NaN, and shows. */
static void adze_guest_poison(const struct adze_guest_file *file) {
  volatile unsigned char *byte = (volatile unsigned char *)file->data;
  size_t i;
  for (i = 0; i < file->size; ++i)
    byte[i] = 0xFF;
}

/* Between these two the counting plugin counts. */
__attribute__((noinline)) void adze_guest_count_begin(void) {
  __asm__ volatile("nop" ::: "memory");
}
__attribute__((noinline)) void adze_guest_count_end(void) {
  __asm__ volatile("nop" ::: "memory");
}

__attribute__((noinline)) static int adze_guest_measure(void) {
  volatile uint32_t *word;
  volatile uint32_t *base;
  int status;
#if defined(__riscv)
  __asm__ volatile("mv %0, sp" : "=r"(base));
#else
  __asm__ volatile("mov %0, sp" : "=r"(base));
#endif
  for (word = (volatile uint32_t *)__stack_limit; word < base; ++word)
    *word = PAINT;
  adze_guest_count_begin();
  status = adze_guest_call();
  adze_guest_count_end();
  for (word = (volatile uint32_t *)__stack_limit; word < base; ++word)
    if (*word != PAINT)
      break;
  adze_guest_report.stack_base = (uintptr_t)base;
  adze_guest_report.stack_bytes = (uintptr_t)base - (uintptr_t)word;
  return status;
}

void adze_guest_main(void) {
  unsigned i;
  size_t c;
  int status;
  const char *text;
  for (i = 0; i < adze_guest_num_inputs; ++i) {
    const struct adze_guest_file *file = &adze_guest_inputs[i];
    adze_guest_report.status = i;
    if (!adze_guest_read_file(file->name, file->data, file->size))
      adze_guest_finish(ADZE_OUTCOME_FILE_FAILED);
  }
  for (i = 0; i < adze_guest_num_outputs; ++i)
    adze_guest_poison(&adze_guest_outputs[i]);
  adze_guest_poison(&adze_guest_arena);

  status = adze_guest_measure();
  /* The lowest word is never painted over by a stack that fits. */
  if (*(volatile uint32_t *)__stack_limit != PAINT)
    adze_guest_finish(ADZE_OUTCOME_OVERFLOW);

  for (i = 0; i < adze_guest_num_outputs; ++i) {
    const struct adze_guest_file *file = &adze_guest_outputs[i];
    adze_guest_report.status = adze_guest_num_inputs + i;
    if (!adze_guest_write_file(file->name, file->data, file->size))
      adze_guest_finish(ADZE_OUTCOME_FILE_FAILED);
  }
  adze_guest_report.status = (uint64_t)(int64_t)status;
  text = adze_guest_status_text(status);
  for (c = 0; text && text[c] && c + 1 < sizeof adze_guest_report.text; ++c)
    adze_guest_report.text[c] = text[c];
  adze_guest_finish(ADZE_OUTCOME_RETURNED);
}
