//===- FoldedForm.h - The bias folded into a straight form ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A depthwise layer has few weights a channel, so that the constants of the
/// requantization weigh, and trained ones have channels whose bias alone leaves
/// 32 bits once it is scaled, or whose output is the same for all inputs. The
/// straight form of requantize/Search.h
///
///   sat8((high32((scale * sum + start) * multiplier + 2^31) + addend) >>
///   shift)
///
/// over sums without bias is searched here, with the bias in the start or in
/// the addend.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_DEPTHWISE_FOLDEDFORM_H
#define ADZE_CODEGEN_C_FAMILIES_DEPTHWISE_FOLDEDFORM_H

#include "codegen/c/families/requantize/Search.h"

namespace adze::families::depthwise {

struct FoldedForm {
  struct Channel {
    int32_t multiplier = 0, start = 0, addend = 0;
    int32_t step = 0; // not used by findFoldedForm
    /// The output is the same for all inputs; the weights must be zero.
    bool constant = false;
  };
  int shift = 0;
  bool sharedAddend = false; // one addend for all channels: part of the code
  /// As in FastRequantization.
  bool clamps = false;
  int32_t clampSubtract = 0, clampAdd = 0;
  std::vector<Channel> channels;
};

/// An exact form, with a shared addend if there is one; or nothing.
std::optional<FoldedForm> findFoldedForm(const ConvolutionProblem &p,
                                         int64_t scale);

} // namespace adze::families::depthwise

#endif
