//===- Prepare.h - The float graph as it will be quantized ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_PREPARE_H
#define ADZE_QUANTIZE_PREPARE_H

#include "Graph.h"

namespace adze::quantize {

/// Rewrites the graph, without changing what it computes, so that a layer is
/// one linear operator with a bias: nodes without effect at inference vanish,
/// normalisations, scales and biases behind a convolution or product move into
/// its weights, and MatMul with a bias becomes Gemm.
void prepare(Graph &graph);

/// Replaces nodes that depend on constants alone by what they compute, as the
/// compiler evaluates them.
Status foldConstants(Graph &graph);

} // namespace adze::quantize

#endif
