//===- RequantizationForm.cpp - Requantization on Helium --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/RequantizationForm.h"

#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/requantize/Search.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace adze::families::helium {

RequantizationForm::RequantizationForm(const Requantization &r) {
  once = r.rounding == Rounding::once;
  for (const FixedPoint &factor : r.factors) {
    left |= once ? factor.shift >= 0 : factor.shift > 0;
    fix |= !once && factor.shift < 0 && r.low < r.zeroPoint;
  }
  clamp = r.low > -128 || r.high < 127;
}

std::vector<int32_t> RequantizationForm::channel(const Requantization &r,
                                                 int64_t bias,
                                                 int64_t o) const {
  if (line)
    return {lines[size_t(o)].first, lines[size_t(o)].second};
  const FixedPoint &factor = r.factor(o);
  int32_t shift = factor.shift, toLeft = std::max(shift, 0);
  if (once && shift >= 0) {
    toLeft = shift + 1;
    shift = -1;
  }
  std::vector<int32_t> words = {int32_t(uint32_t(uint64_t(bias))),
                                factor.multiplier, std::min(shift, 0)};
  if (fix)
    words.push_back(shift < 0);
  if (left)
    words.push_back(toLeft);
  return words;
}

std::string RequantizationForm::suffix() const {
  std::string text;
  if (once)
    text += "_once";
  if (fix)
    text += "_signed";
  if (left)
    text += "_left";
  if (clamp)
    text += "_clamp";
  if (line)
    text += fmt::format("_line{}", shift);
  return text;
}

void RequantizationForm::emitScalar(AsmText &text, const std::string &q,
                                    const std::vector<std::string> &registers,
                                    const std::string &scale) const {
  if (line) {
    text.op("vmlas.s32 {}, {}, {}", q, scale, registers[0]);
    text.op("vqrdmulh.s32 {0}, {0}, {1}", q, registers[1]);
    return;
  }
  text.op("vadd.i32 {0}, {0}, {1}", q, registers[0]);
  if (left)
    text.op("{2}.s32 {0}, {1}", q, registers.back(), once ? "vqshl" : "vshl");
  text.op("{2}.s32 {0}, {0}, {1}", q, registers[1],
          once ? "vqdmulh" : "vqrdmulh");
  if (fix)
    text.op("vqdmlah.s32 {0}, {0}, {1}", q, registers[3]);
  text.op("vrshl.s32 {0}, {1}", q, registers[2]);
}

void RequantizationForm::emitNarrow(AsmText &text, const std::string &to,
                                    const std::string &even,
                                    const std::string &odd) const {
  if (line) {
    text.op("vqrshrnb.s32 {}, {}, #{}", to, even, shift);
    text.op("vqrshrnt.s32 {}, {}, #{}", to, odd, shift);
  } else {
    text.op("vqmovnb.s32 {}, {}", to, even);
    text.op("vqmovnt.s32 {}, {}", to, odd);
  }
}

void RequantizationForm::emitNarrowEven(AsmText &text,
                                        const std::string &q) const {
  if (line)
    text.op("vqrshrnb.s32 {0}, {0}, #{1}", q, shift);
  else
    text.op("vqmovnb.s32 {0}, {0}", q);
}

void RequantizationForm::emitPack(AsmText &text, const std::string &q,
                                  const std::string &zeroPoint) const {
  if (!line)
    text.op("vqadd.s16 {0}, {0}, {1}", q, zeroPoint);
  if (clamp) {
    text.op("vmax.s16 {0}, {0}, q5", q);
    text.op("vmin.s16 {0}, {0}, q4", q);
  } else {
    text.op("vqmovnb.s16 {0}, {0}", q);
  }
}

void RequantizationForm::emitConstants(AsmText &text, const std::string &base,
                                       int64_t offset,
                                       const std::string &scratch) const {
  for (int i = 0; i < (clamp ? 3 : 1); ++i) {
    text.op("ldr {}, [{}, #{}]", scratch, base, offset + 4 * i);
    text.op("vdup.{} q{}, {}", line && i == 0 ? 32 : 16, 6 - i, scratch);
  }
}

void RequantizationForm::addPlainFunction(KernelCode &code) const {
  std::string scaled;
  if (line) {
    families::addFunction(
        code, plainName(),
        fmt::format(R"(/* The sum scaled along a straight line and clamped. */
static inline int8_t {0}(int32_t sum, const int8_t *words, const int8_t *range)
{{
  int32_t w[2], r[3], x;
  int64_t wide;
  memcpy(w, words, sizeof w);
  memcpy(r, range, sizeof r);
  x = (int32_t)((uint32_t)sum * (uint32_t)r[0] + (uint32_t)w[0]);
  wide = ((int64_t)x * w[1] + 1073741824) >> 31;
  wide = (wide + {1}) >> {2};
  wide = wide < r[1] ? r[1] : wide;
  wide = wide > r[2] ? r[2] : wide;
  return (int8_t)wide;
}}
)",
                    plainName(), 1 << (shift - 1), shift));
    return;
  }
  if (once) {
    scaled = fmt::format(
        R"(  shift = 31 - w[2]{};
  wide = (int64_t)x * w[1];
  wide = shift > 0 ? (wide + ((int64_t)1 << (shift - 1))) >> shift : wide;
)",
        left ? " - w[3]" : "");
  } else {
    multiplyText("x", {}, Rounding::twice, code); // adds the function
    scaled = fmt::format("  wide = adze_multiply_twice(x, w[1], {}, -w[2]);\n",
                         left ? fmt::format("w[{}]", words() - 1) : "0");
  }
  addFunction(
      code, plainName(),
      fmt::format(
          R"(/* The sum plus bias, scaled, shifted to the zero point and clamped. */
static inline int8_t {}(int32_t sum, const int8_t *words, const int8_t *range)
{{
  int32_t w[{}], r[3], x;
{}  int64_t wide;
  memcpy(w, words, sizeof w);
  memcpy(r, range, sizeof r);
  x = (int32_t)((uint32_t)sum + (uint32_t)w[0]);
{}  wide += r[0];
  wide = wide < r[1] ? r[1] : wide;
  wide = wide > r[2] ? r[2] : wide;
  return (int8_t)wide;
}}
)",
          plainName(), words(), once ? "  int32_t shift;\n" : "", scaled));
}

//===----------------------------------------------------------------------===//
// The line
//===----------------------------------------------------------------------===//

bool RequantizationForm::mayBeLine(const Requantization &r) {
  return r.low >= r.zeroPoint && r.low < r.high;
}

RequantizationForm RequantizationForm::unsolvedLine(const Requantization &r) {
  RequantizationForm form;
  form.line = true;
  form.clamp = r.low > -128 || r.high < 127;
  return form;
}

std::vector<int32_t> RequantizationForm::header(const Requantization &r) const {
  return {line ? 1 << scaleBits : r.zeroPoint, r.low, r.high};
}

namespace {

/// One channel's staircase, and lines with the same steps.
class Steps {
public:
  Steps(const Requantization &r, AccumulatorRange range, int64_t o)
      : range(range),
        factor(std::ldexp(r.factor(o).multiplier, r.factor(o).shift - 31)) {
    int64_t first = r.apply(int32_t(range.low), o);
    int64_t last = r.apply(int32_t(range.high), o);
    // Below `low` and above `high` the clamp serves the line as well.
    if (first > r.low)
      reached.emplace_back(first, range.low);
    if (last < r.high)
      missed.emplace_back(last + 1, range.high);
    int64_t least = range.low;
    for (int64_t y = first + 1; y <= last; ++y) {
      int64_t below = least - 1, reaches = range.high;
      while (reaches - below > 1) {
        int64_t middle = below + (reaches - below) / 2;
        (r.apply(int32_t(middle), o) >= y ? reaches : below) = middle;
      }
      reached.emplace_back(y, reaches);
      if (reaches > range.low)
        missed.emplace_back(y, reaches - 1);
      least = reaches;
    }
  }

  /// Addend (without the bias) and multiplier for sums scaled by 2^scaleBits.
  bool solve(int scaleBits, int shift,
             std::pair<int32_t, int32_t> &line) const {
    double exact = std::ldexp(factor, 31 + shift - scaleBits);
    if (exact >= 2147483000.0)
      return false;
    // Where the output is constant, a steep line keeps clear of its steps.
    auto nominal = reached.empty() ? int64_t(1) << 30
                                   : std::max<int64_t>(std::llround(exact), 1);
    const int64_t scale = int64_t(1) << scaleBits;
    for (int64_t i = 0; i <= 120; ++i) {
      int64_t m =
          std::max<int64_t>(nominal + (i % 2 ? -(i + 1) / 2 : i / 2), 1);
      // The least x with ((x m + 2^30) >> 31) + 2^(shift-1) >= y 2^shift.
      auto from = [&](int64_t y) {
        __int128 aim = (__int128(2 * y - 1) << (shift + 30)) - (1 << 30);
        return int64_t(aim / m + (aim > 0 && aim % m != 0));
      };
      int64_t least = INT64_MIN, most = INT64_MAX;
      for (auto [y, sum] : reached)
        least = std::max(least, from(y) - scale * sum);
      for (auto [y, sum] : missed)
        most = std::min(most, from(y) - 1 - scale * sum);
      if (least > most)
        continue;
      int64_t addend = least == INT64_MIN  ? most
                       : most == INT64_MAX ? least
                                           : least + (most - least) / 2;
      for (int64_t end : {range.low, range.high})
        if (std::abs(scale * end + addend) > INT32_MAX)
          return false;
      line = {int32_t(addend), int32_t(m)};
      return true;
    }
    return false;
  }

private:
  AccumulatorRange range;
  double factor;
  /// (y, sum): outputs of at least y from this sum on; below y up to this sum.
  std::vector<std::pair<int64_t, int64_t>> reached, missed;
};

} // namespace

bool RequantizationForm::solveLine(const ConvolutionProblem &p,
                                   const std::vector<int64_t> &only) {
  const Requantization &r = p.requantization;
  std::vector<AccumulatorRange> ranges = accumulatorRanges(p);
  std::vector<int64_t> channels = only;
  for (int64_t o = 0; only.empty() && o < p.outputChannels; ++o)
    channels.push_back(o);
  std::vector<Steps> steps;
  for (int64_t o : channels) {
    const AccumulatorRange &range = ranges[size_t(o)];
    if (range.low < INT32_MIN || range.high > INT32_MAX)
      return false; // sums may wrap around
    steps.emplace_back(r, range, o);
  }
  // Few shifts, so that layers of one shape share their functions.
  for (int candidate : {14, 12, 10, 16})
    for (int bits = 14; bits >= 5; --bits) {
      lines.assign(size_t(p.outputChannels), {0, 0});
      bool found = true;
      for (size_t i = 0; found && i < channels.size(); ++i) {
        auto o = size_t(channels[i]);
        std::pair<int32_t, int32_t> solved;
        found = steps[i].solve(bits, candidate, solved);
        // What arrives is the sum without its bias.
        solved.first = int32_t(uint32_t(solved.first) +
                               (uint32_t(uint64_t(p.bias[o])) << bits));
        lines[o] = solved;
      }
      if (found) {
        shift = candidate;
        scaleBits = bits;
        return true;
      }
    }
  return false;
}

void appendWords(std::vector<char> &bytes, const std::vector<int32_t> &words) {
  size_t at = bytes.size();
  bytes.resize(at + words.size() * 4);
  std::memcpy(bytes.data() + at, words.data(), words.size() * 4);
}

} // namespace adze::families::helium
