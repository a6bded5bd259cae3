//===- Ranges.h - From what was seen to a scale -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_RANGES_H
#define ADZE_QUANTIZE_RANGES_H

#include "Layers.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace adze::quantize {

/// How often which numbers were seen.
class Histogram {
public:
  /// The first pass: the range. False if a number is not finite.
  bool widen(std::span<const float> values);
  /// Joins the range of another.
  void widen(const Histogram &other);
  /// The second pass.
  void count(std::span<const float> values);
  /// Adds the numbers of another, whose range is within this one's.
  void count(const Histogram &other);

  double low() const { return smallest; }
  double high() const { return greatest; }
  double total() const { return number; }
  /// Numbers seen in each bin, and their mean.
  struct Bin {
    double count = 0, sum = 0;
    double mean() const { return sum / count; }
  };
  const std::vector<Bin> &bins() const { return content; }

private:
  double smallest = 0, greatest = 0; // zero is always in the range
  double number = 0;
  std::vector<Bin> content;
  void add(double value, double times, double sum);
};

/// A range of real numbers; zero lies in it.
struct Range {
  double low = 0, high = 0;
};

Range chooseRange(const Histogram &seen, const QuantizeOptions &options,
                  int bits);

/// Scale and zero point that spread the integers over the range: asymmetric in
/// 8 bits, symmetric in 16 (as TFLite's 16x8 kernels want it).
void setScale(Group &group, Range range);

/// The number as it comes back from the group's integers.
inline double roundTrip(double value, double scale, int zeroPoint, int low,
                        int high) {
  double step = std::nearbyint(value / scale) + zeroPoint;
  return (std::clamp(step, double(low), double(high)) - zeroPoint) * scale;
}

} // namespace adze::quantize

#endif
