/*===- start_cortex_m.c - Start-up code of Arm Cortex-M -----------*- C -*-===*\
|*                                                                            *|
|* Part of adze, under the Apache License v2.0 with LLVM Exceptions.          *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/**
 * Armv6-M to Armv8.1-M: vector table, FPU and Helium on, memory initialised,
 * every exception reported with the frame that the hardware stacked.
 */
#include "guest.h"

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define SHCSR (*(volatile uint32_t *)0xE000ED24u)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define MMFAR (*(volatile uint32_t *)0xE000ED34u)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)
#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_RNR (*(volatile uint32_t *)0xE000ED98u)
#define MPU_RBAR (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_RASR (*(volatile uint32_t *)0xE000EDA0u)
#define CFSR_MMARVALID (1u << 7)
#define CFSR_BFARVALID (1u << 15)

__attribute__((used)) static char adze_guest_fault_stack[1024]
    __attribute__((aligned(8)));

/* The frame: r0-r3, r12, lr, pc, xpsr. It is readable only if the stack has not
 * run out of its memory. */
__attribute__((used, noreturn)) static void
adze_guest_exception(const uint32_t *frame) {
#if defined(__ARM_ARCH_6M__)
  uint32_t cause = 0, address = 0; /* Armv6-M has no fault status registers */
#else
  uint32_t cause = CFSR;
  uint32_t address = cause & CFSR_BFARVALID   ? BFAR
                     : cause & CFSR_MMARVALID ? MMFAR
                                              : 0;
#endif
  if ((const char *)frame < __stack_limit)
    adze_guest_fault(0, 0, cause, address, (uintptr_t)frame);
  adze_guest_fault(frame[6], frame[5], cause, address, (uintptr_t)frame);
}

/* The stack may be what failed, so the handler brings its own. */
__attribute__((naked)) static void adze_guest_exception_entry(void) {
  __asm__ volatile("mrs r0, msp\n"
                   "ldr r1, =adze_guest_fault_stack + 1024\n"
                   "mov sp, r1\n"
                   "ldr r1, =adze_guest_exception\n"
                   "bx r1\n"
                   ".ltorg\n");
}

/* Armv7-M memory protection: one region without access and execution, the
 * default map for everything else, off inside hard faults. */
static void adze_guest_close_stack_guard(void) {
#if defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)
  uint32_t size = (uint32_t)__stack_guard_size, log2 = 0;
  if (size == 0)
    return;
  while (size >>= 1)
    ++log2;
  MPU_RNR = 0;
  MPU_RBAR = (uint32_t)__stack_guard;
  MPU_RASR = 1u << 28 | (log2 - 1) << 1 | 1u; /* execute never, AP 0, on */
  MPU_CTRL = 1u << 2 | 1u;                    /* default map behind, on */
  __asm__ volatile("dsb\n isb");
#endif
}

__attribute__((used, noreturn)) static void adze_guest_start_c(void) {
#if !defined(__ARM_ARCH_6M__)
  CPACR |= 0xFu << 20; /* full access to CP10 and CP11: FPU and Helium */
  /* Memory, bus and usage faults on their own: a stack overflow can then
   * escalate to a hard fault, instead of locking the core up in one. */
  SHCSR |= 7u << 16;
  __asm__ volatile("dsb\n isb");
#endif
  adze_guest_initialize_memory();
  adze_guest_close_stack_guard();
  adze_guest_main();
}

__attribute__((naked, used)) void adze_guest_start(void) {
  __asm__ volatile("bl adze_guest_start_c\n b .");
}

typedef void (*adze_guest_vector)(void);
__attribute__((section(".adze_start"), used)) static const struct {
  void *initial_stack;
  adze_guest_vector handlers[15]; /* reset, then the exceptions 2 to 15 */
} adze_guest_vectors = {__stack_top,
                        {adze_guest_start, adze_guest_exception_entry,
                         adze_guest_exception_entry, adze_guest_exception_entry,
                         adze_guest_exception_entry, adze_guest_exception_entry,
                         adze_guest_exception_entry, adze_guest_exception_entry,
                         adze_guest_exception_entry, adze_guest_exception_entry,
                         adze_guest_exception_entry, adze_guest_exception_entry,
                         adze_guest_exception_entry, adze_guest_exception_entry,
                         adze_guest_exception_entry}};
