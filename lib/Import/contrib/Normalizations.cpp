//===- Normalizations.cpp - Bodies of fused normalizations ----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/contrib/FusedOperators.h"

#include <fmt/format.h>

using namespace adze::reader;

/// sum = x + skip (+ bias), with `skip` of fewer dimensions or a batch of one.
static void addSkip(FusedBody &b, size_t bias) {
  b.expectInputs(3);
  b.add("joined = Add(x, skip)");
  b.add(b.has(bias) ? "sum = Add(joined, bias)" : "sum = Identity(joined)");
}

void fused::skipLayerNormalization(FusedBody &b) {
  addSkip(b, 4);
  b.add(fmt::format("y, mean, inverse_deviation = LayerNormalization <axis = "
                    "-1, epsilon = {:e}> (sum, gamma{})",
                    b.attrFloat("epsilon", 1e-12), b.has(3) ? ", beta" : ""));
}

/// `to` = root mean square normalization of `from` over the last axis, and
/// the factor, in f32.
static void normalize(FusedBody &b, const std::string &to,
                      const std::string &from, const std::string &scale,
                      int64_t axis, double epsilon) {
  b.add(fmt::format("wide = Cast <to = 1> ({})", from));
  std::vector<int64_t> axes;
  for (int64_t i = axis < 0 ? axis + b.rank(0) : axis; i < b.rank(0); ++i)
    axes.push_back(i);
  b.ints("axes", axes);
  b.real("epsilon", epsilon, "wide");
  b.add("squares = Mul(wide, wide)"
        "mean_square = ReduceMean(squares, axes)"
        "shifted = Add(mean_square, epsilon)"
        "deviation = Sqrt(shifted)"
        "inverse_deviation = Reciprocal(deviation)"
        "normalized = Mul(wide, inverse_deviation)");
  b.add(fmt::format("narrow = CastLike(normalized, {}) {} = Mul(narrow, {})",
                    from, to, scale));
}

void fused::simplifiedLayerNormalization(FusedBody &b) {
  b.expectInputs(2);
  normalize(b, "y", "x", "scale", b.attrInt("axis", -1),
            b.attrFloat("epsilon", 1e-5));
}

void fused::skipSimplifiedLayerNormalization(FusedBody &b) {
  addSkip(b, 3);
  if (b.wants(1))
    b.refuse("its output 'mean' is of use in training only");
  normalize(b, "y", "sum", "gamma", -1, b.attrFloat("epsilon", 1e-12));
}

void fused::embedLayerNormalization(FusedBody &b) {
  if (!b.has(0) || !b.has(2) || !b.has(3) || !b.has(5) || !b.has(6))
    b.refuse("it needs input_ids, the embeddings of words and positions, gamma "
             "and beta");
  int64_t batch = b.dim(0, 0), length = b.dim(0, 1);
  b.add("word = Gather(words, input_ids)");
  if (b.has(8)) {
    b.add("position = Gather(positions, position_ids)");
  } else {
    if (length > b.dim(3, 0))
      b.refuse(fmt::format("its sequences have {} words, and there are "
                           "embeddings of {} positions",
                           length, b.dim(3, 0)));
    b.slice("position", "positions", 0, 0, length);
  }
  b.add("placed = Add(word, position)");
  if (b.has(1) && b.has(4))
    b.add("segment = Gather(segments, segment_ids) sum = Add(placed, segment)");
  else
    b.add("sum = Identity(placed)");
  b.add(fmt::format("y = LayerNormalization <axis = -1, epsilon = {:e}> (sum, "
                    "gamma, beta)",
                    b.attrFloat("epsilon", 1e-12)));
  if (!b.wants(1))
    return;
  // The number of words that the mask lets through, or none.
  if (b.has(7)) {
    b.ints("words_axis", {1});
    b.add("mask_index = ReduceSum <keepdims = 0> (mask, words_axis)");
  } else {
    b.integer("none", 0);
    b.ints("batch", {batch});
    b.add("none32 = Cast <to = 6> (none) mask_index = Expand(none32, batch)");
  }
}
