//===- SharedAddend.h - One addend for all channels -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A depthwise layer has few weights a channel, so that the constants of the
/// requantization weigh. The straight form of requantize/Search.h
///
///   sat8((high32((scale * sum + start) * multiplier + 2^31) + addend) >>
///   shift)
///
/// is searched here with the same addend for every channel of the layer, which
/// then is part of the code.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_DEPTHWISE_SHAREDADDEND_H
#define ADZE_CODEGEN_C_FAMILIES_DEPTHWISE_SHAREDADDEND_H

#include "codegen/c/families/requantize/Search.h"

namespace adze::families::depthwise {

/// A form whose channels all have the same addend; nothing where there is none.
std::optional<FastRequantization> findSharedAddend(const ConvolutionProblem &p,
                                                   int64_t scale);

} // namespace adze::families::depthwise

#endif
