//===- bits.h - What every function of the runtime is made of -*- C -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The headers of this folder are the functions that ship inside artifacts. They
// serve twice: the text of the functions that a model uses is copied into its
// C file, and clang compiles all of them to the bitcode that adze links into
// host code. A marker line starts each function; RuntimeText.cpp cuts there.
//
// Rules: C99; one function a section; no branch that a select can replace (the
// loop vectoriser has to see through them), no table, no errno; the result
// does not rely on contraction of a*b+c and does not suffer from it.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_BITS_H
#define ADZE_RUNTIME_BITS_H

#include <stdint.h>

#ifndef ADZE_FUNCTION
#define ADZE_FUNCTION static inline
#endif

//===-- adze_bits_of_float -----------------------------------------------===//
// The bits of an IEEE 754 binary32.
ADZE_FUNCTION uint32_t adze_bits_of_float(float x) {
  union {
    float value;
    uint32_t bits;
  } both;
  both.value = x;
  return both.bits;
}

//===-- adze_float_of_bits -----------------------------------------------===//
// The IEEE 754 binary32 that has these bits.
ADZE_FUNCTION float adze_float_of_bits(uint32_t bits) {
  union {
    float value;
    uint32_t bits;
  } both;
  both.bits = bits;
  return both.value;
}

//===-- adze_upper_half --------------------------------------------------===//
// x with the lower 12 bits of its significand cleared: the product of two such
// numbers is exact.
ADZE_FUNCTION float adze_upper_half(float x) {
  return adze_float_of_bits(adze_bits_of_float(x) & 0xFFFFF000u);
}

#endif
