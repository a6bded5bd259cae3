//===- RequantizationForm.cpp - Requantization on Helium --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/RequantizationForm.h"

#include "codegen/c/families/FixedPointText.h"

#include <algorithm>
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
  return text;
}

void RequantizationForm::emitScalar(
    AsmText &text, const std::string &q,
    const std::vector<std::string> &registers) const {
  text.op("vadd.i32 {0}, {0}, {1}", q, registers[0]);
  if (left)
    text.op("{2}.s32 {0}, {1}", q, registers.back(), once ? "vqshl" : "vshl");
  text.op("{2}.s32 {0}, {0}, {1}", q, registers[1],
          once ? "vqdmulh" : "vqrdmulh");
  if (fix)
    text.op("vqdmlah.s32 {0}, {0}, {1}", q, registers[3]);
  text.op("vrshl.s32 {0}, {1}", q, registers[2]);
}

void RequantizationForm::emitPack(AsmText &text, const std::string &q,
                                  const std::string &zeroPoint) const {
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
    text.op("vdup.16 q{}, {}", 6 - i, scratch);
  }
}

void RequantizationForm::addPlainFunction(KernelCode &code) const {
  std::string scaled;
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

void appendWords(std::vector<char> &bytes, const std::vector<int32_t> &words) {
  size_t at = bytes.size();
  bytes.resize(at + words.size() * 4);
  std::memcpy(bytes.data() + at, words.data(), words.size() * 4);
}

} // namespace adze::families::helium
