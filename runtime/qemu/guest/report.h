/*===- report.h - What a guest tells the host ---------------------*- C -*-===*\
|*                                                                            *|
|* Part of adze, under the Apache License v2.0 with LLVM Exceptions.          *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/**
 * The guest writes one of these to the file "report.bin" just before it ends.
 * Fixed-width little-endian fields only: guest and host both include this file.
 */
#ifndef ADZE_GUEST_REPORT_H
#define ADZE_GUEST_REPORT_H

#include <stdint.h>

#define ADZE_REPORT_MAGIC 0x74726f7065525a41u
#define ADZE_REPORT_FILE "report.bin"

enum adze_outcome {
  ADZE_OUTCOME_RETURNED = 1,    /* the model's function returned `status` */
  ADZE_OUTCOME_FAULT = 2,       /* an exception at `pc` */
  ADZE_OUTCOME_FILE_FAILED = 3, /* file number `status` (inputs first) */
  ADZE_OUTCOME_OVERFLOW = 4     /* the stack ran into its guard */
};

struct adze_report {
  uint64_t magic;
  uint64_t outcome;
  uint64_t status;
  uint64_t stack_base;  /* stack pointer of the caller of the model */
  uint64_t stack_bytes; /* bytes below it whose paint has changed */
  uint64_t pc, return_address;
  uint64_t cause;   /* Cortex-M: CFSR; RISC-V: mcause */
  uint64_t address; /* Cortex-M: BFAR or MMFAR; RISC-V: mtval */
  char text[96];    /* what the model says of `status`, zero terminated */
};

#endif
