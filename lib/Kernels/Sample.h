//===- Sample.h - Problems made from a line of text -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_LIB_KERNELS_SAMPLE_H
#define ADZE_LIB_KERNELS_SAMPLE_H

#include "adze/Compiler.h"
#include "adze/KernelFamily.h"

#include <random>

namespace adze {

/// A problem of that shape with random weights, factors and zero points. Words
/// of `key=value`, sizes joined by `x`:
///   conv in=32x32x16 out=16 kernel=3x3 [stride=1] [dilation=1] [groups=1]
///        [pad=same|valid|TxLxBxR] [relu=1] [residual=0] [bits=8] [type=int8]
///        [once=0] [batch=1] [clamp=LOxHI] [dead=PERIOD]
///   (dead: of each PERIOD channels only the first one is not constant)
///   dense in=640 out=128 [as conv];  depthwise = conv with groups = channels
///   add n=16384 [subtract=0] [type=int8];  mul n=1024 [period=16]
///   pool in=25x5x64 window=25x5 [stride=1] [pad=valid] [kind=average|maximum]
///   lookup n=100;  softmax in=1x12
Status sampleProblem(const std::string &text, unsigned seed, Problem &problem);

/// A problem of a random shape, small enough to run in an emulator.
std::string randomProblemText(std::mt19937_64 &random);

/// Random bytes for each input; a quarter are the zero point, as after ReLU.
std::vector<std::vector<char>> sampleInputs(const Problem &problem,
                                            unsigned seed);

/// The layers of the MLPerf Tiny models: "resnet8", "kws", "vww", "ad01".
std::vector<std::string> modelLayers(const std::string &model);

} // namespace adze

#endif
