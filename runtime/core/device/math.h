//===- math.h - What the runtime needs of C99's header, on a GPU ----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A GPU has no C library; each of these is an instruction.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_DEVICE_MATH_H
#define ADZE_RUNTIME_DEVICE_MATH_H

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define copysignf __builtin_copysignf
#define fabs __builtin_fabs
#define fabsf __builtin_fabsf
#define sqrt __builtin_sqrt
#define sqrtf __builtin_sqrtf

#endif
