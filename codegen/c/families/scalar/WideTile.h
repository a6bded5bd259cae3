//===- WideTile.h - Two pixels in one 64-bit multiply -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// PackedTile.h for cores with 64-bit registers: a word is a + (b << 32), whose
/// halves no sum of a layer can leave, so that nothing is ever taken apart
/// before the end.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_SCALAR_WIDETILE_H
#define ADZE_CODEGEN_C_FAMILIES_SCALAR_WIDETILE_H

#include "codegen/c/families/scalar/PackedTile.h"

namespace adze::families {

/// Whether a machine multiplies 64-bit registers in one instruction.
bool hasWideMultiply(const Machine &machine);

/// Adds the function that computes one tile of all channels of a group of the
/// convolution:
///   NAME(const uint64_t *columns, const int8_t *weights, const int32_t *lines,
///        int8_t *out, int32_t pitch, int32_t channels, int32_t words[, int32_t
///        offset])
/// `pitch`: output channels of a pixel; `words`: 64-bit words of `columns`;
/// `offset`: of the two-sided line. `bits`: of a stored weight. Returns its
/// name.
std::string addWideTile(KernelCode &code, TileSize tile, int bits,
                        const LineForm &form, const Requantization &q);

/// Instructions of one call.
double wideTileInstructions(const ConvolutionProblem &problem, TileSize tile,
                            bool twoSided);

} // namespace adze::families

#endif
