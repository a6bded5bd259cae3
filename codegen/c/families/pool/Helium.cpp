//===- Helium.cpp - Average and maximum over windows on Helium --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Lanes are 16 channels. An average of up to 255 elements has sums of 16 bits;
/// the division is a multiplication by a reciprocal of 16 bits (VMULH), which
/// is compared with it for all sums ahead of time.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

constexpr int64_t mostElements = 255;

/// floor(n / count) = (n * multiplier) >> (16 + shift), n < 2^15.
struct Reciprocal {
  uint32_t multiplier = 0, shift = 0;
};

/// False where there is none, and for 0 and 1, which need none.
bool findReciprocal(int64_t count, Reciprocal &r) {
  if (count < 2)
    return false;
  while ((int64_t(2) << r.shift) < count)
    ++r.shift;
  int64_t power = int64_t(1) << (16 + r.shift);
  r.multiplier = uint32_t((power + count - 1) / count);
  for (int64_t n = 0; n < 32768; ++n)
    if ((n * r.multiplier) >> (16 + r.shift) != n / count)
      return false;
  return r.multiplier < 65536;
}

bool isPadded(const PoolProblem &p) {
  return p.padTop || p.padLeft ||
         (p.outputHeight - 1) * p.strideHeight + p.windowHeight >
             p.inputHeight ||
         (p.outputWidth - 1) * p.strideWidth + p.windowWidth > p.inputWidth;
}

std::string functionName(const PoolProblem &p) {
  return fmt::format(
      "adze_mve_pool_{}_c{}",
      p.kind == PoolProblem::Kind::average ? "average" : "maximum", p.channels);
}

/// One window: from, pixels of a row, rows, bytes between rows; `divisor` is
/// count, multiplier and shift.
std::string averageFunction(const PoolProblem &p) {
  bool tail = p.channels % 16 != 0;
  auto load = [&](const char *from, const char *mask) {
    return tail ? fmt::format("vldrbq_z_s16({}, {})", from, mask)
                : fmt::format("vldrbq_s16({})", from);
  };
  std::string finish;
  for (int i : {0, 1})
    finish += fmt::format(
        R"(    count = vaddq_n_u16(vreinterpretq_u16_s16(vabsq_s16(s{0})), (uint16_t)(divisor[0] / 2));
    count = divisor[0] > 1 ? vshlq_r_u16(vmulhq_u16(count, vdupq_n_u16((uint16_t)divisor[1])), -divisor[2]) : count;
    s{0} = vnegq_m_s16(vreinterpretq_s16_u16(count), vreinterpretq_s16_u16(count), vcmpltq_n_s16(s{0}, 0));
    s{0} = vminq_s16(vmaxq_s16(s{0}, vdupq_n_s16({1})), vdupq_n_s16({2}));
    {3};
)",
        i, p.low, p.high,
        tail ? fmt::format("vstrbq_p_s16(to + {}, s{}, p{})", 8 * i, i, i)
             : fmt::format("vstrbq_s16(to + {}, s{})", 8 * i, i));
  return fmt::format(
      R"(/* The average of a window of each channel, ties away from zero. */
static void {name}(const int8_t *from, int8_t *to, int32_t columns, int32_t rows, int32_t pitch, const int32_t *divisor)
{{
  int32_t c, x, y;
#if defined(__ARM_FEATURE_MVE)
  for (c = 0; c < {channels}; c += 16) {{
    const int8_t *row = from + c;
    int16x8_t s0 = vdupq_n_s16(0), s1 = s0;
    uint16x8_t count;
{masks}    for (y = 0; y < rows; ++y) {{
      const int8_t *at = row;
#if defined(__clang__)
#pragma clang loop unroll_count(4)
#endif
      for (x = 0; x < columns; ++x) {{
        s0 = vaddq_s16(s0, {load0});
        s1 = vaddq_s16(s1, {load1});
        at += {channels};
      }}
      row += pitch;
    }}
{finish}    to += 16;
  }}
#else
  for (c = 0; c < {channels}; ++c) {{
    int32_t sum = 0;
    for (y = 0; y < rows; ++y) {{
      for (x = 0; x < columns; ++x) {{
        sum += from[y * pitch + x * {channels} + c];
      }}
    }}
    if (divisor[0] > 0) {{
      sum = (sum > 0 ? sum + divisor[0] / 2 : sum - divisor[0] / 2) / divisor[0];
    }}
    sum = sum < {low} ? {low} : sum;
    sum = sum > {high} ? {high} : sum;
    to[c] = (int8_t)sum;
  }}
#endif
}}
)",
      fmt::arg("name", functionName(p)), fmt::arg("channels", p.channels),
      fmt::arg("masks",
               tail ? fmt::format("    mve_pred16_t p0 = vctp16q((uint32_t)({} "
                                  "- c));\n    mve_pred16_t p1 = {} - c > 8 ? "
                                  "vctp16q((uint32_t)({} - c - 8)) : 0;\n",
                                  p.channels, p.channels, p.channels)
                    : ""),
      fmt::arg("load0", load("at", "p0")),
      fmt::arg("load1", load("at + 8", "p1")), fmt::arg("finish", finish),
      fmt::arg("low", p.low), fmt::arg("high", p.high));
}

std::string maximumFunction(const PoolProblem &p) {
  bool tail = p.channels % 16 != 0;
  return fmt::format(
      R"(/* The maximum of a window of each channel. */
static void {name}(const int8_t *from, int8_t *to, int32_t columns, int32_t rows, int32_t pitch)
{{
  int32_t c, x, y;
#if defined(__ARM_FEATURE_MVE)
  for (c = 0; c < {channels}; c += 16) {{
    const int8_t *row = from + c;
    int8x16_t most = vdupq_n_s8({low});
{masks}    for (y = 0; y < rows; ++y) {{
      const int8_t *at = row;
      for (x = 0; x < columns; ++x) {{
        most = vmaxq_s8(most, {load});
        at += {channels};
      }}
      row += pitch;
    }}
    most = vminq_s8(vmaxq_s8(most, vdupq_n_s8({low})), vdupq_n_s8({high}));
    {store};
    to += 16;
  }}
#else
  for (c = 0; c < {channels}; ++c) {{
    int32_t most = {low};
    for (y = 0; y < rows; ++y) {{
      for (x = 0; x < columns; ++x) {{
        int32_t element = from[y * pitch + x * {channels} + c];
        most = element > most ? element : most;
      }}
    }}
    to[c] = (int8_t)(most > {high} ? {high} : most);
  }}
#endif
}}
)",
      fmt::arg("name", functionName(p)), fmt::arg("channels", p.channels),
      fmt::arg("low", p.low), fmt::arg("high", p.high),
      fmt::arg("masks", tail ? fmt::format("    mve_pred16_t p = "
                                           "vctp8q((uint32_t)({} - c));\n",
                                           p.channels)
                             : ""),
      // Lanes without a channel are zero and never stored.
      fmt::arg("load", tail ? "vldrbq_z_s8(at, p)" : "vldrbq_s8(at)"),
      fmt::arg("store",
               tail ? "vstrbq_p_s8(to, most, p)" : "vstrbq_s8(to, most)"));
}

class PoolHelium final : public KernelFamily {
public:
  std::string_view name() const override { return "pool.helium"; }
  std::string_view summary() const override {
    return "average and maximum over windows on Helium, 16 channels at a time";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<PoolProblem>(&problem);
    return machine.hasHelium && p && p->type == QuantizedType::int8 &&
           p->low >= -128 && p->high <= 127 && p->low <= p->high &&
           (p->kind == PoolProblem::Kind::maximum ||
            p->windowHeight * p->windowWidth <= mostElements);
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    auto &p = std::get<PoolProblem>(problem);
    bool average = p.kind == PoolProblem::Kind::average;
    double pixels = double(p.batch * p.outputHeight * p.outputWidth);
    double groups = double((p.channels + 15) / 16);
    double tail = p.channels % 16 ? 1.5 : 1;
    KernelFeatures f;
    double row =
        double(p.windowWidth) * (average ? 4.2 : 2) * tail + (average ? 5 : 1);
    double group = double(p.windowHeight) * row + (average ? 30 : 2);
    f.instructions = pixels * (groups * group + (isPadded(p) ? 14 : 3)) + 30;
    f.constantBytes = 0;
    f.codeBytes = 400;
    f.stackBytes = 64;
    return f;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    auto &p = std::get<PoolProblem>(problem);
    bool average = p.kind == PoolProblem::Kind::average;
    code.headers.insert("arm_mve.h");
    addFunction(code, functionName(p),
                average ? averageFunction(p) : maximumFunction(p));
    bool padded = isPadded(p);
    std::string divisor;
    if (average) {
      std::vector<int32_t> words;
      int64_t most = p.windowHeight * p.windowWidth;
      for (int64_t count = padded ? 0 : most; count <= most; ++count) {
        Reciprocal r;
        if (!findReciprocal(count, r) && count > 1)
          return false;
        words.insert(words.end(),
                     {int32_t(count), int32_t(r.multiplier), int32_t(r.shift)});
      }
      code.constants.push_back(wordConstant(words));
      divisor = padded ? ", c0 + 3 * rows * columns" : ", c0";
    }
    std::string text = "  const int8_t *in = in0;\n  int8_t *out = out0;\n"
                       "  int32_t x, y, top, left, rows, columns;\n";
    if (p.batch > 1)
      text +=
          fmt::format("  int32_t n;\n  for (n = 0; n < {}; ++n) {{\n", p.batch);
    text +=
        fmt::format("  for (y = 0; y < {}; ++y) {{\n"
                    "    for (x = 0; x < {}; ++x) {{\n"
                    "      top = y * {} - {};\n      left = x * {} - {};\n"
                    "      rows = {};\n      columns = {};\n",
                    p.outputHeight, p.outputWidth, p.strideHeight, p.padTop,
                    p.strideWidth, p.padLeft, p.windowHeight, p.windowWidth);
    if (padded)
      text += fmt::format(
          "      rows = top + rows > {0} ? {0} - top : rows;\n"
          "      columns = left + columns > {1} ? {1} - left : columns;\n"
          "      rows = top < 0 ? rows + top : rows;\n"
          "      columns = left < 0 ? columns + left : columns;\n"
          "      rows = rows < 0 ? 0 : rows;\n"
          "      columns = columns < 0 ? 0 : columns;\n"
          "      top = top < 0 ? 0 : top;\n      left = left < 0 ? 0 : left;\n",
          p.inputHeight, p.inputWidth);
    text += fmt::format("      {}(in + (top * {} + left) * {}, out, columns, "
                        "rows, {}{});\n      out += {};\n    }}\n  }}\n",
                        functionName(p), p.inputWidth, p.channels,
                        p.inputWidth * p.channels, divisor, p.channels);
    if (p.batch > 1)
      text += fmt::format("  in += {};\n  }}\n",
                          p.inputHeight * p.inputWidth * p.channels);
    code.body = text;
    return true;
  }
};

} // namespace

const KernelFamily &poolHelium() {
  static const PoolHelium family;
  return family;
}

} // namespace adze::families
