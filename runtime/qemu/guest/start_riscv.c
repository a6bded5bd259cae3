/*===- start_riscv.c - Start-up code of RISC-V --------------------*- C -*-===*\
|*                                                                            *|
|* Part of adze, under the Apache License v2.0 with LLVM Exceptions.          *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/**
 * Machine mode of RV32 and RV64: FPU and vectors on, memory initialised, the
 * guard below the stack closed by physical memory protection (code lies below
 * it, so without that an overflow would go unnoticed), every trap reported.
 */
#include "guest.h"

/* Control registers are an extension of their own since ISA 2.1, which -march
 * of the artifact need not name. */
#define WITH_ZICSR(text)                                                       \
  ".option push\n.option arch, +zicsr\n" text ".option pop\n"

__attribute__((used)) static char adze_guest_fault_stack[1024]
    __attribute__((aligned(16)));

/* A locked entry, which binds machine mode too: naturally aligned power-of-two
 * region, no access. */
static void adze_guest_close_stack_guard(void) {
  uintptr_t size = (uintptr_t)__stack_guard_size;
  uintptr_t region = ((uintptr_t)__stack_guard >> 2) | ((size >> 3) - 1);
  uintptr_t locked_napot = 0x98;
  __asm__ volatile(WITH_ZICSR("csrw pmpaddr0, %0\n"
                              "csrw pmpcfg0, %1\n")
                   :
                   : "r"(region), "r"(locked_napot));
}

__attribute__((used, noreturn)) static void
adze_guest_trap(uintptr_t pc, uintptr_t return_address,
                uintptr_t stack_pointer) {
  uintptr_t cause, address;
  __asm__ volatile(WITH_ZICSR("csrr %0, mcause\n csrr %1, mtval\n")
                   : "=r"(cause), "=r"(address));
  adze_guest_fault(pc, return_address, cause, address, stack_pointer);
}

__attribute__((naked, aligned(4))) static void adze_guest_trap_entry(void) {
  __asm__ volatile("mv a2, sp\n"
                   "la sp, adze_guest_fault_stack + 1024\n" WITH_ZICSR(
                       "csrr a0, mepc\n") "mv a1, ra\n"
                                          "j adze_guest_trap\n");
}

__attribute__((used, noreturn)) static void adze_guest_start_c(void) {
  __asm__ volatile(WITH_ZICSR("csrw mtvec, %0\n")
                   :
                   : "r"(adze_guest_trap_entry));
  adze_guest_initialize_memory();
  adze_guest_close_stack_guard();
  adze_guest_main();
}

/* 0x6600: mstatus.FS and mstatus.VS dirty, that is on. */
__attribute__((naked, section(".adze_start"), used)) void
adze_guest_start(void) {
  __asm__ volatile(".option push\n"
                   ".option norelax\n"
                   "la gp, __global_pointer$\n"
                   ".option pop\n"
                   "la sp, __stack_top\n"
                   "li t0, 0x6600\n" WITH_ZICSR(
                       "csrs mstatus, t0\n") "j adze_guest_start_c\n");
}
