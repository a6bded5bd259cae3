//===- Ranges.cpp - From what was seen to a scale -------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Ranges.h"
#include "Insert.h"

#include <limits>

using namespace adze;
using namespace adze::quantize;

//===----------------------------------------------------------------------===//
// Histograms
//===----------------------------------------------------------------------===//

// Sixteen bins for each step of 8 bits.
static constexpr size_t binCount = 4096;

bool Histogram::widen(std::span<const float> values) {
  float low = float(smallest), high = float(greatest);
  bool finite = true;
  for (float value : values) {
    finite &= std::isfinite(value);
    low = std::min(low, value);
    high = std::max(high, value);
  }
  smallest = double(low);
  greatest = double(high);
  return finite;
}

void Histogram::widen(const Histogram &other) {
  smallest = std::min(smallest, other.smallest);
  greatest = std::max(greatest, other.greatest);
}

void Histogram::add(double value, double times, double sum) {
  if (content.empty())
    content.resize(binCount);
  double width = greatest - smallest;
  double place = width > 0 ? (value - smallest) / width * binCount : 0;
  size_t at = size_t(std::clamp(place, 0.0, double(binCount - 1)));
  content[at].count += times;
  content[at].sum += sum;
  number += times;
}

void Histogram::count(std::span<const float> values) {
  for (float value : values)
    add(double(value), 1, double(value));
}

void Histogram::count(const Histogram &other) {
  for (const Bin &bin : other.content)
    if (bin.count > 0)
      add(bin.mean(), bin.count, bin.sum);
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

/// The range without the outermost numbers, half of them on either side, or
/// all of them on the only side that there is.
static Range percentileRange(const Histogram &seen, double percentile) {
  double outside = seen.total() * (1 - percentile / 100);
  if (seen.low() < 0 && seen.high() > 0)
    outside /= 2;
  const std::vector<Histogram::Bin> &bins = seen.bins();
  double width = (seen.high() - seen.low()) / double(bins.size());
  size_t first = 0, last = bins.size();
  for (double left = outside; first + 1 < last && bins[first].count <= left;)
    left -= bins[first++].count;
  for (double left = outside; last - 1 > first && bins[last - 1].count <= left;)
    left -= bins[--last].count;
  return {std::min(seen.low() + width * double(first), 0.0),
          std::max(seen.low() + width * double(last), 0.0)};
}

/// S. Migacz, "8-bit inference with TensorRT", GTC 2017: of all thresholds for
/// the magnitude take the one at which the distribution with saturation, P, and
/// its rounding to 128 levels, Q, have the least Kullback-Leibler divergence.
static Range entropyRange(const Histogram &seen) {
  constexpr size_t magnitudes = 2048;
  bool oneSided = seen.low() >= 0 || seen.high() <= 0;
  // The levels that lie on one side of zero.
  const size_t levels = oneSided ? 256 : 128;
  double most = std::max(seen.high(), -seen.low());
  std::vector<double> counts(magnitudes);
  for (const Histogram::Bin &bin : seen.bins())
    if (bin.count > 0) {
      double place = std::fabs(bin.mean()) / most * double(magnitudes);
      counts[std::min(size_t(place), magnitudes - 1)] += bin.count;
    }
  double best = std::numeric_limits<double>::infinity();
  size_t threshold = magnitudes;
  std::vector<double> p, q;
  for (size_t i = levels; i <= magnitudes; i += 4) {
    p.assign(counts.begin(), counts.begin() + long(i));
    for (size_t k = i; k < magnitudes; ++k)
      p[i - 1] += counts[k];
    q.assign(i, 0);
    for (size_t level = 0; level < levels; ++level) {
      size_t from = level * i / levels, to = (level + 1) * i / levels;
      double sum = 0, used = 0;
      for (size_t k = from; k < to; ++k) {
        sum += counts[k];
        used += p[k] > 0;
      }
      for (size_t k = from; k < to; ++k)
        if (p[k] > 0)
          q[k] = sum / used;
    }
    double sumP = 0, sumQ = 0, divergence = 0;
    for (size_t k = 0; k < i; ++k) {
      sumP += p[k];
      sumQ += q[k];
    }
    if (sumQ <= 0)
      continue;
    for (size_t k = 0; k < i; ++k)
      if (p[k] > 0)
        divergence +=
            p[k] / sumP * std::log(p[k] / sumP / std::max(q[k] / sumQ, 1e-12));
    if (divergence < best) {
      best = divergence;
      threshold = i;
    }
  }
  double bound = most * double(threshold) / double(magnitudes);
  return {std::max(seen.low(), -bound), std::min(seen.high(), bound)};
}

/// Sum of squares of what rounding into the range changes.
static double squaredError(const Histogram &seen, Range range, int bits) {
  Group group;
  group.bits = bits;
  setScale(group, range);
  int high = largest(bits);
  double error = 0;
  for (const Histogram::Bin &bin : seen.bins())
    if (bin.count > 0) {
      double mean = bin.mean();
      double difference =
          roundTrip(mean, group.scale, group.zeroPoint, -high - 1, high) - mean;
      error += bin.count * difference * difference;
    }
  return error;
}

/// Either end of the range in turns, down to a fifth of what was seen.
static Range mseRange(const Histogram &seen, int bits) {
  Range best{seen.low(), seen.high()};
  double least = squaredError(seen, best, bits);
  for (int turn = 0; turn < 2; ++turn)
    for (bool upper : {true, false})
      for (int percent = 99; percent >= 20; --percent) {
        Range range = best;
        (upper ? range.high : range.low) =
            (upper ? seen.high() : seen.low()) * percent / 100;
        double error = squaredError(seen, range, bits);
        if (error < least) {
          least = error;
          best = range;
        }
      }
  return best;
}

Range quantize::chooseRange(const Histogram &seen,
                            const QuantizeOptions &options, int bits) {
  Range all{seen.low(), seen.high()};
  // 16 bits have steps enough for all that was seen.
  if (seen.bins().empty() || seen.high() <= seen.low() || bits != 8)
    return all;
  switch (options.method) {
  case Calibration::MinMax:
    return all;
  case Calibration::Percentile:
    return percentileRange(seen, options.percentile);
  case Calibration::Entropy:
    return entropyRange(seen);
  case Calibration::Mse:
  case Calibration::Cosine:
    return mseRange(seen, bits);
  }
  return all;
}

void quantize::setScale(Group &group, Range range) {
  // A tensor of zeros has any scale; a scale below this would make factors
  // between scales leave the range of float32.
  constexpr double least = 1e-12;
  int high = largest(group.bits);
  if (group.bits == 8) {
    double width = range.high - range.low;
    group.scale = width > 0 ? std::max(width / 255, least) : 1.0 / 256;
    // As the file will say it.
    group.scale = double(float(group.scale));
    group.zeroPoint =
        int(roundTo(-high - 1 - range.low / group.scale, -high - 1, high));
  } else {
    double most = std::max(range.high, -range.low);
    group.scale =
        double(float(most > 0 ? std::max(most / high, least) : 1.0 / 32768));
    group.zeroPoint = 0;
  }
}
