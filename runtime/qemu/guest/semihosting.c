/*===- semihosting.c - Files and exit through the emulator --------*- C -*-===*\
|*                                                                            *|
|* Part of adze, under the Apache License v2.0 with LLVM Exceptions.          *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/**
 * "Semihosting for AArch32 and AArch64" (Arm IHI 0100) and the RISC-V
 * Semihosting specification: the same operations and parameter blocks, of
 * register-sized fields.
 */
#include "guest.h"

enum {
  SYS_OPEN = 0x01,
  SYS_CLOSE = 0x02,
  SYS_WRITE = 0x05,
  SYS_READ = 0x06,
  SYS_EXIT_EXTENDED = 0x20
};
enum { MODE_READ_BINARY = 1, MODE_WRITE_BINARY = 5 };
enum { STOPPED_APPLICATION_EXIT = 0x20026 };

static intptr_t adze_guest_semihosting(uintptr_t operation, const void *block) {
#if defined(__riscv)
  register uintptr_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = block;
  /* The three instructions must be uncompressed and lie in one page. */
  __asm__ volatile(".balign 16\n"
                   ".option push\n"
                   ".option norvc\n"
                   "slli x0, x0, 0x1f\n"
                   "ebreak\n"
                   "srai x0, x0, 7\n"
                   ".option pop\n"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
  return (intptr_t)a0;
#else
  register uintptr_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return (intptr_t)r0;
#endif
}

static intptr_t adze_guest_open(const char *name, uintptr_t mode) {
  uintptr_t block[3];
  size_t length = 0;
  while (name[length])
    ++length;
  block[0] = (uintptr_t)name;
  block[1] = mode;
  block[2] = length;
  return adze_guest_semihosting(SYS_OPEN, block);
}

static int adze_guest_transfer(const char *name, uintptr_t mode,
                               uintptr_t operation, uintptr_t data,
                               size_t size) {
  uintptr_t block[3];
  intptr_t handle = adze_guest_open(name, mode);
  intptr_t missing;
  if (handle == -1)
    return 0;
  block[0] = (uintptr_t)handle;
  block[1] = data;
  block[2] = size;
  missing = size ? adze_guest_semihosting(operation, block) : 0;
  adze_guest_semihosting(SYS_CLOSE, block);
  return missing == 0;
}

int adze_guest_read_file(const char *name, void *data, size_t size) {
  return adze_guest_transfer(name, MODE_READ_BINARY, SYS_READ, (uintptr_t)data,
                             size);
}

int adze_guest_write_file(const char *name, const void *data, size_t size) {
  return adze_guest_transfer(name, MODE_WRITE_BINARY, SYS_WRITE,
                             (uintptr_t)data, size);
}

void adze_guest_exit(int code) {
  uintptr_t block[2];
  block[0] = STOPPED_APPLICATION_EXIT;
  block[1] = (uintptr_t)code;
  for (;;)
    adze_guest_semihosting(SYS_EXIT_EXTENDED, block);
}
