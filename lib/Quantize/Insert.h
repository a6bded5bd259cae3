//===- Insert.h - The quantized graph ---------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_INSERT_H
#define ADZE_QUANTIZE_INSERT_H

#include "Layers.h"

namespace adze::quantize {

/// The graph with QuantizeLinear and DequantizeLinear as the plan says. With
/// `results`, the dequantized results of all layers are outputs too, and
/// `results[i]` names the i-th layer's.
Graph insertQuantization(const Graph &graph, const Plan &plan,
                         std::vector<std::string> *results = nullptr);

/// Each layer by itself: the inputs are the float values that layers read, the
/// outputs (named in `results` by layer) what each makes of them.
Graph isolateLayers(const Graph &graph, const Plan &plan,
                    const ValueSpecs &specs, std::vector<std::string> &results);

/// Range of the integers of so many bits: 127, 32767.
inline int largest(int bits) { return bits == 8 ? 127 : 32767; }

/// The nearest integer, saturated; ties to even, as QuantizeLinear does.
int64_t roundTo(double value, int64_t low, int64_t high);

} // namespace adze::quantize

#endif
