//===- Weights.h - Scales of weights, and biases ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_WEIGHTS_H
#define ADZE_QUANTIZE_WEIGHTS_H

#include "LinearData.h"

namespace adze::quantize {

/// Sets Plan::weightScales: by largest weight, or by least square error of the
/// weights (methods Mse and Cosine). The groups have their scales.
void chooseWeightScales(const Graph &graph, const QuantizeOptions &options,
                        Plan &plan);

/// EasyQuant's search (D. Wu et al., arXiv:2006.16669, section 3): the scales
/// of a layer's weights with those of its input held, then the other way round,
/// each time the one whose result has the greatest cosine with the float
/// result. `data` is by layer.
void searchScales(const Graph &graph, const std::vector<LinearData> &data,
                  const Progress &progress, Plan &plan);

/// Raises scales under which a bias would not fit into 32 bits.
void fitBiases(const Graph &graph, Plan &plan);

/// Takes the mean error of each output channel out of its bias (M. Nagel et
/// al., "Data-free quantization through weight equalization and bias
/// correction", ICCV 2019, section 4.2, with the means of the samples).
void correctBiases(const std::vector<LinearData> &data, Graph &graph,
                   Plan &plan);

/// Makes the channels between two layers use the range that they share
/// (ibid., section 4.1): scales them down where they are made and up where
/// they are read, through relu and what moves numbers. Returns the pairs.
int64_t equalizeLayers(Graph &graph);

} // namespace adze::quantize

#endif
