//===- AsyncCopy.h - cp.async and cp.async.bulk -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_ASYNCCOPY_H
#define ADZE_RUNTIME_PTXSIM_ASYNCCOPY_H

#include "runtime/ptxsim/State.h"

namespace adze::ptxsim {

class Decoder;

/// Finishes the cp.async of a lane that are numbered below `before`, in the
/// name of `agent` at `time`.
void landCopies(const Warp &warp, unsigned lane, uint32_t before,
                unsigned agent, uint32_t time);

/// cp.async.bulk*, cp.reduce.async.bulk*, prefetch.tensormap (TMA; file
/// AsyncCopyBulk.cpp).
bool decodeBulkCopy(Decoder &decoder);

} // namespace adze::ptxsim

#endif
