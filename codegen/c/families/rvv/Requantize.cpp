//===- Requantize.cpp - Sums to int8 in vectors -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/rvv/Requantize.h"

#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace adze::families::rvv {

/// The largest magnitude of a sum.
static int64_t largestSum(const ConvolutionProblem &problem, int64_t channel) {
  int64_t taps =
      problem.kernelHeight * problem.kernelWidth * problem.groupInputs();
  int64_t weights = 0;
  for (int64_t i = 0; i < taps; ++i)
    weights += std::abs(int64_t(problem.weights[size_t(channel * taps + i)]));
  return std::abs(problem.bias[size_t(channel)]) + 128 * weights;
}

bool Requantizer::build(const ConvolutionProblem &problem) {
  channels = problem.outputChannels;
  how = problem.requantization;
  bool once = how.rounding == Rounding::once;
  fixesNegatives = !once && how.low < how.zeroPoint;
  for (int64_t o = 0; o < channels; ++o) {
    FixedPoint factor = how.factor(o);
    if (factor.shift < -31)
      factor = {0, -1}; // every product is below one half
    if (factor.shift > 30)
      return false;
    bias.push_back(int32_t(problem.bias[size_t(o)]));
    multipliers.push_back(factor.multiplier);
    int32_t up = std::max(factor.shift, 0), down = std::max(-factor.shift, 0);
    // One rounding needs a shift behind the floor: double the sum for it.
    if (once && down == 0) {
      up += 1;
      down = 1;
      if (largestSum(problem, o) >= int64_t(1) << (31 - up))
        return false;
    }
    left.push_back(up);
    right.push_back(int16_t(down));
    hasLeft |= up > 0;
    hasMask |= fixesNegatives && down == 0;
  }
  return true;
}

std::vector<int32_t> Requantizer::words() const {
  std::vector<int32_t> all = bias;
  all.insert(all.end(), multipliers.begin(), multipliers.end());
  if (hasLeft)
    all.insert(all.end(), left.begin(), left.end());
  if (hasMask)
    for (int16_t shift : right)
      all.push_back(shift ? -1 : 0);
  return all;
}

int64_t Requantizer::bytes() const {
  return channels * (4 * (2 + hasLeft + hasMask) + 2);
}

TileText Requantizer::store(int registers, const std::vector<std::string> &to,
                            const std::vector<std::string> &channelNames,
                            const std::string &indent) const {
  TileText out;
  std::string s = sumType(registers), h = halfType(registers),
              b = byteType(registers);
  std::string unsignedSum = "u" + s.substr(1), unsignedHalf = "u" + h.substr(1);
  size_t count = to.size(), blocks = channelNames.size();
  auto add = [&](int cost, const std::string &text) {
    out.text += indent + text + "\n";
    out.instructions += cost;
  };
  auto each = [&](int cost, const std::string &text, size_t from, size_t to) {
    for (size_t i = from; i < to; ++i)
      add(cost,
          fmt::format(fmt::runtime(text), fmt::arg("i", i), fmt::arg("s", s),
                      fmt::arg("h", h), fmt::arg("b", b)));
  };
  const char *rounding =
      how.rounding == Rounding::once ? "__RISCV_VXRM_RDN" : "__RISCV_VXRM_RNU";
  int64_t part = 2;
  for (size_t block = 0; block < blocks; ++block) {
    size_t from = blocks > 1 ? block : 0, end = blocks > 1 ? block + 1 : count;
    const std::string &channel = channelNames[block];
    std::string suffix = blocks > 1 ? std::to_string(block) : "";
    if (hasLeft) {
      add(3, fmt::format("const v{}_t left{} = __riscv_vle32_v_{}((const "
                         "uint32_t *)(c1 + {} + {}), vl);",
                         "uint32" + s.substr(3), suffix, unsignedSum,
                         part * channels, channel));
      each(1, "a{i} = __riscv_vsll_vv_{s}(a{i}, left" + suffix + ", vl);", from,
           end);
    }
    add(2, fmt::format("const v{}_t multiplier{} = __riscv_vle32_v_{}(c1 + {} "
                       "+ {}, vl);",
                       "int32" + s.substr(3), suffix, s, channels, channel));
    each(1,
         "a{i} = __riscv_vsmul_vv_{s}(a{i}, multiplier" + suffix + ", " +
             rounding + ", vl);",
         from, end);
    if (fixesNegatives) {
      std::string sign = "__riscv_vsra_vx_{s}(a{i}, 31, vl)";
      if (hasMask) {
        add(2, fmt::format("const v{}_t mask{} = __riscv_vle32_v_{}(c1 + {} + "
                           "{}, vl);",
                           "int32" + s.substr(3), suffix, s,
                           (part + hasLeft) * channels, channel));
        sign = "__riscv_vand_vv_{s}(" + sign + ", mask" + suffix + ", vl)";
      }
      each(2 + hasMask, "a{i} = __riscv_vadd_vv_{s}(a{i}, " + sign + ", vl);",
           from, end);
    }
    add(2, fmt::format("const v{}_t shift{} = __riscv_vle16_v_{}((const "
                       "uint16_t *)(c2 + {}), vl);",
                       "uint16" + h.substr(3), suffix, unsignedHalf, channel));
    each(1,
         "v" + std::string("int16") + h.substr(3) +
             "_t h{i} = __riscv_vnclip_wv_{h}(a{i}, shift" + suffix +
             ", __RISCV_VXRM_RNU, vl);",
         from, end);
  }
  out.instructions += 3 + (how.rounding == Rounding::once ? 2 : 0); // vsetvli
  if (how.zeroPoint)
    each(1,
         fmt::format("h{{i}} = __riscv_vsadd_vx_{{h}}(h{{i}}, {}, vl);",
                     how.zeroPoint),
         0, count);
  if (how.low > -128)
    each(
        1,
        fmt::format("h{{i}} = __riscv_vmax_vx_{{h}}(h{{i}}, {}, vl);", how.low),
        0, count);
  if (how.high < 127)
    each(1,
         fmt::format("h{{i}} = __riscv_vmin_vx_{{h}}(h{{i}}, {}, vl);",
                     how.high),
         0, count);
  for (size_t i = 0; i < count; ++i)
    add(3, fmt::format("__riscv_vse8_v_{0}({1}, __riscv_vnclip_wx_{0}(h{2}, 0, "
                       "__RISCV_VXRM_RNU, vl), vl);",
                       b, to[i], i));
  return out;
}

std::string Requantizer::scalar(const std::string &channel,
                                const std::string &indent,
                                KernelCode &code) const {
  std::string text;
  multiplyText("x", {1 << 30, 0}, how.rounding, code);
  std::string up =
      hasLeft ? fmt::format("c1[{} + {}]", 2 * channels, channel) : "0";
  if (how.rounding == Rounding::once)
    text = fmt::format("{0}value = adze_multiply_once(value, c1[{1} + {2}], "
                       "31 - {3} + c2[{2}]);\n",
                       indent, channels, channel, up);
  else
    text = fmt::format("{0}value = adze_multiply_twice(value, c1[{1} + {2}], "
                       "{3}, c2[{2}]);\n",
                       indent, channels, channel, up);
  // Saturated before the zero point is added: nothing overflows.
  text += clampText("value", -32768, 32767, indent);
  if (how.zeroPoint)
    text += fmt::format("{}value += {};\n", indent, literal(how.zeroPoint));
  return text + clampText("value", how.low, how.high, indent);
}

} // namespace adze::families::rvv
