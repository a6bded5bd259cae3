//===- cortex_m4.c - Starts a test program on QEMU's mps2-an386 -----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include <stdint.h>

extern void _start(void);
extern char __stack[];

static void reset(void) {
  // CPACR: full access to the floating-point unit.
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
  __asm volatile("dsb\n isb");
  _start();
}

__attribute__((section(".vectors"), used)) void (*const vectors[])(void) = {
    (void (*)(void))__stack, reset};
