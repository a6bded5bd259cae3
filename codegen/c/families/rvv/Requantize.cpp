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
#include <cstring>

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
  if (problem.residual) {
    addition = linearAddition(*problem.residual);
    if (!addition)
      return false;
  }
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

void Requantizer::repeat(int64_t times) {
  for (int64_t i = channels; i < channels * times; ++i) {
    bias.push_back(bias[size_t(i - channels)]);
    multipliers.push_back(multipliers[size_t(i - channels)]);
    left.push_back(left[size_t(i - channels)]);
    right.push_back(right[size_t(i - channels)]);
  }
  channels *= times;
}

KernelConstant shiftConstant(const std::vector<int16_t> &shifts) {
  KernelConstant constant;
  constant.type = QuantizedType::int16;
  constant.bytes.resize(shifts.size() * 2);
  std::memcpy(constant.bytes.data(), shifts.data(), constant.bytes.size());
  return constant;
}

std::vector<int32_t> Requantizer::words() const {
  std::vector<int32_t> all = bias;
  all.insert(all.end(), multipliers.begin(), multipliers.end());
  if (hasLeft)
    all.insert(all.end(), left.begin(), left.end());
  if (hasMask)
    for (int16_t shift : right)
      all.push_back(shift ? -1 : 0);
  if (addition)
    for (int32_t word : addition->words())
      all.push_back(word);
  return all;
}

int64_t Requantizer::bytes() const {
  return channels * (4 * (2 + hasLeft + hasMask) + 2) + (addition ? 12 : 0);
}

int Requantizer::mostSums(int registers) const {
  int most = 24 / registers;
  // The mask and the signs need a group each, and a shift count of zero is
  // rare.
  return hasMask && registers == 8 ? most - 1 : most;
}

/// Lines that leave in t3 the address of `pointer` for the second block of vl
/// channels, of 2^shift bytes each.
static void secondBlock(const std::string &pointer, int shift,
                        Assembly &assembly) {
  assembly.clobber("t3");
  assembly.line(fmt::format("slli t3, %[vl], {}", shift));
  assembly.line(fmt::format("add t3, t3, {}", pointer));
}

void Requantizer::begin(int registers, int sums, bool blocks,
                        Assembly &assembly) const {
  assembly.input("vl", "vl");
  assembly.input("bias", "c1 + o");
  for (int i = 8; i < 32; ++i)
    assembly.clobber(fmt::format("v{}", i));
  assembly.line(
      fmt::format("vsetvli zero, %[vl], e32, m{}, ta, ma", registers));
  for (int i = 0; i < sums; ++i) {
    std::string sum = sumRegister(registers, i);
    if (i && !blocks) {
      assembly.line(fmt::format("vmv{}r.v {}, v8", registers, sum));
      continue;
    }
    if (i)
      secondBlock("%[bias]", 2, assembly);
    assembly.line(fmt::format("vle32.v {}, ({})", sum, i ? "t3" : "%[bias]"),
                  true);
  }
}

void Requantizer::store(int registers, int sums, bool blocks, int64_t distance,
                        Assembly &assembly) const {
  auto line = [&](const std::string &text) { assembly.line(text); };
  /// Loads a constant of the channels, for all sums or for this block: words of
  /// `c1` from `part` on, or the shifts of `c2`. An addition needs registers
  /// for itself, so that addresses are computed there.
  auto load = [&](const std::string &name, int64_t part, int block,
                  const std::string &to) {
    int bits = part < 0 ? 16 : 32;
    std::string pointer = "%[" + name + "]";
    if (addition && part >= 0) {
      assembly.clobber("t3");
      line(fmt::format("li t3, {}", 4 * part * channels));
      line("add t3, t3, %[bias]");
      pointer = "t3";
      if (blocks && block) {
        assembly.clobber("t4");
        line("slli t4, %[vl], 2");
        line("add t3, t3, t4");
      }
    } else {
      assembly.input(name, part < 0
                               ? std::string("c2 + o")
                               : fmt::format("c1 + {} + o", part * channels));
      if (blocks && block) {
        secondBlock(pointer, bits == 32 ? 2 : 1, assembly);
        pointer = "t3";
      }
    }
    assembly.line(fmt::format("vle{}.v {}, ({})", bits, to, pointer), true);
  };
  /// An operand with that value.
  auto constant = [&](const std::string &name, int32_t value) -> std::string {
    if (addition) {
      assembly.clobber("t3");
      line(fmt::format("li t3, {}", value));
      return "t3";
    }
    assembly.input(name, std::to_string(value));
    return "%[" + name + "]";
  };
  bool once = how.rounding == Rounding::once;
  line(fmt::format("vsetvli zero, %[vl], e32, m{}, ta, ma", registers));
  line(fmt::format("csrwi vxrm, {}", once ? 2 : 0));
  int groups = blocks ? sums : 1;
  std::string spare = registers == 8 ? sumRegister(registers, sums) : "v4";
  for (int block = 0; block < groups; ++block) {
    int from = blocks ? block : 0, end = blocks ? block + 1 : sums;
    auto each = [&](const std::string &text) {
      for (int i = from; i < end; ++i)
        line(fmt::format(fmt::runtime(text), sumRegister(registers, i)));
    };
    if (hasLeft) {
      load("left", 2, block, "v0");
      each("vsll.vv {0}, {0}, v0");
    }
    load("multiplier", 1, block, "v0");
    each("vsmul.vv {0}, {0}, v0");
    if (!fixesNegatives)
      continue;
    if (hasMask)
      load("mask", 2 + hasLeft, block, spare);
    for (int i = from; i < end; ++i) {
      std::string sum = sumRegister(registers, i);
      line(fmt::format("vsra.vi v0, {}, 31", sum));
      if (hasMask)
        line("vand.vv v0, v0, " + spare);
      line(fmt::format("vadd.vv {0}, {0}, v0", sum));
    }
  }
  // A narrowing result may lie in the lowest registers of its source (RVV 1.0,
  // section 5.2).
  line(fmt::format("vsetvli zero, zero, e16, m{}, ta, ma", registers / 2));
  if (once)
    line("csrwi vxrm, 0");
  for (int i = 0; i < sums; ++i) {
    if (i == 0 || blocks)
      load("shift", -1, i, "v0");
    line(fmt::format("vnclip.wv {0}, {0}, v0", sumRegister(registers, i)));
  }
  auto each = [&](const std::string &text, int32_t value, const char *name) {
    std::string operand = constant(name, value);
    for (int i = 0; i < sums; ++i)
      line(fmt::format("{0} {1}, {1}, {2}", text, sumRegister(registers, i),
                       operand));
  };
  if (how.zeroPoint)
    each("vsadd.vx", how.zeroPoint, "zero");
  if (how.low > -128 || addition)
    each("vmax.vx", how.low, "low");
  if (how.high < 127 || addition)
    each("vmin.vx", how.high, "high");
  auto advance = [&](const char *pointer) {
    if (blocks)
      line(fmt::format("add %[{0}], %[{0}], %[vl]", pointer));
    else if (distance <= 2047)
      line(fmt::format("addi %[{0}], %[{0}], {1}", pointer, distance));
    else {
      assembly.input("distance", fmt::format("(ptrdiff_t){}", distance));
      line(fmt::format("add %[{0}], %[{0}], %[distance]", pointer));
    }
  };
  if (addition) {
    int64_t words = (2 + hasLeft + hasMask) * channels;
    assembly.input("add", fmt::format("c1 + {}", words));
    for (int i = 0; i < 3; ++i) {
      assembly.clobber(fmt::format("t{}", 4 + i));
      assembly.line(fmt::format("lw t{}, {}(%[add])", 4 + i, 4 * i), true);
    }
    assembly.advance("second");
    line(fmt::format("vsetvli zero, zero, e32, m{}, ta, ma", registers));
    for (int i = 0; i < sums; ++i) {
      std::string sum = sumRegister(registers, i);
      // The source of a widening may be the highest part of its result.
      std::string bytes = registers == 8
                              ? fmt::format("v{}", 8 + registers * i + 6)
                              : std::string("v4");
      line("vsext.vf2 v0, " + sum);
      assembly.line(fmt::format("vle8.v {}, (%[second])", bytes), true);
      advance("second");
      line(fmt::format("vsext.vf4 {}, {}", sum, bytes));
      line(fmt::format("vmul.vx {0}, {0}, t5", sum));
      line(fmt::format("vmacc.vx {}, t4, v0", sum));
      line(fmt::format("vadd.vx {0}, {0}, t6", sum));
    }
    narrow(*addition, registers, sums, assembly);
  } else {
    line(fmt::format("vsetvli zero, zero, e8, {}, ta, ma",
                     registers == 2 ? "mf2"
                                    : fmt::format("m{}", registers / 4)));
    for (int i = 0; i < sums; ++i)
      line(fmt::format("vnclip.wi {0}, {0}, 0", sumRegister(registers, i)));
  }
  assembly.advance("to");
  for (int i = 0; i < sums; ++i) {
    line(fmt::format("vse8.v {}, (%[to])", sumRegister(registers, i)));
    advance("to");
  }
}

std::string Requantizer::scalar(const std::string &channel,
                                const std::string &index,
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
  text += clampText("value", how.low, how.high, indent);
  if (!addition)
    return text;
  int64_t words = (2 + hasLeft + hasMask) * channels;
  text += fmt::format("{0}value = (value * c1[{1}] + in1[{4}] * c1[{2}] + "
                      "c1[{3}]) >> {5};\n",
                      indent, words, words + 1, words + 2, index,
                      addition->form.shift);
  return text + clampText("value", addition->low, addition->high, indent);
}

} // namespace adze::families::rvv
