//===- TensorCore.h - Arithmetic of the matrix instructions -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Products are exact and sums are made in f32, k after k, which is what PTX
// promises ("at least single precision", ISA 9.7.14.5.14). What the chips do
// instead has been measured: the products of a block of k and the accumulator
// are aligned to the largest exponent, cut off some bits below, added as
// integers, and the sum is cut off to f32 (Fasi, Higham, Mikaitis and
// Pranesh, "Numerical behavior of NVIDIA tensor cores", 2021; Li et al.,
// "FTTN", 2024). ADZE_PTXSIM_ACCUMULATE=truncate computes like that.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_TENSORCORE_H
#define ADZE_RUNTIME_PTXSIM_TENSORCORE_H

#include "runtime/ptxsim/Program.h"

namespace adze::ptxsim {

class Decoder;

/// Element sizes of matrix operands: F16, BF16, TF32, E4M3, E5M2, S8, U8;
/// 0 for other types.
unsigned matrixBits(Type type);

/// `count` elements at `source`, densely packed, as floats. TF32 drops the 13
/// low bits that the tensor core does not read.
void decodeMatrix(Type type, const char *source, unsigned count, float *out);
/// The same of S8 and U8.
void decodeMatrix(Type type, const char *source, unsigned count, int *out);

float halfToFloat(uint16_t bits);
/// Round to nearest even.
uint16_t floatToHalf(float value);

/// How a chip adds: products of a block and the accumulator in one step.
struct Truncation {
  bool on = false;
  unsigned block = 16;    ///< products added at once
  unsigned extraBits = 2; ///< kept below the last bit of the largest
};

/// What ADZE_PTXSIM_ACCUMULATE asks for on `chip` (80, 86, 89, 90): blocks of
/// 8 with 1 extra bit before Hopper and of 16 with 2 since; 8-bit floats on
/// Hopper keep 13 bits in all (DeepSeek-V3 report, 3.3.2).
Truncation truncationOf(unsigned chip, Type operand);

/// d[rows][n] += a[rows][k] * b[k][n], row-major and dense, n a multiple of 8.
void multiplyAccumulate(float *d, const float *a, const float *b, unsigned rows,
                        unsigned n, unsigned k, const Truncation &truncation);
/// The same of integers; sums wrap, or stick to the ends if `saturate`.
void multiplyAccumulate(int *d, const int *a, const int *b, unsigned rows,
                        unsigned n, unsigned k, bool saturate);

/// Fails if lanes of the warp have exited or never existed: the instruction
/// takes all 32.
void requireAllLanes(const Warp &warp, const Instruction &instruction,
                     uint32_t mask);

// One for each generation and kind of instruction; decodeTensorCore asks them
// in turn.
bool decodeMma(Decoder &decoder);         ///< mma.sync
bool decodeMatrixMoves(Decoder &decoder); ///< ldmatrix, stmatrix, movmatrix
bool decodeWgmma(Decoder &decoder);       ///< wgmma.*, setmaxnreg

} // namespace adze::ptxsim

#endif
